//! The clocks that end sessions, by their options.

use serde::{Deserialize, Serialize};

use crate::session::EndReason;

/// How long before the end people are warned, at most: time to come back to the desk and save. A warning that stands there much
/// longer is not heeded.
pub const LEAD: u64 = 300;
/// Of a clock shorter than twenty minutes: one part in so many, else it would warn most of the time.
const LEAD_PART: u64 = 4;
/// How long before the end of a clock of `length` seconds people are warned.
pub const fn lead(length: u64) -> u64 {
    let part = length / LEAD_PART;
    if part < LEAD { part } else { LEAD }
}

/// What may end a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Nobody acts and nothing runs.
    Idle,
    /// No browser is there and nothing runs.
    Disconnected,
    /// Nobody acts, whatever runs.
    KillHours,
    /// It is old, whatever anybody does.
    MaximumAge,
    /// Its owner's groups are others (`membership-change`); set for one session, by nobody's option.
    Membership,
}

impl Clock {
    /// All that an option sets.
    pub const ALL: [Self; 4] = [Self::Idle, Self::Disconnected, Self::KillHours, Self::MaximumAge];

    /// The option that sets it.
    pub const fn option(self) -> &'static str {
        match self {
            Self::Idle => "session-timeout-minutes",
            Self::Disconnected => "session-disconnected-timeout-minutes",
            Self::KillHours => "session-timeout-kill-hours",
            Self::MaximumAge => "session-max-age-hours",
            Self::Membership => "membership-change",
        }
    }

    /// Seconds of one of its units.
    pub(super) const fn unit(self) -> u64 {
        match self {
            Self::Idle | Self::Disconnected => 60,
            Self::KillHours | Self::MaximumAge => 3600,
            Self::Membership => 1,
        }
    }

    /// Whether a person's act moves its end.
    pub const fn can_stay(self) -> bool {
        !matches!(self, Self::MaximumAge | Self::Membership)
    }

    /// The reason of an end by it.
    pub(super) const fn reason(self, value: u32) -> EndReason {
        match self {
            Self::Idle => EndReason::Idle(value),
            Self::Disconnected => EndReason::Disconnected(value),
            Self::KillHours => EndReason::KillHours(value),
            Self::MaximumAge => EndReason::MaximumAge(value),
            Self::Membership => EndReason::Membership,
        }
    }
}

/// The clocks of a session; 0 is never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clocks {
    /// `session-timeout-minutes`.
    pub idle_minutes: u32,
    /// `session-disconnected-timeout-minutes`.
    pub disconnected_minutes: u32,
    /// `session-timeout-kill-hours`.
    pub kill_hours: u32,
    /// `session-max-age-hours`.
    pub max_age_hours: u32,
    /// Whether it is suspended instead of ended: `session-timeout-suspend`, and the IDE can.
    pub suspends: bool,
}

impl Clocks {
    /// What one of them says.
    pub const fn value(&self, clock: Clock) -> u32 {
        match clock {
            Clock::Idle => self.idle_minutes,
            Clock::Disconnected => self.disconnected_minutes,
            Clock::KillHours => self.kill_hours,
            Clock::MaximumAge => self.max_age_hours,
            Clock::Membership => 0,
        }
    }
}
