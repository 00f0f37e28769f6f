//! Buckets in the manner of GCRA, in a map of bounded size.
//!
//! A failure moves a bucket's time forward by one interval; while it stands further ahead of now than the burst allows, it is full.
//! It knows nothing of names and addresses: [`super::Throttle`] does.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// How fast one bucket refills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// Time until one more fits in.
    pub(super) interval: Duration,
    /// How many fit in at once.
    pub(super) burst: u32,
}

/// Entries per map: about 300 KiB each at the most. A full map keeps those it has, so that a flood of new names can't push
/// an attacked name's count out; names that find no room share one bucket.
pub(super) const ENTRIES: usize = 4096;
/// How often a full map is looked through for entries that are over.
const PRUNE_EVERY: Duration = Duration::from_secs(1);

/// The buckets of one kind of key.
#[derive(Debug)]
pub(super) struct Buckets<K> {
    /// Of each of them; a change counts at once.
    pub(super) rate: Rate,
    until: HashMap<K, Duration>,
    overflow: Duration,
    /// When entries that are over were last removed: a flood must not cost a walk through the map each time.
    pruned: Duration,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, until: HashMap::new(), overflow: Duration::ZERO, pruned: Duration::ZERO }
    }

    /// Whether one more fits in.
    pub(super) fn open(&self, key: &K, now: Duration) -> bool {
        let missing = if self.until.len() < ENTRIES { Duration::ZERO } else { self.overflow };
        let until = self.until.get(key).copied().unwrap_or(missing);
        until.saturating_sub(now) + self.rate.interval <= self.rate.interval * self.rate.burst
    }

    /// Takes out what [`Self::charge`] put in.
    pub(super) fn take_back(&mut self, key: &K) {
        let interval = self.rate.interval;
        // One that found no room, or is over by now, stays counted with the others.
        if let Some(until) = self.until.get_mut(key) {
            *until = until.saturating_sub(interval);
        }
    }

    /// Puts one in.
    pub(super) fn charge(&mut self, key: K, now: Duration) {
        if self.until.len() >= ENTRIES && now >= self.pruned + PRUNE_EVERY {
            self.pruned = now;
            self.until.retain(|_, until| *until > now);
        }
        let full = self.until.len() >= ENTRIES && !self.until.contains_key(&key);
        let until = if full { &mut self.overflow } else { self.until.entry(key).or_default() };
        // Never further ahead than the burst: attempts that ran at the same time must not add up to a lock-out.
        *until = ((*until).max(now) + self.rate.interval).min(now + self.rate.interval * self.rate.burst);
    }

    /// Empties one.
    pub(super) fn forget(&mut self, key: &K) {
        self.until.remove(key);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.until.len()
    }
}
