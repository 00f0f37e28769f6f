//! API keys that live, in memory: by their ids, and by account; and the ends that the database has not heard of yet.
//!
//! What is changed here is written to the journal by the caller ([`owners`](super::owners)). It must not decide who may have a key.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Bound;

use portcullis_model::account::Role;
use portcullis_model::key::{ApiKey, KEYS_MAX, KeyId};
use portcullis_model::permission::{Actor, With};
use portcullis_model::sign_in::Principal;
use portcullis_model::{AccountId, UserName};
use portcullis_wire::keys::KeyRow;

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The key, without its last use.
    pub(crate) key: ApiKey,
    /// Its owner, as the name service said last.
    pub(crate) principal: Principal,
    /// Its owner's role.
    pub(crate) role: Role,
    /// Its owner is locked: it is kept, and opens nothing meanwhile.
    pub(crate) locked: bool,
    /// Its owner's account on this machine is not known: it opens nothing until they sign in or are looked up.
    pub(crate) waits: bool,
}

impl Held {
    /// Whether it opens anything.
    pub(crate) const fn usable(&self) -> bool {
        !self.locked && !self.waits
    }

    /// As servers are told.
    pub(crate) fn row(&self) -> KeyRow {
        let key = ApiKey { seal: Vec::new(), last_used: None, ..self.key.clone() };
        KeyRow { key, principal: self.principal.clone(), role: self.role }
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    all: BTreeMap<KeyId, Box<Held>>,
    of: HashMap<AccountId, Vec<KeyId>>,
    /// Ends that the database has not confirmed, with the time in milliseconds since 1970.
    owed: BTreeMap<KeyId, u64>,
    /// Ends that this launcher knows of: whoever gives such a row another life in the database gives it none here.
    over: BTreeSet<KeyId>,
    /// Uses that the database has not heard of: when (in milliseconds since 1970) and from where.
    pub(super) used: BTreeMap<KeyId, (u64, IpAddr)>,
    /// Those that open nothing any more, and whose streams were not ended yet.
    to_cut: BTreeMap<UserName, Vec<KeyId>>,
    /// Those whose seal may be another one than that of now.
    pub(super) to_seal: BTreeSet<KeyId>,
    /// Ends and uses that the store was asked to write.
    pub(super) writing: super::owners::Writing,
}

impl Keys {
    /// One of them.
    pub(crate) fn get(&self, id: &KeyId) -> Option<&Held> {
        self.all.get(id).map(AsRef::as_ref)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// All, in the order of their ids.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Held> {
        self.all.values().map(AsRef::as_ref)
    }

    /// Those behind this one in that order; it need not be there any more.
    pub(crate) fn after(&self, id: Option<&KeyId>) -> impl Iterator<Item = &Held> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range((from, Bound::Unbounded)).map(|(_, one)| one.as_ref())
    }

    /// Those of an account.
    pub(crate) fn of(&self, account: AccountId) -> impl Iterator<Item = &Held> {
        self.of.get(&account).into_iter().flatten().filter_map(|id| self.get(id))
    }

    /// Takes one in; one of the same id goes.
    pub(crate) fn insert(&mut self, held: Held) {
        self.remove(&held.key.id);
        self.of.entry(held.key.account).or_default().push(held.key.id);
        self.to_seal.insert(held.key.id);
        self.all.insert(held.key.id, Box::new(held));
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: &KeyId) -> Option<Held> {
        let held = self.all.remove(id)?;
        self.used.remove(id);
        self.to_seal.remove(id);
        if let Some(theirs) = self.of.get_mut(&held.key.account) {
            theirs.retain(|one| one != id);
            if theirs.is_empty() {
                self.of.remove(&held.key.account);
            }
        }
        Some(*held)
    }

    /// This one opens nothing any more: what hangs on it is to be ended.
    pub(super) fn cut(&mut self, held: &Held) {
        self.to_cut.entry(held.principal.user.clone()).or_default().push(held.key.id);
    }

    /// Those of this person that are to be cut, which is the caller's to do from here on.
    pub(crate) fn take_cuts(&mut self, user: &UserName) -> Vec<KeyId> {
        self.to_cut.remove(user).unwrap_or_default()
    }

    /// Whose are to be cut.
    pub(super) fn whose_are_cut(&self) -> Vec<UserName> {
        self.to_cut.keys().cloned().collect()
    }

    /// The database is to hear that this one ended.
    pub(crate) fn owe(&mut self, id: KeyId, at: u64) {
        self.owed.insert(id, at);
        self.is_known_to_be_over(id);
    }

    /// It is over, and stays so; of very many some are forgotten, for which the database is believed then.
    pub(super) fn is_known_to_be_over(&mut self, id: KeyId) {
        if self.over.len() >= KEYS_MAX {
            self.over.pop_first();
        }
        self.over.insert(id);
    }

    /// It has.
    pub(crate) fn paid(&mut self, id: &KeyId) {
        self.owed.remove(id);
    }

    /// Whether this one is over, whatever the database says.
    pub(super) fn is_over(&self, id: &KeyId) -> bool {
        self.over.contains(id) || self.owed.contains_key(id)
    }

    /// The keys that seals are made with are others: each key's is looked at.
    pub(crate) fn seal_all(&mut self) {
        self.to_seal = self.all.keys().copied().collect();
    }

    /// Ends that the database has not confirmed.
    pub(crate) fn owed(&self) -> impl Iterator<Item = (KeyId, u64)> {
        self.owed.iter().map(|(id, at)| (*id, *at))
    }

    /// It was used: the latest counts.
    pub(super) fn was_used(&mut self, id: KeyId, at: u64, from: IpAddr) {
        let Some(held) = self.all.get_mut(&id) else { return };
        if held.key.last_used.is_none_or(|(before, _)| before < at) {
            held.key.last_used = Some((at, from));
            self.used.insert(id, (at, from));
        }
    }

    /// Who asks by this key, if it may be used now (milliseconds since 1970). From where is for the server to judge.
    pub(crate) fn actor(&self, id: &KeyId, now: u64) -> Option<Actor> {
        let held = self.get(id).filter(|held| held.usable())?;
        let key = &held.key;
        if key.until.is_some_and(|until| until <= now) {
            return None;
        }
        let role = key.role(held.role);
        Some(Actor { account: Some(key.account), role, locked: false, with: With::Key(key.scopes) })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use portcullis_model::key::{KeyDigest, Scope};

    use super::*;

    /// A key of this id and account.
    pub(crate) fn held(id: &str, account: u8) -> Held {
        let principal = crate::state::tests::sample().sign_ins.remove(0).principal;
        Held {
            key: ApiKey {
                id: id.parse().expect("an id"),
                account: AccountId::from_bytes([account; 16]),
                name: "ci".into(),
                digest: KeyDigest::from_bytes([7; 32]),
                scopes: [Scope::Ide].into_iter().collect(),
                role_cap: Role::Publisher,
                sources: vec!["192.0.2.0/24".parse().expect("a net")],
                created: 1000,
                until: Some(2000),
                last_used: None,
                ended: None,
                seal: Vec::new(),
            },
            principal,
            role: Role::Administrator,
            locked: false,
            waits: false,
        }
    }

    #[test]
    fn an_account_has_those_that_are_left() {
        let mut keys = Keys::default();
        for (id, account) in [("aaaaaaaaaa", 1), ("bbbbbbbbbb", 1), ("aaaaaaaaaa", 2)] {
            keys.insert(held(id, account));
        }
        let of = |keys: &Keys, account| keys.of(AccountId::from_bytes([account; 16])).count();
        assert_eq!((of(&keys, 1), of(&keys, 2), keys.len()), (1, 1, 2));
        assert!(keys.remove(&"bbbbbbbbbb".parse().expect("an id")).is_some());
        assert_eq!((of(&keys, 1), keys.of.len()), (0, 1));
    }

    #[test]
    fn it_acts_with_the_least_role_and_not_when_it_is_barred_or_over() {
        let mut keys = Keys::default();
        let one = held("aaaaaaaaaa", 1);
        let id = one.key.id;
        keys.insert(one.clone());
        let actor = keys.actor(&id, 1999).expect("it may be used");
        assert_eq!((actor.role, actor.account), (Role::Publisher, Some(one.key.account)));
        assert!(keys.actor(&id, 2000).is_none(), "its time is over");
        for barred in [Held { locked: true, ..one.clone() }, Held { waits: true, ..one }] {
            keys.insert(barred);
            assert!(keys.actor(&id, 1).is_none());
        }
    }

    #[test]
    fn the_latest_use_counts() {
        let mut keys = Keys::default();
        let one = held("aaaaaaaaaa", 1);
        let (id, from) = (one.key.id, IpAddr::from([192, 0, 2, 1]));
        keys.insert(one);
        for at in [5, 9, 7] {
            keys.was_used(id, at, from);
        }
        keys.was_used("zzzzzzzzzz".parse().expect("an id"), 9, from);
        assert_eq!(keys.used.iter().collect::<Vec<_>>(), [(&id, &(9, from))]);
    }
}
