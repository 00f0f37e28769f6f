//! The service manager's watchdog: it hears from the loop as often as the loop comes round, and at least twice within its interval.
//!
//! Said at the end of a turn and nowhere else, so that a launcher that hangs is noticed and started anew; sessions and servers
//! live on meanwhile.

use std::time::{Duration, Instant};

/// What is expected.
#[derive(Debug)]
pub(crate) struct Watchdog {
    /// How often it is said: half of what is expected.
    every: Option<Duration>,
    next: Instant,
}

/// The interval that the environment of the process `pid` asks for (`sd_watchdog_enabled(3)`).
fn interval(usec: Option<&str>, of: Option<&str>, pid: u32) -> Option<Duration> {
    if of.is_some_and(|of| of.parse() != Ok(pid)) {
        return None;
    }
    let micros = usec?.parse().ok().filter(|micros| *micros > 0)?;
    Some(Duration::from_micros(micros))
}

impl Watchdog {
    /// As the environment asks for.
    pub(crate) fn of_environment(now: Instant) -> Self {
        let [usec, of] = ["WATCHDOG_USEC", "WATCHDOG_PID"].map(|name| std::env::var(name).ok());
        let interval = interval(usec.as_deref(), of.as_deref(), std::process::id());
        Self { every: interval.map(|interval| interval / 2), next: now }
    }

    /// When it is to be said next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.every.map(|_| self.next)
    }

    /// The loop came round: whether that is to be said.
    pub(crate) fn turned(&mut self, now: Instant) -> bool {
        let due = self.every.filter(|_| now >= self.next);
        if let Some(every) = due {
            self.next = now + every;
        }
        due.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_twice_within_the_interval_and_only_when_asked_for() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(interval(Some("1000000"), None, 7), second);
        assert_eq!(interval(Some("1000000"), Some("7"), 7), second);
        assert_eq!(interval(Some("1000000"), Some("8"), 7), None, "another process is meant");
        for nothing in [None, Some("0"), Some("x"), Some("-1")] {
            assert_eq!(interval(nothing, None, 7), None);
        }
        let now = Instant::now();
        let mut watchdog = Watchdog { every: second.map(|second| second / 2), next: now };
        assert!(watchdog.turned(now));
        assert_eq!(watchdog.deadline(), Some(now + Duration::from_millis(500)));
        assert!(!watchdog.turned(now + Duration::from_millis(499)), "not yet");
        assert_eq!(watchdog.deadline(), Some(now + Duration::from_millis(500)));
        assert_eq!(Watchdog { every: None, next: now }.deadline(), None);
    }
}
