//! What administrators do from the command line: each verb done and refused, tables and JSON, exit statuses as documented.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Client, Stage, World, case, place, process, until, websocket};
use serde_json::Value;

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("operations::sessions_and_people_are_listed", listed),
        case("operations::a_session_is_killed_by_its_id_its_owner_or_a_process", killed),
        case("operations::a_session_is_stopped_and_explained", stopped),
        case("operations::rstudio_is_suspended_and_comes_back", suspended),
        case("operations::nobody_but_root_and_no_daemon_have_their_exit_statuses", denied),
        case("operations::offline_lets_nobody_in_and_outlives_a_restart", offline),
        case("operations::a_reload_tells_what_became_of_it", reloaded),
        case("operations::verbs_of_rstudio_work", verbs),
        case("operations::a_log_without_a_journal_is_pointed_at", logs),
    ]
}

/// The command, for this world.
pub(crate) fn portcullis(world: &World, args: &[&str]) -> Command {
    let mut command = Command::new(place::program("portcullis"));
    command.args(args).arg("--run-dir").arg(world.run_dir());
    command
}

/// What a command said, on both ways out.
pub(crate) fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// Runs it and expects this exit status.
pub(crate) fn exits(world: &World, args: &[&str], code: i32) -> Result<String> {
    let output = portcullis(world, args).output()?;
    ensure!(output.status.code() == Some(code), "{args:?}: {:?}: {}", output.status, said(&output));
    Ok(said(&output))
}

/// Runs it with `--json`.
pub(crate) fn json(world: &World, args: &[&str]) -> Result<Value> {
    let text = exits(world, &[args, &["--json"]].concat(), 0)?;
    serde_json::from_str(&text).with_context(|| text)
}

fn rows(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("no list")
}

fn listed(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    ensure!(exits(&world, &["sessions"], 0)?.starts_with("no sessions; --ended"), "not said what to do next");
    ensure!(exits(&world, &["users"], 0)?.starts_with("nobody is signed in"), "somebody is");
    let (ann, client) = world.signed_in("ann")?;
    let (ben, _) = world.signed_in("ben")?;
    let id = client.start_session(30)?;
    let all = json(&world, &["sessions"])?;
    let one = &rows(&all)?[0];
    ensure!(
        one["id"] == id.as_str() && one["user"] == ann.name.as_str() && one["state"] == "running",
        "{one}"
    );
    ensure!(one["pid"] == world.session_process(&id)?.pid, "{one}");
    let text = exits(&world, &["sessions"], 0)?;
    ensure!(
        text.starts_with("ID                USER") && text.contains(&id) && text.contains("running"),
        "{text}"
    );
    ensure!(!text.contains('\u{1b}'), "colours in a pipe: {text:?}");
    ensure!(json(&world, &["sessions", &ben.name])?.as_array().is_some_and(Vec::is_empty), "another's");
    let people = json(&world, &["users"])?;
    let of = |name: &str| rows(&people).ok()?.iter().find(|row| row["user"] == name).cloned();
    let row = of(&ann.name).context("not listed")?;
    ensure!(row["sessions"] == 1 && row["sign-ins"][0]["from"] == "127.0.0.1", "{row}");
    ensure!(of(&ben.name).is_some_and(|row| row["sessions"] == 0), "{people}");
    exits(&world, &["session", "kill", &id], 0)?;
    ensure!(rows(&json(&world, &["sessions"])?)?.is_empty(), "an ended one is listed");
    let ended = json(&world, &["sessions", "--ended"])?;
    ensure!(
        ended[0]["state"] == "ended" && ended[0]["end"]["why"].to_string().contains("administrator"),
        "{ended}"
    );
    Ok(())
}

fn killed(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let (ben, other) = world.signed_in("ben")?;
    let theirs = other.start_session(30)?;
    let (one, two) = (client.start_session(30)?, client.start_session(30)?);
    // A name that means two sessions ends none, unless all are meant.
    let text = exits(&world, &["session", "kill", &ann.name], 2)?;
    ensure!(text.contains("has 2 sessions") && text.contains(&one) && text.contains(&two), "{text}");
    ensure!(text.contains("--all"), "{text}");
    ensure!(process::of_user(ann.uid).len() > 1, "something ended");
    let text = exits(&world, &["session", "kill", &one], 0)?;
    ensure!(text.contains("killed, with"), "{text}");
    world.await_audit("session-ended", &[("session", &one)], 5)?;
    let act = world.await_audit("administered", &[("act", "session-kill"), ("target", &one)], 5)?;
    ensure!(act["by"].as_str().is_some_and(|by| !by.is_empty()), "{act}");
    exits(&world, &["session", "kill", &one], 67)?;
    // Any process of a session names it, as somebody finds it in `top`.
    let ide = world.ide_process(&two)?.pid.to_string();
    let text = exits(&world, &["kill-session", &ide], 0)?;
    ensure!(text.contains(&two), "{text}");
    until::is("nothing of theirs runs", 10, || process::of_user(ann.uid).is_empty())?;
    let again = client.start_session(30)?;
    exits(&world, &["session", "kill", &ann.name], 0)?;
    world.await_audit("session-ended", &[("session", &again)], 5)?;
    for (args, code) in [
        (&["session", "kill", "0011223344556677"][..], 67),
        (&["session", "kill", &ann.name], 67),
        (&["session", "kill", "nobody-of-this-name"], 67),
        (&["kill-session", &world.launcher_pid()?.to_string()], 67),
        (&["kill-session", "1"], 67),
        (&["session", "kill"], 2),
        (&["session", "kill", "a/b"], 2),
        (&["kill-session", "0"], 2),
    ] {
        exits(&world, args, code)?;
    }
    other.get(&format!("/s/{theirs}/api/me"))?.expect(200)?;
    ensure!(process::of_user(ben.uid).len() > 1, "a bystander's ended");
    Ok(())
}

fn stopped(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "session-timeout-minutes=90").start()?;
    let (ann, client) = world.signed_in("ann")?;
    exits(&world, &["session", "why-alive", &ann.name], 67)?;
    let id = client.start_session(30)?;
    let text = exits(&world, &["session", "why-alive", &id], 0)?;
    for part in ["it is kept", "session-timeout-minutes", "90", "rsession.conf:", &ann.name] {
        ensure!(text.contains(part), "`{part}` is missing: {text}");
    }
    let all = json(&world, &["session", "why-alive", &ann.name])?;
    ensure!(all[0]["session"] == id.as_str() && all[0]["clocks"][0]["option"].is_string(), "{all}");
    exits(&world, &["session", "why-alive", "0011223344556677"], 67)?;
    let text = exits(&world, &["session", "stop", &id], 0)?;
    ensure!(text.contains(": ended"), "{text}");
    world.await_audit("administered", &[("act", "session-stop"), ("target", &id)], 5)?;
    exits(&world, &["session", "stop", &id], 67)?;
    exits(&world, &["session", "why-alive", &id], 67)?;
    Ok(())
}

fn suspended(stage: &Stage) -> Result<()> {
    let world = stage.world().rsession(&[]).start()?;
    let (_, client) = world.signed_in("ann")?;
    let id = client.open_session_of("rstudio")?;
    client.await_running(&id, 30)?;
    let text = exits(&world, &["session", "suspend", &id, "--force"], 0)?;
    ensure!(text.contains("suspended: its state is saved"), "{text}");
    let ended = json(&world, &["sessions", "--ended"])?;
    ensure!(ended[0]["end"]["suspended"] == true, "{ended}");
    let again = client.open_session_of("rstudio")?;
    client.await_running(&again, 30)?;
    let text = exits(&world, &["force-suspend-all"], 0)?;
    ensure!(text.contains(&again) && text.contains("suspended"), "{text}");
    ensure!(exits(&world, &["suspend-all"], 0)?.contains("no sessions"), "there are some");

    // Offline, everything that can be suspended is; what can't is asked to end.
    let third = client.open_session_of("rstudio")?;
    client.await_running(&third, 30)?;
    let double = place::program("portcullis-double-ide");
    world.set("jupyter.conf", &format!("jupyter-exe={}\nlabs-enabled=1", double.display()))?;
    exits(&world, &["reload"], 0)?;
    let other = client.open_session_of("jupyter")?;
    client.await_running(&other, 30)?;
    exits(&world, &["offline", "--suspend"], 0)?;
    let ended = world.await_audit("session-ended", &[("session", &third)], 30)?;
    ensure!(ended["suspended"] == true, "another end: {ended}");
    let ended = world.await_audit("session-ended", &[("session", &other)], 30)?;
    ensure!(ended["suspended"] == false, "another end: {ended}");
    ensure!(rows(&json(&world, &["sessions"])?)?.is_empty(), "some are left");
    Ok(())
}

fn denied(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (account, client) = world.signed_in("eve")?;
    let id = client.start_session(30)?;
    let pid = world.ide_process(&id)?.pid.to_string();
    let verbs: [&[&str]; 16] = [
        &["sessions"],
        &["users"],
        &["session", "kill", &id],
        &["session", "stop", &id],
        &["session", "suspend", &id],
        &["session", "why-alive", &id],
        &["revoke", &account.name],
        &["offline"],
        &["online"],
        &["reload"],
        &["active-sessions"],
        &["kill-session", &pid],
        &["kill-all"],
        &["suspend-all"],
        &["force-suspend-all"],
        &["list-users"],
    ];
    for args in verbs.iter().chain([&["status"][..]].iter()) {
        let output = portcullis(&world, args).uid(account.uid).gid(account.uid).output()?;
        ensure!(output.status.code() == Some(4), "{args:?}: {output:?}");
        ensure!(said(&output).contains("only root may ask the daemon"), "{args:?}: {}", said(&output));
    }
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    exits(&world, &["session", "kill", &id], 0)?;
    world.stop(Signal::SIGQUIT)?;
    for args in verbs {
        let text = exits(&world, args, 7)?;
        ensure!(text.contains("the daemon doesn't run"), "{args:?}: {text}");
    }
    let text = exits(&world, &["status"], 3)?;
    ensure!(text.contains("the daemon doesn't run"), "{text}");
    Ok(())
}

fn offline(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let ide = world.ide_process(&id)?.pid;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    exits(&world, &["offline", "--message", "one\ntwo"], 1)?;
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;

    let text = exits(&world, &["offline", "--message", "New disks until <10:00>"], 0)?;
    ensure!(text.contains("nobody is let in; sessions go on"), "{text}");
    websocket::await_close(&mut socket).context("what was open stayed open")?;
    let closed = |client: &Client| -> Result<()> {
        let page = client.request("GET", "/").header("Accept", "text/html").send()?.expect(503)?;
        let text = page.text();
        ensure!(
            text.contains("New disks until &#60;10:00&#62;") && text.contains("Running sessions go on"),
            "{text}"
        );
        for path in
            [&format!("/s/{id}/api/me"), &format!("/s/{id}/"), "/auth-sign-in", "/events", "/sessions"]
        {
            client.get(path)?.expect(503)?;
        }
        client.get("/healthz")?.expect(200)?;
        Ok(())
    };
    closed(&client)?;
    let stranger = world.client()?;
    stranger.try_sign_in(&account.name, &account.password)?.expect(503)?;
    ensure!(!stranger.is_signed_in().unwrap_or(false), "let in");
    ensure!(websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[]).is_err(), "a way in");
    let status = json(&world, &["status"])?;
    ensure!(status["offline"]["message"] == "New disks until <10:00>" && status["sessions"] == 1, "{status}");
    world.await_audit("administered", &[("act", "offline"), ("detail", "New disks until <10:00>")], 5)?;

    // The server outlives the launcher, and says so.
    world.log.expect("the launcher is gone");
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    let again = world.client()?;
    for name in ["portcullis", "__Host-portcullis"] {
        if let Some(value) = client.cookie(name) {
            again.set_cookie(name, &value);
        }
    }
    closed(&again)?;
    ensure!(exits(&world, &["offline"], 0)?.contains("was offline already"), "new");
    ensure!(process::is_alive(ide), "the session ended");
    ensure!(exits(&world, &["online"], 0)?.contains("let in again"), "not online");
    ensure!(exits(&world, &["online"], 0)?.contains("was online already"), "twice");
    again.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    ensure!(again.is_signed_in()?, "signed out by it");
    world.signed_in("ben")?;
    world.await_audit("administered", &[("act", "online")], 5)?;
    Ok(())
}

fn reloaded(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let text = exits(&world, &["reload"], 0)?;
    ensure!(text.contains("configuration 2 is in force") && text.contains("no option is another"), "{text}");
    world.set("rsession.conf", "allow-file-downloads=0")?;
    world.set("portcullis.conf", "session-start-timeout-seconds=31")?;
    let told = json(&world, &["reload"])?;
    ensure!(told["outcome"] == "in-force" && told["generation"] == 3, "{told}");
    let changed = rows(&told["changed"])?;
    let of = |option: &str| changed.iter().find(|row| row["option"] == option);
    ensure!(of("allow-file-downloads").is_some() && of("session-start-timeout-seconds").is_some(), "{told}");
    ensure!(changed.len() == 2, "{told}");
    // In force by the time it is answered.
    client.get(&format!("/s/{id}/files/bytes-10?download=1"))?.expect(403)?;
    world.log.expect("rsession.conf");
    world.log.expect("the old one stays in force");
    world.set("rsession.conf", "allow-file-downloads=perhaps")?;
    let text = exits(&world, &["reload"], 78)?;
    ensure!(text.contains("rsession.conf:") && text.contains("allow-file-downloads"), "{text}");
    ensure!(text.contains("the old one stays in force"), "{text}");
    let refused = portcullis(&world, &["reload", "--json"]).output()?;
    ensure!(refused.status.code() == Some(78) && said(&refused).contains("\"refused\""), "{refused:?}");
    client.get(&format!("/s/{id}/files/bytes-10?download=1"))?.expect(403)?;
    ensure!(world.count_audit("administered", &[("act", "reload")])? == 4, "not each is recorded");
    Ok(())
}

fn verbs(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("ann")?;
    ensure!(exits(&world, &["active-sessions"], 0)?.contains("no sessions"), "some");
    let id = client.start_session(30)?;
    let text = exits(&world, &["active-sessions"], 0)?;
    let pid = world.session_process(&id)?.pid.to_string();
    ensure!(text.contains("COMMAND") && text.contains(&pid) && text.contains("jupyter"), "{text}");
    let bare = |args: &[&str]| Command::new(place::program("portcullis")).args(args).output();
    let version = bare(&["version"])?;
    ensure!(version.status.success() && said(&version).trim() == env!("CARGO_PKG_VERSION"), "{version:?}");
    let config = world.config_dir().display().to_string();
    let tested = bare(&["test-config", "--config-dir", &config])?;
    ensure!(tested.status.success() && said(&tested).contains("[PASS]"), "{tested:?}");
    let (libexec, state) = (place::program("portcullis-launcher"), world.state_dir().display().to_string());
    let libexec = libexec.parent().context("no folder")?.display().to_string();
    let verified = portcullis(
        &world,
        &[
            "verify-installation",
            "--config-dir",
            &config,
            "--libexec-dir",
            &libexec,
            "--state-dir",
            &state,
            "--json",
        ],
    )
    .output()?;
    let report: Value = serde_json::from_str(&String::from_utf8_lossy(&verified.stdout))?;
    let outcome = |subject: &str| {
        let found = report["checks"].as_array()?.iter().find(|check| check["subject"] == subject)?;
        Some((found["outcome"].as_str()?.to_owned(), found["text"].as_str()?.to_owned()))
    };
    for subject in ["portcullis-launcher", "PAM modules", "daemon", "rserver.conf"] {
        ensure!(outcome(subject).is_some_and(|(word, _)| word == "PASS"), "{subject}: {report}");
    }
    ensure!(report["whole"] == verified.status.success(), "{report}");
    let nowhere =
        portcullis(&world, &["verify-installation", "--config-dir", &config, "--libexec-dir", "/nowhere"]);
    let nowhere = { nowhere }.output()?;
    ensure!(nowhere.status.code() == Some(1), "{nowhere:?}");
    ensure!(
        said(&nowhere).contains("FAILED  portcullis-server: there is no `/nowhere/portcullis-server`"),
        "{}",
        said(&nowhere)
    );
    let text = exits(&world, &["kill-all"], 0)?;
    ensure!(text.contains(&id) && text.contains("killed, with"), "{text}");
    world.await_audit("session-ended", &[("session", &id)], 5)?;
    Ok(())
}

fn logs(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let text = exits(&world, &["logs"], 5)?;
    ensure!(
        text.contains("there is no journal here") && text.contains(&world.launcher_pid()?.to_string()),
        "{text}"
    );
    exits(&world, &["logs", "--session", "not-an-id"], 2)?;
    exits(&world, &["restart", "--config-dir", "/nowhere/at/all"], 2)?;
    let config = world.config_dir().display().to_string();
    let restart =
        Command::new(place::program("portcullis")).args(["restart", "--config-dir", &config]).output()?;
    ensure!(
        restart.status.code() == Some(5) && said(&restart).contains("systemd does not run"),
        "{restart:?}"
    );
    world.set("rsession.conf", "allow-shell=perhaps")?;
    let wrong =
        Command::new(place::program("portcullis")).args(["restart", "--config-dir", &config]).output()?;
    ensure!(wrong.status.code() == Some(78) && said(&wrong).contains("nothing is done"), "{wrong:?}");
    Ok(())
}
