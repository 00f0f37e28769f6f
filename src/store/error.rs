//! Why the store says no. Each names the thing; none holds a secret.

use portcullis_model::UserName;
use thiserror::Error;

/// Why a query was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// An administrator locked the account.
    #[error("the account is locked")]
    Locked,
    /// The account was removed; only an administrator makes it anew.
    #[error("the account was removed")]
    Removed,
    /// Accounts are made beforehand here (`register-on-first-login`), and there is none.
    #[error("there is no account, and none is made at a first sign-in")]
    Unregistered,
    /// The Unix account belongs to another identity.
    #[error("the account `{0}` of this machine belongs to another identity")]
    Taken(UserName),
    /// There is one of this identity already.
    #[error("there is an account `{0}` of this identity already")]
    Exists(String),
    /// Nobody and nothing of that name.
    #[error("there is no {what} `{name}`")]
    Absent {
        /// A kind of thing, e.g. `account`.
        what: &'static str,
        /// As it was asked for.
        name: String,
    },
    /// Several of that name.
    #[error("there are several accounts `{0}`: name one by its id")]
    Several(String),
    /// Nobody would administrate any more.
    #[error("`{0}` is the last administrator")]
    LastAdministrator(String),
    /// Something is owned yet.
    #[error("`{name}` owns {count} {what}: transfer them first")]
    Owns {
        /// Who.
        name: String,
        /// How many.
        count: u64,
        /// What, in the plural.
        what: &'static str,
    },
    /// More than the limit.
    #[error("there are {limit} {what} already, which is the limit")]
    TooMany {
        /// What, in the plural.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// The database can't be reached, or does not answer in time. Nothing is known of what was being written.
    #[error("{0}")]
    Unreachable(String),
    /// The disk is full, or a quota.
    #[error("no space for the database: {0}")]
    Full(String),
    /// The database answered something else than it should.
    #[error("the database: {0}")]
    Broken(String),
}

impl Error {
    /// True when another try a little later may work without anybody doing something.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    pub(crate) fn absent(what: &'static str, name: impl std::fmt::Display) -> Self {
        Self::Absent { what, name: name.to_string() }
    }
}

/// Why a database can't be used at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Another store has the file.
    #[error("another process uses the database in `{0}`")]
    InUse(String),
    /// A newer program wrote it.
    #[error("the database has version {found}, this program knows {known}: a newer program wrote it")]
    Newer {
        /// The database's version.
        found: u64,
        /// The program's.
        known: u64,
    },
    /// It is no database, or a broken one.
    #[error("`{path}` is damaged or is no database: {why}")]
    Damaged {
        /// The file.
        path: String,
        /// What SQLite says.
        why: String,
    },
    /// The settings don't go together.
    #[error("{0}")]
    Settings(String),
    /// Anything else.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// An error and what caused it, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
