//! Which failure counts when no directory proved the password.

use portcullis_model::proof::Failure;

/// The failure of all. An answer about the account counts before one about a directory: what somebody is told must not change
/// because another directory is down. Only when none could examine the password is it the directories' failure.
pub(super) fn of(failures: Vec<Failure>) -> Failure {
    failures.into_iter().min_by_key(rank).unwrap_or(Failure::Credentials)
}

/// The order: of accounts, what says most to the administrator who reads the log; of directories, what is easiest to mend.
const fn rank(failure: &Failure) -> u8 {
    match failure {
        Failure::Expired => 0,
        Failure::Locked => 1,
        Failure::NotPermitted => 2,
        Failure::Ambiguous => 3,
        Failure::Credentials => 4,
        Failure::BadName => 5,
        Failure::Gone => 6,
        Failure::Cancelled | Failure::Replayed | Failure::Rejected(_) | Failure::Evidence => 7,
        Failure::Certificate => 10,
        Failure::Configuration(_) => 11,
        Failure::Protocol(_) => 12,
        Failure::Slow => 13,
        Failure::Unreachable => 14,
        Failure::Unsupported => 15,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_counts_before_the_directories() {
        use Failure::{Ambiguous, Certificate, Credentials, Expired, Locked, Slow, Unreachable};
        for (all, wanted) in [
            (vec![], Credentials),
            (vec![Unreachable], Unreachable),
            (vec![Unreachable, Credentials], Credentials),
            (vec![Credentials, Certificate], Credentials),
            (vec![Credentials, Expired], Expired),
            (vec![Locked, Credentials, Unreachable], Locked),
            (vec![Ambiguous, Credentials], Ambiguous),
            (vec![Unreachable, Slow, Certificate], Certificate),
            (vec![Unreachable, Slow], Slow),
        ] {
            assert_eq!(of(all.clone()), wanted, "{all:?}");
        }
    }
}
