//! The machine's own audit beside ours: listeners, rules and state of others stay as they are.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_sys::audit::{Assembler, Control, Heard, Listed, Listener, Record, Status, ours};
use portcullis_testing::{Stage, case, until};

use crate::scene::{RULES, Scene};

/// Longer than a proof takes, shorter than it is waited for.
const LOADED_FOR: Duration = Duration::from_millis(500);

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("machine::another_listener_hears_the_same", listener),
        case("machine::rules_and_state_are_as_before_when_all_is_over", as_before),
        case("machine::rules_that_somebody_removes_are_set_again_and_that_is_recorded", removed),
        case("machine::rules_that_are_loaded_during_the_proof_do_not_keep_ours_out", loaded),
        case("machine::by_default_no_rule_is_set_and_a_reload_sets_and_removes_them", reload),
        case("machine::switched_off_nothing_is_set_or_recorded", off),
    ]
}

pub(crate) fn state() -> Result<(Status, BTreeSet<Listed>)> {
    let mut control = Control::open()?;
    let status = control.status()?;
    Ok((Status { lost: 0, ..status }, control.rules()?.into_iter().collect()))
}

/// The state with nothing of ours in it. Each world waits for its recorder's end: what is set then was left by the test before,
/// and would be taken for the machine's own.
pub(crate) fn quiet() -> Result<(Status, BTreeSet<Listed>)> {
    let now = state()?;
    ensure!(have_ours()? == 0 && now.0.enabled == 0, "the test before left something: {:?}", now.0);
    Ok(now)
}

fn have_ours() -> Result<usize> {
    let listed: Vec<Listed> = state()?.1.into_iter().collect();
    Ok(ours().len() - Listed::missing(&listed, &ours()).len())
}

fn listener(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, RULES)?;
    let mut second = Listener::join()?;
    ensure!(scene.run("/bin/true", &["for two"])?, "a start");
    scene.await_argv("/bin/true|for two")?;
    let mut assembler = Assembler::default();
    until::is("the other listener hears of it", 10, || {
        while let Ok(Heard::Record(kind, text)) = second.hear() {
            let act = Record::parse(kind, text).and_then(|record| assembler.take(&record, Instant::now()));
            if act.and_then(|act| act.args).is_some_and(|args| args.texts() == ["/bin/true", "for two"]) {
                return true;
            }
        }
        false
    })
}

fn as_before(stage: &Stage) -> Result<()> {
    let mut scene = Scene::begin(stage, RULES)?;
    let before = scene.before.clone();
    ensure!(have_ours()? == ours().len(), "rules are missing while a session runs");
    ensure!(state()?.0.enabled == 1 && state()?.0.backlog_limit >= 8192, "{:?}", state()?.0);
    scene.world.log.expect("the launcher is gone");
    // A launcher that ends leaves sessions, and their recording.
    scene.world.stop(Signal::SIGTERM)?;
    ensure!(have_ours()? == ours().len(), "rules went with the launcher");
    scene.world.launch()?;
    scene.world.stop(Signal::SIGINT)?;
    until::is("all is as before", 20, || state().is_ok_and(|now| now == before))
        .with_context(|| format!("before {:?}, now {:?}", before.0, state().map(|now| now.0)))?;
    ensure!(!scene.world.run_dir().join("recorder.before").exists(), "a note is left");
    Ok(())
}

fn removed(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, RULES)?;
    scene.world.log.expect("somebody removed rules");
    let mut control = Control::open()?;
    for rule in ours() {
        control.delete(&rule)?;
    }
    until::is("they are set again", 15, || have_ours().is_ok_and(|count| count == ours().len()))?;
    scene.world.await_audit("executions-lost", &[("why", "rules")], 15)?;
    control.set_enabled(false)?;
    until::is("it is on again", 15, || state().is_ok_and(|now| now.0.enabled == 1))?;
    scene.run("/bin/true", &["afterwards"])?;
    scene.await_argv("/bin/true|afterwards").map(drop)
}

/// As at the machine's start, where its own rules are loaded beside us: all are removed first, and the audit is off for a moment.
fn loaded(stage: &Stage) -> Result<()> {
    let over = AtomicBool::new(false);
    let load = || -> Result<()> {
        let mut control = Control::open()?;
        // As soon as the first is there the recorder has its proof to come.
        while !over.load(Relaxed) && have_ours()? == 0 {
            std::thread::yield_now();
        }
        let since = Instant::now();
        while since.elapsed() < LOADED_FOR {
            ours().iter().try_for_each(|rule| control.delete(rule))?;
            control.set_enabled(false)?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let loads = scope.spawn(load);
        let scene = Scene::begin(stage, RULES);
        over.store(true, Relaxed);
        loads.join().map_err(|_| anyhow!("the thread that removes rules panicked"))??;
        let scene = scene?;
        scene.world.log.expect("somebody removed rules");
        until::is("all is set", 15, || {
            have_ours().is_ok_and(|count| count == ours().len())
                && state().is_ok_and(|now| now.0.enabled == 1)
        })?;
        scene.run("/bin/true", &["afterwards"])?;
        scene.await_argv("/bin/true|afterwards").map(drop)
    })
}

fn reload(stage: &Stage) -> Result<()> {
    let mut scene = Scene::begin(stage, "")?;
    ensure!(have_ours()? == 0, "rules are set though nobody asked for them");
    for (refusals, count) in [("1", ours().len()), ("0", 0), ("1", ours().len())] {
        scene.world.set("portcullis.conf", &format!("audit-refusals={refusals}"))?;
        scene.world.reload()?;
        until::is("rules follow", 15, || have_ours().is_ok_and(|found| found == count))?;
        let mark = format!("with-{refusals}-{count}");
        scene.run("/bin/true", &[&mark])?;
        scene.await_argv(&format!("/bin/true|{mark}"))?;
    }
    Ok(())
}

fn off(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, "audit-programs=off")?;
    ensure!(state()? == scene.before, "something was set");
    scene.run("/bin/true", &["unseen"])?;
    ensure!(scene.records("executed")?.is_empty(), "something was recorded");
    Ok(())
}
