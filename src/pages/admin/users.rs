//! Everybody's accounts: who they are, what they may do, whether they are locked.

use askama::Template;
use portcullis_model::account::Role;

use super::AdminFrame;
use super::people::percent;
use crate::{Frame, render, when};

/// An account.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// What the forms name it by.
    pub id: String,
    /// Its number, as the command line has it.
    pub number: u64,
    /// The name at its provider.
    pub username: String,
    /// The Unix account.
    pub unix: String,
    /// First and last name, or what pages call it; may be empty.
    pub called: String,
    /// Who keeps the identity.
    pub provider: String,
    /// What they may do at the most.
    pub role: Role,
    /// Why it is that one.
    pub reason: String,
    /// Since when it is locked, in seconds since 1970, and by whom.
    pub locked: Option<(u64, String)>,
    /// Last sign-in, in seconds since 1970.
    pub last_sign_in: Option<u64>,
    /// Whether it is the one that looks.
    pub own: bool,
}

/// Address `/admin/users`. Changes are posted to `/admin/users/act`.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/users.html")]
pub struct UsersPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// What the forms carry.
    pub token: &'a str,
    /// Accounts in the order of their numbers.
    pub users: &'a [UserRow],
    /// A part of a name that was asked for.
    pub matching: &'a str,
    /// Whether only those that are not locked were asked for.
    pub only_live: bool,
    /// Whether there are more behind the last.
    pub more: bool,
    /// Why nothing can be shown.
    pub problem: Option<&'a str>,
}

impl UsersPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn ago(&self, at: &u64) -> String {
        when::ago(*at, self.admin.now)
    }

    /// Where the next accounts are.
    fn next(&self) -> Option<String> {
        let last = self.users.last().filter(|_| self.more)?;
        Some(format!("/admin/users?{}after={}", self.kept(), last.number))
    }

    /// What was asked for, for another address.
    fn kept(&self) -> String {
        let live = if self.only_live { "live-only=1&" } else { "" };
        if self.matching.is_empty() {
            live.to_owned()
        } else {
            format!("{live}matching={}&", percent(self.matching))
        }
    }
}

impl UserRow {
    pub(super) fn at(&self, at: &u64) -> String {
        when::rfc3339(*at)
    }

    pub(super) fn roles(&self) -> impl Iterator<Item = (Role, bool)> {
        let own = self.role;
        Role::ALL.into_iter().map(move |role| (role, role == own))
    }
}
