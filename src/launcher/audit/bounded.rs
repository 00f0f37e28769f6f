//! What strangers wrote into a record: texts of a bounded length, nothing that a terminal would obey.

use portcullis_model::audit::Event;

use crate::text;

/// Texts of a bounded length, printable: they came from browsers, modules and IDEs.
pub(super) fn bounded(mut event: Event) -> Event {
    let cut = |field: &mut String, most: usize| *field = text::printable(field, most);
    match &mut event {
        Event::SignInDenied { user, detail, .. } => {
            cut(user, text::NAME_MAX);
            cut(detail, text::TEXT_MAX);
        }
        Event::Refused { user, session, capability, what, rule, id, ide, method, path, effect, .. } => {
            cut(user, 256);
            let names = [session, capability, id, ide, method, effect];
            names.into_iter().for_each(|field| cut(field, text::NAME_MAX));
            [what, rule, path].into_iter().for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::Transfer { user, direction, path, sha256, hashed, range, .. } => {
            cut(user, 256);
            [direction, sha256, hashed, range].into_iter().for_each(|field| cut(field, text::NAME_MAX));
            cut(path, text::TEXT_MAX);
        }
        Event::Exempted { user, flag, reason, .. } => {
            cut(user, 256);
            cut(flag, text::NAME_MAX);
            cut(reason, text::TEXT_MAX);
        }
        Event::Revoked { user, by, .. } => [user, by].into_iter().for_each(|field| cut(field, 256)),
        Event::RevocationDone { user, .. } => cut(user, 256),
        Event::Administered { act, target, detail, by, .. } => {
            [act, target, by].into_iter().for_each(|field| cut(field, text::LABEL_MAX));
            cut(detail, text::TEXT_MAX);
        }
        Event::AccountCreated { user, provider, role, reason, by, .. } => {
            [user, role, by].into_iter().for_each(|field| cut(field, 256));
            [provider, reason].into_iter().for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::AccountChanged { user, what, from, to, by, .. } => {
            [user, what, by].into_iter().for_each(|field| cut(field, 256));
            [from, to].into_iter().for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::AccountLocked { user, by, .. }
        | Event::AccountUnlocked { user, by, .. }
        | Event::AccountRemoved { user, by, .. } => {
            [user, by].into_iter().for_each(|field| cut(field, 256));
        }
        Event::AccountTransferred { user, to, moved, by, .. } => {
            [user, to, by].into_iter().for_each(|field| cut(field, 256));
            cut(moved, text::TEXT_MAX);
        }
        Event::SignInElsewhere { user, .. }
        | Event::KeyElsewhere { user, .. }
        | Event::IdentityBack { user } => cut(user, 256),
        Event::MembershipChanged { user, gone, new, by } => {
            [user, by].into_iter().for_each(|field| cut(field, 256));
            [gone, new].into_iter().for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::IdentityLost { user, why, by } => {
            [user, by].into_iter().for_each(|field| cut(field, 256));
            cut(why, text::TEXT_MAX);
        }
        Event::RowRefused { kind, id, why } => {
            [kind, id].into_iter().for_each(|field| cut(field, text::NAME_MAX));
            cut(why, text::TEXT_MAX);
        }
        Event::KeyCreated { user, name, scopes, role, sources, .. } => {
            [user, name, role].into_iter().for_each(|field| cut(field, 256));
            [scopes, sources].into_iter().for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::KeyEnded { user, by, .. } => [user, by].into_iter().for_each(|field| cut(field, 256)),
        Event::KeyRefused { key, what, id, .. } => {
            [key, id].into_iter().for_each(|field| cut(field, text::NAME_MAX));
            cut(what, text::TEXT_MAX);
        }
        Event::GroupChanged { name, what, by, .. } => {
            [name, what, by].into_iter().for_each(|field| cut(field, 256));
        }
        Event::MemberChanged { user, name, by, .. } => {
            [user, name, by].into_iter().for_each(|field| cut(field, 256));
        }
        Event::FactorEnrolled { user, name, .. } => {
            [user, name].into_iter().for_each(|field| cut(field, 256));
        }
        Event::FactorRemoved { user, name, by, .. } => {
            [user, name, by].into_iter().for_each(|field| cut(field, 256));
        }
        Event::FactorFailed { user, why, .. } => {
            cut(user, 256);
            cut(why, text::TEXT_MAX);
        }
        Event::Console { user, ide, path, channel, direction, text, .. } => {
            cut(user, 256);
            [ide, channel, direction].into_iter().for_each(|field| cut(field, text::LABEL_MAX));
            cut(path, text::TEXT_MAX);
            *text = text::console(text);
        }
        Event::ConsoleLimit { user, .. } => cut(user, 256),
        Event::LimitReached { user, program, .. } => {
            cut(user, 256);
            cut(program, text::NAME_MAX);
        }
        Event::Executed { user, ide, program, argv, cwd, error, verdict, .. } => {
            cut(user, 256);
            [ide, error, verdict].into_iter().for_each(|field| cut(field, text::NAME_MAX));
            [program, cwd].into_iter().chain(argv).for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::Refusal { user, ide, program, what, target, by, .. } => {
            cut(user, 256);
            [ide, by].into_iter().for_each(|field| cut(field, text::NAME_MAX));
            cut(what, text::LABEL_MAX);
            [program, target].into_iter().for_each(|field| cut(field, text::TEXT_MAX));
        }
        Event::Overflow { kind, .. } => cut(kind, text::NAME_MAX),
        Event::SessionStarted { proof, .. } => cut(proof, text::TEXT_MAX),
        Event::ProcessLost { status: field, .. } | Event::Stopped { why: field } => {
            cut(field, text::TEXT_MAX)
        }
        Event::Started { .. }
        | Event::ServerReplaced { .. }
        | Event::ServerRefused { .. }
        | Event::Configured { .. }
        | Event::SignIn { .. }
        | Event::SignInEnded { .. }
        | Event::SessionEnded { .. }
        | Event::PeerRefused { .. }
        | Event::ExecutionsLost { .. }
        | Event::ExemptionEnded { .. } => {}
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_strangers_are_cut_and_printable() {
        let denied = Event::SignInDenied {
            user: format!("a\u{1b}{}", "x".repeat(1000)),
            remote: std::net::IpAddr::from([127, 0, 0, 1]),
            method: "pam".into(),
            reason: portcullis_model::sign_in::Denied::BadName,
            detail: "\u{202e}".into(),
        };
        let Event::SignInDenied { user, detail, .. } = bounded(denied) else { panic!("another event") };
        assert_eq!((user.chars().count(), detail.as_str()), (text::NAME_MAX, "\u{fffd}"));
        assert!(user.starts_with("a\u{fffd}x"));
    }
}
