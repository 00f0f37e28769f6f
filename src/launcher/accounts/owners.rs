//! API keys through their life: made, told to servers, barred while their owner is locked, ended, and the database told of it.
//!
//! A key is in the database before it is in the journal, and in the journal before anybody hears of it. An end is in the journal
//! first, so that it holds while the database is away; the database is told until it has confirmed, also by the next launcher. It
//! must not decide who may do so: its callers did.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use portcullis_model::account::Account;
use portcullis_model::audit::Event;
use portcullis_model::key::{KeyEnd, KeyId};
use portcullis_model::sign_in::Principal;
use portcullis_model::{AccountId, UserName};
use portcullis_wire::ToServer;
use portcullis_wire::identity::{ROWS_AT_ONCE, Select, StoreAnswer, StoreAsk, StoreRefusal};
use portcullis_wire::keys::{KEY_MAX, KEYS_AT_ONCE, batches, size};

use super::coming::Comer;
use super::keys::Held;
use super::keys_elsewhere::nobody_yet;
use crate::admin::By;
use crate::clock;
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::say;
use crate::server::ServerNo;

/// How long uses wait to be written: nobody needs them sooner in another machine's list.
const USED_EVERY: Duration = Duration::from_secs(10);
/// Pause before ends that could not be written are tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// Keys whose time is over that end in one turn.
const EXPIRED_AT_ONCE: usize = 256;

/// What of ends and uses the store was asked to write.
#[derive(Debug, Default)]
pub(crate) struct Writing {
    under_way: bool,
    again_at: Option<Instant>,
    /// When uses are written next.
    uses_at: Option<Instant>,
    /// Whose keys are held against the database: whatever became of them while it was not heard.
    look_up: VecDeque<AccountId>,
}

/// What of keys was told to the store and is not answered yet.
#[derive(Debug)]
pub(crate) enum Told {
    /// These ended.
    Ended(Vec<KeyId>),
    /// These were used.
    Used(Vec<(KeyId, u64, IpAddr)>),
    /// Who is this by now?
    Owner(AccountId),
    /// Which keys of this account live?
    KeysOf(AccountId),
    /// These have other seals.
    Sealed(Vec<(KeyId, Vec<u8>)>),
}

/// Milliseconds since 1970.
pub(crate) fn milliseconds() -> u64 {
    clock::seconds().saturating_mul(1000)
}

impl Launcher {
    /// A key that is in the database lives from here on.
    pub(crate) fn begin_key(&mut self, held: Held) {
        self.journal.key(&held);
        if held.usable() {
            self.server.hold(ToServer::Keys(vec![held.row()]));
        }
        self.keys.insert(held);
    }

    /// Tells a server of all keys that may be used.
    pub(crate) fn tell_keys(&mut self, no: ServerNo) {
        for batch in batches(self.keys.values().filter(|held| held.usable()).map(Held::row)) {
            self.server.hold_to(no, ToServer::Keys(batch));
        }
    }

    /// Takes a key out: in the journal, recorded, owed to the database. What hangs on it ends with this turn.
    pub(crate) fn end_key(&mut self, id: KeyId, why: KeyEnd, by: Option<&By>) -> bool {
        self.nobody_comes_by(Comer::Key(id));
        let Some(held) = self.keys.remove(&id) else { return false };
        let at = milliseconds();
        self.journal.key_ended(&held, at);
        if why == KeyEnd::OtherMachine {
            // The database said so, and may say that it lives elsewhere: there is nothing to be told, by the next launcher neither.
            self.journal.keys_paid(&[id]);
        } else {
            self.keys.owe(id, at);
        }
        self.keys.cut(&held);
        let user = held.principal.user.to_string();
        say!(Info, "an API key ended user={user} key={id} why={why:?}");
        let (login, by) = by.map_or((-1, String::new()), |by| (by.login, by.name.clone()));
        self.log.write(Event::KeyEnded { user, account: held.key.account, key: id, why, login, by });
        true
    }

    /// Ends several.
    pub(crate) fn end_keys(&mut self, ids: &[KeyId], why: KeyEnd, by: Option<&By>) {
        for id in ids {
            self.end_key(*id, why, by);
        }
    }

    /// Ends all of a person: of this name here, or of this account.
    pub(crate) fn end_keys_of(&mut self, user: &UserName, account: Option<AccountId>, by: &By) {
        let theirs = |held: &&Held| held.principal.user == *user || Some(held.key.account) == account;
        let ids: Vec<KeyId> = self.keys.values().filter(theirs).map(|held| held.key.id).collect();
        self.end_keys(&ids, KeyEnd::Revoked, Some(by));
    }

    /// A key that was written and is nobody's: the database is to forget it.
    pub(crate) fn disown_key(&mut self, id: KeyId) {
        self.nobody_comes_by(Comer::Key(id));
        let at = milliseconds();
        self.journal.key_owed(id, at);
        self.keys.owe(id, at);
    }

    /// An account is otherwise: its keys are worth what it is now.
    pub(crate) fn keys_follow(&mut self, account: &Account) {
        self.look_anew_at_keys_of(account.id);
        let theirs: Vec<Held> = self.keys.of(account.id).cloned().collect();
        if account.removed.is_some() {
            let ids: Vec<KeyId> = theirs.iter().map(|held| held.key.id).collect();
            self.end_keys(&ids, KeyEnd::Account, None);
            return;
        }
        for before in theirs {
            let mut held = before.clone();
            held.role = account.role;
            held.locked = account.locked.is_some();
            if held.principal.user != account.unix {
                // Who that is on this machine is known once they sign in; whoever has the name of before is not.
                held.principal = nobody_yet(&account.unix);
                held.waits = true;
            }
            self.change_key(&before, held);
        }
    }

    /// Somebody's account on this machine is this now: by a sign-in, or a look at memberships.
    pub(crate) fn owner_is_now(&mut self, account: AccountId, principal: &Principal) {
        let theirs: Vec<Held> = self.keys.of(account).cloned().collect();
        for before in theirs {
            let mut held = before.clone();
            held.principal = principal.clone();
            held.waits = false;
            self.change_key(&before, held);
        }
    }

    /// Somebody must not be here any more: their keys open nothing until they are found again.
    pub(crate) fn owner_is_lost(&mut self, user: &UserName) {
        let theirs = self.keys.values().filter(|held| held.principal.user == *user && !held.waits);
        let theirs: Vec<Held> = theirs.cloned().collect();
        for before in theirs {
            let held = Held { waits: true, ..before.clone() };
            self.change_key(&before, held);
        }
    }

    /// Keys of one account are another's: they open nothing until it is known who that is here.
    pub(crate) fn keys_moved(&mut self, from: AccountId, to: &Account) {
        let who =
            self.sign_ins.values().find(|one| one.account == Some(to.id) && one.principal.user == to.unix);
        let who = who.map(|one| one.principal.clone());
        self.look_anew_at_keys_of(from);
        let theirs: Vec<Held> = self.keys.of(from).cloned().collect();
        for before in theirs {
            let mut held = before.clone();
            held.key.account = to.id;
            held.role = to.role;
            held.locked = to.locked.is_some();
            held.waits = who.is_none();
            held.principal = who.clone().unwrap_or_else(|| nobody_yet(&to.unix));
            // It is somebody else's: what hangs on it was the other's.
            self.keys.cut(&before);
            self.change_key(&before, held);
        }
        // ORDER: before they are told of again as what they are now.
        self.cut_keys(Instant::now());
        let moved: Vec<_> = self.keys.of(to.id).filter(|held| held.usable()).map(Held::row).collect();
        for batch in batches(moved) {
            self.server.hold(ToServer::Keys(batch));
        }
    }

    pub(super) fn change_key(&mut self, before: &Held, mut after: Held) {
        if size(&after.row()) > KEY_MAX {
            // As a sign-in of such an account: it could be told to no server, nor kept.
            say!(Warn, "an API key opens nothing: its owner is in too many groups key={}", after.key.id);
            after = Held { waits: true, ..before.clone() };
        }
        if *before == after {
            return;
        }
        self.journal.key_changed(before, &after);
        if !after.usable() && before.usable() {
            self.keys.cut(before);
        }
        if after.usable() {
            self.server.hold(ToServer::Keys(vec![after.row()]));
        }
        self.keys.insert(after);
    }

    /// Ends what hangs on keys that open nothing any more. Called at the end of a turn; a revocation of the same turn takes them along.
    pub(crate) fn cut_keys(&mut self, now: Instant) {
        for user in self.keys.whose_are_cut() {
            let cut = self.keys.take_cuts(&user);
            for some in cut.chunks(KEYS_AT_ONCE) {
                self.cut_these_keys(&user, some.to_vec(), None, now);
            }
        }
    }

    /// `KeysUsed`.
    pub(crate) fn keys_used(&mut self, used: Vec<(KeyId, u64, IpAddr)>) {
        let now = milliseconds();
        for (id, at, from) in used {
            // A server's clock is this machine's.
            self.keys.was_used(id, at.min(now + 1000), from);
        }
    }

    /// Keys whose time is over; whether there may be more.
    pub(crate) fn expire_keys(&mut self) -> bool {
        let now = milliseconds();
        let over = self.keys.values().filter(|held| held.key.until.is_some_and(|until| until <= now));
        let over: Vec<KeyId> = over.map(|held| held.key.id).take(EXPIRED_AT_ONCE).collect();
        let more = over.len() == EXPIRED_AT_ONCE;
        self.end_keys(&over, KeyEnd::Expired, None);
        more
    }

    /// Tells the database of ends and uses. ORDER: after the journal is on disk.
    pub(crate) fn tell_store_of_keys(&mut self, now: Instant) {
        let writing = &self.keys.writing;
        let waits = writing.again_at.is_some_and(|at| now < at);
        if writing.under_way || waits || !self.identity.store.is_ready() || !self.is_healthy() {
            return;
        }
        // ORDER: ends first: other machines wait for them, and owners may be thousands.
        let ended: Vec<(KeyId, u64)> = self.keys.owed().take(ROWS_AT_ONCE).collect();
        if !ended.is_empty() {
            self.keys.writing.under_way = true;
            let ids = ended.iter().map(|(id, _)| *id).collect();
            return self.ask_store(ForStore::Keys(Told::Ended(ids)), StoreAsk::KeysEnded(ended), now);
        }
        if let Some(account) = self.keys.writing.look_up.pop_front() {
            self.keys.writing.under_way = true;
            let ask = StoreAsk::Find(Select::Id(account));
            return self.ask_store(ForStore::Keys(Told::Owner(account)), ask, now);
        }
        let seals = self.seals_to_write();
        if !seals.is_empty() {
            self.keys.writing.under_way = true;
            let told = ForStore::Keys(Told::Sealed(seals.clone()));
            return self.ask_store(told, StoreAsk::KeysSealed(seals), now);
        }
        if self.keys.used.is_empty() {
            return;
        }
        let due = *self.keys.writing.uses_at.get_or_insert(now + USED_EVERY);
        if now >= due {
            let used: Vec<_> =
                self.keys.used.iter().take(ROWS_AT_ONCE).map(|(id, (at, from))| (*id, *at, *from)).collect();
            self.keys.writing.under_way = true;
            self.keys.writing.uses_at = None;
            self.ask_store(ForStore::Keys(Told::Used(used.clone())), StoreAsk::KeysUsed(used), now);
        }
    }

    /// What the database says to that.
    pub(crate) fn store_heard_of_keys(
        &mut self,
        told: Told,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        self.keys.writing.under_way = false;
        self.keys.writing.again_at = None;
        match (&told, &result) {
            (Told::Owner(account), Ok(StoreAnswer::Account { account: found, .. })) => {
                let account = *account;
                self.owner_found(found, now);
                self.keys.writing.under_way = true;
                let ask = StoreAsk::KeysOf(account);
                return self.ask_store(ForStore::Keys(Told::KeysOf(account)), ask, now);
            }
            (Told::Owner(account), Err(StoreRefusal::Removed)) => {
                let ids: Vec<KeyId> = self.keys.of(*account).map(|held| held.key.id).collect();
                return self.end_keys(&ids, KeyEnd::Account, None);
            }
            (Told::Owner(account), Err(StoreRefusal::NoAccount(_))) => return self.nobody_owns(*account),
            (Told::KeysOf(account), Ok(StoreAnswer::Keys(live))) => {
                let gone = self.keys.of(*account).map(|held| held.key.id);
                let gone: Vec<KeyId> = gone.filter(|id| live.iter().all(|key| key.id != *id)).collect();
                return self.end_keys(&gone, KeyEnd::OtherMachine, None);
            }
            (Told::Owner(account) | Told::KeysOf(account), _) => {
                // Behind the others, which one that can't be read must not keep back.
                self.keys.writing.look_up.push_back(*account);
            }
            (Told::Ended(_) | Told::Used(_) | Told::Sealed(_), _) => {}
        }
        if let Err(error) = result {
            if let Told::Sealed(seals) = told {
                self.seals_written(seals, false);
            }
            say!(Warn, "what became of API keys is not written at the moment, it is tried again: {error}");
            self.keys.writing.again_at = Some(now + AGAIN);
            return;
        }
        match told {
            Told::Ended(ids) => {
                self.journal.keys_paid(&ids);
                ids.iter().for_each(|id| self.keys.paid(id));
            }
            Told::Used(used) => {
                for (id, at, from) in used {
                    // One that was used again meanwhile is told again.
                    if self.keys.used.get(&id) == Some(&(at, from)) {
                        self.keys.used.remove(&id);
                    }
                }
            }
            Told::Sealed(seals) => self.seals_written(seals, true),
            Told::Owner(_) | Told::KeysOf(_) => self.keys.writing.again_at = Some(now + AGAIN),
        }
    }

    /// The database can be asked: whoever has a key is looked up, for a lock, another role or an end may be in it whose answer nobody
    /// heard here.
    pub(crate) fn look_up_owners(&mut self) {
        let all: BTreeSet<AccountId> = self.keys.values().map(|held| held.key.account).collect();
        self.keys.writing.look_up = all.into_iter().collect();
        self.keys.writing.under_way = false;
    }

    /// Somebody with a key is this by now.
    fn owner_found(&mut self, account: &Account, now: Instant) {
        self.role_changed(account.id, account.role);
        self.below_minimum(account, now);
        self.keys_follow(account);
        let signed_in = self.sign_ins.values().any(|one| one.account == Some(account.id));
        if !account.live() && signed_in {
            let by = By { login: -1, name: "the database".into() };
            self.revoke(&account.unix, Some(account.id), &by, None, now);
        }
    }

    /// The database knows nobody of this id: it may be another one. Keys of nobody open nothing.
    fn nobody_owns(&mut self, account: AccountId) {
        let theirs: Vec<Held> = self.keys.of(account).cloned().collect();
        for before in theirs {
            let held = Held { waits: true, ..before.clone() };
            self.change_key(&before, held);
        }
    }

    /// When there is something to write.
    pub(crate) fn keys_deadline(&self) -> Option<Instant> {
        let writing = &self.keys.writing;
        // What can't be told now is no reason to wake up.
        if writing.under_way || !self.identity.store.is_ready() || !self.is_healthy() {
            return None;
        }
        // Those that were not looked at in this turn.
        let seals = (!self.keys.to_seal.is_empty() && writing.again_at.is_none()).then(Instant::now);
        writing.again_at.into_iter().chain(writing.uses_at).chain(seals).min()
    }
}
