//! The rules as a table, by a clock that is a number.

use super::*;
use crate::session::EndReason;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
/// When the sessions of the table started.
const START: u64 = 1_000_000;

fn clocks(idle: u32, disconnected: u32, kill: u32, age: u32) -> Clocks {
    Clocks {
        idle_minutes: idle,
        disconnected_minutes: disconnected,
        kill_hours: kill,
        max_age_hours: age,
        suspends: false,
    }
}

/// Facts in seconds after the start; nothing was seen of what is 0.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    now: u64,
    acted: u64,
    browser: u64,
    transfer: u64,
    kernel: u64,
    processor: u64,
    disk: u64,
    unsuspended: u64,
}

impl Row {
    fn facts(&self) -> Facts {
        let at = |seconds: u64| if seconds == 0 { 0 } else { START + seconds };
        let seen = Seen {
            act: Sign::Request,
            browser: at(self.browser),
            transfer: at(self.transfer),
            kernel: at(self.kernel),
            processor: at(self.processor),
            disk: at(self.disk),
            unsuspended: at(self.unsuspended),
        };
        Facts { now: START + self.now, started: START, acted: START + self.acted, seen }
    }
}

/// A verdict with times after the start.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Keep(Option<Sign>, Option<u64>),
    Warn(Clock, u64),
    Suspend(EndReason),
    End(EndReason),
}

fn says(clocks: Clocks, row: Row) -> Says {
    match judge(&clocks, &row.facts()) {
        Verdict::Keep { why, until } => Says::Keep(why.map(|why| why.by), until.map(|at| at - START)),
        Verdict::Warn(warning) => Says::Warn(warning.clock, warning.at - START),
        Verdict::Suspend(reason) => Says::Suspend(reason),
        Verdict::End(reason) => Says::End(reason),
    }
}

#[test]
fn a_forgotten_tab_ends_and_what_is_used_stays() {
    let two_hours = clocks(120, 0, 0, 0);
    let end = 2 * HOUR;
    let row = |now| Row { now, browser: now, ..Row::default() };
    for (row, wanted) in [
        (row(1), Says::Keep(Some(Sign::Start), Some(end))),
        (row(end - LEAD - 1), Says::Keep(Some(Sign::Start), Some(end))),
        (row(end - LEAD), Says::Warn(Clock::Idle, end)),
        (row(end - 1), Says::Warn(Clock::Idle, end)),
        (row(end), Says::End(EndReason::Idle(120))),
        (row(end * 9), Says::End(EndReason::Idle(120))),
        // A person's act while it warns.
        (Row { acted: end - 9, ..row(end - 9) }, Says::Keep(Some(Sign::Request), Some(2 * end - 9))),
        (Row { transfer: end - 1, ..row(end) }, Says::Keep(Some(Sign::Transfer), Some(2 * end - 1))),
        (Row { kernel: end - 1, ..row(end) }, Says::Keep(Some(Sign::Kernel), Some(2 * end - 1))),
        (Row { processor: end - 1, ..row(end) }, Says::Keep(Some(Sign::Processor), Some(2 * end - 1))),
        (Row { disk: end - 1, ..row(end) }, Says::Keep(Some(Sign::Disk), Some(2 * end - 1))),
        // What computed once is no excuse for ever.
        (Row { processor: 10, ..row(end + 10) }, Says::End(EndReason::Idle(120))),
    ] {
        assert_eq!(says(two_hours, row), wanted, "{row:?}");
    }
}

#[test]
fn nothing_ends_what_has_no_clock() {
    let row = Row { now: 9000 * HOUR, ..Row::default() };
    assert_eq!(says(Clocks::default(), row), Says::Keep(None, None));
    assert_eq!(says(clocks(0, 0, 0, 0), row), Says::Keep(None, None));
}

#[test]
fn without_a_browser_it_ends_unless_something_runs() {
    let ten = clocks(0, 10, 0, 0);
    let row = |now, browser| Row { now, browser, ..Row::default() };
    for (row, wanted) in [
        (row(9 * MINUTE, 9 * MINUTE), Says::Keep(Some(Sign::Browser), Some(19 * MINUTE))),
        // A tab that nobody sits before is a browser.
        (row(900 * MINUTE, 900 * MINUTE), Says::Keep(Some(Sign::Browser), Some(910 * MINUTE))),
        (row(10 * MINUTE, 0), Says::End(EndReason::Disconnected(10))),
        (row(19 * MINUTE, 9 * MINUTE), Says::End(EndReason::Disconnected(10))),
        (row(17 * MINUTE, 9 * MINUTE), Says::Warn(Clock::Disconnected, 19 * MINUTE)),
        // Whoever closes the laptop over a computation finds it again.
        (
            Row { kernel: 60 * MINUTE, ..row(60 * MINUTE, MINUTE) },
            Says::Keep(Some(Sign::Kernel), Some(70 * MINUTE)),
        ),
        (
            Row { transfer: 60 * MINUTE, ..row(60 * MINUTE, MINUTE) },
            Says::Keep(Some(Sign::Transfer), Some(70 * MINUTE)),
        ),
        (Row { kernel: 60 * MINUTE, ..row(70 * MINUTE, MINUTE) }, Says::End(EndReason::Disconnected(10))),
    ] {
        assert_eq!(says(ten, row), wanted, "{row:?}");
    }
}

#[test]
fn kill_hours_end_what_computes_but_nobody_who_acts() {
    let day = clocks(120, 0, 24, 0);
    let busy = |now, acted| Row {
        now,
        acted,
        kernel: now,
        processor: now,
        disk: now,
        transfer: now,
        ..Row::default()
    };
    for (row, wanted) in [
        (busy(10 * HOUR, 0), Says::Keep(Some(Sign::Kernel), Some(12 * HOUR))),
        (busy(24 * HOUR - LEAD, 0), Says::Warn(Clock::KillHours, 24 * HOUR)),
        (busy(24 * HOUR, 0), Says::End(EndReason::KillHours(24))),
        (busy(24 * HOUR, HOUR), Says::Keep(Some(Sign::Request), Some(25 * HOUR))),
        (busy(25 * HOUR, HOUR), Says::End(EndReason::KillHours(24))),
        // An open page is no act.
        (Row { browser: 24 * HOUR, ..busy(24 * HOUR, 0) }, Says::End(EndReason::KillHours(24))),
    ] {
        assert_eq!(says(day, row), wanted, "{row:?}");
    }
}

#[test]
fn maximum_age_ends_whatever_anybody_does() {
    let week = clocks(120, 10, 24, 168);
    let used = |now| Row { now, acted: now, browser: now, kernel: now, ..Row::default() };
    assert_eq!(says(week, used(HOUR)), Says::Keep(Some(Sign::Request), Some(HOUR + 600)));
    assert_eq!(says(week, used(168 * HOUR - LEAD)), Says::Warn(Clock::MaximumAge, 168 * HOUR));
    assert_eq!(says(week, used(168 * HOUR - 1)), Says::Warn(Clock::MaximumAge, 168 * HOUR));
    assert_eq!(says(week, used(168 * HOUR)), Says::End(EndReason::MaximumAge(168)));
    assert!(!Clock::MaximumAge.can_stay() && Clock::Idle.can_stay());
}

#[test]
fn rstudio_is_suspended_and_asked_again_when_it_would_not() {
    let suspending = |kill| Clocks { suspends: true, ..clocks(10, 0, kill, 0) };
    let row = |now, unsuspended| Row { now, unsuspended, ..Row::default() };
    let end = 10 * MINUTE;
    for (kill, row, wanted) in [
        (0, row(end, 0), Says::Suspend(EndReason::Idle(10))),
        (0, row(end + 5, end), Says::Keep(Some(Sign::Unsuspended), Some(end + ASKED_AGAIN))),
        // No warning while it is only asked again.
        (0, row(end + 55, end), Says::Keep(Some(Sign::Unsuspended), Some(end + ASKED_AGAIN))),
        (0, row(end + 60, end), Says::Suspend(EndReason::Idle(10))),
        // Somebody acted since: the clock runs anew, and what it was asked before is forgotten.
        (0, Row { acted: end + 6, ..row(end + 7, end) }, Says::Keep(Some(Sign::Request), Some(2 * end + 6))),
        (0, Row { acted: end + 6, ..row(2 * end + 6, end) }, Says::Suspend(EndReason::Idle(10))),
        (1, row(HOUR - 1, HOUR - 20), Says::Warn(Clock::KillHours, HOUR)),
        (1, row(HOUR, HOUR - 20), Says::End(EndReason::KillHours(1))),
        // Shorter than the idle time it never suspends, as in Workbench: see the other order below.
    ] {
        assert_eq!(says(suspending(kill), row), wanted, "{row:?}");
    }
    let never = Clocks { suspends: true, ..clocks(120, 0, 1, 0) };
    assert_eq!(says(never, row(HOUR, 0)), Says::End(EndReason::KillHours(1)));
}

#[test]
fn the_first_clock_that_is_due_ends_it_even_after_a_long_absence() {
    let all = clocks(60, 10, 2, 3);
    let row = |now| Row { now, browser: 30 * MINUTE, ..Row::default() };
    assert_eq!(says(all, row(100 * HOUR)), Says::End(EndReason::Disconnected(10)));
    let all = clocks(60, 0, 2, 3);
    assert_eq!(says(all, row(100 * HOUR)), Says::End(EndReason::Idle(60)));
    // One that is nearer than the next one's warning: the warning that is due is shown.
    let both = clocks(1, 0, 0, 1);
    let row = Row { now: HOUR - 70, acted: HOUR - 80, ..Row::default() };
    assert_eq!(says(both, row), Says::Warn(Clock::MaximumAge, HOUR));
}

#[test]
fn the_warning_takes_at_most_a_quarter_of_the_time() {
    assert_eq!(lead(MINUTE), 15);
    assert_eq!(lead(10 * MINUTE), 150);
    assert_eq!(lead(20 * MINUTE), LEAD);
    assert_eq!(lead(1000 * HOUR), LEAD);
}

#[test]
fn nobody_sees_into_the_future_and_a_clock_that_is_set_moves_what_was_seen() {
    let mut seen = Seen { browser: 10, kernel: 99, ..Seen::default() };
    assert_eq!(seen.until(50), Seen { browser: 10, kernel: 50, ..Seen::default() });
    seen.merge(&Seen { browser: 5, disk: 7, ..Seen::default() });
    assert_eq!((seen.browser, seen.disk, seen.kernel), (10, 7, 99), "never backwards");
    seen.shift(-6);
    assert_eq!((seen.browser, seen.disk, seen.kernel, seen.transfer), (4, 1, 93, 0));
}

#[test]
fn why_alive_names_every_clock_and_sign() {
    let clocks = Clocks { suspends: true, ..clocks(10, 0, 5, 0) };
    let facts = Row { now: 90, acted: 30, browser: 80, kernel: 60, ..Row::default() }.facts();
    let states = clock_states(&clocks, &facts, |clock| format!("{}:1", clock.option()));
    let told: Vec<_> =
        states.iter().map(|one| (one.value, one.last.by, one.at.map(|at| at - START))).collect();
    assert_eq!(
        told,
        [
            (10, Sign::Kernel, Some(660)),
            (0, Sign::Browser, None),
            (5, Sign::Request, Some(30 + 5 * HOUR)),
            (0, Sign::Start, None),
        ]
    );
    assert!(states[0].suspends && !states[2].suspends);
    assert_eq!(states[0].origin, "session-timeout-minutes:1");
    let signs: Vec<_> = signs(&facts).iter().map(|mark| (mark.by, mark.at - START)).collect();
    assert_eq!(signs, [(Sign::Browser, 80), (Sign::Kernel, 60), (Sign::Request, 30), (Sign::Start, 0)]);
}

#[test]
fn other_groups_end_a_session_at_their_moment_and_no_later() {
    let keep = Verdict::Keep { why: None, until: None };
    let warn = |clock, at| Verdict::Warn(Warning { clock, at, suspends: false });
    let suspend = Verdict::Suspend(EndReason::Idle(1));
    let end = Verdict::End(EndReason::Membership);
    for (verdict, set, now, wanted) in [
        (&keep, None, 50, &keep),
        (&keep, Some(60), 50, &warn(Clock::Membership, 60)),
        (&keep, Some(60), 60, &end),
        (&warn(Clock::Idle, 55), Some(60), 50, &warn(Clock::Idle, 55)),
        (&warn(Clock::Idle, 70), Some(60), 50, &warn(Clock::Membership, 60)),
        (&warn(Clock::Idle, 70), Some(60), 61, &end),
        // An IDE that won't be suspended ends all the same.
        (&suspend, Some(60), 50, &suspend),
        (&suspend, Some(60), 60, &end),
        (&Verdict::End(EndReason::Idle(1)), Some(60), 60, &Verdict::End(EndReason::Idle(1))),
    ] {
        assert_eq!(at_the_latest(verdict.clone(), set, now), *wanted, "{verdict:?} {set:?} {now}");
    }
}
