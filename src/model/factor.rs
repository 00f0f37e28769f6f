//! Second factors: what kinds there are, what an account needs, what is kept of one.
//!
//! No cryptography here and no secret in the open: `sealed` is opaque to everybody but who has the factor key.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{AccountId, FactorId};

/// Longest name that a person gives a factor, in bytes.
pub const FACTOR_NAME_MAX: usize = 80;
/// Most factors of an account, recovery codes counted as one: phones, keys, and the old ones nobody removed.
pub const FACTORS_MAX: usize = 16;

/// A word that is no kind of factor.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is none of totp, passkey, recovery")]
pub struct FactorKindError(String);

/// A kind of second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FactorKind {
    /// A code of a phone (RFC 6238).
    Totp,
    /// A key or a phone that signs (WebAuthn).
    Passkey,
    /// Codes on paper, each good once.
    Recovery,
}

impl FactorKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Totp, Self::Passkey, Self::Recovery];

    /// Its word in options, the database and the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Passkey => "passkey",
            Self::Recovery => "recovery",
        }
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for FactorKind {
    type Err = FactorKindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.word() == text)
            .ok_or_else(|| FactorKindError(text.chars().take(40).collect()))
    }
}

/// Which factors an account has enrolled; whether one is asked for is the launcher's to say (`factor-required-groups`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorNeed {
    /// A confirmed TOTP secret.
    pub totp: bool,
    /// At least one passkey.
    pub passkey: bool,
    /// How many recovery codes are left.
    pub recovery: u8,
}

impl FactorNeed {
    /// True when there is a factor to ask for. Recovery codes alone are none: they stand in for a lost one.
    pub const fn enrolled(self) -> bool {
        self.totp || self.passkey
    }
}

/// A factor as it is kept. The secret is sealed for this account and this id; without the factor key it is noise.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Factor {
    /// Names it.
    pub id: FactorId,
    /// Whose it is.
    pub account: AccountId,
    /// What it is.
    pub kind: FactorKind,
    /// What its person calls it.
    pub name: String,
    /// The sealed secret (TOTP), the public key (passkey), the digests of codes (recovery).
    pub sealed: Vec<u8>,
    /// The credential's id (passkey); empty for others.
    pub credential: Vec<u8>,
    /// The authenticator's counter (passkey), how many codes are left (recovery).
    pub counter: u64,
    /// The last time step that was accepted (TOTP): it and earlier ones are never accepted again.
    pub step: u64,
    /// Enrolled when, in milliseconds since 1970.
    pub created: u64,
    /// Last used when, in milliseconds since 1970.
    pub last_used: Option<u64>,
    /// False until its first code was right.
    pub confirmed: bool,
}

impl fmt::Debug for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Factor").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A factor as its person sees it on the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorLine {
    /// Names it.
    pub id: FactorId,
    /// What it is.
    pub kind: FactorKind,
    /// What its person calls it.
    pub name: String,
    /// Enrolled when, in milliseconds since 1970.
    pub created: u64,
    /// Last used when, in milliseconds since 1970.
    pub last_used: Option<u64>,
}

impl From<&Factor> for FactorLine {
    fn from(factor: &Factor) -> Self {
        Self {
            id: factor.id,
            kind: factor.kind,
            name: factor.name.clone(),
            created: factor.created,
            last_used: factor.last_used,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_one_spelling() {
        for kind in FactorKind::ALL {
            assert_eq!(kind.word().parse(), Ok(kind));
        }
        assert!("TOTP".parse::<FactorKind>().is_err());
    }

    #[test]
    fn recovery_codes_alone_are_no_factor() {
        assert!(!FactorNeed { recovery: 10, ..FactorNeed::default() }.enrolled());
        assert!(FactorNeed { totp: true, ..FactorNeed::default() }.enrolled());
    }

    #[test]
    fn a_factor_prints_no_secret() {
        let factor = Factor {
            id: FactorId::from_bytes([1; 16]),
            account: AccountId::from_bytes([2; 16]),
            kind: FactorKind::Totp,
            name: "phone".to_owned(),
            sealed: b"hush".to_vec(),
            credential: Vec::new(),
            counter: 0,
            step: 0,
            created: 0,
            last_used: None,
            confirmed: true,
        };
        let text = format!("{factor:?}");
        assert!(text.contains("Totp") && !text.contains("104") && !text.contains("hush"), "{text}");
    }
}
