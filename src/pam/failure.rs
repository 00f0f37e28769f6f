//! What PAM said when it said no, sorted into the few cases that differ in what happens next.

use pam_client2::ErrorCode;
use thiserror::Error;

/// Which call of PAM failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// `pam_start` and the items.
    Start,
    /// `pam_authenticate`.
    Authenticate,
    /// `pam_acct_mgmt`.
    Account,
    /// `pam_chauthtok`.
    Password,
    /// `pam_setcred` and `pam_open_session`, or `pam_close_session`.
    Session,
}

impl Stage {
    /// The name an administrator finds in the manual.
    pub const fn call(self) -> &'static str {
        match self {
            Self::Start => "pam_start",
            Self::Authenticate => "pam_authenticate",
            Self::Account => "pam_acct_mgmt",
            Self::Password => "pam_chauthtok",
            Self::Session => "pam_open_session",
        }
    }
}

/// What happens next depends on this alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Unknown user or wrong answer; PAM doesn't say which, by design.
    Credentials,
    /// The account is known and proven, but expired, locked or not allowed here and now.
    Account,
    /// The password has expired: [`crate::Transaction::change_expired_password`] is next.
    NewPasswordRequired,
    /// A module counts attempts and had enough.
    TooMany,
    /// The conversation was cancelled.
    Cancelled,
    /// PAM, a module or a service behind it is broken.
    System,
}

/// A call of PAM that did not succeed. Its text is for the audit log, never for a browser.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{} said: {text}", stage.call())]
pub struct Failure {
    /// What happens next.
    pub kind: FailureKind,
    /// Where.
    pub stage: Stage,
    /// PAM's own text for its code.
    pub text: String,
}

impl Failure {
    pub(crate) fn new<T>(stage: Stage, cancelled: bool, error: &pam_client2::ErrorWith<T>) -> Self {
        let kind = if cancelled { FailureKind::Cancelled } else { kind(stage, error.code()) };
        let text = error.message().map_or_else(|| format!("{:?}", error.code()), str::to_owned);
        Self { kind, stage, text }
    }
}

/// Sorts a code. Codes that a stage has no business returning are [`FailureKind::System`]: refused, and an administrator looks.
const fn kind(stage: Stage, code: ErrorCode) -> FailureKind {
    use ErrorCode as E;
    match (stage, code) {
        (Stage::Authenticate, E::AUTH_ERR | E::USER_UNKNOWN | E::CRED_INSUFFICIENT | E::PERM_DENIED) => {
            FailureKind::Credentials
        }
        (
            Stage::Authenticate,
            E::ACCT_EXPIRED | E::AUTHTOK_EXPIRED | E::CRED_EXPIRED | E::NEW_AUTHTOK_REQD,
        ) => FailureKind::Account,
        (Stage::Account, E::NEW_AUTHTOK_REQD) => FailureKind::NewPasswordRequired,
        (
            Stage::Account,
            E::ACCT_EXPIRED
            | E::AUTHTOK_EXPIRED
            | E::CRED_EXPIRED
            | E::PERM_DENIED
            | E::AUTH_ERR
            | E::USER_UNKNOWN,
        )
        | (Stage::Password, E::AUTHTOK_ERR | E::PERM_DENIED | E::AUTH_ERR | E::USER_UNKNOWN) => {
            FailureKind::Account
        }
        (Stage::Authenticate | Stage::Account | Stage::Password, E::MAXTRIES) => FailureKind::TooMany,
        _ => FailureKind::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every code libpam knows at every stage; there is no way to a success, and none to the wrong next step.
    #[test]
    fn only_an_expired_password_leads_on() {
        for stage in [Stage::Start, Stage::Authenticate, Stage::Account, Stage::Password, Stage::Session] {
            for code in (1..=31).filter_map(ErrorCode::from_repr) {
                let leads_on = kind(stage, code) == FailureKind::NewPasswordRequired;
                assert_eq!(leads_on, stage == Stage::Account && code == ErrorCode::NEW_AUTHTOK_REQD);
            }
            let said = kind(stage, ErrorCode::USER_UNKNOWN) == FailureKind::Credentials;
            assert_eq!(said, stage == Stage::Authenticate);
        }
        assert_eq!(kind(Stage::Authenticate, ErrorCode::AUTHINFO_UNAVAIL), FailureKind::System);
        assert_eq!(kind(Stage::Authenticate, ErrorCode::MAXTRIES), FailureKind::TooMany);
    }
}
