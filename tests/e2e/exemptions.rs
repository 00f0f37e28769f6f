//! Exemptions from flags: granted by root alone, in force at once, ended by themselves, surviving a killed launcher; and the
//! levels that `minimum-level` demands.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Client, Stage, World, case, place, until, websocket};
use serde_json::{Value, json};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("exemptions::an_exemption_holds_at_once_and_ends_by_itself", by_itself),
        case("exemptions::an_administrator_ends_one_before_its_time", withdrawn),
        case("exemptions::one_is_for_one_person_one_flag_and_one_session_if_said", narrow),
        case("exemptions::nobody_but_root_grants_one", root_alone),
        case("exemptions::what_is_no_exemption_is_refused_with_the_reason", refused),
        case("exemptions::a_killed_launcher_keeps_them_and_their_ends", survives),
        case("exemptions::a_level_too_low_prevents_the_session_and_says_why", minimum_level),
        case("exemptions::the_status_says_what_there_is", status),
    ]
}

fn portcullis(world: &World, args: &[&str]) -> Command {
    let mut command = Command::new(place::program("portcullis"));
    command.args(args).arg("--run-dir").arg(world.run_dir());
    command
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{command:?}: {}", said(&output));
    Ok(said(&output))
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

fn exempt(world: &World, user: &str, flag: &str, time: &str, more: &[&str]) -> Result<String> {
    let args =
        [&["exempt", user, flag, "--for", time, "--reason", "a class, ticket 4711"][..], more].concat();
    run(&mut portcullis(world, &args))
}

fn list(world: &World) -> Result<Vec<Value>> {
    let text = run(&mut portcullis(world, &["exempt", "list", "--json"]))?;
    Ok(serde_json::from_str::<Value>(&text)?.as_array().context("no list")?.clone())
}

/// What a terminal's door answers; everything good is 200.
fn shell(client: &Client, id: &str) -> Result<u16> {
    knock(client, &format!("/s/{id}/api/terminals"))
}

fn git(client: &Client, id: &str) -> Result<u16> {
    knock(client, &format!("/s/{id}/git/x/status"))
}

fn knock(client: &Client, path: &str) -> Result<u16> {
    let status = client.request("POST", path).json(&json!({})).send()?.status;
    Ok(if (200..300).contains(&status) { 200 } else { status })
}

fn home(client: &Client) -> Result<String> {
    Ok(client.request("GET", "/").header("Accept", "text/html").send()?.expect(200)?.text())
}

fn await_status(what: &str, wanted: u16, mut probe: impl FnMut() -> Result<u16>) -> Result<()> {
    until::is(what, 20, || probe().is_ok_and(|status| status == wanted))
}

fn by_itself(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    ensure!(shell(&client, &id)? == 403, "the flag does not hold");
    ensure!(!home(&client)?.contains("You are exempt"), "exempt from nothing");

    let told = exempt(&world, &account.name, "allow-shell", "15s", &[])?;
    ensure!(told.contains("until") && told.contains("A session runs already"), "{told}");
    let since = Instant::now();
    await_status("the terminal is let through", 200, || shell(&client, &id))?;
    ensure!(since.elapsed() < until::promised(Duration::from_secs(1)), "it took {:?}", since.elapsed());
    let mut socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[])?;
    ensure!(websocket::echo(&mut socket, "[\"stdin\",\"x\"]")? == "[\"stdin\",\"x\"]", "no echo");
    let page = home(&client)?;
    ensure!(page.contains("You are exempt from <code>allow-shell</code> until <time"), "{page}");
    ensure!(page.contains("a class, ticket 4711"), "the reason is not shown: {page}");
    ensure!(!page.contains("allow-shell=0"), "the page says that it holds");
    let fields =
        [("user", account.name.as_str()), ("flag", "allow-shell"), ("reason", "a class, ticket 4711")];
    world.await_audit("exempted", &fields, 5)?;

    websocket::await_close(&mut socket).context("the terminal stayed open after the end")?;
    await_status("the flag holds again", 403, || shell(&client, &id))?;
    ensure!(client.is_signed_in()?, "the end of an exemption signed the person out");
    world.await_audit("exemption-ended", &[("user", &account.name), ("why", "expired")], 10)?;
    ensure!(list(&world)?.is_empty(), "it is still listed");
    ensure!(!home(&client)?.contains("You are exempt"), "it is still shown");
    Ok(())
}

fn withdrawn(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let (account, client) = world.signed_in("bob")?;
    let id = client.start_session(30)?;
    exempt(&world, &account.name, "allow-shell", "1h", &[])?;
    await_status("the terminal is let through", 200, || shell(&client, &id))?;
    let rows = list(&world)?;
    ensure!(rows.len() == 1 && rows[0]["user"] == account.name.as_str(), "{rows:?}");
    let number = rows[0]["id"].as_str().context("no id")?;
    let told = run(&mut portcullis(&world, &["exempt", "end", number]))?;
    ensure!(told.contains("holds again"), "{told}");
    await_status("the flag holds again", 403, || shell(&client, &id))?;
    world.await_audit("exemption-ended", &[("exemption", number), ("why", "withdrawn")], 5)?;
    let again = portcullis(&world, &["exempt", "end", number]).output()?;
    ensure!(again.status.code() == Some(67) && said(&again).contains("there is no exemption"), "{again:?}");
    Ok(())
}

fn narrow(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0\nallow-vcs=0").start()?;
    let (ann, client) = world.signed_in("ann")?;
    let (_, other) = world.signed_in("ben")?;
    let (one, two) = (client.start_session(30)?, client.start_session(30)?);
    let theirs = other.start_session(30)?;
    exempt(&world, &ann.name, "allow-shell", "1h", &["--session", &one])?;
    await_status("the terminal is let through", 200, || shell(&client, &one))?;
    ensure!(shell(&client, &two)? == 403, "it reaches another session");
    ensure!(git(&client, &one)? == 403, "it lifts another flag");
    ensure!(shell(&other, &theirs)? == 403, "it reaches another person");
    ensure!(home(&client)?.contains(&format!("in session <code>{one}</code>")), "the session is not named");
    let foreign =
        ["exempt", ann.name.as_str(), "allow-shell", "--for", "1h", "--reason", "x", "--session", &theirs];
    let output = portcullis(&world, &foreign).output()?;
    ensure!(!output.status.success() && said(&output).contains("no running session"), "{output:?}");
    client.post(&format!("/sessions/{one}/stop"), &[])?.expect(303)?;
    world.await_audit("exemption-ended", &[("why", "session-over")], 30)?;
    Ok(())
}

fn root_alone(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    world.log.expect("who is not root connected");
    let (account, client) = world.signed_in("eve")?;
    let id = client.start_session(30)?;
    let args = ["exempt", account.name.as_str(), "allow-shell", "--for", "1h", "--reason", "please"];
    let as_user = |args: &[&str]| portcullis(&world, args).uid(account.uid).gid(account.uid).output();
    let output = as_user(&args)?;
    ensure!(output.status.code() == Some(4), "{output:?}");
    ensure!(said(&output).contains("only root may ask the daemon"), "{output:?}");
    // The mode is the first fence; the kernel's word on who asks is the second.
    let socket = world.run_dir().join("admin.sock");
    let mode = std::fs::metadata(&socket)?.permissions().mode() & 0o7777;
    ensure!(mode == 0o600, "{mode:o}");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666))?;
    for args in [&args[..], &["exempt", "list"], &["status"]] {
        let output = as_user(args)?;
        ensure!(output.status.code() == Some(4), "{args:?}: {output:?}");
        ensure!(said(&output).contains("only root is answered here"), "{args:?}: {output:?}");
    }
    ensure!(list(&world)?.is_empty() && shell(&client, &id)? == 403, "it was granted");
    ensure!(world.count_audit("exempted", &[])? == 0, "it was recorded");
    Ok(())
}

fn refused(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("portcullis.conf", "exemption-max-hours=2").start()?;
    let account = world.account("ann")?;
    let long = "x".repeat(301);
    for (user, flag, time, reason, why) in [
        (account.name.as_str(), "allow-shel", "1h", "x", "no flag that can be lifted"),
        (&account.name, "allow-full-ui", "1h", "x", "no flag that can be lifted"),
        (&account.name, "session-timeout-minutes", "1h", "x", "no flag that can be lifted"),
        (&account.name, "allow-shell", "3h", "x", "2 hours (`exemption-max-hours`)"),
        (&account.name, "allow-shell", "1h", " ", "a reason has from 1"),
        (&account.name, "allow-shell", "1h", "a\nb", "a reason has from 1"),
        (&account.name, "allow-shell", "1h", &long, "a reason has from 1"),
        ("nobody-of-this-name", "allow-shell", "1h", "x", "there is no account"),
    ] {
        let output =
            portcullis(&world, &["exempt", user, flag, "--for", time, "--reason", reason]).output()?;
        ensure!(output.status.code() == Some(1), "{flag} {time} {reason}: {output:?}");
        ensure!(said(&output).contains(why), "{flag} {time} {reason}: {}", said(&output));
    }
    ensure!(list(&world)?.is_empty(), "one was granted");
    exempt(&world, &account.name, "allow-shell", "2h", &[])?;
    world.set("portcullis.conf", "exemption-max-hours=1")?;
    ensure!(list(&world)?.len() == 1, "what was granted stays");
    Ok(())
}

fn survives(stage: &Stage) -> Result<()> {
    let mut world = stage.world().conf("rsession.conf", "allow-shell=0\nallow-vcs=0").start()?;
    for part in ["ended", "lost", "died", "killed", "the launcher is gone", "the launcher can't be told"] {
        world.log.expect(part);
    }
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    exempt(&world, &account.name, "allow-shell", "1h", &[])?;
    exempt(&world, &account.name, "allow-vcs", "8s", &[])?;
    let before = list(&world)?;
    let until = before.iter().find(|row| row["flag"] == "allow-vcs").and_then(|row| row["until"].as_u64());
    let until = until.context("it is not listed")?;
    world.stop(Signal::SIGKILL)?;
    until::is("the short one is over", 10, || {
        std::time::UNIX_EPOCH.elapsed().is_ok_and(|now| now.as_secs() >= until)
    })?;
    world.launch()?;
    let fresh = world.client()?;
    fresh.set_cookie("portcullis", &client.cookie("portcullis").context("no cookie")?);
    await_status("the long one holds", 200, || shell(&fresh, &id))?;
    ensure!(git(&fresh, &id)? == 403, "the short one holds on");
    world.await_audit("exemption-ended", &[("flag", "allow-vcs"), ("why", "expired")], 5)?;
    let after = list(&world)?;
    let long = before.iter().find(|row| row["flag"] == "allow-shell").context("not listed before")?;
    ensure!(after.len() == 1 && after[0] == *long, "{before:?} became {after:?}");
    Ok(())
}

fn minimum_level(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .conf("portcullis.conf", "minimum-level=allow-shell:kernel allow-vcs:kernel")
        .start()?;
    let (account, client) = world.signed_in("ann")?;
    let answer = client.post("/sessions", &[("ide", "jupyter")])?;
    let text = answer.text();
    ensure!(answer.status == 403, "{} {text}", answer.status);
    for part in
        ["allow-shell", "<code>kernel</code>", "<code>proxy</code>", "minimum-level", "Nothing was started"]
    {
        ensure!(text.contains(part), "no {part}: {text}");
    }
    ensure!(world.count_audit("session-started", &[])? == 0, "something was started");
    let record = world.await_audit("refused", &[("user", &account.name), ("capability", "session")], 5)?;
    let rule = record["rule"].as_str().unwrap_or_default();
    ensure!(rule.starts_with("minimum-level=allow-shell:kernel (portcullis.conf:"), "{record}");
    // What restricts nobody need not hold: an exemption lifts flag and demand together.
    exempt(&world, &account.name, "allow-shell", "1h", &[])?;
    let id = client.start_session(30)?;
    client.post(&format!("/sessions/{id}/stop"), &[])?.expect(303)?;
    drop(world);
    let world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .conf("portcullis.conf", "minimum-level=allow-shell:proxy")
        .start()?;
    let (_, client) = world.signed_in("ann")?;
    client.start_session(30)?;
    Ok(())
}

fn status(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (account, client) = world.signed_in("ann")?;
    client.start_session(30)?;
    exempt(&world, &account.name, "allow-shell", "1h", &[])?;
    let text = run(&mut portcullis(&world, &["status", "--json"]))?;
    let status: Value = serde_json::from_str(&text)?;
    for (name, expected) in [
        ("pid", json!(world.launcher_pid()?)),
        ("address", json!(world.address().to_string())),
        ("serving", json!(true)),
        ("writable", json!(true)),
        ("generation", json!(1)),
        ("sign-ins", json!(1)),
        ("sessions", json!(1)),
        ("exemptions", json!(1)),
    ] {
        ensure!(status[name] == expected, "{name}: {status}");
    }
    world.reload()?;
    let text = run(&mut portcullis(&world, &["status"]))?;
    ensure!(text.contains("configuration 2") && text.contains("sessions: 1"), "{text}");
    // Nobody comes after it: a stop, not a restart.
    world.stop(Signal::SIGQUIT)?;
    let output = portcullis(&world, &["status"]).output()?;
    ensure!(
        output.status.code() == Some(3) && said(&output).contains("the daemon doesn't run"),
        "{output:?}"
    );
    Ok(())
}
