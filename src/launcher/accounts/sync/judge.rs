//! What a look at somebody means for them: a pure function of what was found and of what was known.
//!
//! Nothing is taken from anybody because somebody else could not be asked. Called by `check`, tested as a table.

use std::time::Duration;

use portcullis_model::proof::Failure;
use portcullis_model::sign_in::Principal;

use crate::sign_in::again::Standing;
use crate::sign_in::permit::permit;

/// For how long an account must be missing before that is believed, where it was not seen in the machine's own files before: a
/// directory service that is down knows nobody.
pub(super) const MISSING_FOR: Duration = Duration::from_secs(300);

/// What was known.
#[derive(Debug, Clone)]
pub(super) struct Known<'a> {
    /// As they were at the sign-in, or at the last look.
    pub(super) before: &'a Principal,
    /// It stood in the machine's own files.
    pub(super) local: bool,
    /// They came in by a password of the machine's own files, and it was not locked then.
    pub(super) unlocked: bool,
    /// For how long it has been missing already.
    pub(super) missing: Option<Duration>,
    /// `auth-minimum-user-id`.
    pub(super) minimum_uid: u32,
    /// `auth-required-user-group`.
    pub(super) required: &'a [String],
}

/// What a look means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are this now; it may be what they were.
    Is(Box<Principal>),
    /// Everything of theirs ends.
    Ends(String),
    /// Nobody knows, so nothing changes.
    Unknown(String),
    /// The account is missing; it is looked for again.
    Missing(String),
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// What was known.
    Same,
    /// Other groups, or another home or shell.
    Changed,
    /// Everything of theirs ends.
    Ended,
    /// Nobody could say.
    Unreachable,
}

impl Found {
    /// Its word in the metrics.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Changed => "changed",
            Self::Ended => "ended",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Judges what the machine says.
pub(super) fn judge(found: Standing, known: &Known<'_>) -> Verdict {
    match found {
        Standing::Good { principal, .. } if principal.uid != known.before.uid => Verdict::Ends(format!(
            "other-number: the account is uid {} now, and was {}",
            principal.uid, known.before.uid
        )),
        Standing::Good { local: Some(local), .. } if local.locked && known.unlocked => {
            Verdict::Ends("locked: the password was locked on this machine".into())
        }
        Standing::Good { principal, .. } => match permit(&principal, known.minimum_uid, known.required) {
            Ok(()) => Verdict::Is(principal),
            Err(why) => Verdict::Ends(format!("not-permitted: {why}")),
        },
        Standing::Refused(why) => Verdict::Ends(format!("expired: {why}")),
        Standing::Unreachable(why) => Verdict::Unknown(why),
        Standing::Gone { why } => {
            let long_enough = known.missing.is_some_and(|missing| missing >= MISSING_FOR);
            if known.local || long_enough {
                Verdict::Ends(format!("gone: {why}"))
            } else {
                Verdict::Missing(why)
            }
        }
    }
}

/// Judges what a provider could not say; `Ok`: it can't be asked, and nothing changes.
pub(super) fn provider(failure: &Failure) -> Result<(), String> {
    match failure {
        Failure::Gone => Err(format!("gone: {failure}")),
        Failure::Expired => Err(format!("expired: {failure}")),
        Failure::Locked => Err(format!("locked: {failure}")),
        Failure::NotPermitted => Err(format!("not-permitted: {failure}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::{Gid, Uid};

    use super::*;
    use crate::sign_in::again::Local;

    fn who(uid: u32, groups: &[&str]) -> Principal {
        Principal {
            user: "alice".parse().expect("a name"),
            uid: Uid(uid),
            gid: Gid(100),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            home: "/home/alice".into(),
            shell: "/bin/sh".into(),
        }
    }

    fn good(principal: Principal, locked: Option<bool>) -> Standing {
        Standing::Good { principal: Box::new(principal), local: locked.map(|locked| Local { locked }) }
    }

    fn gone() -> Standing {
        Standing::Gone { why: "w".into() }
    }

    #[test]
    fn only_what_somebody_said_takes_anything_away() {
        let before = who(1000, &["staff", "shell"]);
        let staff = ["staff".to_owned()];
        let known = Known {
            before: &before,
            local: false,
            unlocked: false,
            missing: None,
            minimum_uid: 1000,
            required: &staff,
        };
        let word = |found: Standing, known: &Known<'_>| match judge(found, known) {
            Verdict::Is(now) => format!("is {}", now.groups.join(",")),
            Verdict::Ends(why) => why.split(':').next().unwrap_or_default().to_owned(),
            Verdict::Unknown(_) => "unknown".into(),
            Verdict::Missing(_) => "missing".into(),
        };
        let local = Known { local: true, unlocked: true, ..known.clone() };
        let just = Known { missing: Some(Duration::ZERO), ..known.clone() };
        let long = Known { missing: Some(MISSING_FOR), ..known.clone() };
        let open = Known { required: &[], ..known.clone() };
        for (found, known, wanted) in [
            (good(who(1000, &["staff"]), None), &known, "is staff"),
            (good(who(1000, &["shell"]), None), &known, "not-permitted"),
            (good(who(1000, &["shell"]), None), &open, "is shell"),
            (good(who(1001, &["staff"]), None), &known, "other-number"),
            (good(who(0, &["staff"]), None), &known, "other-number"),
            // A locked password is a lock for whoever came in by it, and for nobody else.
            (good(who(1000, &["staff"]), Some(true)), &local, "locked"),
            (good(who(1000, &["staff"]), Some(false)), &local, "is staff"),
            (good(who(1000, &["staff"]), Some(true)), &known, "is staff"),
            (Standing::Refused("w".into()), &known, "expired"),
            (Standing::Unreachable("w".into()), &local, "unknown"),
            (Standing::Unreachable("w".into()), &long, "unknown"),
            // Missing is gone where it was known to be the machine's own, or after a while.
            (gone(), &local, "gone"),
            (gone(), &known, "missing"),
            (gone(), &just, "missing"),
            (gone(), &long, "gone"),
        ] {
            let said = format!("{found:?} {known:?}");
            assert_eq!(word(found, known), wanted, "{said}");
        }
    }

    #[test]
    fn a_provider_that_can_not_be_asked_takes_nothing_away() {
        for ends in [Failure::Gone, Failure::Expired, Failure::Locked, Failure::NotPermitted] {
            assert!(provider(&ends).is_err(), "{ends}");
        }
        for nothing in [
            Failure::Unreachable,
            Failure::Slow,
            Failure::Certificate,
            Failure::protocol("x"),
            Failure::configuration("x"),
            Failure::Unsupported,
            Failure::Credentials,
            Failure::Ambiguous,
        ] {
            assert_eq!(provider(&nothing), Ok(()), "{nothing}");
        }
    }
}
