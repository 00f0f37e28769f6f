//! Why a method did not prove anything, and what the rest of the daemon makes of it.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::sign_in::Denied;

/// Longest detail of a failure, in characters: a line of log.
const DETAIL_MAX: usize = 300;

/// Why nobody is proven. For the audit log and the administrator; a browser sees [`Denied::public`] of [`Failure::denied`].
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Unknown name or wrong password; which of them, nobody says.
    #[error("unknown name or wrong password")]
    Credentials,
    /// Right, but the password or the account has expired, or must be changed first.
    #[error("the account or its password has expired")]
    Expired,
    /// The account is locked or disabled at the provider.
    #[error("the account is locked or disabled")]
    Locked,
    /// No provider could be reached.
    #[error("no provider can be reached")]
    Unreachable,
    /// A provider did not answer in time.
    #[error("the provider did not answer in time")]
    Slow,
    /// The provider's certificate or its host name doesn't hold.
    #[error("the provider's certificate is not trusted")]
    Certificate,
    /// The provider answered something that its protocol doesn't have, or an error; cut to a line, no secrets.
    #[error("the provider answered wrongly: {0}")]
    Protocol(String),
    /// Proven, but not let in: permitted groups, registration, attribute rules.
    #[error("the account may not sign in here")]
    NotPermitted,
    /// The name can't be one at this provider.
    #[error("that is no name at this provider")]
    BadName,
    /// The name fits more than one entry of one provider.
    #[error("the name fits more than one entry")]
    Ambiguous,
    /// Evidence was examined and not believed: signature, audience, nonce, time; what exactly, no secrets.
    #[error("the proof does not hold: {0}")]
    Rejected(String),
    /// The same evidence was used before.
    #[error("the proof was used before")]
    Replayed,
    /// The person or the provider's page said no.
    #[error("it was cancelled at the provider")]
    Cancelled,
    /// The provider has no such account any more.
    #[error("the provider has no such account any more")]
    Gone,
    /// The method doesn't offer this.
    #[error("this method does not offer that")]
    Unsupported,
    /// The evidence is larger than its limit, or of another method.
    #[error("the evidence is not of this method or too large")]
    Evidence,
    /// The method's own configuration or memory is at fault: a service account's password refused, for one.
    #[error("the method is not configured rightly: {0}")]
    Configuration(String),
}

impl Failure {
    /// A [`Failure::Protocol`] with a detail that fits a line of log.
    pub fn protocol(detail: &str) -> Self {
        Self::Protocol(line(detail))
    }

    /// A [`Failure::Rejected`] with a detail that fits a line of log.
    pub fn rejected(detail: &str) -> Self {
        Self::Rejected(line(detail))
    }

    /// A [`Failure::Configuration`] with a detail that fits a line of log.
    pub fn configuration(detail: &str) -> Self {
        Self::Configuration(line(detail))
    }

    /// THE table: the word of the audit log and the metrics, and what a sign-in is refused as.
    const fn row(&self) -> (&'static str, Denied) {
        match self {
            Self::Credentials => ("credentials", Denied::Credentials),
            Self::Expired => ("expired", Denied::Account),
            Self::Locked => ("locked", Denied::Account),
            Self::Unreachable => ("unreachable", Denied::System),
            Self::Slow => ("slow", Denied::Deadline),
            Self::Certificate => ("certificate", Denied::System),
            Self::Protocol(_) => ("protocol", Denied::System),
            Self::NotPermitted => ("not-permitted", Denied::NotPermitted),
            Self::BadName => ("bad-name", Denied::BadName),
            // Refused as everybody else is: that a name is twice in the directory is nobody's business.
            Self::Ambiguous => ("ambiguous", Denied::NotPermitted),
            Self::Rejected(_) => ("rejected", Denied::Credentials),
            Self::Replayed => ("replayed", Denied::Credentials),
            Self::Cancelled => ("cancelled", Denied::Cancelled),
            Self::Gone => ("gone", Denied::Account),
            Self::Unsupported => ("unsupported", Denied::System),
            Self::Evidence => ("evidence", Denied::Credentials),
            Self::Configuration(_) => ("configuration", Denied::System),
        }
    }

    /// The word of audit log and metrics.
    pub const fn word(&self) -> &'static str {
        self.row().0
    }

    /// What a sign-in that ends so is refused as.
    pub const fn denied(&self) -> Denied {
        self.row().1
    }
}

/// One line: what doesn't print is escaped, what is too long is cut.
fn line(text: &str) -> String {
    text.chars().take(DETAIL_MAX).flat_map(super::step::escaped).collect()
}
