//! Floods: how many records a session may cause, and refusals that are alike.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::talk::{By, Refused, Seen, Why};

/// Programs started at once of which each gets its record: a large build's.
const STARTS_BURST: u32 = 5000;
/// Beyond, per second: more than anybody reads, less than fills a disk within a day.
const STARTS_PER_SECOND: u32 = 100;
/// The same of refusals, which are counted together besides.
const REFUSALS_BURST: u32 = 1000;
/// See [`STARTS_PER_SECOND`].
const REFUSALS_PER_SECOND: u32 = 20;
/// Refusals alike within this time are one record (and one for the first of them, at once).
const ALIKE_WITHIN: Duration = Duration::from_secs(60);
/// Kinds of refusals that are kept apart in one session; beyond, each is told by itself.
const KINDS_MAX: usize = 1024;
/// How often it is said how many were left out.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// A bucket that fills at a rate.
#[derive(Debug)]
struct Bucket {
    left: u32,
    most: u32,
    per_second: u32,
    filled: Instant,
}

impl Bucket {
    const fn new(most: u32, per_second: u32, now: Instant) -> Self {
        Self { left: most, most, per_second, filled: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let millis = now.saturating_duration_since(self.filled).as_millis();
        let more = u32::try_from(millis * u128::from(self.per_second) / 1000).unwrap_or(u32::MAX);
        // Fractions are kept: the time moves on only by what was filled.
        if more > 0 {
            self.left = self.left.saturating_add(more).min(self.most);
            self.filled = now;
        }
        let taken = self.left > 0;
        self.left -= u32::from(taken);
        taken
    }
}

type Kind = (By, String, String, String);

/// One session's measure.
#[derive(Debug)]
pub(super) struct Calm {
    login: u32,
    starts: Bucket,
    refusals: Bucket,
    alike: HashMap<Kind, (Instant, Option<Refused>)>,
    left_out: u64,
    said: Instant,
}

impl Calm {
    pub(super) fn new(login: u32, now: Instant) -> Self {
        Self {
            login,
            starts: Bucket::new(STARTS_BURST, STARTS_PER_SECOND, now),
            refusals: Bucket::new(REFUSALS_BURST, REFUSALS_PER_SECOND, now),
            alike: HashMap::new(),
            left_out: 0,
            said: now,
        }
    }

    /// What becomes a record now.
    pub(super) fn pass(&mut self, seen: Seen, now: Instant) -> Option<Seen> {
        let passes = match &seen {
            Seen::Executed(_) => self.starts.take(now),
            Seen::Refused(refused) => {
                let kind =
                    (refused.by, refused.what.clone(), refused.target.clone(), refused.program.clone());
                if let Some((_, more)) = self.alike.get_mut(&kind) {
                    match more {
                        Some(more) => more.count += 1,
                        None => *more = Some(refused.clone()),
                    }
                    return None;
                }
                let passes = self.refusals.take(now);
                if passes && self.alike.len() < KINDS_MAX {
                    self.alike.insert(kind, (now, None));
                }
                passes
            }
            Seen::Lost { .. } => true,
        };
        if !passes {
            self.left_out += 1;
        }
        passes.then_some(seen)
    }

    /// What has waited long enough; `all` for everything.
    pub(super) fn due(&mut self, now: Instant, all: bool) -> Vec<Seen> {
        let mut due = Vec::new();
        self.alike.retain(|_, (since, more)| {
            let over = all || now.saturating_duration_since(*since) >= ALIKE_WITHIN;
            if over {
                due.extend(more.take().map(Seen::Refused));
            }
            !over
        });
        if self.left_out > 0 && (all || now.saturating_duration_since(self.said) >= SAY_EVERY) {
            self.said = now;
            let count = std::mem::take(&mut self.left_out);
            due.push(Seen::Lost { login: Some(self.login), count, why: Why::Rate });
        }
        due
    }

    /// Whether something waits.
    pub(super) fn waits(&self) -> bool {
        self.left_out > 0 || !self.alike.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(target: &str) -> Seen {
        let [program, what] = ["/x", "openat"].map(str::to_owned);
        let by = By::Permissions;
        Seen::Refused(Refused { login: 1, pid: 5, program, what, target: target.into(), by, count: 1 })
    }

    #[test]
    fn a_flood_is_counted() {
        let now = Instant::now();
        let mut calm = Calm::new(1, now);
        let start = || Seen::Executed(super::super::talk::Executed::default());
        let passed = (0..STARTS_BURST + 50).filter(|_| calm.pass(start(), now).is_some()).count();
        assert_eq!(passed, STARTS_BURST as usize);
        assert!(calm.due(now, false).is_empty() && calm.waits());
        let due = calm.due(now + SAY_EVERY, false);
        assert_eq!(due, [Seen::Lost { login: Some(1), count: 50, why: Why::Rate }]);
        let later = now + Duration::from_secs(2);
        let passed = (0..500).filter(|_| calm.pass(start(), later).is_some()).count();
        assert_eq!(passed, 2 * STARTS_PER_SECOND as usize);
    }

    #[test]
    fn alike_refusals_are_one_at_once_and_one_for_the_rest() {
        let now = Instant::now();
        let mut calm = Calm::new(1, now);
        assert!(calm.pass(refused("/a"), now).is_some() && calm.pass(refused("/b"), now).is_some());
        for _ in 0..7 {
            assert_eq!(calm.pass(refused("/a"), now), None);
        }
        assert!(calm.due(now + ALIKE_WITHIN / 2, false).is_empty());
        let due = calm.due(now + ALIKE_WITHIN, false);
        assert!(matches!(&due[..], [Seen::Refused(Refused { count: 7, .. })]), "{due:?}");
        assert!(!calm.waits());
        assert!(calm.pass(refused("/a"), now + ALIKE_WITHIN).is_some());
        for n in 0..5000 {
            calm.pass(refused(&n.to_string()), now + ALIKE_WITHIN);
        }
        assert!(calm.alike.len() <= KINDS_MAX);
    }
}
