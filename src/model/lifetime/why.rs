//! Why a session is there still, for an administrator: every clock, and everything that was seen.

use serde::{Deserialize, Serialize};

use super::{Clock, Clocks, Facts, Mark, Sign, Verdict, deadlines};
use crate::SessionId;

/// Why a session is there still: the answer to `portcullis session why-alive`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyAlive {
    /// Which.
    pub session: SessionId,
    /// Its owner.
    pub user: String,
    /// What it runs.
    pub ide: String,
    /// The word of its state.
    pub state: String,
    /// The moment of the answer, in seconds since 1970.
    pub now: u64,
    /// When it started.
    pub started: u64,
    /// What is to happen: what keeps it until when, or what ends it.
    pub verdict: Verdict,
    /// Every clock.
    pub clocks: Vec<ClockState>,
    /// Every sign that was seen and when that was last, the latest first.
    pub signs: Vec<Mark>,
}

/// One clock of [`WhyAlive`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    /// Which.
    pub clock: Clock,
    /// The option that sets it.
    pub option: String,
    /// Its value; 0 is never.
    pub value: u32,
    /// Where that is set: `rsession.conf:3`, or `default`.
    pub origin: String,
    /// What reset it last.
    pub last: Mark,
    /// When it ends the session if nothing more is seen; `None` where it never does.
    pub at: Option<u64>,
    /// Whether the session is suspended then, instead of ended.
    pub suspends: bool,
}

/// The clocks of [`WhyAlive`]; `origin` says where an option is set.
pub fn clock_states(clocks: &Clocks, facts: &Facts, origin: impl Fn(Clock) -> String) -> Vec<ClockState> {
    let set = deadlines(clocks, facts);
    let state = |clock: Clock| {
        let deadline = set.iter().find(|deadline| deadline.clock == clock);
        ClockState {
            clock,
            option: clock.option().to_owned(),
            value: clocks.value(clock),
            origin: origin(clock),
            last: facts.last(clock),
            at: deadline.map(|deadline| deadline.at),
            suspends: deadline.is_some_and(|deadline| deadline.suspends),
        }
    };
    Clock::ALL.into_iter().map(state).collect()
}

/// The signs of [`WhyAlive`].
pub fn signs(facts: &Facts) -> Vec<Mark> {
    let seen = &facts.seen;
    let mut all: Vec<Mark> = [
        (facts.started, Sign::Start),
        (facts.acted, seen.act),
        (seen.browser, Sign::Browser),
        (seen.transfer, Sign::Transfer),
        (seen.kernel, Sign::Kernel),
        (seen.processor, Sign::Processor),
        (seen.disk, Sign::Disk),
        (seen.unsuspended, Sign::Unsuspended),
    ]
    .into_iter()
    .filter(|(at, _)| *at > 0)
    .map(|(at, by)| Mark { at, by })
    .collect();
    all.sort_by_key(|mark| std::cmp::Reverse(mark.at));
    all.dedup_by_key(|mark| mark.by);
    all
}
