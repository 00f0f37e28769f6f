//! What a look found, put in force: other groups, or the end of everything.
//!
//! ORDER: all of it is in the journal and the state at the turn's end, before servers hear of it; a launcher that is killed at any
//! moment afterwards leaves the next one the groups of now. Called by `check`, and by a sign-in whose groups are others than those of
//! the person's other browsers.

use std::time::Instant;

use portcullis_model::AccountId;
use portcullis_model::account::Account;
use portcullis_model::audit::Event;
use portcullis_model::sign_in::{Principal, SignIn, SignInEnd};
use portcullis_wire::ToServer;
use portcullis_wire::batches::{SIGN_IN_MAX, size};
use portcullis_wire::identity::{StoreAnswer, StoreRefusal};

use super::{LOST_MAX, Person};
use crate::admin::By;
use crate::launcher::Launcher;
use crate::log::say;

/// A person with these groups besides, each once.
pub(crate) fn with_groups_of(mut principal: Principal, names: Vec<String>) -> Principal {
    for name in names {
        if !principal.groups.contains(&name) {
            principal.groups.push(name);
        }
    }
    principal
}

/// Names that only these have, with commas between them.
fn only(these: &[String], those: &[String]) -> String {
    let mut names: Vec<&str> =
        these.iter().filter(|name| !those.contains(name)).map(String::as_str).collect();
    names.sort_unstable();
    names.join(",")
}

impl Launcher {
    /// Who somebody is now, for everything of theirs; whether anything is otherwise.
    pub(crate) fn is_now(&mut self, principal: &Principal, by: &str, now: Instant) -> bool {
        let theirs = self.sign_ins.of(principal.uid).filter(|one| one.principal.user == principal.user);
        let others: Vec<SignIn> = theirs.filter(|one| one.principal != *principal).cloned().collect();
        let mut groups = None;
        for before in others {
            let after = SignIn { principal: principal.clone(), ..before.clone() };
            if size(&after) > SIGN_IN_MAX {
                say!(Warn, "an account is in more groups than fit into a message user={}", principal.user);
                self.end_sign_in(before.id, SignInEnd::Account);
                continue;
            }
            groups.get_or_insert_with(|| before.principal.groups.clone());
            self.journal.again(&before, &after);
            self.server.hold(ToServer::SignIn(Box::new(after.clone())));
            self.sign_ins.insert(after);
        }
        let accounts: std::collections::BTreeSet<AccountId> = {
            let held = self.keys.values().filter(|held| {
                // A name that was given to another number is another person: such a key waits for its own owner.
                let same = held.principal.user == principal.user && held.principal.uid == principal.uid;
                same && (held.principal != *principal || held.waits)
            });
            held.map(|held| held.key.account).collect()
        };
        for account in &accounts {
            self.owner_is_now(*account, principal);
        }
        let in_sessions = self.regroup_sessions(principal, now);
        let changed = groups.is_some() || in_sessions.is_some() || !accounts.is_empty();
        if let Some(before) = groups.or(in_sessions) {
            let (gone, new) = (only(&before, &principal.groups), only(&principal.groups, &before));
            if !gone.is_empty() || !new.is_empty() {
                let user = principal.user.to_string();
                say!(Info, "groups are others now user={user} gone={gone:?} new={new:?} by={by:?}");
                self.log.write(Event::MembershipChanged { user, gone, new, by: by.into() });
            }
        }
        changed
    }

    /// Somebody must not be here any more: everything of theirs ends as by a revocation. It is no lock: who may again, comes again.
    pub(super) fn identity_lost(
        &mut self,
        person: &Person,
        account: Option<AccountId>,
        why: &str,
        cause: &str,
        now: Instant,
    ) {
        let user = person.1.clone();
        say!(Warn, "an identity is lost user={user} why={why:?}");
        self.log.write(Event::IdentityLost { user: user.to_string(), why: why.into(), by: cause.into() });
        self.owner_is_lost(&user);
        let by = By { login: -1, name: format!("the account ({cause})") };
        self.put_out(&user, account, SignInEnd::Account, (&by, None), now);
        self.sync.unlocked.remove(&user);
        if !self.sync.lost.contains(&user) {
            self.sync.lost.push_back(user);
            while self.sync.lost.len() > LOST_MAX {
                self.sync.lost.pop_front();
            }
        }
    }

    /// Somebody signed in: whether they were lost before.
    pub(crate) fn identity_back(&mut self, principal: &Principal) {
        let before = self.sync.lost.len();
        self.sync.lost.retain(|user| *user != principal.user);
        if self.sync.lost.len() < before {
            self.log.write(Event::IdentityBack { user: principal.user.to_string() });
            self.dirty.soon();
        }
    }

    /// What the database says of a look.
    pub(crate) fn synced(&mut self, result: Result<StoreAnswer, StoreRefusal>, now: Instant) {
        match result {
            Ok(StoreAnswer::Account { account, before, .. }) => {
                self.account_synced(&account, before.as_deref(), now)
            }
            Ok(_) => {}
            // The account is somebody's still, and locked here: that was carried out as it was done.
            Err(StoreRefusal::Locked | StoreRefusal::Removed) => {}
            // Who is signed in has it already; the database has it at the next look.
            Err(why) => say!(Info, "what was found of an account is not in the database: {why}"),
        }
    }

    fn account_synced(&mut self, account: &Account, before: Option<&Account>, now: Instant) {
        if let Some(before) = before {
            self.record_account_change(before, account, "sync", -1);
            self.role_changed(account.id, account.role);
            self.keys_follow(account);
            self.below_minimum(account, now);
        }
    }

    /// Where a role is less than sessions are for, those of its account end, after a warning.
    pub(crate) fn below_minimum(&mut self, account: &Account, now: Instant) {
        if account.role < self.active.settings.roles.session_minimum_role {
            self.end_sessions_of_less(&account.unix, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_added_once_and_differences_are_named_in_order() {
        let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        let principal = crate::state::tests::sample().sign_ins.remove(0).principal;
        let both = with_groups_of(principal, names(&["staff", "wheel", "wheel"]));
        assert_eq!(both.groups, names(&["alice", "staff", "wheel"]));
        assert_eq!(only(&names(&["c", "a", "b"]), &names(&["b"])), "a,c");
        assert_eq!(only(&names(&["a"]), &names(&["a"])), "");
    }
}
