//! The way back: the configurations before the active one, until the newest server has said that it uses a later one.
//!
//! A refusal goes back along it, by one. It must not be longer than what is undecided: whoever has the server in their hands
//! could have the launcher take up again what an administrator replaced long ago.

use std::time::{Duration, Instant};

/// Time for a server that serves to say what it thinks of a configuration; it takes milliseconds. What it says later brings nothing
/// back.
const JUDGED_WITHIN: Duration = Duration::from_secs(60);
/// Configurations kept at a time, with their keys; of more, the first (which was in force) and the last ones are.
const WAYS_MAX: usize = 8;

/// What is kept, with its number; the oldest first, which was in force. Empty: the active one is decided.
#[derive(Debug)]
pub(crate) struct Before<T> {
    ways: Vec<(u64, T)>,
    since: Option<Instant>,
}

impl<T> Default for Before<T> {
    fn default() -> Self {
        Self { ways: Vec::new(), since: None }
    }
}

/// What a refusal means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused<T> {
    /// This one is active again.
    Back(T),
    /// Of one that a later one has replaced already; it is no way back any more.
    Superseded,
    /// Of the active one, which is decided, or was there from the start.
    Decided,
    /// Of the active one, by a server that had its time.
    Late,
    /// Of none that is undecided.
    Unknown,
}

impl<T> Before<T> {
    /// Another one is active in this one's place.
    pub(super) fn replaced(&mut self, number: u64, old: T, now: Instant) {
        // Whatever was not refused in time stays.
        if self.is_late(now) {
            self.ways.clear();
        }
        if self.ways.len() >= WAYS_MAX {
            self.ways.remove(1);
        }
        self.ways.push((number, old));
        self.since = Some(now);
    }

    /// The one before the active one.
    pub(crate) fn last(&self) -> Option<&T> {
        self.ways.last().map(|(_, one)| one)
    }

    /// The newest server uses this one: nothing before it comes back. Whether it is one that may be in force.
    pub(super) fn judged(&mut self, number: u64, active: u64) -> bool {
        let known = number == active || self.ways.iter().any(|(way, _)| *way == number);
        if known {
            self.ways.retain(|(way, _)| *way >= number);
        }
        known
    }

    /// The newest server can't use this one. `serves`: it is not just being started, so its time counts.
    pub(super) fn refused(&mut self, number: u64, active: u64, serves: bool, now: Instant) -> Refused<T> {
        if number != active {
            // The oldest was in force before the others were.
            let Some(at) = self.ways.iter().skip(1).position(|(way, _)| *way == number) else {
                return Refused::Unknown;
            };
            self.ways.remove(at + 1);
            return Refused::Superseded;
        }
        if self.ways.is_empty() {
            return Refused::Decided;
        }
        if serves && self.is_late(now) {
            return Refused::Late;
        }
        self.ways.pop().map_or(Refused::Decided, |(_, old)| Refused::Back(old))
    }

    fn is_late(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| now.saturating_duration_since(since) > JUDGED_WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 was in force, then came 2 and 3.
    fn two(now: Instant) -> Before<u64> {
        let mut before = Before::default();
        before.replaced(1, 1, now);
        before.replaced(2, 2, now);
        before
    }

    #[test]
    fn what_is_in_force_is_not_given_up() {
        let now = Instant::now();
        let mut before = two(now);
        assert!(before.judged(3, 3));
        for number in [1, 2, 4] {
            assert_eq!(before.refused(number, 3, true, now), Refused::Unknown);
        }
        assert_eq!(before.refused(3, 3, true, now), Refused::Decided);
        assert_eq!(before.last(), None);
        assert!(!before.judged(2, 3) && !before.judged(4, 3));
    }

    #[test]
    fn refusals_go_back_to_what_was_in_force() {
        let now = Instant::now();
        let mut before = two(now);
        assert_eq!(before.refused(1, 3, true, now), Refused::Unknown, "it was in force");
        assert_eq!(before.refused(2, 3, true, now), Refused::Superseded);
        assert_eq!(before.refused(3, 3, true, now), Refused::Back(1));
        assert_eq!(before.refused(3, 1, true, now), Refused::Unknown);
        assert_eq!(before.refused(1, 1, true, now), Refused::Decided);
        // A server that died between the two, and another one that refuses what it is started with.
        let mut before = two(now);
        assert_eq!(before.refused(3, 3, false, now), Refused::Back(2));
        assert_eq!(before.refused(2, 2, false, now), Refused::Back(1));
        assert_eq!(before.refused(1, 1, false, now), Refused::Decided);
    }

    #[test]
    fn one_in_between_that_is_in_force_is_the_way_back() {
        let now = Instant::now();
        let mut before = two(now);
        assert!(before.judged(2, 3));
        assert_eq!(before.refused(3, 3, true, now), Refused::Back(2));
        assert_eq!(before.refused(2, 2, true, now), Refused::Decided);
    }

    #[test]
    fn a_server_that_said_nothing_brings_nothing_back_later() {
        let now = Instant::now();
        let late = now + JUDGED_WITHIN + Duration::from_secs(1);
        let mut before = two(now);
        assert_eq!(before.refused(3, 3, true, late), Refused::Late);
        assert_eq!(before.refused(3, 3, false, late), Refused::Back(2), "a new one decides at its start");
        let mut before = two(now);
        before.replaced(3, 3, late);
        assert_eq!(before.refused(4, 4, true, late), Refused::Back(3));
        assert_eq!(before.refused(3, 3, true, late), Refused::Decided);
    }

    #[test]
    fn there_are_not_many_at_a_time() {
        let now = Instant::now();
        let mut before = Before::default();
        (1..=100).for_each(|number| before.replaced(number, number, now));
        let kept: Vec<u64> = before.ways.iter().map(|(number, _)| *number).collect();
        assert_eq!(kept, [1, 94, 95, 96, 97, 98, 99, 100]);
    }
}
