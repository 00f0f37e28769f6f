//! What waits for a launcher to write it: numbered, bounded, kept until it is on disk.

use std::collections::{BTreeMap, VecDeque};

use super::talk::{Seen, Why};

/// Most memory for things that wait: a day of ordinary work of some tens of sessions without a launcher.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most bytes of one message: below the channel's limit with room for the largest single thing.
const MESSAGE_BYTES: usize = 32 * 1024;
/// Most things in one message: a launcher handles a message in one turn.
const MESSAGE_THINGS: usize = 64;
/// Things that were handed out and are not on disk yet; more wait for the launcher.
const AHEAD_MAX: usize = 1024;

/// The things, oldest first.
#[derive(Debug, Default)]
pub(super) struct Store {
    things: VecDeque<Seen>,
    /// Number of the first of them.
    first: u64,
    /// How many of them this launcher was told.
    told: usize,
    bytes: usize,
    lost: BTreeMap<Option<u32>, u64>,
}

impl Store {
    /// Keeps one, or counts it where there is no room.
    pub(super) fn push(&mut self, seen: Seen) {
        if self.bytes >= BYTES_MAX {
            let count = if let Seen::Lost { count, .. } = seen { count } else { 1 };
            *self.lost.entry(seen.login()).or_default() += count;
            return;
        }
        for (login, count) in std::mem::take(&mut self.lost) {
            self.append(Seen::Lost { login, count, why: Why::Memory });
        }
        self.append(seen);
    }

    fn append(&mut self, seen: Seen) {
        self.bytes += seen.size();
        self.things.push_back(seen);
    }

    /// A message's worth of what was not told yet, with the number of the last one.
    pub(super) fn next(&self) -> Option<(u64, Vec<Seen>)> {
        if self.told >= AHEAD_MAX {
            return None;
        }
        let mut bytes = 0;
        let fits = |seen: &&Seen| {
            bytes += seen.size();
            bytes <= MESSAGE_BYTES
        };
        let mut some: Vec<Seen> =
            self.things.iter().skip(self.told).take(MESSAGE_THINGS).take_while(fits).cloned().collect();
        if some.is_empty() {
            some.extend(self.things.get(self.told).cloned());
        }
        let last = self.first + u64::try_from(self.told + some.len()).unwrap_or(0);
        (!some.is_empty()).then_some((last, some))
    }

    /// So many more were told.
    pub(super) fn told(&mut self, count: usize) {
        self.told = (self.told + count).min(self.things.len());
    }

    /// A new launcher was told nothing.
    pub(super) const fn tell_again(&mut self) {
        self.told = 0;
    }

    /// Everything up to this number is on disk.
    pub(super) fn written(&mut self, last: u64) {
        while self.first < last && self.told > 0 {
            let Some(seen) = self.things.pop_front() else { return };
            self.bytes -= seen.size().min(self.bytes);
            self.first += 1;
            self.told -= 1;
        }
        if self.bytes < BYTES_MAX && self.things.is_empty() {
            for (login, count) in std::mem::take(&mut self.lost) {
                self.append(Seen::Lost { login, count, why: Why::Memory });
            }
        }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.things.is_empty() && self.lost.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::talk::Executed;
    use super::*;

    fn thing(pid: i32, bytes: usize) -> Seen {
        Seen::Executed(Executed { login: 7, pid, cwd: "x".repeat(bytes), ..Executed::default() })
    }

    fn pids(seen: &[Seen]) -> Vec<i32> {
        let pid = |seen: &Seen| if let Seen::Executed(one) = seen { one.pid } else { -1 };
        seen.iter().map(pid).collect()
    }

    #[test]
    fn what_is_not_on_disk_is_told_to_the_next_launcher() {
        let mut store = Store::default();
        (0..3).for_each(|pid| store.push(thing(pid, 1)));
        let (last, some) = store.next().expect("things");
        assert_eq!((last, pids(&some)), (3, vec![0, 1, 2]));
        store.told(3);
        assert_eq!(store.next(), None);
        store.written(2);
        store.tell_again();
        let (last, some) = store.next().expect("things");
        assert_eq!((last, pids(&some)), (3, vec![2]));
        store.written(99);
        assert!(!store.is_empty(), "nothing was told to this one");
        store.told(1);
        store.written(99);
        assert!(store.is_empty());
    }

    #[test]
    fn messages_and_memory_are_bounded_and_what_is_too_much_is_counted() {
        let mut store = Store::default();
        store.push(thing(0, MESSAGE_BYTES * 2));
        store.push(thing(1, 1));
        assert_eq!(store.next().map(|(_, some)| some.len()), Some(1), "a large one goes alone");
        let many = BYTES_MAX / 10_000 + 20;
        for pid in 0..many {
            store.push(thing(i32::try_from(pid).expect("few"), 10_000));
        }
        assert!(store.bytes <= BYTES_MAX + 20_000);
        let mut last = None;
        while let Some((number, some)) = store.next() {
            store.told(some.len());
            store.written(number);
            last = some.last().cloned();
        }
        assert!(matches!(last, Some(Seen::Lost { login: Some(7), why: Why::Memory, .. })), "{last:?}");
        assert!(store.is_empty());
    }
}
