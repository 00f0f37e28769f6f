//! What people who are signed in, or programs with a key, ask about accounts, and what they are answered.
//!
//! The server passes on who asks and what; whether they may, the launcher decides by [`may`](portcullis_model::permission::may). What
//! is in an answer was cut to its limits by the launcher. Variants that others add stand behind those that are here.

use std::net::IpAddr;

use portcullis_model::account::{Account, Role};
use portcullis_model::key::KeyId;
use portcullis_model::permission::Refused;
use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, SignInId};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::factors::{FactorAnswer, FactorWish};
use crate::identity::StoreRefusal;
use crate::owned::{OwnedAnswer, OwnedWish};

/// Sign-ins of the past in one answer: what a page shows, each some 200 bytes.
pub const PAST_AT_ONCE: usize = 50;
/// Looks in one answer, each some 150 bytes.
pub const LOOKS_AT_ONCE: usize = 50;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asker {
    /// Somebody who is signed in.
    SignIn(SignInId),
    /// A program with this key.
    Key(KeyId),
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// One's own account: sign-ins that live, those of the past, who looked. Answered by [`AccountAnswer::Own`].
    OwnLook,
    /// One of one's own sign-ins ends. Answered by [`AccountAnswer::Ended`].
    EndSignIn(SignInId),
    /// All of one's own but that which asks.
    EndAllOthers,
    /// All of one's own.
    EndAll,
    /// Everybody's accounts, in the order of their numbers. Answered by [`AccountAnswer::People`].
    People {
        /// Behind this number; 0: from the first.
        after: u64,
        /// Locked ones too.
        locked: bool,
        /// A part of a name; empty: all.
        matching: String,
    },
    /// An account is locked, and everything of it ends. Answered by [`AccountAnswer::Changed`].
    Lock(AccountId),
    /// A lock is taken away.
    Unlock(AccountId),
    /// An account has another role.
    SetRole {
        /// Whose.
        who: AccountId,
        /// Which.
        role: Role,
    },
    /// About API keys, other people and groups. Answered by [`AccountAnswer::Owned`].
    Owned(OwnedWish),
    /// About one's own second factors. Answered by [`AccountAnswer::Factor`].
    Factor(Box<FactorWish>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountAnswer {
    /// To [`Wish::OwnLook`].
    Own(Box<Own>),
    /// So many sign-ins are over; it is on disk.
    Ended {
        /// How many.
        sign_ins: u32,
        /// Whether that is all that was meant: not where the database could not be asked about other machines, and then the one
        /// that asks lives as well.
        whole: bool,
    },
    /// To [`Wish::People`].
    People {
        /// Some, without their groups.
        rows: Vec<Account>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// An account is this now.
    Changed(Box<Account>),
    /// To [`Wish::Owned`].
    Owned(OwnedAnswer),
    /// To [`Wish::Factor`].
    Factor(Box<FactorAnswer>),
}

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum AccountRefusal {
    /// The sign-in or the key is over.
    #[error("nobody is signed in by this any more")]
    Nobody,
    /// A rule is against it.
    #[error("{0}")]
    Rule(Refused),
    /// It is over already, or never was.
    #[error("there is no such thing any more")]
    Gone,
    /// The database says no, or can't be asked.
    #[error("{0}")]
    Store(StoreRefusal),
    /// Too many within a second.
    #[error("too many such requests at once")]
    Busy,
    /// The disk refuses, or the daemon is ending.
    #[error("records can't be written, so nothing is changed")]
    NotWritable,
    /// Something in the request can't be used.
    #[error("{0}")]
    Value(String),
    /// A code or a passkey's answer is not right; why is in the audit log.
    #[error("the code is not right, or was used already")]
    Code,
}

/// Somebody's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// What they may do at the most.
    pub role: Role,
    /// The sign-ins that live, the latest first: on this machine, and on others of its database while it can be asked.
    pub sign_ins: Vec<OwnSignIn>,
    /// What the database has of before; none while it can't be asked.
    pub past: Option<Past>,
    /// Whether the last proof of who they are is recent enough for what lasts.
    pub fresh: bool,
}

/// A sign-in of one's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSignIn {
    /// Names it in [`Wish::EndSignIn`].
    pub id: SignInId,
    /// From where.
    pub remote: IpAddr,
    /// What the browser called itself, cut.
    pub agent: String,
    /// By which method.
    pub method: MethodName,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// When a person acted last, in seconds since 1970, to about a minute.
    pub seen: u64,
    /// Until when without another act, in seconds since 1970.
    pub until: u64,
    /// Whether it is the one that asks.
    pub own: bool,
    /// Whether only another machine knows it.
    pub elsewhere: bool,
}

/// What the database has of somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Sign-ins that are over, the latest first; at most [`PAST_AT_ONCE`].
    pub sign_ins: Vec<PastSignIn>,
    /// Who looked at their sessions, the latest first; at most [`LOOKS_AT_ONCE`].
    pub looks: Vec<LookRow>,
    /// Sign-ins that live and began at another machine, the latest first.
    pub elsewhere: Vec<OwnSignIn>,
    /// Whether there may be more of those.
    pub more_elsewhere: bool,
}

/// A sign-in that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSignIn {
    /// From where.
    pub remote: IpAddr,
    /// What the browser called itself, cut.
    pub agent: String,
    /// The word of its method.
    pub method: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Until when, in seconds since 1970.
    pub ended: u64,
    /// Why it ended.
    pub why: SignInEnd,
}

/// Somebody looked at a session, or ended it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookRow {
    /// Which session; empty where all of a person were meant.
    pub session: String,
    /// Who it was.
    pub by: String,
    /// A word for what they did.
    pub what: String,
    /// When, in seconds since 1970.
    pub at: u64,
}
