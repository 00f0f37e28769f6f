//! What is asked and answered about API keys, other people's accounts and groups: the part of [`Wish`](crate::accounts::Wish) that
//! programs ask for as well.

use portcullis_model::account::{Account, Identity, Role};
use portcullis_model::key::{ApiKey, KeyId, Scopes};
use portcullis_model::session::Ide;
use portcullis_model::{AccountId, GroupId, SessionId, UserName};
use serde::{Deserialize, Serialize};

use crate::admin::Typed;
use crate::identity::GroupRow;
use crate::open::OpenError;
use crate::watch::{Found, Search};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnedWish {
    /// Keys that live. Answered by [`OwnedAnswer::Keys`].
    Keys {
        /// Whose; one's own where nobody is named.
        of: Option<AccountId>,
    },
    /// A key for oneself. Answered by [`OwnedAnswer::KeyMade`].
    KeyCreate(NewKeyWish),
    /// A key ends. Answered by [`OwnedAnswer::Done`].
    KeyEnd {
        /// Whose it is; one's own where nobody is named.
        of: Option<AccountId>,
        /// Which.
        key: KeyId,
    },
    /// One account. Answered by [`OwnedAnswer::Person`].
    Person {
        /// Whose; one's own where nobody is named.
        of: Option<AccountId>,
    },
    /// An account before its first sign-in. Answered by [`OwnedAnswer::Person`].
    PersonAdd(NewPersonWish),
    /// Fields of an account. Answered by [`OwnedAnswer::Person`].
    PersonEdit {
        /// Whose.
        who: AccountId,
        /// What of it; what is none stays.
        edit: PersonEdit,
    },
    /// Groups of our own, in the order of their names. Answered by [`OwnedAnswer::Groups`].
    Groups {
        /// Behind this name and id.
        after: Option<(String, String)>,
        /// How many at most.
        limit: u32,
    },
    /// One group. Answered by [`OwnedAnswer::Group`].
    Group(GroupId),
    /// A group is made; it is the asker's. Answered by [`OwnedAnswer::Group`].
    GroupAdd {
        /// What people call it.
        name: String,
    },
    /// A group has another name. Answered by [`OwnedAnswer::Group`].
    GroupRename {
        /// Which.
        group: GroupId,
        /// What people call it.
        name: String,
    },
    /// There is no such group any more. Answered by [`OwnedAnswer::Done`].
    GroupRemove(GroupId),
    /// Who is in a group. Answered by [`OwnedAnswer::Members`].
    Members {
        /// Which.
        group: GroupId,
        /// Behind this name and id.
        after: Option<(String, String)>,
        /// How many at most.
        limit: u32,
    },
    /// Somebody is in a group, or isn't. Answered by [`OwnedAnswer::Done`].
    Member {
        /// Which.
        group: GroupId,
        /// Who.
        who: AccountId,
        /// Whether.
        member: bool,
    },
    /// Records of the audit log. Answered by [`OwnedAnswer::Found`].
    Audit(Search),
    /// A session of one's own is started. Answered by [`OwnedAnswer::Opened`].
    SessionOpen(Ide),
    /// A session of one's own is stopped. Answered by [`OwnedAnswer::Done`] before it is over.
    SessionStop(SessionId),
}

/// A key that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewKeyWish {
    /// For whom; oneself where nobody is named.
    pub of: Option<AccountId>,
    /// What its owner calls it.
    pub name: String,
    /// What it is to be good for.
    pub scopes: Scopes,
    /// The most it may do; as much as its owner where none is said.
    pub role: Option<Role>,
    /// How many days it lives; none: as long as may be.
    pub days: Option<u32>,
    /// From where it may be used, as texts of addresses with their masks; from everywhere when empty.
    pub sources: Vec<String>,
}

/// An account that is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPersonWish {
    /// Who it is.
    pub identity: Identity,
    /// The name at the provider.
    pub username: String,
    /// The Unix account.
    pub unix: UserName,
    /// Names and address.
    pub edit: PersonEdit,
}

/// Fields of an account; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEdit {
    /// The role.
    pub role: Option<Role>,
    /// The name at the provider.
    pub username: Option<String>,
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// Mail address.
    pub email: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OwnedAnswer {
    /// It is done, and on disk.
    Done,
    /// Keys that live, by the time they were made.
    Keys(Vec<ApiKey>),
    /// A key was made: the only message that has its text.
    KeyMade {
        /// As it is kept.
        key: Box<ApiKey>,
        /// What its owner is shown, once.
        text: Typed,
    },
    /// An account as it is now.
    Person(Box<Account>),
    /// Groups.
    Groups {
        /// Some.
        rows: Vec<GroupRow>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// A group as it is now.
    Group(GroupRow),
    /// Members: id and Unix name.
    Members {
        /// Some.
        rows: Vec<(AccountId, String)>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// Records.
    Found(Box<Found>),
    /// A session begins, or why not.
    Opened(Result<SessionId, OpenError>),
}
