//! The wall clock, for what outlives a process; deadlines use `Instant`.

use std::time::{SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;

/// Seconds since 1970; 0 when the clock stands before it.
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// One moment on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Seconds since 1970; somebody may set that clock.
    pub(crate) wall: u64,
    /// Milliseconds since boot, sleep included; nobody sets that clock.
    pub(crate) since_boot: u64,
}

impl Moment {
    /// This one.
    pub(crate) fn now() -> Self {
        let whole = |number: i64| u64::try_from(number).unwrap_or(0);
        let since_boot = clock_gettime(ClockId::CLOCK_BOOTTIME)
            .map_or(0, |time| whole(time.tv_sec()) * 1000 + whole(time.tv_nsec()) / 1_000_000);
        Self { wall: seconds(), since_boot }
    }
}

/// Now as RFC 3339 in UTC with milliseconds, for audit records.
pub(crate) fn stamp() -> String {
    format(OffsetDateTime::now_utc())
}

fn format(at: OffsetDateTime) -> String {
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    let milli = at.millisecond();
    format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z", u8::from(month))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_rfc_3339() {
        let at = OffsetDateTime::from_unix_timestamp_nanos(1_700_000_000_123_456_789).expect("a time");
        assert_eq!(format(at), "2023-11-14T22:13:20.123Z");
    }
}
