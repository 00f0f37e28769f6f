//! Why root's command is not obeyed.

use portcullis_model::exemption::REASON_MAX;
use portcullis_model::key::KeyId;
use portcullis_model::offline::MESSAGE_MAX;
use portcullis_model::{ExemptionId, SessionId, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::identity::StoreRefusal;

/// Why the launcher won't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    /// Not root.
    #[error("only root is answered here")]
    NotRoot,
    /// Too many requests within a second.
    #[error("there are more than {0} such requests a second")]
    TooMany(u32),
    /// The disk refuses.
    #[error("the audit log or the state can't be written, so nothing is changed")]
    NotWritable,
    /// The daemon is ending.
    #[error("the daemon is ending")]
    Ending,
    /// No flag that can be lifted.
    #[error("`{0}` is no flag that can be lifted")]
    Flag(String),
    /// Too long, or no time at all.
    #[error("an exemption lasts from one second to {hours} hours (`exemption-max-hours`)")]
    Length {
        /// The most.
        hours: u32,
    },
    /// None, or too much.
    #[error("a reason has from 1 to {REASON_MAX} printable characters")]
    Reason,
    /// Of nobody, of somebody else, or over.
    #[error("there is no running session `{0}` of that person")]
    Session(SessionId),
    /// Not there.
    #[error("there is no exemption `{0}`")]
    Exemption(ExemptionId),
    /// Over, or never there.
    #[error("there is no running session `{0}`")]
    NoSession(SessionId),
    /// Nothing of theirs runs.
    #[error("there is no running session of `{0}`")]
    NoSessionOf(UserName),
    /// It is in none.
    #[error("process {0} belongs to no session")]
    NoProcess(i32),
    /// The store says no.
    #[error("{0}")]
    Account(StoreRefusal),
    /// One was meant.
    #[error("`{user}` has {count} sessions")]
    Several {
        /// Whose.
        user: UserName,
        /// How many.
        count: u32,
    },
    /// Too long, or not printable.
    #[error("a message has at most {MESSAGE_MAX} printable characters in one line")]
    Message,
    /// As many as there may be.
    #[error("there are {0} exemptions already")]
    Full(u32),
    /// The kernel's random source failed.
    #[error("the kernel gives no random number")]
    Random,
    /// Over, or never there.
    #[error("there is no API key `{0}`")]
    NoKey(KeyId),
    /// The key's file refuses.
    #[error("{0}")]
    NotRotated(String),
    /// No directory is asked.
    #[error("no directory is asked for passwords: `auth-ldap` of portcullis.conf is 0")]
    NoDirectory,
}
