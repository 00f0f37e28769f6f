//! Times as a person reads them, and as a machine does.

use crate::words::count;

/// `just now`, `5 minutes ago`, `3 hours ago`, `2 days ago`; a time ahead of `now` (another clock) is `just now`.
pub(crate) fn ago(at: u64, now: u64) -> String {
    let seconds = now.saturating_sub(at);
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => count(seconds / 60, "minute") + " ago",
        3_600..86_400 => count(seconds / 3_600, "hour") + " ago",
        _ => count(seconds / 86_400, "day") + " ago",
    }
}

/// `2026-01-31 15:04 UTC`: whoever reads it may sit anywhere.
pub(crate) fn clock(at: u64) -> String {
    let text = rfc3339(at);
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// `in less than a minute`, `in 5 minutes`, `in 3 hours`, `in 2 days`; what is over is so any moment.
pub(crate) fn ahead(at: u64, now: u64) -> String {
    match at.saturating_sub(now) {
        0..60 => "in less than a minute".to_owned(),
        seconds @ 60..7_200 => format!("in {}", count(seconds / 60, "minute")),
        seconds @ 7_200..172_800 => format!("in {}", count(seconds / 3_600, "hour")),
        seconds => format!("in {}", count(seconds / 86_400, "day")),
    }
}

/// RFC 3339 in UTC, for `<time datetime>`.
pub fn rfc3339(at: u64) -> String {
    let (year, month, day) = civil(at / 86_400);
    let second = at % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// Year, month and day of a number of days since 1970 (H. Hinnant, "chrono-compatible low-level date algorithms").
const fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + (month <= 2) as u64;
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (seconds, text) in [
            (0, "just now"),
            (59, "just now"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (86_400 * 3, "3 days ago"),
        ] {
            assert_eq!(ago(1_000_000, 1_000_000 + seconds), text);
        }
        assert_eq!(ago(100, 50), "just now");
        for (seconds, text) in [
            (0, "in less than a minute"),
            (60, "in 1 minute"),
            (7_199, "in 119 minutes"),
            (7_200, "in 2 hours"),
            (172_799, "in 47 hours"),
            (172_800, "in 2 days"),
        ] {
            assert_eq!(ahead(1_000 + seconds, 1_000), text);
        }
        assert_eq!(ahead(5, 10), "in less than a minute");
        assert_eq!(clock(951_782_400), "2000-02-29 00:00 UTC");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_772_323_199), "2026-02-28T23:59:59Z");
        assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
