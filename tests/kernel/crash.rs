//! Processes that are killed, and a recorder that can't keep up: what is missing is said, the rest is there.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, case, process, until};

use crate::scene::{RULES, Scene, joined};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("crash::a_killed_launcher_loses_nothing", launcher),
        case("crash::a_killed_recorder_is_replaced_and_the_gap_recorded", recorder),
        case("crash::an_overflow_is_recorded_as_a_gap", overflow),
    ]
}

/// Starts itself N times, as fast as it can, with an argument of so many bytes.
pub(crate) const BURST: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
  if (argc != 3) return 0;
  char *large = calloc(1, atoi(argv[2]) + 1); memset(large, 'x', atoi(argv[2]));
  for (int i = atoi(argv[1]); i > 0; i--) {
    char *next[] = { argv[0], large, 0 };
    pid_t p = vfork(); if (!p) { execv(argv[0], next); _exit(1); } waitpid(p, 0, 0);
  }
  return 0;
}
"#;

fn launcher(stage: &Stage) -> Result<()> {
    let mut scene = Scene::begin(stage, "")?;
    for part in ["ended", "lost", "died", "killed", "the launcher is gone", "the launcher can't be told"] {
        scene.world.log.expect(part);
    }
    let before = scene.recorder()?;
    let mut wanted = BTreeSet::new();
    let start = |scene: &Scene, from: u32| -> Result<()> {
        (from..from + 50).try_for_each(|n| scene.run("/bin/true", &[&format!("number-{n}")]).map(drop))
    };
    wanted.extend((0..150).map(|n| format!("/bin/true|number-{n}")));
    start(&scene, 0)?;
    // At once: what was handed over last is not on disk yet.
    scene.world.stop(Signal::SIGKILL)?;
    start(&scene, 50)?;
    scene.world.launch()?;
    start(&scene, 100)?;
    let told = || -> Result<BTreeSet<String>> { Ok(scene.records("executed")?.iter().map(joined).collect()) };
    let found = until::is("all are recorded", 20, || told().is_ok_and(|told| wanted.is_subset(&told)));
    let count = told()?.intersection(&wanted).count();
    eprintln!("killed launcher: {count} of 150 starts recorded");
    found.with_context(|| format!("{count} of 150"))?;
    ensure!(scene.recorder()? == before, "another recorder");
    ensure!(scene.world.count_audit("executions-lost", &[])? == 0, "a gap was recorded");
    Ok(())
}

fn recorder(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, "")?;
    scene.world.log.expect("the recorder ended");
    scene.world.log.expect("the recorder is replaced");
    let old = scene.recorder()?;
    process::kill_hard(old)?;
    scene.world.await_audit("process-lost", &[("process", "recorder")], 15)?;
    scene.world.await_audit("executions-lost", &[("why", "recorder")], 15)?;
    until::is("there is another", 20, || scene.recorder().is_ok_and(|new| new != old))?;
    until::some("programs are recorded again", 20, || {
        scene.run("/bin/true", &["again"])?;
        Ok(scene.records("executed")?.iter().any(|one| joined(one) == "/bin/true|again").then_some(()))
    })
}

fn overflow(stage: &Stage) -> Result<()> {
    overflow_under(stage, "").and_then(|()| overflow_under(stage, RULES))
}

fn overflow_under(stage: &Stage, conf: &str) -> Result<()> {
    let scene = Scene::begin(stage, conf)?;
    let burst = scene.compiled("burst", BURST)?.display().to_string();
    let recorder = scene.recorder()?;
    process::signal(recorder, Signal::SIGSTOP)?;
    // More than the ring (4 MB) or the socket (64 MB) holds.
    let ran = scene.run(&burst, &["2000", "60000"]);
    process::signal(recorder, Signal::SIGCONT)?;
    ensure!(ran?, "the burst");
    until::some("programs are recorded again", 60, || {
        scene.run("/bin/true", &["after"])?;
        Ok(scene.records("executed")?.iter().any(|one| joined(one) == "/bin/true|after").then_some(()))
    })?;
    scene.world.await_audit("executions-lost", &[("why", "kernel")], 30)?;
    let count = || -> Result<(u64, u64)> {
        let started =
            scene.records("executed")?.iter().filter(|one| one["program"] == burst.as_str()).count();
        let lost = scene.world.audit()?.into_iter().filter(|one| one["event"] == "executions-lost");
        Ok((u64::try_from(started)?, lost.filter_map(|one| one["count"].as_u64()).sum()))
    };
    let told = || count().is_ok_and(|(started, lost)| started + lost >= 2000);
    let all = until::is("each is recorded or counted", 20, told);
    let (started, lost) = count()?;
    eprintln!("overflow {conf}: {started} of 2000 starts recorded, {lost} said to be lost");
    all
}
