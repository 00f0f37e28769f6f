//! What the launcher and the role `store` say to each other.

use std::net::IpAddr;

use portcullis_model::account::Account;
use portcullis_model::key::{ApiKey, KeyId};
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, GroupId, SignInId, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    AccountAct, Elsewhere, EndedRow, GroupAct, GroupRow, HistoryRow, Job, KeyElsewhere, Machine, Opening,
    RevokedRow, Select,
};
use crate::accounts::{LookRow, Past};
use crate::factors::{FactorAsk, FactorTold};

/// Launcher to the role `store`.
#[derive(Debug, Serialize, Deserialize)]
pub enum ToStore {
    /// First, and when the configuration changed.
    Job(Box<Job>),
    /// Answered by [`FromStore::Answer`] with the same number.
    Ask {
        /// Names the answer.
        request: u64,
        /// What.
        ask: Box<StoreAsk>,
    },
    /// Everything that [`FromStore::Upto`] told up to this revision is carried out here and on disk.
    Applied(u64),
    /// This machine is being stopped: nobody waits for it.
    Leave,
}

/// The role `store` to the launcher.
#[derive(Debug, Serialize, Deserialize)]
pub enum FromStore {
    /// The database is there and of this version; asks are answered from here on.
    Ready,
    /// To [`ToStore::Ask`].
    Answer {
        /// Which.
        request: u64,
        /// What, or why not.
        result: Result<StoreAnswer, StoreRefusal>,
    },
    /// Somebody else changed accounts, on another machine.
    Changed(Vec<Account>),
    /// Sign-ins ended on another machine.
    EndedElsewhere(Vec<(SignInId, SignInEnd)>),
    /// The database can't be reached, or can again.
    Apart(bool),
    /// What others changed was missed: what lives is to be told again, and what is over answers.
    Missed,
    /// Everything of a person was ended on another machine: their sessions too.
    Revoked {
        /// The account.
        account: AccountId,
        /// Its Unix account now.
        user: UserName,
    },
    /// What was told up to here is all that others changed up to this revision. Answered by [`ToStore::Applied`].
    Upto(u64),
    /// API keys ended on another machine; at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE).
    KeysEndedElsewhere(Vec<KeyId>),
    /// API keys that live and were made or changed on another machine, and whose they are; at most
    /// [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE).
    KeysElsewhere(Vec<(KeyId, AccountId)>),
}

/// What the store is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum StoreAsk {
    /// Somebody is proven and their Unix account may be used: find or make the account. Answered by [`StoreAnswer::Account`].
    Open(Box<Opening>),
    /// Sign-ins that began or moved on; at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE).
    Began(Vec<HistoryRow>),
    /// Sign-ins that ended; at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE).
    Ended(Vec<EndedRow>),
    /// What is known of accounts. Answered by [`StoreAnswer::Accounts`].
    List {
        /// Behind this number (`--user-id`); 0: from the first.
        after: u64,
        /// Locked ones too.
        locked: bool,
        /// A part of a name; empty: all.
        matching: String,
    },
    /// One account. Answered by [`StoreAnswer::Account`].
    Find(Select),
    /// A change. Answered by [`StoreAnswer::Changed`], and for a removal or a transfer as well.
    Act {
        /// Who asks, for `locked.by` and the like.
        by: String,
        /// What.
        act: Box<AccountAct>,
    },
    /// What was of an account. Answered by [`StoreAnswer::Past`].
    Past {
        /// Whose.
        account: AccountId,
    },
    /// Somebody looked at a session of this account. Answered by [`StoreAnswer::Done`].
    Looked {
        /// Whose.
        who: Select,
        /// Who, at what, when.
        look: LookRow,
    },
    /// What the provider, or this machine, says of somebody who does not sign in just now. Answered by [`StoreAnswer::Account`].
    Sync {
        /// As at a sign-in; no account is made.
        who: Box<Opening>,
        /// When the next look is, in milliseconds since 1970.
        next: u64,
    },
    /// Somebody could not be looked up. Answered by [`StoreAnswer::Done`].
    NotSynced {
        /// Whose account.
        account: AccountId,
        /// When the next look is, in milliseconds since 1970.
        next: u64,
    },
    /// A proof that counts once, on every machine of this database. Answered by [`StoreAnswer::Spent`].
    Spend {
        /// Names the proof.
        id: Vec<u8>,
        /// Until when it could be believed, in seconds since 1970.
        until: u64,
    },
    /// A sign-in of another machine. Answered by [`StoreAnswer::Elsewhere`].
    Known(SignInId),
    /// Everything of a person ends on all machines. Answered by [`StoreAnswer::Done`].
    Revoke(RevokedRow),
    /// Which machines have carried out what was written so far: answered by [`StoreAnswer::Machines`] once all have, or when this
    /// time is over.
    Machines {
        /// Milliseconds.
        within: u32,
    },
    /// The sign-ins of this machine that live in the database, in the order of their ids. Answered by [`StoreAnswer::Mine`].
    Mine {
        /// Behind this one.
        after: Option<SignInId>,
    },
    /// Nothing, but as long as it takes to open an account at this moment: whoever proved nothing is told so no sooner and no later
    /// than who proved something. Answered by [`StoreAnswer::Done`].
    There,
    /// A key that was just made. Answered by [`StoreAnswer::Done`].
    KeyAdd(Box<ApiKey>),
    /// Keys that ended, and when (in milliseconds since 1970); at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE). What is unknown there has ended there.
    KeysEnded(Vec<(KeyId, u64)>),
    /// When (in milliseconds since 1970) and from where keys were used last; at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE).
    KeysUsed(Vec<(KeyId, u64, IpAddr)>),
    /// An account's keys that live. Answered by [`StoreAnswer::Keys`].
    KeysOf(AccountId),
    /// Groups of our own, in the order of their names. Answered by [`StoreAnswer::Groups`].
    Groups {
        /// Behind this name and id; none: from the first.
        after: Option<(String, String)>,
        /// How many at most.
        limit: u32,
    },
    /// One group of our own. Answered by [`StoreAnswer::Group`].
    Group(GroupId),
    /// Who is in a group of our own, in the order of names. Answered by [`StoreAnswer::Members`].
    Members {
        /// Which.
        group: GroupId,
        /// Behind this name and id; none: from the first.
        after: Option<(String, String)>,
        /// How many at most.
        limit: u32,
    },
    /// A group of our own is made, changed or removed. Answered by [`StoreAnswer::Group`] as it is then, or was.
    GroupAct(GroupAct),
    /// About second factors. Answered by [`StoreAnswer::Factor`].
    Factor(Box<FactorAsk>),
    /// A key that may be another machine's. Answered by [`StoreAnswer::Key`].
    Key(KeyId),
    /// New seals of keys that live; at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE). Answered by [`StoreAnswer::Done`].
    KeysSealed(Vec<(KeyId, Vec<u8>)>),
}

/// What the store answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum StoreAnswer {
    /// It is written.
    Done,
    /// To [`StoreAsk::Began`]: these are over in the database (ended elsewhere, or their account is locked or gone), and so they are
    /// here.
    Over(Vec<(SignInId, SignInEnd)>),
    /// One account.
    Account {
        /// As it is now.
        account: Box<Account>,
        /// Whether it was made for this.
        made: bool,
        /// As it was before, where this changed it.
        before: Option<Box<Account>>,
    },
    /// Accounts in the order of their numbers, without their groups; at most [`ACCOUNTS_AT_ONCE`](super::ACCOUNTS_AT_ONCE).
    Accounts {
        /// Some.
        rows: Vec<Account>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// A change was made.
    Changed {
        /// Before.
        before: Box<Account>,
        /// After.
        after: Box<Account>,
    },
    /// What one owned is another's.
    Transferred {
        /// From whom.
        from: Box<Account>,
        /// To whom.
        to: Box<Account>,
        /// How many things of each kind.
        moved: Vec<(String, u64)>,
        /// Why the first was not removed, where that was asked for.
        kept: Option<String>,
    },
    /// To [`StoreAsk::Past`].
    Past(Box<Past>),
    /// To [`StoreAsk::Spend`]: whether this was the first time.
    Spent(bool),
    /// To [`StoreAsk::Known`]: none where there is no such sign-in, or it is over.
    Elsewhere(Option<Box<Elsewhere>>),
    /// To [`StoreAsk::Machines`], without the asking one.
    Machines(Vec<Machine>),
    /// To [`StoreAsk::Mine`]; at most [`ROWS_AT_ONCE`](super::ROWS_AT_ONCE), and fewer where these are the last.
    Mine(Vec<SignInId>),
    /// To [`StoreAsk::KeysOf`].
    Keys(Vec<ApiKey>),
    /// Groups in the order of their names.
    Groups {
        /// Some.
        rows: Vec<GroupRow>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// One group, and whether the act changed anything.
    Group {
        /// As it is now, or was.
        row: GroupRow,
        /// Whether anything is otherwise.
        changed: bool,
    },
    /// Who is in a group: id and Unix name.
    Members {
        /// Some.
        rows: Vec<(AccountId, String)>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// To [`StoreAsk::Factor`], and to [`AccountAct::DropFactors`].
    Factor(Box<FactorTold>),
    /// To [`StoreAsk::Key`]: none where there is no such key, or it is over.
    Key(Option<Box<KeyElsewhere>>),
}

/// Why the store won't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum StoreRefusal {
    /// An administrator locked it.
    #[error("the account is locked")]
    Locked,
    /// It was removed.
    #[error("the account was removed")]
    Removed,
    /// Accounts are made beforehand here.
    #[error("there is no account, and none is made at a first sign-in")]
    Unregistered,
    /// The Unix account belongs to another identity.
    #[error("the account `{0}` of this machine belongs to another identity")]
    Taken(String),
    /// Nobody of that name or number.
    #[error("there is no account `{0}`")]
    NoAccount(String),
    /// Several of that name.
    #[error("there are several accounts `{0}`: name one by its id")]
    Several(String),
    /// A rule is against it.
    #[error("{0}")]
    Rule(String),
    /// The database can't be asked.
    #[error("the database can't be asked: {0}")]
    Unreachable(String),
    /// It broke.
    #[error("the database: {0}")]
    Broken(String),
    /// Nothing of that kind and name.
    #[error("there is no {0}")]
    Absent(String),
    /// There is one of that name.
    #[error("there is `{0}` already")]
    Exists(String),
}
