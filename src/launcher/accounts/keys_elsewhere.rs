//! API keys that another machine made: honoured here when they are used, and ended here for everybody.
//!
//! A row of the database is believed as far as its seal goes, which only launchers make: what the key is worth, whose it is, as whom it
//! acts. That it lives, the database says; an end is believed from anybody. Whether its owner may be here, this machine's own PAM and
//! name service say ([`known`](super::known)). Whoever holds a key seals it anew when something of it is otherwise, or the cookie keys
//! are. It must not decide who may end a key: its callers did.

use std::time::Instant;

use portcullis_model::account::Account;
use portcullis_model::audit::Event;
use portcullis_model::key::{ApiKey, KEYS_MAX, KeyEnd, KeyId};
use portcullis_model::seal::{SealedKey, Sealer};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{AccountId, Gid, Uid, UserName};
use portcullis_wire::identity::{KeyElsewhere, ROWS_AT_ONCE, StoreAnswer, StoreAsk, StoreRefusal};
use portcullis_wire::keys::{KEY_MAX, size};
use portcullis_wire::{ToServer, WireError};

use super::coming::Comer;
use super::keys::Held;
use super::owners::milliseconds;
use crate::admin::By;
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::say;
use crate::server::ServerNo;

/// Keys that are looked at in one turn, whether their seal is that of now: each costs some microseconds.
const LOOKED_AT_ONCE: usize = 1024;

/// The seal of a key with this owner.
fn seal_of(sealer: &Sealer, key: &ApiKey, principal: &Principal) -> Vec<u8> {
    sealer.key(&SealedKey { key, user: principal.user.as_str() }, principal.uid)
}

/// An owner who is not known on this machine yet: nobody has this number.
pub(super) fn nobody_yet(user: &UserName) -> Principal {
    Principal {
        user: user.clone(),
        uid: Uid(u32::MAX),
        gid: Gid(u32::MAX),
        groups: Vec::new(),
        home: String::new(),
        shell: String::new(),
    }
}

impl Launcher {
    /// `KnownKey`: the server saw a text of a key's form with this id, which is unknown there.
    pub(crate) fn known_key_ask(&mut self, from: (ServerNo, u64), id: KeyId, now: Instant) {
        let held = self.keys.get(&id);
        if let Some(held) = held.filter(|held| held.usable()) {
            let told = ToServer::Keys(vec![held.row()]);
            self.server.hold_to(from.0, told);
            return self.recognised(&[from], true);
        }
        let locked = held.is_some_and(|held| held.locked);
        if locked || self.keys.is_over(&id) || !self.active.settings.people.api_keys_enabled {
            return self.recognised(&[from], false);
        }
        self.comes(from, Comer::Key(id), now);
    }

    /// Whether a row is one of ours and opens something now, and its owner's number; `Err(None)`: it is, and doesn't.
    pub(super) fn judge_key(&self, id: KeyId, found: &KeyElsewhere) -> Result<Uid, Option<String>> {
        let KeyElsewhere { key, account, .. } = found;
        if key.id != id || key.account != account.id {
            return Err(Some("it is another row than the one that was asked for".into()));
        }
        let sealer = self.sealer().ok_or_else(|| Some("there is no key to check it by".to_owned()))?;
        let uid = match sealer.check_key(&SealedKey { key, user: account.unix.as_str() }, &key.seal) {
            Ok(uid) => uid,
            // Given to somebody, or its owner has another name: it is sealed anew once this machine knows who that is.
            Err(_) if self.keys.get(&id).is_some_and(|held| held.waits) => return Err(None),
            Err(error) => return Err(Some(error.to_string())),
        };
        let over = key.ended.is_some()
            || key.until.is_some_and(|until| until <= milliseconds())
            || !account.live()
            || self.is_put_out(found);
        if over { Err(None) } else { Ok(uid) }
    }

    /// Whether it was ended here, which the database does not know yet.
    fn is_put_out(&self, found: &KeyElsewhere) -> bool {
        let KeyElsewhere { key, account, .. } = found;
        self.keys.is_over(&key.id) || self.journal.debts().puts_out(&account.unix, key.created / 1000)
    }

    /// Everything said yes: from here on it is a key of this machine, too.
    pub(super) fn take_key(&mut self, found: KeyElsewhere, principal: Principal) {
        let comer = Comer::Key(found.key.id);
        if self.is_put_out(&found) {
            return self.is_not_known(comer);
        }
        let KeyElsewhere { key, account, .. } = found;
        let held = Held { key, principal, role: account.role, locked: false, waits: false };
        if self.keys.len() >= KEYS_MAX {
            return self.not_taken(comer, "there are too many keys");
        }
        if size(&held.row()) > KEY_MAX {
            return self.not_taken(comer, "its owner is in too many groups");
        }
        let (user, uid, id) = (held.principal.user.to_string(), held.principal.uid, held.key.id);
        say!(Info, "an API key of another machine is used user={user} key={id}");
        self.log.write(Event::KeyElsewhere { user, uid, key: id });
        match self.keys.get(&id).cloned() {
            Some(before) => self.change_key(&before, held),
            None => self.begin_key(held),
        }
        self.forget_coming(comer, true);
    }

    /// Keys ended elsewhere.
    pub(crate) fn keys_ended_elsewhere(&mut self, ids: &[KeyId]) -> Result<(), WireError> {
        self.only_of_others()?;
        ids.iter().for_each(|id| self.keys.is_known_to_be_over(*id));
        self.end_keys(ids, KeyEnd::OtherMachine, None);
        Ok(())
    }

    /// Keys that live and were made or changed elsewhere: one that is another account's by now is nothing that this machine knows.
    pub(crate) fn keys_are_of(&mut self, all: &[(KeyId, AccountId)]) -> Result<(), WireError> {
        self.only_of_others()?;
        for &(id, account) in all {
            self.look_anew_at_key(id, account);
            if self.keys.get(&id).is_some_and(|held| held.key.account != account) {
                self.end_key(id, KeyEnd::OtherMachine, None);
            }
        }
        Ok(())
    }

    /// The seal that a key has with this owner; none where no other machine shares the database.
    pub(super) fn seal_for(&self, key: &ApiKey, principal: &Principal) -> Vec<u8> {
        let sealer = self.sealer().filter(|_| self.shares_accounts());
        sealer.map(|sealer| seal_of(&sealer, key, principal)).unwrap_or_default()
    }

    /// Some of those whose seal is not that of now, with the one that they are to have.
    pub(super) fn seals_to_write(&mut self) -> Vec<(KeyId, Vec<u8>)> {
        let Some(sealer) = self.sealer().filter(|_| self.shares_accounts()) else {
            self.keys.to_seal.clear();
            return Vec::new();
        };
        let mut seals = Vec::new();
        for _ in 0..LOOKED_AT_ONCE {
            if seals.len() >= ROWS_AT_ONCE {
                break;
            }
            let Some(id) = self.keys.to_seal.pop_first() else { break };
            // Of one that waits it is not known who its owner is here.
            let Some(held) = self.keys.get(&id).filter(|held| !held.waits) else { continue };
            let seal = seal_of(&sealer, &held.key, &held.principal);
            if held.key.seal != seal {
                seals.push((id, seal));
            }
        }
        seals
    }

    /// They are written, or are to be written again.
    pub(super) fn seals_written(&mut self, seals: Vec<(KeyId, Vec<u8>)>, written: bool) {
        for (id, seal) in seals {
            let Some(before) = self.keys.get(&id).cloned() else { continue };
            if !written {
                self.keys.to_seal.insert(id);
                continue;
            }
            let key = ApiKey { seal, ..before.key.clone() };
            let after = Held { key, ..before.clone() };
            self.journal.key_changed(&before, &after);
            // Once more looked at: something of it may be otherwise since. Its last use is still to be told.
            let used = self.keys.used.get(&id).copied();
            self.keys.insert(after);
            self.keys.used.extend(used.map(|used| (id, used)));
        }
    }

    /// Ends a key that nobody used here, on all machines.
    pub(crate) fn end_key_elsewhere(&mut self, found: &KeyElsewhere, why: KeyEnd, by: &By) {
        let (id, user) = (found.key.id, found.account.unix.to_string());
        if self.end_key(id, why, Some(by)) {
            return; // it was used meanwhile
        }
        self.disown_key(id);
        say!(Info, "an API key of another machine ended user={user} key={id} why={why:?}");
        let (login, by, account) = (by.login, by.name.clone(), found.account.id);
        self.log.write(Event::KeyEnded { user, account, key: id, why, login, by });
    }

    /// Keys of one account were given to another by an act of this machine: those that nobody used here, too.
    pub(crate) fn ask_for_given_keys(&mut self, from: &Account, to: &Account, now: Instant) {
        if self.shares_accounts() {
            let who = ForStore::KeysGiven { from: Box::new(from.clone()), to: Box::new(to.clone()) };
            self.ask_store(who, StoreAsk::KeysOf(to.id), now);
        }
    }

    /// The keys that the other has now. Whose seal is that of the giver is taken in, to be sealed for the taker.
    pub(crate) fn keys_given(
        &mut self,
        from: &Account,
        to: &Account,
        result: Result<StoreAnswer, StoreRefusal>,
    ) {
        let (Ok(StoreAnswer::Keys(keys)), Some(sealer)) = (result, self.sealer()) else {
            return say!(Warn, "API keys that were given away open nothing where they were not used before");
        };
        let user = from.unix.as_str();
        for key in keys {
            let before = ApiKey { account: from.id, ..key.clone() };
            let ours = sealer.check_key(&SealedKey { key: &before, user }, &key.seal).is_ok();
            let held = self.keys.get(&key.id).is_some();
            // Its end, which the database did not know when it was asked.
            let over =
                self.keys.is_over(&key.id) || self.journal.debts().puts_out(&from.unix, key.created / 1000);
            if held || over || !ours || key.account != to.id || self.keys.len() >= KEYS_MAX {
                continue;
            }
            let is_taker = |one: &&SignIn| one.account == Some(to.id) && one.principal.user == to.unix;
            let who = self.sign_ins.values().find(is_taker);
            let (principal, waits) = match who {
                Some(one) => (one.principal.clone(), false),
                None => (nobody_yet(&to.unix), true),
            };
            let locked = to.locked.is_some();
            self.begin_key(Held { key, principal, role: to.role, locked, waits });
        }
    }
}
