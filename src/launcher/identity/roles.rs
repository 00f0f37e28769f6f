//! Which roles of the identity program there are, and what each is called.

use std::path::PathBuf;

use portcullis_model::proof::MethodName;

use super::once;
use crate::dirs::Dirs;

/// A child's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Keeps accounts.
    Store,
    /// Asks providers.
    Ask(MethodName),
    /// Examines one proof and ends: what parses what strangers send, and keeps nothing of it for the next. The number is the proof's.
    Once(MethodName, u64),
}

impl Role {
    /// For logs and records.
    pub(super) fn name(self) -> String {
        match self {
            Self::Store => "store".into(),
            Self::Ask(method) => format!("ask {method}"),
            Self::Once(method, _) => once::word(method).into(),
        }
    }

    /// Whether both are told the same: what is for one proof is for any other of its method.
    pub(crate) fn is_told_as(self, other: Self) -> bool {
        match (self, other) {
            (Self::Once(one, _), Self::Once(two, _)) => one == two,
            (one, two) => one == two,
        }
    }
}

impl Dirs {
    /// The folder that is a role's own, where it has one.
    pub(super) fn of_role(&self, role: Role) -> Option<PathBuf> {
        match role {
            Role::Store => Some(self.accounts()),
            Role::Once(MethodName::Kerberos, _) => Some(self.tickets()),
            Role::Ask(_) | Role::Once(..) => None,
        }
    }
}
