//! Every program that is started, with the arguments it was really started with; nobody else's.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Stage, case, until};
use serde_json::Value;

use crate::scene::{RULES, Scene, joined};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("programs::of_two_hundred_racing_starts_each_has_its_own_arguments", racing),
        case("programs::static_setuid_scripts_and_nested_ones_are_recorded", kinds),
        case("programs::failed_starts_say_why", failed),
        case("programs::odd_and_long_arguments", arguments),
        case("programs::others_than_sessions_are_not_recorded", others),
        case("programs::a_flood_is_counted_and_costs_the_launcher_nothing", flood),
    ]
}

/// Starts 200 times a witness from one process whose other thread rewrites the argument meanwhile; the witness notes
/// what it was given.
const RACER: &str = r#"
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static char arg[16] = "aaaaaaaa"; static volatile int over;
static void *flip(void *x) { while (!over) { memcpy(arg, "bbbbbbbb", 8); memcpy(arg, "aaaaaaaa", 8); } return x; }
int main(int argc, char **argv) {
  if (argc == 4) { FILE *f = fopen(argv[3], "a"); fprintf(f, "%s\n", argv[1]); fclose(f); return 0; }
  pthread_t t; pthread_create(&t, 0, flip, 0);
  for (int i = 0; i < 200; i++) {
    char *next[] = { argv[0], arg, "x", argv[1], 0 };
    pid_t p = vfork(); if (!p) { execv(argv[0], next); _exit(1); } waitpid(p, 0, 0);
  }
  over = 1; pthread_join(t, 0); return 0;
}
"#;

fn racing(stage: &Stage) -> Result<()> {
    racing_under(stage, "").and_then(|()| racing_under(stage, RULES))
}

fn racing_under(stage: &Stage, conf: &str) -> Result<()> {
    let scene = Scene::begin(stage, conf)?;
    let program = scene.compiled("racer", RACER)?;
    let note = scene.account.home.join("note");
    ensure!(scene.run(&program.display().to_string(), &[&note.display().to_string()])?, "the racer failed");
    let text = std::fs::read_to_string(&note).context("no witness came up")?;
    let seen: Vec<&str> = text.lines().collect();
    ensure!(seen.len() == 200, "{} witnesses", seen.len());
    // One after the other: the order says which record is whose.
    let mut recorded: Vec<String> = Vec::new();
    let _ = until::is("all are recorded", 15, || {
        let records = scene.records("executed").unwrap_or_default();
        let of = |record: &Value| record["argv"][1].as_str().map(str::to_owned);
        recorded = records.iter().filter(|one| one["argv"][2] == "x").filter_map(of).collect();
        recorded.len() >= 200
    });
    let equal = seen.iter().zip(&recorded).filter(|(had, told)| had == told).count();
    let changed = seen.iter().filter(|arg| arg.contains('b')).count();
    let count = recorded.len();
    eprintln!(
        "racing {conf}: {count} of 200 recorded, {equal} with the arguments they had, {changed} of which the race changed"
    );
    ensure!(count == 200 && equal == 200, "recorded {count}, equal {equal}");
    Ok(())
}

fn kinds(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, "")?;
    let fixed = scene.compiled("fixed", "int main(void) { return 0; }")?.display().to_string();
    ensure!(scene.run(&fixed, &["one"])?, "a static program");
    let record = scene.await_argv(&format!("{fixed}|one"))?;
    ensure!(record["program"] == fixed.as_str() && record["success"] == true, "{record}");
    ensure!(record["uid"] == scene.account.uid && record["user"] == scene.account.name.as_str(), "{record}");
    ensure!(record["ide"] == "jupyter" && record["cut"] == false && record["error"] == "", "{record}");
    ensure!(record["ppid"] == scene.world.ide_process(&scene.session)?.pid, "{record}");

    scene.run("/usr/bin/passwd", &["--help"])?;
    scene.await_argv("/usr/bin/passwd|--help")?;

    let script =
        scene.program("script", b"#!/bin/sh\ncd /usr/share && exec /bin/ls -d .\n")?.display().to_string();
    ensure!(scene.run(&script, &["of mine"])?, "a script");
    let record = scene.await_argv(&format!("/bin/sh|{script}|of mine"))?;
    ensure!(
        record["program"]
            .as_str()
            .is_some_and(|program| program.ends_with("/dash") || program.ends_with("sh")),
        "{record}"
    );
    let inner = scene.await_argv("/bin/ls|-d|.")?;
    ensure!(inner["cwd"] == "/usr/share", "{inner}");

    let nested = "/bin/sh -c '/usr/bin/setsid /bin/sh -c \"/bin/sleep 0.01 & exec /bin/true deep\"'";
    ensure!(scene.run("/bin/sh", &["-c", nested])?, "nested ones");
    scene.await_argv("/bin/true|deep")?;
    scene.await_argv("/bin/sleep|0.01")?;
    Ok(())
}

fn failed(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, RULES)?;
    let noise = scene.program("noise", b"\x01\x02 no program")?.display().to_string();
    ensure!(!scene.run(&noise, &[])?, "noise ran");
    let of = |event: &str, name: &str, value: &str| {
        until::some("a record", 15, || {
            Ok(scene.records(event)?.into_iter().find(|record| record[name].as_str() == Some(value)))
        })
    };
    let record = of("executed", "program", &noise)?;
    ensure!(record["success"] == false && record["error"] == "ENOEXEC", "{record}");
    ensure!(!scene.run("/etc/passwd", &[])?, "a file without the right ran");
    let record = of("executed", "program", "/etc/passwd")?;
    ensure!(record["error"] == "EACCES" && record["success"] == false, "{record}");
    let record = of("denied", "target", "/etc/passwd")?;
    ensure!(record["what"] == "execve" && record["by"] == "permissions" && record["count"] == 1, "{record}");
    // What is only looked for is no start.
    ensure!(!scene.run("/usr/bin/there-is-no-such-program", &[])?, "nothing ran");
    scene.run("/bin/true", &["behind"])?;
    scene.await_argv("/bin/true|behind")?;
    let text = scene.world.audit()?.iter().map(ToString::to_string).collect::<String>();
    ensure!(!text.contains("there-is-no-such-program"), "a lookup was recorded");
    Ok(())
}

fn arguments(stage: &Stage) -> Result<()> {
    for conf in ["", RULES] {
        let scene = Scene::begin(stage, conf)?;
        ensure!(scene.run("/bin/true", &["two words", "a\"quote", "é", "", "\u{1b}[31m"])?, "odd arguments");
        scene.await_argv("/bin/true|two words|a\"quote|é||\u{fffd}[31m")?;
        let long = "y".repeat(50_000);
        ensure!(scene.run("/bin/true", &["long", &long, "end"])?, "a long argument");
        let record = await_second(&scene, "long")?;
        let length = record["argv"][2].as_str().map_or(0, str::len);
        ensure!(record["cut"] == true && length == 4096, "{conf}: {length} of {}", record["cut"]);
        let many: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        ensure!(scene.run("/bin/true", &[&["many"], &many[..]].concat())?, "many arguments");
        let record = await_second(&scene, "many")?;
        let count = record["argv"].as_array().map_or(0, Vec::len);
        ensure!(record["cut"] == true && count == 256, "{conf}: {count} of {}", record["cut"]);
    }
    Ok(())
}

/// The record of a start with this first argument.
fn await_second(scene: &Scene, first: &str) -> Result<Value> {
    until::some("the record of a start", 15, || {
        Ok(scene.records("executed")?.into_iter().find(|record| record["argv"][1] == first))
    })
}

fn others(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, "")?;
    let other = scene.world.account("mallory")?;
    let mark = "not-of-a-session";
    Command::new("/bin/echo").arg(mark).output()?;
    // Somebody who signed in to the machine otherwise: a login session of their own.
    let script = format!(
        "echo {uid} > /proc/self/loginuid; exec setpriv --reuid {uid} --regid {uid} --clear-groups /bin/echo {mark}",
        uid = other.uid
    );
    ensure!(
        Command::new("/bin/sh").args(["-c", &script]).output()?.status.success(),
        "the other can't start it"
    );
    // The same account, outside of the session.
    let script = script.replace(&other.uid.to_string(), &scene.account.uid.to_string());
    ensure!(Command::new("/bin/sh").args(["-c", &script]).output()?.status.success(), "it can't be started");
    ensure!(scene.run("/bin/true", &["a mark behind"])?, "a start in the session");
    scene.await_argv("/bin/true|a mark behind")?;
    let strange: Vec<String> =
        scene.records("executed")?.iter().map(joined).filter(|argv| argv.contains(mark)).collect();
    ensure!(strange.is_empty(), "{strange:?}");
    Ok(())
}

fn flood(stage: &Stage) -> Result<()> {
    let scene = Scene::begin(stage, "")?;
    let burst = scene.compiled("burst", crate::crash::BURST)?.display().to_string();
    ensure!(scene.run(&burst, &["12000", "1"])?, "the flood");
    // Whoever asks meanwhile is answered.
    scene.client.get("/healthz")?.expect(200)?;
    let lost =
        scene.world.await_audit("executions-lost", &[("session", &scene.session), ("why", "rate")], 60)?;
    ensure!(scene.run("/bin/true", &["after"])?, "a start behind it");
    let recorded = scene.records("executed")?.len();
    eprintln!(
        "flood: {recorded} of 12000 starts recorded so far, {} counted in the first record",
        lost["count"]
    );
    ensure!(recorded > 4000 && recorded < 12_000, "{recorded} recorded");
    Ok(())
}
