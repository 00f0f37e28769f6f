//! The end, however it comes: nothing is left.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_sys::process::{Ended, Process, Stat};
use portcullis_sys::tree::descendants;
use portcullis_wire::{Order, Report};

use crate::Test;
use crate::world::{KEEPER, World, eventually, setting};

pub(crate) const TESTS: &[Test] = &[
    ("grandchildren_in_their_own_sessions_are_ended", grandchildren_in_their_own_sessions_are_ended),
    ("an_ide_that_is_killed_ends_its_session", an_ide_that_is_killed_ends_its_session),
    ("a_second_signal_does_not_wait", a_second_signal_does_not_wait),
    ("an_ide_is_asked_to_suspend_by_its_own_signals", an_ide_is_asked_to_suspend_by_its_own_signals),
    ("one_that_does_not_suspend_when_it_must_is_ended", one_that_does_not_suspend_when_it_must_is_ended),
    ("an_ide_does_not_outlive_its_session", an_ide_does_not_outlive_its_session),
    ("the_death_of_the_keeper_ends_the_session", the_death_of_the_keeper_ends_the_session),
];

fn family(world: &World) -> Vec<Stat> {
    descendants(world.session.pid()).expect("/proc")
}

/// The stubborn IDE with all it started: a shell and three that sleep.
fn whole_family(world: &World) -> Vec<Stat> {
    eventually("the IDE, a shell and three that sleep", || family(world).len() == 5);
    family(world)
}

fn assert_gone(family: &[Stat]) {
    for stat in family {
        Process::open_started(stat.pid, stat.started).expect_err("gone");
    }
}

fn grandchildren_in_their_own_sessions_are_ended() {
    let world = setting("stubborn").running();
    let all = whole_family(&world);
    world.launcher.send(&Order::End, &[]).expect("sent");
    let (end, reports) = world.ended();
    assert_eq!(end, Ended::Exited(0));
    let Some(Report::Ended { left_over }) = reports.last() else { panic!("{reports:?}") };
    assert_eq!(*left_over, 4);
    assert_gone(&all);
    assert!(!world.private.join("ide.sock").exists());
}

fn an_ide_that_is_killed_ends_its_session() {
    let world = setting("stubborn").running();
    let all = whole_family(&world);
    let ide =
        all.iter().find(|stat| stat.parent == world.session.pid() && is_ide(stat.pid)).expect("the IDE");
    Process::open(ide.pid).expect("it lives").signal(Signal::SIGKILL).expect("root may");
    let (end, reports) = world.ended();
    assert_eq!(end, Ended::Exited(0));
    assert!(
        matches!(&reports[0], Report::IdeExited { status, .. } if status == "killed by SIGKILL"),
        "{reports:?}"
    );
    assert_gone(&all);
}

/// This IDE knows neither signal and ends by them, so that it is seen which of them came, and that its end is told.
fn an_ide_is_asked_to_suspend_by_its_own_signals() {
    for (forced, wanted) in [(false, "killed by SIGUSR1"), (true, "killed by SIGUSR2")] {
        let world = setting("http").running();
        world.launcher.send(&Order::Suspend { forced }, &[]).expect("sent");
        let (end, reports) = world.ended();
        assert_eq!(end, Ended::Exited(0));
        assert!(
            matches!(&reports[0], Report::IdeExited { status, .. } if status == wanted),
            "{forced}: {reports:?}"
        );
    }
}

fn one_that_does_not_suspend_when_it_must_is_ended() {
    let mut setting = setting("http");
    setting.spec.end_within = 1;
    let world = setting.running();
    let all = family(&world);
    let ide = all.iter().find(|stat| is_ide(stat.pid)).expect("the IDE");
    Process::open(ide.pid).expect("it lives").signal(Signal::SIGSTOP).expect("root may");
    eventually("it is stopped", || Stat::read(ide.pid).is_ok_and(|stat| stat.state == 'T'));
    let start = Instant::now();
    world.launcher.send(&Order::Suspend { forced: true }, &[]).expect("sent");
    let (end, _) = world.ended();
    assert_eq!(end, Ended::Exited(0));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_gone(&all);
}

fn is_ide(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.contains("ide.sock"))
}

fn a_second_signal_does_not_wait() {
    let mut setting = setting("http");
    setting.spec.end_within = 600;
    let world = setting.running();
    let ide = family(&world).into_iter().find(|stat| is_ide(stat.pid)).expect("the IDE");
    // Stopped, it does not end when asked.
    Process::open(ide.pid).expect("it lives").signal(Signal::SIGSTOP).expect("root may");
    eventually("it is stopped", || Stat::read(ide.pid).is_ok_and(|stat| stat.state == 'T'));
    let start = Instant::now();
    world.launcher.send(&Order::End, &[]).expect("sent");
    world.launcher.send(&Order::Status, &[]).expect("sent");
    assert_eq!(crate::world::report(&world.launcher), Report::Running, "it took the order and waits");
    world.session.signal(Signal::SIGTERM).expect("it lives");
    assert_eq!(world.ended().0, Ended::Exited(0));
    assert!(start.elapsed() < Duration::from_secs(15));
    assert_gone(&[ide]);
}

fn an_ide_does_not_outlive_its_session() {
    let world = setting("http").running();
    let ide = Process::open(family(&world)[0].pid).expect("the IDE");
    world.session.signal(Signal::SIGKILL).expect("it lives");
    assert_eq!(world.session.wait(), Ok(Ended::Signalled(9)));
    eventually("the IDE is asked to end", || ide.has_ended());
}

fn the_death_of_the_keeper_ends_the_session() {
    let mut setting = setting("stubborn");
    setting.by_keeper = true;
    let world = setting.running();
    let all = whole_family(&world);
    let keeper = KEEPER.with(|keeper| keeper.borrow_mut().take()).expect("a keeper");
    keeper.signal(Signal::SIGKILL).expect("it lives");
    assert_eq!(keeper.wait(), Ok(Ended::Signalled(9)));
    world.until(|report| matches!(report, Report::Ended { .. }));
    assert_gone(&all);
}
