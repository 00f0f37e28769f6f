//! When a session ends, and why it doesn't: pure functions of its clocks, of what was seen of it, and of the time.
//!
//! Called by the launcher at each of its looks, and for `portcullis session why-alive`. It must not look at anything itself:
//! not at a clock, a file or a process, so that a table of facts tests it.

use serde::{Deserialize, Serialize};

use crate::session::EndReason;

mod clock;
mod sign;
#[cfg(test)]
mod tests;
mod why;

pub use clock::{Clock, Clocks, LEAD, lead};
pub use sign::{Mark, Seen, Sign};
pub use why::{ClockState, WhyAlive, clock_states, signs};

/// Until a session that would not be suspended is asked again, in seconds.
pub const ASKED_AGAIN: u64 = 60;

/// What is known of a session at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// This moment, in seconds since 1970.
    pub now: u64,
    /// When it started.
    pub started: u64,
    /// A person's last act.
    pub acted: u64,
    /// What else was seen.
    pub seen: Seen,
}

impl Facts {
    /// What reset a clock last.
    fn last(&self, clock: Clock) -> Mark {
        let start = Mark { at: self.started, by: Sign::Start };
        let act = start.or(Mark { at: self.acted, by: self.seen.act });
        let mark = |at, by| Mark { at, by };
        // Of what was seen at the same look, what says most comes first.
        let running = |first: Mark| {
            first
                .or(mark(self.seen.kernel, Sign::Kernel))
                .or(mark(self.seen.transfer, Sign::Transfer))
                .or(mark(self.seen.processor, Sign::Processor))
                .or(mark(self.seen.disk, Sign::Disk))
        };
        match clock {
            Clock::Idle => running(act),
            Clock::Disconnected => running(act.or(mark(self.seen.browser, Sign::Browser))),
            Clock::KillHours => act,
            Clock::MaximumAge | Clock::Membership => start,
        }
    }
}

/// One clock of a session, as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Deadline {
    clock: Clock,
    value: u32,
    length: u64,
    last: Mark,
    at: u64,
    suspends: bool,
    /// It is past, and the IDE would not be suspended.
    asked: bool,
}

/// The clocks that are set.
fn deadlines(clocks: &Clocks, facts: &Facts) -> Vec<Deadline> {
    let one = |clock: Clock| {
        let value = clocks.value(clock);
        let length = u64::from(value) * clock.unit();
        let last = facts.last(clock);
        let suspends = clocks.suspends && matches!(clock, Clock::Idle | Clock::Disconnected);
        let at = last.at + length;
        // Asked since this clock ran out: what runs in it is its own to know, and it is asked again after a while.
        let asked = suspends && facts.seen.unsuspended >= at;
        let at = if asked { facts.seen.unsuspended + ASKED_AGAIN } else { at };
        Deadline { clock, value, length, last, at, suspends, asked }
    };
    Clock::ALL.into_iter().map(one).filter(|deadline| deadline.value > 0).collect()
}

/// What is to happen to a session now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing.
    Keep {
        /// What keeps it; `None` where no clock is set.
        why: Option<Mark>,
        /// Until when, if nothing more is seen; `None` for ever.
        until: Option<u64>,
    },
    /// Its owner is told that it ends.
    Warn(Warning),
    /// The IDE is asked to save its state and to go.
    Suspend(EndReason),
    /// It ends.
    End(EndReason),
}

/// A session will end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// By which clock.
    pub clock: Clock,
    /// When, if nobody acts.
    pub at: u64,
    /// Whether it will be suspended, so that it can come back.
    pub suspends: bool,
}

/// The same where the session is to end at a moment because of its owner's groups, whatever its clocks say; `None`: it isn't.
pub fn at_the_latest(verdict: Verdict, end: Option<u64>, now: u64) -> Verdict {
    let Some(at) = end else { return verdict };
    match verdict {
        Verdict::End(_) => verdict,
        _ if at <= now => Verdict::End(EndReason::Membership),
        Verdict::Suspend(_) => verdict,
        Verdict::Warn(sooner) if sooner.at <= at => Verdict::Warn(sooner),
        Verdict::Warn(_) | Verdict::Keep { .. } => {
            Verdict::Warn(Warning { clock: Clock::Membership, at, suspends: false })
        }
    }
}

/// Decides.
pub fn judge(clocks: &Clocks, facts: &Facts) -> Verdict {
    let mut all = deadlines(clocks, facts);
    all.sort_by_key(|deadline| (deadline.at, deadline.clock));
    let Some(first) = all.first() else { return Verdict::Keep { why: None, until: None } };
    if first.at <= facts.now {
        let reason = first.clock.reason(first.value);
        return if first.suspends { Verdict::Suspend(reason) } else { Verdict::End(reason) };
    }
    let near = |deadline: &&Deadline| !deadline.asked && deadline.at <= facts.now + lead(deadline.length);
    if let Some(near) = all.iter().find(near) {
        return Verdict::Warn(Warning { clock: near.clock, at: near.at, suspends: near.suspends });
    }
    let why =
        if first.asked { Mark { at: facts.seen.unsuspended, by: Sign::Unsuspended } } else { first.last };
    Verdict::Keep { why: Some(why), until: Some(first.at) }
}
