//! Live sign-ins in memory: by their ids, and by account.
//!
//! Called by everybody who asks who is signed in. What is changed here is written to the journal by the caller (`lives`).

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use portcullis_model::sign_in::SignIn;
use portcullis_model::{SignInId, Uid};

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct SignIns {
    /// In the order of their ids, for whoever goes through them piece by piece; boxed, since half of such a tree's places are empty.
    all: BTreeMap<SignInId, Box<SignIn>>,
    /// Those of each account: to grant one must not cost a look at all.
    of: HashMap<Uid, Vec<SignInId>>,
}

impl SignIns {
    /// One of them.
    pub(crate) fn get(&self, id: &SignInId) -> Option<&SignIn> {
        self.all.get(id).map(AsRef::as_ref)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// All, in the order of their ids.
    pub(crate) fn values(&self) -> impl Iterator<Item = &SignIn> {
        self.all.values().map(AsRef::as_ref)
    }

    /// Those behind this one in that order; it need not be there any more.
    pub(crate) fn after(&self, id: Option<&SignInId>) -> impl Iterator<Item = &SignIn> {
        let from = id.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range((from, Bound::Unbounded)).map(|(_, one)| one.as_ref())
    }

    /// Those of an account.
    pub(crate) fn of(&self, uid: Uid) -> impl Iterator<Item = &SignIn> {
        self.of.get(&uid).into_iter().flatten().filter_map(|id| self.get(id))
    }

    /// Takes one in; one of the same id goes.
    pub(crate) fn insert(&mut self, sign_in: SignIn) {
        self.remove(&sign_in.id);
        self.of.entry(sign_in.principal.uid).or_default().push(sign_in.id);
        self.all.insert(sign_in.id, Box::new(sign_in));
    }

    /// Moves the end of one after an act at `seen`, both in seconds since 1970; of one that isn't there it does nothing.
    pub(crate) fn move_end(&mut self, id: &SignInId, until: u64, seen: u64) {
        if let Some(sign_in) = self.all.get_mut(id) {
            (sign_in.until, sign_in.seen) = (until, seen);
        }
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, id: &SignInId) -> Option<SignIn> {
        let sign_in = self.all.remove(id)?;
        let uid = sign_in.principal.uid;
        if let Some(own) = self.of.get_mut(&uid) {
            own.retain(|one| one != id);
            if own.is_empty() {
                self.of.remove(&uid);
            }
        }
        Some(*sign_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(number: u8, uid: u32) -> SignIn {
        let mut one = crate::state::tests::sample().sign_ins.remove(0);
        one.id = SignInId::from_bytes([number; 16]);
        one.principal.uid = Uid(uid);
        one
    }

    #[test]
    fn an_account_has_those_that_are_left() {
        let mut all = SignIns::default();
        for (number, uid) in [(3, 1000), (1, 1000), (2, 1001), (1, 1001)] {
            all.insert(sign_in(number, uid));
        }
        let of =
            |all: &SignIns, uid| -> Vec<u8> { all.of(Uid(uid)).map(|one| one.id.as_bytes()[0]).collect() };
        assert_eq!((of(&all, 1000), of(&all, 1001), all.len()), (vec![3], vec![2, 1], 3));
        let id = |number| SignInId::from_bytes([number; 16]);
        let after =
            |number: u8| all.after(Some(&id(number))).map(|one| one.id.as_bytes()[0]).collect::<Vec<_>>();
        assert_eq!((after(0), after(1), after(9)), (vec![1, 2, 3], vec![2, 3], vec![]));
        assert_eq!(all.after(None).count(), 3);
        all.move_end(&id(2), 7, 5);
        all.move_end(&id(9), 7, 5);
        let moved = all.get(&id(2)).expect("one");
        assert_eq!((moved.until, moved.seen), (7, 5));
        assert_eq!(all.remove(&id(3)).expect("one").principal.uid, Uid(1000));
        assert!(all.remove(&id(3)).is_none() && of(&all, 1000).is_empty() && all.of.len() == 1);
        assert!(!all.is_empty());
    }
}
