//! The `Date` of answers, made anew when the thread's clock has moved: once a second at most.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::clock;

const DAY: u64 = 86_400;
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

thread_local! {
    static MADE: RefCell<(u32, String)> = const { RefCell::new((0, String::new())) };
}

/// Writes the date of this second.
pub(super) fn write(out: &mut Vec<u8>) {
    MADE.with_borrow_mut(|(at, text)| {
        let now = clock::now();
        if *at != now {
            *text = format(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
            *at = now;
        }
        out.extend_from_slice(text.as_bytes());
    });
}

/// Seconds since 1970 in the one form that is still written (RFC 9110, 5.6.7).
fn format(seconds: u64) -> String {
    let (days, second) = (seconds / DAY, seconds % DAY);
    let weekday = WEEKDAYS.iter().cycle().nth(usize::try_from(days % 7).unwrap_or(0)).unwrap_or(&"Thu");
    let leap = |year: u64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let (mut year, mut day) = (1970, days);
    while day >= 365 + u64::from(leap(year)) {
        day -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut name = "Dec";
    for (month, candidate) in (1..).zip(MONTHS) {
        let length = match month {
            2 => 28 + u64::from(leap(year)),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        name = candidate;
        if day < length {
            break;
        }
        day -= length;
    }
    let (hour, minute) = (second / 3600, second / 60 % 60);
    format!("{weekday}, {:02} {name} {year} {hour:02}:{minute:02}:{:02} GMT", day + 1, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_the_calendar() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
            (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(format(seconds), text);
        }
    }

    #[test]
    fn it_is_written_once_a_second_and_whole() {
        let mut out = Vec::new();
        write(&mut out);
        let first = out.len();
        write(&mut out);
        assert_eq!((first, out.len()), (29, 58));
        assert!(out.ends_with(b" GMT"));
    }
}
