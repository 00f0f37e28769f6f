//! Whether an account that PAM let in may sign in to this service: a pure function of the account and the configuration.

use portcullis_model::Uid;
use portcullis_model::sign_in::Principal;
use thiserror::Error;

/// Smallest uid of a person where `/etc/login.defs` doesn't say: as shadow's own default.
const UID_MIN: u32 = 1000;

/// Why an account may not. For the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum NotPermitted {
    /// Root never signs in, whatever the configuration says.
    #[error("uid 0 never signs in here")]
    Root,
    /// Below `auth-minimum-user-id`.
    #[error("uid {0} is below auth-minimum-user-id={1}")]
    BelowMinimum(Uid, u32),
    /// In none of `auth-required-user-group`.
    #[error("in none of auth-required-user-group={0}")]
    Group(String),
}

/// Judges an account.
pub(crate) fn permit(who: &Principal, minimum: u32, groups: &[String]) -> Result<(), NotPermitted> {
    if who.uid.0 == 0 || who.gid.0 == 0 {
        return Err(NotPermitted::Root);
    }
    if who.uid.0 < minimum {
        return Err(NotPermitted::BelowMinimum(who.uid, minimum));
    }
    if !groups.is_empty() && !groups.iter().any(|wanted| who.groups.contains(wanted)) {
        return Err(NotPermitted::Group(groups.join(",")));
    }
    Ok(())
}

/// `UID_MIN` of the text of `/etc/login.defs`.
pub(crate) fn uid_min(login_defs: &str) -> u32 {
    let value = |line: &str| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("UID_MIN")).then(|| words.next()?.parse().ok()).flatten()
    };
    login_defs.lines().filter_map(value).next_back().unwrap_or(UID_MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::Gid;

    fn who(uid: u32) -> Principal {
        Principal {
            user: "alice".parse().expect("a name"),
            uid: Uid(uid),
            gid: Gid(100),
            groups: vec!["staff".into(), "users".into()],
            home: "/home/alice".into(),
            shell: "/bin/bash".into(),
        }
    }

    #[test]
    fn root_and_services_are_kept_out_and_one_group_is_enough() {
        assert_eq!(permit(&who(0), 0, &[]), Err(NotPermitted::Root));
        assert_eq!(permit(&Principal { gid: Gid(0), ..who(1000) }, 0, &[]), Err(NotPermitted::Root));
        assert_eq!(permit(&who(999), 1000, &[]), Err(NotPermitted::BelowMinimum(Uid(999), 1000)));
        assert_eq!(permit(&who(1000), 1000, &[]), Ok(()));
        assert_eq!(permit(&who(1000), 1000, &["x".into(), "staff".into()]), Ok(()));
        assert_eq!(permit(&who(1000), 1000, &["staf".into()]), Err(NotPermitted::Group("staf".into())));
    }

    #[test]
    fn uid_min_is_found_or_a_thousand() {
        assert_eq!(uid_min("# UID_MIN 5\nUID_MIN\t\t  500\nUID_MAX 60000\n"), 500);
        assert_eq!(uid_min("UID_MINX 5\nUID_MIN x"), 1000);
        assert_eq!(uid_min(""), 1000);
    }
}
