//! That a session will end soon, and how long it lasts: on its card, and in the notice of an IDE's own page.

use portcullis_model::lifetime::{Clock, Clocks, Warning};

use crate::words::count;

/// The notice of a session that will end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndNotice {
    /// Seconds that are left.
    pub left: u64,
    /// The same as a person reads it: `4:05`.
    pub countdown: String,
    /// Whether it will be suspended.
    pub suspends: bool,
    /// Why, a sentence.
    pub why: &'static str,
    /// What to do about it, a sentence.
    pub todo: &'static str,
    /// Whether a button keeps it.
    pub can_stay: bool,
}

impl EndNotice {
    /// Of a warning, at `now` in seconds since 1970.
    pub fn of(warning: &Warning, now: u64) -> Self {
        let left = warning.at.saturating_sub(now);
        let why = match warning.clock {
            Clock::Idle => "Nobody uses it, and nothing runs in it.",
            Clock::Disconnected => "No browser is connected to it, and nothing runs in it.",
            Clock::KillHours => "Nobody has used it for hours; what runs in it ends with it.",
            Clock::MaximumAge => "It is as old as a session may get here, used or not.",
            Clock::Membership => {
                "Your groups or your role changed, and a running session can't be held to the new rules."
            }
        };
        let todo = match (warning.suspends, warning.clock.can_stay()) {
            (true, _) => "Its state is saved and comes back when you resume it.",
            (false, true) => "Stay, or save your work: what is only in memory is lost.",
            (false, false) => "Save your work now: what is only in memory is lost.",
        };
        let countdown = countdown(left);
        Self { left, countdown, suspends: warning.suspends, why, todo, can_stay: warning.clock.can_stay() }
    }

    /// `Will be suspended in`, `Will end in`; the countdown follows.
    pub const fn outcome(&self) -> &'static str {
        if self.suspends { "Will be suspended in" } else { "Will end in" }
    }
}

/// Minutes and seconds.
fn countdown(seconds: u64) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

/// How long sessions last, for the home page: one sentence for each clock. `suspends` where somebody can start an RStudio that is
/// suspended.
pub(crate) fn rules(clocks: &Clocks) -> Vec<String> {
    let minutes = |number: u32| count(u64::from(number), "minute");
    let hours = |number: u32| count(u64::from(number), "hour");
    let mut lines = Vec::new();
    if clocks.idle_minutes > 0 {
        let suspended = if clocks.suspends { "; RStudio is suspended and can be resumed" } else { "" };
        lines.push(format!(
            "A session that nobody uses for {} is ended{suspended}. What you do in the browser is use, and so is a computation or a \
             transfer under way; an open tab alone is not.",
            minutes(clocks.idle_minutes)
        ));
    }
    if clocks.disconnected_minutes > 0 {
        lines.push(format!(
            "A session without an open page for {} is ended, unless something runs in it.",
            minutes(clocks.disconnected_minutes)
        ));
    }
    if clocks.kill_hours > 0 {
        lines.push(format!(
            "A session in which you do nothing for {} is ended even while it computes.",
            hours(clocks.kill_hours)
        ));
    }
    if clocks.max_age_hours > 0 {
        lines.push(format!("No session lasts longer than {}.", hours(clocks.max_age_hours)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_button_is_shown_where_it_helps() {
        for clock in Clock::ALL.into_iter().chain([Clock::Membership]) {
            let notice = EndNotice::of(&Warning { clock, at: 1125, suspends: false }, 1000);
            assert_eq!((notice.left, notice.countdown.as_str()), (125, "2:05"));
            assert_eq!(notice.can_stay, ![Clock::MaximumAge, Clock::Membership].contains(&clock));
            assert!(notice.todo.contains("memory") && notice.outcome() == "Will end in");
        }
        let late = EndNotice::of(&Warning { clock: Clock::Idle, at: 5, suspends: true }, 1000);
        assert_eq!((late.countdown.as_str(), late.outcome()), ("0:00", "Will be suspended in"));
        assert!(!late.todo.contains("lost"));
    }

    #[test]
    fn every_clock_that_is_set_is_told() {
        assert!(rules(&Clocks::default()).is_empty());
        let all = Clocks {
            idle_minutes: 120,
            disconnected_minutes: 1,
            kill_hours: 24,
            max_age_hours: 168,
            suspends: true,
        };
        let lines = rules(&all);
        assert_eq!(lines.len(), 4);
        for (line, words) in lines.iter().zip([
            "120 minutes is ended; RStudio is suspended",
            "1 minute ",
            "24 hours",
            "168 hours",
        ]) {
            assert!(line.contains(words), "{line}");
        }
    }
}
