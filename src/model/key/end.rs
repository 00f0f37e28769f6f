//! Why API keys end, and why a request with one is refused: for the audit log, never for whoever sent it.

use serde::{Deserialize, Serialize};

/// Why a key is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyEnd {
    /// Its owner ended it.
    Owner,
    /// An administrator ended it.
    Administrator,
    /// Everything of its owner was revoked.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its owner's account was removed.
    Account,
    /// It was ended on another machine.
    OtherMachine,
    /// Nobody was told its text: whoever asked for it was gone before it was written.
    Untold,
}

/// Why a request with a key is refused. Whoever sent it is told one answer for all but the scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyRefusal {
    /// It is not of a key's form, or its check sum does not fit.
    Form,
    /// No key of this id lives here: it never did, it is over, or its owner is locked.
    Unknown,
    /// The id is a key's, the secret is not.
    Secret,
    /// Its time is over.
    Expired,
    /// It may not be used from this address.
    Source,
    /// `api-keys-enabled` is 0.
    Off,
    /// The key is good, but not for this.
    Scope,
}

impl KeyRefusal {
    /// As in the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Unknown => "unknown",
            Self::Secret => "secret",
            Self::Expired => "expired",
            Self::Source => "source",
            Self::Off => "off",
            Self::Scope => "scope",
        }
    }
}
