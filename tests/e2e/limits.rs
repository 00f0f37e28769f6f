//! Limits of memory and processes, of one session and of all of a person's: what the kernel does about them, and who is told.
//!
//! On the controllers that the machine has (version 1 here, version 2 elsewhere); everything is bounded by the limits themselves.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Account, Client, Stage, World, case, place, process, until};
use serde_json::Value;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("limits::who_uses_up_the_memory_is_named_and_the_session_lives", memory),
        case("limits::an_ide_that_is_ended_for_want_of_memory_says_so", ide),
        case("limits::a_start_without_enough_memory_says_so", start),
        case("limits::a_fork_bomb_stops_and_others_go_on", forks),
        case("limits::all_sessions_of_a_person_share_one_limit", together),
        case("limits::a_restarted_launcher_keeps_them", restarted),
    ]
}

/// More than any limit of these tests, and little enough where none holds.
const HUNGRY: &str = "x = bytearray(300 << 20)";

fn limited(stage: &Stage, profile: &str) -> Result<World> {
    stage.world().file("profiles", &format!("[*]\n{profile}")).double(&["--double-work"]).start()
}

/// Has the double of a session run something as its user; says how that ended.
fn run(account: &Account, order: &str) -> Result<String> {
    let socket = account.home.join("work.sock");
    let mut stream = until::some("the double takes orders", 20, || Ok(UnixStream::connect(&socket).ok()))?;
    stream.write_all(format!("run {order}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    Ok(answer)
}

fn python(account: &Account, code: &str) -> Result<String> {
    run(account, &format!("/usr/bin/python3\t-c\t{code}"))
}

/// An account whose number, one of ten thousand from `first` on, is unlikely to be another run's at the same time: control groups are
/// the machine's, and a user's limit is of all sessions with that number.
pub(crate) fn far_off(world: &World, stem: &str, first: u32) -> Result<Account> {
    until::some("a number that nobody has", 30, || {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
        match world.account_with(stem, &["--uid", &(first + nanos / 1000 % 10_000).to_string()]) {
            Err(error) if error.to_string().contains("is not unique") => Ok(None),
            made => made.map(Some),
        }
    })
}

/// Such an account, and a browser in which it is signed in.
fn signed_in(world: &World, stem: &str) -> Result<(Account, Client)> {
    let account = far_off(world, stem, 50_000)?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    Ok((account, client))
}

/// Directories of this session's or this user's groups, in every hierarchy.
fn groups(id: &str, uid: u32) -> Vec<PathBuf> {
    let names = [format!("session-{id}"), format!("user-{uid}")];
    let mut found = Vec::new();
    let mut folders = vec![(PathBuf::from("/sys/fs/cgroup"), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if names.iter().any(|name| entry.file_name() == name.as_str()) {
                found.push(entry.path());
            }
            if depth < 8 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push((entry.path(), depth + 1));
            }
        }
    }
    found
}

fn load(client: &Client, id: &str) -> Result<Value> {
    client.get(&format!("/sessions/{id}/load"))?.expect(200)?.json()
}

/// Stops it; nothing of it is left, its groups neither.
fn stop(world: &World, client: &Client, id: &str, uid: u32) -> Result<()> {
    client.post(&format!("/sessions/{id}/stop"), &[])?.expect(303)?;
    world.await_audit("session-ended", &[("session", id), ("why", "stopped")], 30)?;
    until::is("its groups are gone", 10, || groups(id, uid).is_empty())?;
    ensure!(process::of_user(uid).is_empty(), "processes are left");
    Ok(())
}

fn memory(stage: &Stage) -> Result<()> {
    let world = limited(stage, "max-memory-mb=96\nmax-processes=40\n")?;
    let (account, client) = signed_in(&world, "mem")?;
    let id = client.start_session(30)?;
    ensure!(!groups(&id, account.uid).is_empty(), "it has no group");
    let answer = python(&account, HUNGRY)?;
    ensure!(answer.contains("signal: 9"), "it was not ended: {answer}");
    let wanted =
        [("session", id.as_str()), ("what", "memory"), ("whose", "session"), ("limit", "96"), ("count", "1")];
    let record = world.await_audit("limit-reached", &wanted, 20)?;
    ensure!(record["program"] == "python3" && record["pid"].as_i64() > Some(1), "{record}");
    ensure!(record["user"] == account.name && record["ide"] == "jupyter", "{record}");
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    // The record is on disk before the server is told.
    let told = until::some("it is told", 10, || {
        Ok(load(&client, &id).ok().filter(|told| told["killed"].is_object()))
    })?;
    let keys: Vec<&str> =
        told["limits"].as_array().into_iter().flatten().filter_map(|l| l["key"].as_str()).collect();
    ensure!(keys == ["session-memory", "session-processes"], "{told}");
    let text = told["killed"]["text"].as_str().context("no text")?;
    ensure!(text.starts_with("The system ended 'python3' (process "), "{text}");
    let home = client.get("/?live=1")?.expect(200)?.text();
    ensure!(
        home.contains("because the session used its 96 MB of memory") && home.contains("of 96 MB"),
        "{home}"
    );
    let other = signed_in(&world, "oth")?.1;
    other.get(&format!("/sessions/{id}/load"))?.expect(404)?;
    status(&world, &id)?;
    stop(&world, &client, &id, account.uid)
}

/// `portcullis status --json` shows it.
fn status(world: &World, id: &str) -> Result<()> {
    let mut command = Command::new(place::program("portcullis"));
    let output = command.args(["status", "--json", "--run-dir"]).arg(world.run_dir()).output()?;
    let status: Value = serde_json::from_slice(&output.stdout)?;
    let one = &status["limited-sessions"][0];
    ensure!(one["session"] == id && one["limits"][0]["limit"] == 96, "{status}");
    ensure!(one["killed"]["program"] == "python3", "{status}");
    Ok(())
}

fn ide(stage: &Stage) -> Result<()> {
    let world = limited(stage, "max-memory-mb=96\n")?;
    let (account, client) = signed_in(&world, "big")?;
    let id = client.start_session(30)?;
    let (script, go) = (account.home.join("hungry.py"), account.home.join("go"));
    let waiting = account.home.join("waits");
    // Half of the memory is a temporary file, which is no process': so the kernel doesn't take the one that asks for more.
    let waits = format!(
        "import os, time\nopen({waiting:?}, 'w')\nwhile not os.path.exists({go:?}): time.sleep(0.05)\n\
         fill = open('/tmp/fill', 'wb')\nfor _ in range(50): fill.write(bytes(1 << 20))\n{HUNGRY}\n"
    );
    std::fs::write(&script, waits)?;
    let order = format!("/usr/bin/python3\t{}", script.display());
    let record = std::thread::scope(|scope| -> Result<Value> {
        scope.spawn(|| run(&account, &order));
        until::is("it waits", 20, || waiting.exists())?;
        // The one that the kernel takes first, and not those that it has started.
        let ide = world.ide_process(&id)?.pid;
        std::fs::write(format!("/proc/{ide}/oom_score_adj"), "1000")?;
        std::fs::write(&go, "")?;
        world.await_audit("session-ended", &[("session", &id)], 30)
    })?;
    ensure!(record["why"]["out-of-memory"]["limit_mb"] == 96, "{record}");
    // The record is on disk before the server is told.
    until::is("the page says so", 10, || {
        let page = client.get(&format!("/sessions/{id}"));
        page.is_ok_and(|p| p.text().contains("The system ended it because it used its 96 MB of memory."))
    })?;
    world.await_audit("limit-reached", &[("session", &id), ("what", "memory")], 5)?;
    until::is("its groups are gone", 10, || groups(&id, account.uid).is_empty())
}

fn start(stage: &Stage) -> Result<()> {
    // Not in a temporary folder: a session has its own.
    let program = PathBuf::from(format!("/var/lib/hungry-{}", place::next_number()));
    std::fs::write(&program, format!("#!/bin/sh\nexec /usr/bin/python3 -c '{HUNGRY}'\n"))?;
    executable(&program)?;
    let text = program.display().to_string();
    let world = stage.world().file("profiles", "[*]\nmax-memory-mb=64\n").ide_program(&text).start()?;
    let (_, client) = signed_in(&world, "few")?;
    let id = client.open_session()?;
    let record = world.await_audit("session-ended", &[("session", &id)], 30)?;
    let why = record["why"]["start-failed"].as_str().context("another end")?;
    ensure!(why.ends_with("because the session used its 64 MB of memory"), "{why}");
    Ok(())
}

fn executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}

/// Starts sleepers until no more can be, then says how many; ends them.
const FORKS: &str = "import subprocess, sys, time\nall = []\ntry:\n  while len(all) < 200: all.append(subprocess.Popen(['/bin/sleep', '100']))\nexcept OSError: pass\nopen(sys.argv[1], 'w').write(str(len(all)))\nwhile not __import__('os').path.exists(sys.argv[1] + '.go'): time.sleep(0.1)\nfor one in all: one.kill(); one.wait()";

fn forks(stage: &Stage) -> Result<()> {
    let world = limited(stage, "max-processes=30\n")?;
    let (account, client) = signed_in(&world, "frk")?;
    let id = client.start_session(30)?;
    let (quiet, theirs) = signed_in(&world, "qui")?;
    let other = theirs.start_session(30)?;
    let script = account.home.join("forks.py");
    let count = account.home.join("count");
    std::fs::write(&script, FORKS)?;
    let order = format!("/usr/bin/python3\t{}\t{}", script.display(), count.display());
    std::thread::scope(|scope| -> Result<()> {
        let bomb = scope.spawn(|| run(&account, &order));
        let made = until::some("it can't fork any more", 30, || {
            Ok(std::fs::read_to_string(&count).ok().and_then(|text| text.parse::<u32>().ok()))
        })?;
        ensure!(made > 5 && made < 30, "{made} were started");
        let all = process::of_user(account.uid).len();
        ensure!(all <= 30, "{all} processes of 30");
        ensure!(run(&quiet, "/bin/true")?.contains(' '), "others can't start anything");
        ensure!(!run(&quiet, "/bin/true")?.starts_with("error"), "others can't start anything");
        world.await_audit(
            "limit-reached",
            &[("session", &id), ("what", "processes"), ("limit", "30")],
            20,
        )?;
        until::is("its owner is warned", 20, || {
            load(&client, &id).is_ok_and(|told| told["limits"][0]["text"].as_str().is_some())
        })?;
        ensure!(client.get("/?live=1")?.text().contains("This session uses"), "no warning on the page");
        std::fs::write(account.home.join("count.go"), "")?;
        let ended = bomb.join().expect("no panic")?;
        ensure!(!ended.starts_with("error"), "{ended}");
        Ok(())
    })?;
    stop(&world, &theirs, &other, quiet.uid)?;
    stop(&world, &client, &id, account.uid)
}

fn together(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("portcullis.conf", "user-max-processes=40\nuser-max-memory-mb=200")
        .double(&["--double-work"])
        .start()?;
    let (account, client) = signed_in(&world, "two")?;
    let first = client.start_session(30)?;
    let script = account.home.join("forks.py");
    std::fs::write(&script, FORKS)?;
    let order =
        |name: &str| format!("/usr/bin/python3\t{}\t{}", script.display(), account.home.join(name).display());
    let made = |name: &str| {
        until::some("it can't fork any more", 30, || {
            Ok(std::fs::read_to_string(account.home.join(name))
                .ok()
                .and_then(|text| text.parse::<u32>().ok()))
        })
    };
    std::thread::scope(|scope| -> Result<()> {
        let one = scope.spawn(|| run(&account, &order("one")));
        ensure!(made("one")? < 40, "more than the person may have");
        let text = load(&client, &first)?;
        until::is("the person is warned", 20, || {
            load(&client, &first).is_ok_and(|told| {
                told["limits"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|limit| limit["key"] == "user-processes" && limit["text"].as_str().is_some())
            })
        })
        .with_context(|| text.to_string())?;
        // Nothing can be started in another session either, since the first has them all.
        let second = client.open_session()?;
        let record = world.await_audit("session-ended", &[("session", &second)], 60)?;
        let why = record["why"]["start-failed"].as_str().context("another end")?;
        ensure!(why.ends_with("your sessions together have all of their 40 processes and threads"), "{why}");
        ensure!(process::of_user(account.uid).len() <= 40, "more than the person may have");
        std::fs::write(account.home.join("one.go"), "")?;
        one.join().expect("no panic").map(drop)
    })?;
    // With room again, another one starts, and both use one memory.
    std::fs::remove_file(account.home.join("work.sock"))?;
    let second = client.start_session(30)?;
    let answer = python(&account, HUNGRY)?;
    ensure!(answer.contains("signal: 9"), "it was not ended: {answer}");
    let wanted = [("session", second.as_str()), ("what", "memory"), ("whose", "user"), ("limit", "200")];
    world.await_audit("limit-reached", &wanted, 20)?;
    client.post(&format!("/sessions/{first}/stop"), &[])?.expect(303)?;
    world.await_audit("session-ended", &[("session", &first)], 30)?;
    ensure!(!groups(&second, account.uid).is_empty(), "the other's group went with the first");
    stop(&world, &client, &second, account.uid)
}

fn restarted(stage: &Stage) -> Result<()> {
    let mut world = limited(stage, "max-memory-mb=96\n")?;
    world.log.expect("the launcher is gone");
    world.log.expect("the launcher can't be told");
    let (account, client) = signed_in(&world, "rst")?;
    let id = client.start_session(30)?;
    ensure!(python(&account, HUNGRY)?.contains("signal: 9"), "no limit");
    world.await_audit("limit-reached", &[("session", &id), ("count", "1")], 20)?;
    let server = world.server()?.pid;
    world.stop(Signal::SIGKILL)?;
    ensure!(process::is_alive(server), "the server went with the launcher");
    ensure!(python(&account, HUNGRY)?.contains("signal: 9"), "the limit went with the launcher");
    world.launch()?;
    let fresh = world.client()?;
    fresh.set_cookie("portcullis", &client.cookie("portcullis").context("no cookie")?);
    until::is("both are told", 20, || load(&fresh, &id).is_ok_and(|told| told["killed"]["key"] == "2"))?;
    let records = world.count_audit("limit-reached", &[("session", &id), ("count", "1")])?;
    ensure!(records == 2, "{records} records of two ends");
    stop(&world, &fresh, &id, account.uid)
}
