//! Of what questions to the store and its answers are made: rows, accounts that are meant, changes.

use std::net::IpAddr;

use portcullis_model::account::{Account, GroupRef, Identity, Role};
use portcullis_model::key::ApiKey;
use portcullis_model::proof::Attributes;
use portcullis_model::sign_in::SignInEnd;
use portcullis_model::{AccountId, GroupId, SignInId, UserName};
use serde::{Deserialize, Serialize};

/// A change of groups of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupAct {
    /// Make one.
    Add {
        /// What people call it.
        name: String,
        /// Whose it is.
        owner: Option<AccountId>,
    },
    /// Another name.
    Rename {
        /// Which.
        group: GroupId,
        /// What people call it.
        name: String,
    },
    /// There is none any more.
    Remove(GroupId),
    /// Somebody is in it, or isn't.
    Member {
        /// In which.
        group: GroupId,
        /// Who.
        account: AccountId,
        /// Whether.
        member: bool,
    },
}

/// A group of our own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Names it for ever.
    pub id: GroupId,
    /// What people call it.
    pub name: String,
    /// Whose it is.
    pub owner: Option<AccountId>,
    /// Made when, in milliseconds since 1970.
    pub created: u64,
    /// How many members it has.
    pub members: u64,
}

/// Which account is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Select {
    /// By its Unix name, or else the name at its provider.
    Name(String),
    /// By its number in lists.
    Number(u64),
    /// By its id.
    Id(AccountId),
}

impl std::fmt::Display for Select {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Number(number) => write!(f, "#{number}"),
            Self::Id(id) => id.fmt(f),
        }
    }
}

/// A change of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountAct {
    /// Made before its first sign-in.
    Add {
        /// Who it is; with the system's provider the unique id is the uid as text.
        identity: Identity,
        /// The name at the provider.
        username: String,
        /// The Unix account.
        unix: UserName,
        /// Names and address, where they are known.
        attributes: Attributes,
        /// The role that a person gives it; none: by the rules at the first sign-in.
        role: Option<Role>,
    },
    /// Some fields.
    Alter {
        /// Whose.
        who: Select,
        /// Which.
        change: AccountChange,
        /// Also if nobody would be administrator any more.
        force: bool,
    },
    /// No sign-in, no key, no session.
    Lock(Select),
    /// As before.
    Unlock(Select),
    /// What one owns becomes another's.
    Transfer {
        /// From whom.
        from: Select,
        /// To whom.
        to: Select,
        /// Keys too; they end otherwise only with the account.
        keys: bool,
        /// The first is removed afterwards.
        remove: bool,
    },
    /// An account that owns nothing any more.
    Remove {
        /// Which.
        who: Select,
        /// Also if nobody would be administrator any more.
        force: bool,
    },
    /// All second factors go: their person lost them.
    DropFactors(Select),
}

/// What of an account changes; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountChange {
    /// The role.
    pub role: Option<Role>,
    /// The name at its provider.
    pub username: Option<String>,
    /// The Unix account.
    pub unix: Option<UserName>,
    /// Who it is at its provider.
    pub identity: Option<Identity>,
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// Mail address.
    pub email: Option<String>,
}

/// A proven person whose Unix account may be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// Who it is.
    pub identity: Identity,
    /// The name at the provider.
    pub username: String,
    /// The Unix account.
    pub unix: UserName,
    /// What else the provider said.
    pub attributes: Attributes,
    /// The provider's groups.
    pub groups: Vec<GroupRef>,
    /// Whether an account is made where there is none.
    pub register: bool,
}

/// A sign-in as the database has it: for lists, and for other machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// Which.
    pub id: SignInId,
    /// Whose.
    pub account: AccountId,
    /// By what method.
    pub method: String,
    /// From where.
    pub remote: IpAddr,
    /// What the browser called itself, cut.
    pub agent: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// When it was used last, in seconds since 1970.
    pub seen: u64,
    /// Until when, in seconds since 1970.
    pub until: u64,
    /// What only a launcher makes and checks ([`portcullis_model::seal`]): a row without it is honoured nowhere.
    pub seal: Vec<u8>,
}

/// A sign-in that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRow {
    /// Which.
    pub id: SignInId,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Why.
    pub why: SignInEnd,
    /// Whether it ended because its time was over here: where the person's acts on another machine moved its end, it is not over.
    pub unless_moved: bool,
}

/// Everything of a person is to end, on all machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedRow {
    /// The Unix account.
    pub user: UserName,
    /// The account of ours, where it is known; else the one with that Unix account.
    pub account: Option<AccountId>,
    /// When, in seconds since 1970: sign-ins that began later are not meant.
    pub at: u64,
}

/// A sign-in as another machine gave it out, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The sign-in.
    pub row: HistoryRow,
    /// Its account now, without groups.
    pub account: Account,
    /// The names of the groups that its provider said last.
    pub groups: Vec<String>,
}

/// An API key that lives, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyElsewhere {
    /// The key.
    pub key: ApiKey,
    /// Its account now, without groups.
    pub account: Account,
    /// The names of the groups that its provider said last.
    pub groups: Vec<String>,
}

/// Another machine with the same database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// What people call it.
    pub name: String,
    /// Whether it has carried out everything that was written up to the question.
    pub applied: bool,
    /// Seconds since it was last heard of.
    pub silent: u64,
    /// Whether its cookie keys are those of the asking machine.
    pub same_keys: bool,
    /// The same of its factor key.
    pub same_factor_key: bool,
    /// By how many milliseconds its clock is ahead of the asking machine's, at least; one that is behind sees the other ahead.
    pub ahead: u64,
}
