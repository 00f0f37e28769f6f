//! What root's command asks about accounts: put to the store, recorded, and carried through to whoever is signed in.
//!
//! Nothing is answered before the database has it. What takes something away ends it here as a revocation does, and is answered when
//! that is over.

use std::time::Instant;

use portcullis_model::AccountId;
use portcullis_model::account::{Account, Role};
use portcullis_model::audit::Event;
use portcullis_wire::ToServer;
use portcullis_wire::admin::{FromDaemon, Refusal};
use portcullis_wire::factors::FactorTold;
use portcullis_wire::identity::{AccountAct, StoreAnswer, StoreAsk, StoreRefusal};

use super::acts::By;
use crate::identity::{ACT_WITHIN, ForStore};
use crate::launcher::Launcher;
use crate::log::say;

impl Launcher {
    /// Asks the store for an administrator.
    pub(super) fn ask_for_administrator(&mut self, peer: u64, by: By, ask: StoreAsk, now: Instant) {
        let act = match &ask {
            StoreAsk::Act { act, .. } => Some(act.clone()),
            _ => None,
        };
        self.admin.waits_until(peer, now + ACT_WITHIN);
        self.ask_store_soon(ForStore::Administrator { peer, by, act }, ask, now);
    }

    /// What the store says to an administrator.
    pub(crate) fn accounts_answered(
        &mut self,
        peer: Option<u64>,
        by: &By,
        act: Option<&AccountAct>,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let done = |before: Option<Box<Account>>, after: Box<Account>| FromDaemon::AccountDone {
            before,
            after,
            moved: Vec::new(),
            but: None,
        };
        match result {
            Err(refusal) => {
                say!(Info, "a request about accounts was refused by={:?}: {refusal}", by.name);
                self.tell_administrator(peer, vec![FromDaemon::Refused(Refusal::Account(refusal))]);
            }
            Ok(StoreAnswer::Accounts { rows, more }) => {
                self.tell_administrator(peer, vec![FromDaemon::Accounts { rows, more }, FromDaemon::Done]);
            }
            Ok(StoreAnswer::Account { account, made: false, .. }) => {
                self.tell_administrator(peer, vec![FromDaemon::Account(account), FromDaemon::Done]);
            }
            Ok(StoreAnswer::Account { account, .. }) => {
                self.record_made(&account, &by.name);
                self.hold_for_administrator(peer, vec![done(None, account), FromDaemon::Done]);
            }
            Ok(StoreAnswer::Changed { before, after }) => {
                self.record_account_change(&before, &after, &by.name, by.login);
                self.role_changed(after.id, after.role);
                self.below_minimum(&after, now);
                self.keys_follow(&after);
                let ends = takes_away(&before, &after) || matches!(act, Some(AccountAct::Lock(_)));
                let (unix, account) = (before.unix.clone(), before.id);
                self.hold_for_administrator(peer, vec![done(Some(before), after)]);
                if ends {
                    self.revoke(&unix, Some(account), by, peer, now);
                } else {
                    self.hold_for_administrator(peer, vec![FromDaemon::Done]);
                }
            }
            Ok(StoreAnswer::Factor(told)) if matches!(*told, FactorTold::Dropped { .. }) => {
                let FactorTold::Dropped { account, gone } = *told else { return };
                for (kind, name) in &gone {
                    let whose = (account.unix.as_str(), account.id);
                    self.record_removed(whose, *kind, name, (&by.name, by.login));
                }
                let moved = vec![("factors".to_owned(), u64::try_from(gone.len()).unwrap_or(0))];
                let before = Some(account.clone());
                let done = FromDaemon::AccountDone { before, after: account, moved, but: None };
                self.hold_for_administrator(peer, vec![done, FromDaemon::Done]);
            }
            Ok(StoreAnswer::Transferred { from, to, moved, kept }) => {
                self.record_transfer(&from, &to, &moved, by);
                if matches!(act, Some(AccountAct::Transfer { keys: true, .. })) {
                    self.keys_moved(from.id, &to);
                    self.ask_for_given_keys(&from, &to, now);
                }
                self.keys_follow(&from);
                let (unix, account, removed) = (from.unix.clone(), from.id, from.removed.is_some());
                self.hold_for_administrator(
                    peer,
                    vec![FromDaemon::AccountDone { before: Some(from), after: to, moved, but: kept }],
                );
                if removed {
                    self.revoke(&unix, Some(account), by, peer, now);
                } else {
                    self.hold_for_administrator(peer, vec![FromDaemon::Done]);
                }
            }
            Ok(
                StoreAnswer::Done
                | StoreAnswer::Over(_)
                | StoreAnswer::Elsewhere(_)
                | StoreAnswer::Machines(_)
                | StoreAnswer::Mine(_)
                | StoreAnswer::Factor(_)
                | StoreAnswer::Past(_)
                | StoreAnswer::Spent(_)
                | StoreAnswer::Keys(_)
                | StoreAnswer::Key(_)
                | StoreAnswer::Groups { .. }
                | StoreAnswer::Group { .. }
                | StoreAnswer::Members { .. },
            ) => self.hold_for_administrator(peer, vec![FromDaemon::Done]),
        }
    }

    fn tell_administrator(&mut self, peer: Option<u64>, answer: Vec<FromDaemon>) {
        peer.into_iter().for_each(|peer| self.admin.tell(peer, answer.clone()));
    }

    fn hold_for_administrator(&mut self, peer: Option<u64>, answer: Vec<FromDaemon>) {
        peer.into_iter().for_each(|peer| self.admin.hold(peer, answer.clone()));
    }

    /// A role is another one: whoever is signed in has it from now on.
    pub(crate) fn role_changed(&mut self, account: AccountId, role: Role) {
        let theirs = self.sign_ins.values().filter(|one| one.account == Some(account) && one.role != role);
        let changed: Vec<_> = theirs.cloned().collect();
        for mut sign_in in changed {
            sign_in.role = role;
            self.journal.ended(&sign_in);
            self.journal.began(&sign_in);
            self.server.hold(ToServer::SignIn(Box::new(sign_in.clone())));
            self.sign_ins.insert(sign_in);
        }
    }

    /// An account was made.
    pub(crate) fn record_made(&mut self, account: &Account, by: &str) {
        self.log.write(Event::AccountCreated {
            user: account.unix.to_string(),
            account: account.id,
            provider: account.identity.provider.to_string(),
            role: account.role.word().into(),
            reason: account.role_reason.to_string(),
            by: by.into(),
        });
    }

    /// What of an account is otherwise: a record each.
    pub(crate) fn record_account_change(&mut self, before: &Account, after: &Account, by: &str, login: i64) {
        let (user, account, by) = (before.unix.to_string(), after.id, by.to_owned());
        match (before.locked.is_some(), after.locked.is_some()) {
            (false, true) => {
                let by = by.clone();
                self.log.write(Event::AccountLocked { user: user.clone(), account, login, by });
            }
            (true, false) => {
                let by = by.clone();
                self.log.write(Event::AccountUnlocked { user: user.clone(), account, login, by });
            }
            _ => {}
        }
        for (what, from, to) in differences(before, after) {
            let (user, what, by) = (user.clone(), what.to_owned(), by.clone());
            self.log.write(Event::AccountChanged { user, account, what, from, to, by, login });
        }
        if before.removed.is_none() && after.removed.is_some() {
            self.log.write(Event::AccountRemoved { user, account, login, by });
        }
    }

    fn record_transfer(&mut self, from: &Account, to: &Account, moved: &[(String, u64)], by: &By) {
        let moved: Vec<String> = moved.iter().map(|(what, count)| format!("{what} {count}")).collect();
        self.log.write(Event::AccountTransferred {
            user: from.unix.to_string(),
            account: from.id,
            to: to.unix.to_string(),
            to_account: to.id,
            moved: moved.join(", "),
            login: by.login,
            by: by.name.clone(),
        });
        if from.removed.is_some() {
            let (user, by, login) = (from.unix.to_string(), by.name.clone(), by.login);
            self.log.write(Event::AccountRemoved { user, account: from.id, login, by });
        }
    }
}

/// Whether whoever is signed in to the account before must not be after.
fn takes_away(before: &Account, after: &Account) -> bool {
    let locked = before.locked.is_none() && after.locked.is_some();
    let removed = before.removed.is_none() && after.removed.is_some();
    locked || removed || before.unix != after.unix || before.identity != after.identity
}

/// What differs, as the record says it.
fn differences(before: &Account, after: &Account) -> Vec<(&'static str, String, String)> {
    let identity = |account: &Account| format!("{} {}", account.identity.provider, account.identity.unique);
    let fields = [
        ("role", before.role.to_string(), after.role.to_string()),
        ("username", before.username.clone(), after.username.clone()),
        ("unix-name", before.unix.to_string(), after.unix.to_string()),
        ("identity", identity(before), identity(after)),
        ("first", before.profile.first.clone(), after.profile.first.clone()),
        ("last", before.profile.last.clone(), after.profile.last.clone()),
        ("email", before.profile.email.clone(), after.profile.email.clone()),
    ];
    let mut all: Vec<_> = fields.into_iter().filter(|(_, from, to)| from != to).collect();
    let only = |these: &Account, those: &Account| {
        let names = these.groups.iter().filter(|group| !those.groups.contains(group));
        names.map(|group| group.name.as_str()).collect::<Vec<_>>().join(",")
    };
    let (gone, new) = (only(before, after), only(after, before));
    if !gone.is_empty() || !new.is_empty() {
        all.push(("groups", gone, new));
    }
    all
}
