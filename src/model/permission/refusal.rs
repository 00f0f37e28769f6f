//! Why something is refused: the rule for the audit log and people, the code for clients of the API.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The rule that refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Error)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Nobody is signed in.
    #[error("sign in first")]
    SignInFirst,
    /// The account is locked.
    #[error("the account is locked")]
    Locked,
    /// API keys are switched off.
    #[error("API keys are switched off here")]
    KeysOff,
    /// Keys, factors and sign-ins are never touched with a key.
    #[error("this can't be done with an API key")]
    NeverByKey,
    /// The key lacks the scope.
    #[error("the API key lacks the scope for this")]
    Scope,
    /// The sign-in is limited until a factor is enrolled.
    #[error("enrol a second factor first")]
    FactorFirst,
    /// The last proof of identity is too old.
    #[error("prove who you are again")]
    Renew,
    /// The role is not enough to see this.
    #[error("your role may not see this")]
    MayNotSee,
    /// The role is not enough to do this.
    #[error("your role may not do this")]
    MayNot,
    /// The role is not enough to lock others.
    #[error("your role may not lock others")]
    MayNotLock,
    /// It belongs to somebody else.
    #[error("it is not yours")]
    NotYours,
    /// A role above one's own can't be given.
    #[error("this role is above what you may give")]
    RoleAbove,
    /// The mapping gives the role.
    #[error("the provider gives this role; only the command line changes it, with `--force`")]
    RoleGoverned,
    /// The provider keeps the name or the profile.
    #[error("the provider keeps this")]
    Governed,
    /// It would leave nobody to administrate.
    #[error("this is the last administrator")]
    LastAdministrator,
    /// Only the command line does this.
    #[error("only the command line on the server does this")]
    CommandOnly,
}

impl Rule {
    /// The error code of Posit Connect's API that says the same.
    pub const fn code(self) -> u16 {
        match self {
            Self::SignInFirst => 24,
            Self::Locked => 50,
            Self::KeysOff => 30,
            Self::NeverByKey => 95,
            Self::Scope | Self::FactorFirst | Self::MayNot => 22,
            Self::Renew => 99,
            Self::MayNotSee => 19,
            Self::MayNotLock => 49,
            Self::NotYours => 10,
            Self::RoleAbove => 23,
            Self::RoleGoverned | Self::Governed => 21,
            Self::LastAdministrator => 61,
            Self::CommandOnly => 20,
        }
    }

    /// The HTTP status that goes with the code.
    pub const fn status(self) -> u16 {
        match self {
            Self::SignInFirst | Self::KeysOff | Self::Renew => 401,
            Self::LastAdministrator => 400,
            _ => 403,
        }
    }
}

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{rule}")]
pub struct Refused {
    /// Which rule.
    pub rule: Rule,
    /// [`Rule::code`] of it.
    pub code: u16,
}

impl From<Rule> for Refused {
    fn from(rule: Rule) -> Self {
        Self { rule, code: rule.code() }
    }
}
