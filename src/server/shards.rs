//! A map in 256 parts that snapshots share: a change copies the part it is in and 256 pointers, however many entries there are.
//!
//! Each part counts what was taken out of it or put in another's place, so that what somebody remembered of an entry is void when
//! its own part changed, and not when any did. Keys spread by themselves: ids are random, and nobody chooses theirs. It takes no
//! lock. Used by `state` alone.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Index;
use std::sync::Arc;

/// Parts: of 100,000 entries some 400 are copied by a change, and 255 of 256 connections keep what they remember.
const PARTS: usize = 256;

/// A key that says in which part it stands.
pub(crate) trait Spread {
    /// One byte of it that is as good as random.
    fn spread(&self) -> u8;
}

impl Spread for portcullis_model::SignInId {
    fn spread(&self) -> u8 {
        self.as_bytes()[0]
    }
}

impl Spread for portcullis_model::key::KeyId {
    fn spread(&self) -> u8 {
        // Each of its letters has five random bits.
        self.as_str().bytes().take(3).fold(0, |mixed: u8, byte| mixed.wrapping_mul(37).wrapping_add(byte))
    }
}

/// One part.
#[derive(Debug)]
struct Part<K, V> {
    entries: Arc<HashMap<K, Arc<V>>>,
    epoch: u64,
}

impl<K, V> Clone for Part<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), epoch: self.epoch }
    }
}

/// All parts. A copy of it costs one count.
#[derive(Debug)]
pub(crate) struct Shards<K, V> {
    parts: Arc<[Part<K, V>; PARTS]>,
}

impl<K, V> Clone for Shards<K, V> {
    fn clone(&self) -> Self {
        Self { parts: self.parts.clone() }
    }
}

impl<K: Spread + Hash + Eq + Clone, V> Shards<K, V> {
    /// Nothing.
    pub(crate) fn new() -> Self {
        Self { parts: Arc::new(std::array::from_fn(|_| Part { entries: Arc::default(), epoch: 0 })) }
    }

    fn part(&self, key: &K) -> &Part<K, V> {
        &self.parts[usize::from(key.spread())]
    }

    fn part_mut(&mut self, key: &K) -> &mut Part<K, V> {
        &mut Arc::make_mut(&mut self.parts)[usize::from(key.spread())]
    }

    /// Counts up when anything in this key's part is taken away or put in another's place.
    pub(crate) fn epoch(&self, key: &K) -> u64 {
        self.part(key).epoch
    }

    /// One entry.
    pub(crate) fn get(&self, key: &K) -> Option<&Arc<V>> {
        self.part(key).entries.get(key)
    }

    /// Whether there is one.
    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.entries.len()).sum()
    }

    /// Whether there is none.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.entries.is_empty())
    }

    /// All, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &Arc<V>)> + Clone {
        self.parts.iter().flat_map(|part| part.entries.iter())
    }

    /// All keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Arc<V>> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// Puts one in. What was remembered of one of the same key stays as good as it was: use [`Shards::rewrite`] where it doesn't.
    pub(crate) fn insert(&mut self, key: K, value: Arc<V>) {
        Arc::make_mut(&mut self.part_mut(&key).entries).insert(key, value);
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<Arc<V>> {
        // Looked at before anything is copied for nothing.
        self.get(key)?;
        let part = self.part_mut(key);
        part.epoch += 1;
        Arc::make_mut(&mut part.entries).remove(key)
    }

    /// Puts others in the place of those for which there is one; parts without any are not copied.
    pub(crate) fn rewrite(&mut self, mut other: impl FnMut(&Arc<V>) -> Option<Arc<V>>) {
        let before = self.parts.clone();
        for (at, part) in before.iter().enumerate() {
            let others: Vec<(K, Arc<V>)> =
                part.entries.iter().filter_map(|(key, value)| Some((key.clone(), other(value)?))).collect();
            if others.is_empty() {
                continue;
            }
            let part = &mut Arc::make_mut(&mut self.parts)[at];
            part.epoch += 1;
            Arc::make_mut(&mut part.entries).extend(others);
        }
    }
}

impl<K: Spread + Hash + Eq + Clone, V> Index<&K> for Shards<K, V> {
    type Output = Arc<V>;

    fn index(&self, key: &K) -> &Arc<V> {
        self.get(key).expect("an entry of this key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Spread for u32 {
        fn spread(&self) -> u8 {
            self.to_be_bytes()[3]
        }
    }

    fn full(count: u32) -> Shards<u32, u32> {
        let mut all = Shards::new();
        (0..count).for_each(|n| all.insert(n, Arc::new(n)));
        all
    }

    /// How many parts are not the same piece of memory.
    fn copied(one: &Shards<u32, u32>, other: &Shards<u32, u32>) -> usize {
        let pairs = one.parts.iter().zip(other.parts.iter());
        pairs.filter(|(one, other)| !Arc::ptr_eq(&one.entries, &other.entries)).count()
    }

    /// How many parts say that something remembered is void.
    fn void(one: &Shards<u32, u32>, other: &Shards<u32, u32>) -> usize {
        (0..256).filter(|key| one.epoch(key) != other.epoch(key)).count()
    }

    #[test]
    fn it_is_a_map() {
        let mut all = full(1000);
        assert_eq!((all.len(), all.keys().count(), all.values().count()), (1000, 1000, 1000));
        assert!((0..1000).all(|n| **all.get(&n).expect("one") == n && *all[&n] == n));
        assert!(all.get(&1000).is_none() && !all.contains_key(&1256));
        all.insert(7, Arc::new(70));
        assert_eq!((*all[&7], all.len()), (70, 1000));
        assert_eq!(all.remove(&7).as_deref(), Some(&70));
        assert!(all.remove(&7).is_none() && all.get(&7).is_none());
        // Another one of the same part is still there.
        assert_eq!((*all[&263], all.len()), (263, 999));
    }

    #[test]
    fn a_change_copies_one_part_and_the_snapshot_before_stays_as_it_was() {
        let before = full(100_000);
        let mut after = before.clone();
        assert_eq!(copied(&before, &after), 0);
        after.remove(&513);
        assert_eq!((copied(&before, &after), void(&before, &after)), (1, 1));
        assert!(before.contains_key(&513) && !after.contains_key(&513));
        after.remove(&513);
        after.remove(&200_000);
        assert_eq!(
            (copied(&before, &after), void(&before, &after)),
            (1, 1),
            "what isn't there copies nothing"
        );
        after.insert(514, Arc::new(0));
        assert_eq!((copied(&before, &after), void(&before, &after)), (2, 1), "what comes voids nothing");
        assert_eq!((*before[&514], *after[&514]), (514, 0));
    }

    #[test]
    fn others_take_the_place_of_those_that_are_meant_alone() {
        let before = full(1000);
        let mut after = before.clone();
        after.rewrite(|value| (**value == 300 || **value == 301).then(|| Arc::new(**value * 2)));
        assert_eq!((copied(&before, &after), void(&before, &after)), (2, 2));
        assert_eq!((*after[&300], *after[&301], *after[&302], after.len()), (600, 602, 302, 1000));
        after.rewrite(|value| Some(value.clone()));
        assert_eq!(void(&before, &after), 256);
        let mut alone = full(3);
        let epoch = alone.epoch(&1);
        alone.rewrite(|_| None);
        assert_eq!(alone.epoch(&1), epoch);
    }
}
