//! People who are signed in while their accounts change: on this machine, in a directory, with and without a daemon that looks.

mod directory;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::account::{self, Account};
use portcullis_testing::{Client, Response, Stage, World, case, place, process, until, websocket};
use serde_json::json;

use super::ask::json;

/// What is promised of changes of the machine's own files.
const PROMISED: Duration = Duration::from_secs(1);

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case(
            "identity::daemon::sync::a_group_that_is_left_takes_its_flag_at_once_and_gives_it_back",
            regrouped,
        ),
        case("identity::daemon::sync::a_running_session_is_warned_and_ends_or_says_what_is_not_held", held),
        case("identity::daemon::sync::another_browser_has_the_groups_of_the_last_sign_in", browsers),
        case(
            "identity::daemon::sync::groups_of_now_outlive_a_kill_and_changes_of_meanwhile_are_seen",
            restarted,
        ),
        case("identity::daemon::sync::a_storm_of_writes_is_a_few_looks", storm),
        case("identity::daemon::sync::who_was_lost_comes_back", back),
        case(
            "identity::daemon::sync::a_directorys_groups_give_flags_and_roles_until_it_says_otherwise",
            directory::groups,
        ),
        case("identity::daemon::sync::a_directory_that_is_down_changes_nothing", directory::down),
    ]
}

/// A group of this test's own.
fn group() -> Result<String> {
    let name = format!("grp{}", place::next_number());
    account::shadow("groupadd", &[&name])?;
    Ok(name)
}

/// A world in which a group gives the shell.
fn world(stage: &Stage, group: &str, more: &str) -> Result<World> {
    stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .conf("portcullis.conf", more)
        .file("profiles", &format!("[@{group}]\nallow-shell=1\n"))
        .start()
}

fn member(world: &World, stem: &str, group: &str) -> Result<(Account, Client)> {
    let account = world.account_with(stem, &["-G", group])?;
    let client = world.client()?;
    client.sign_in(&account.name, &account.password)?;
    Ok((account, client))
}

/// A terminal, which `allow-shell` decides about.
fn terminal(client: &Client, id: &str) -> Result<Response> {
    client.request("POST", &format!("/s/{id}/api/terminals")).json(&json!({})).send()
}

pub(super) fn may(client: &Client, id: &str) -> Result<bool> {
    until::some("an answer under one set of rules", 30, || {
        let answer = match terminal(client, id) {
            // What was begun under the old rules ends with them, and may simply be tried again.
            Ok(answer) if answer.status == 503 => return Ok(None),
            Err(error) if error.to_string().contains("no whole answer") => return Ok(None),
            other => other?,
        };
        ensure!(answer.status == 403 || answer.status < 300, "{}: {}", answer.status, answer.text());
        Ok(Some(answer.status != 403))
    })
}

/// How long it takes until that is so; what is promised is that it is so at once.
fn until_may(client: &Client, id: &str, wanted: bool) -> Result<Duration> {
    let since = Instant::now();
    until::some("the flag is another", 30, || Ok((may(client, id)? == wanted).then_some(())))?;
    let took = since.elapsed();
    ensure!(took < until::promised(PROMISED), "may it: {wanted} only after {took:?}");
    Ok(took)
}

fn regrouped(stage: &Stage) -> Result<()> {
    let group = group()?;
    let world = world(stage, &group, "")?;
    let (ann, client) = member(&world, "ann", &group)?;
    let (_, other) = member(&world, "ben", &group)?;
    let (id, theirs) = (client.start_session(30)?, other.start_session(30)?);
    ensure!(may(&client, &id)? && may(&other, &theirs)?, "the group gives nothing");
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    let mut bystander = websocket::open(&other, &format!("/s/{theirs}/api/events/subscribe"), &[])?;
    websocket::echo(&mut bystander, "x")?;

    account::shadow("gpasswd", &["-d", &ann.name, &group])?;
    let took = until_may(&client, &id, false)?;
    let answer = terminal(&client, &id)?;
    ensure!(answer.text().contains("allow-shell"), "{}", answer.text());
    // What was begun under it ends with it.
    let (code, _) = websocket::await_close(&mut socket)?;
    ensure!(code.is_none_or(|code| code == 1008), "{code:?}");
    let fields = [("user", ann.name.as_str()), ("gone", group.as_str()), ("new", ""), ("by", "files")];
    world.await_audit("membership-changed", &fields, 5)?;
    ensure!(client.is_signed_in()? && other.is_signed_in()?, "somebody was put out");
    websocket::echo(&mut bystander, "y").context("a bystander's connection ended")?;
    ensure!(may(&other, &theirs)?, "a bystander lost a flag");

    account::shadow("gpasswd", &["-a", &ann.name, &group])?;
    let back = until_may(&client, &id, true)?;
    println!("gone after {} ms, back after {} ms", took.as_millis(), back.as_millis());
    let fields = [("user", ann.name.as_str()), ("new", group.as_str())];
    world.await_audit("membership-changed", &fields, 5)?;
    ensure!(world.count_audit("membership-changed", &[])? == 2, "others were told of");
    ensure!(world.count_audit("session-ended", &[])? == 0, "a session ended");
    Ok(())
}

fn kernel_holds() -> bool {
    std::fs::read_to_string("/sys/kernel/security/lsm").map_or(true, |modules| modules.contains("landlock"))
}

fn held(stage: &Stage) -> Result<()> {
    if !kernel_holds() {
        return portcullis_testing::stage::skip("the kernel has no Landlock, so no session is held by it");
    }
    let group = group()?;
    let mut world = world(stage, &group, "membership-change=end")?;
    world.log.expect("is held by less than");
    let (ann, client) = member(&world, "ann", &group)?;
    let id = client.start_session(30)?;
    let page =
        || Ok::<_, anyhow::Error>(client.request("GET", "/").header("Accept", "text/html").send()?.text());
    let says = |what: &str, wanted: bool| {
        until::some(what, 10, || Ok((page()?.contains(what) == wanted).then_some(())))
    };
    account::shadow("gpasswd", &["-d", &ann.name, &group])?;
    says("Your groups or your role changed", true)?;
    says("Will end in", true)?;
    let why = json(&world, &["session", "why-alive", &id], 0)?;
    ensure!(why.to_string().contains("membership"), "{why}");
    // In it again: nothing ends.
    account::shadow("gpasswd", &["-a", &ann.name, &group])?;
    says("Will end in", false)?;
    // More than before takes nothing away, and is no reason to end anything either.
    let other = self::group()?;
    account::shadow("gpasswd", &["-a", &ann.name, &other])?;
    world.await_audit("membership-changed", &[("user", &ann.name), ("new", &other)], 5)?;
    ensure!(!page()?.contains("Will end in"), "a group that changes nothing ends a session");

    world.set("portcullis.conf", "membership-change=restrict")?;
    world.reload()?;
    account::shadow("gpasswd", &["-d", &ann.name, &group])?;
    says("the system holds it to the old ones still", true)?;
    let text = page()?;
    ensure!(text.contains("allow-shell") && !text.contains("Will end in"), "{text}");
    ensure!(!may(&client, &id)?, "the proxy allows it");
    ensure!(!process::of_user(ann.uid).is_empty(), "it ended");
    // It is said after a restart as well.
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    let again = world.client()?;
    again.sign_in(&ann.name, &ann.password)?;
    let text = again.request("GET", "/").header("Accept", "text/html").send()?.text();
    ensure!(text.contains("the system holds it to the old ones still"), "{text}");
    Ok(())
}

fn browsers(stage: &Stage) -> Result<()> {
    let group = group()?;
    // PAM looks nobody up again here but at a sign-in: the files of accounts are not what changes.
    let mut world = world(stage, &group, "")?;
    let (ann, client) = member(&world, "ann", &group)?;
    let id = client.start_session(30)?;
    ensure!(may(&client, &id)?, "the group gives nothing");
    // While no daemon looks.
    world.stop(Signal::SIGTERM)?;
    account::shadow("gpasswd", &["-d", &ann.name, &group])?;
    world.launch()?;
    let (again, second) = (reborn(&world, &client)?, world.client()?);
    second.sign_in(&ann.name, &ann.password)?;
    // By the sign-in, or by the look that a start makes: it can't be later than the answer to the sign-in.
    ensure!(!may(&again, &id)?, "the first browser has the groups of before");
    Ok(())
}

fn restarted(stage: &Stage) -> Result<()> {
    let group = group()?;
    let mut world = world(stage, &group, "")?;
    for part in ["ended", "lost", "died", "killed", "launcher is gone", "can't be told"] {
        world.log.expect(part);
    }
    let (ann, client) = member(&world, "ann", &group)?;
    let id = client.start_session(30)?;
    account::shadow("gpasswd", &["-d", &ann.name, &group])?;
    world.await_audit("membership-changed", &[("user", &ann.name)], 5)?;
    // It is in the journal when it is in the log.
    process::kill_hard(world.launcher_pid()?)?;
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    let again = reborn(&world, &client)?;
    ensure!(again.is_signed_in()? && !may(&again, &id)?, "the groups of before came back");
    ensure!(world.count_audit("membership-changed", &[])? == 1, "it was found anew");

    // And the other way round: what changes while nobody looks.
    world.stop(Signal::SIGTERM)?;
    account::shadow("gpasswd", &["-a", &ann.name, &group])?;
    world.launch()?;
    let again = reborn(&world, &client)?;
    until_may(&again, &id, true)?;
    let fields = [("user", ann.name.as_str()), ("new", group.as_str()), ("by", "start")];
    world.await_audit("membership-changed", &fields, 5)?;
    Ok(())
}

fn storm(stage: &Stage) -> Result<()> {
    const LASTS: Duration = Duration::from_secs(2);
    let group = group()?;
    let at = portcullis_testing::servers::free_address()?;
    let metrics = format!("metrics-enabled=1\nmetrics-port={}", at.port());
    let world = stage.world().conf("rserver.conf", &metrics).start()?;
    let (ann, client) = member(&world, "ann", &group)?;
    let looks = || -> Result<u64> {
        let text = Client::new(at).get("/metrics")?.expect(200)?.text();
        let line =
            text.lines().find(|line| line.starts_with("portcullis_membership_checks_total{result=\"same\"}"));
        let count = line.and_then(|line| line.rsplit(' ').next()?.parse().ok());
        Ok(count.unwrap_or(0))
    };
    let since = Instant::now();
    let name = ann.name.clone();
    let mut writes = 0_u64;
    while since.elapsed() < LASTS {
        // Her line is another one each time, and says nothing else of her.
        account::shadow("chage", &["-W", &(writes % 90).to_string(), &ann.name])?;
        for _ in 0..50 {
            touch(Path::new("/etc/group"))?;
        }
        writes += 51;
    }
    let lasted = since.elapsed();
    ensure!(client.is_signed_in()?, "{name} was put out");
    until::some("somebody looks", 10, || Ok((looks()? > 0).then_some(())))?;
    // One in 100 ms, and other tests' changes of the same files beside it.
    let most = u64::try_from(lasted.as_millis() / 100)? + 60;
    let made = looks()?;
    println!("{writes} writes in {lasted:?} were {made} looks");
    ensure!(made <= most && made < writes / 4, "{made} looks in {lasted:?} of {writes} writes");
    ensure!(world.count_audit("membership-changed", &[])? == 0, "something changed");
    Ok(())
}

/// Opens a file for writing and closes it: that is what is heard of.
fn touch(path: &Path) -> Result<()> {
    std::fs::OpenOptions::new().append(true).open(path)?;
    Ok(())
}

fn back(stage: &Stage) -> Result<()> {
    let group = group()?;
    let world = world(stage, &group, "")?;
    world.log.expect("an identity is lost");
    let (ann, client) = member(&world, "ann", &group)?;
    account::shadow("chage", &["-E", "0", &ann.name])?;
    until::some("it is over", 10, || Ok((!client.is_signed_in()?).then_some(())))?;
    let lost = world.await_audit("identity-lost", &[("user", &ann.name)], 5)?;
    ensure!(lost["why"].as_str().is_some_and(|why| why.starts_with("expired:")), "{lost}");
    client.try_sign_in(&ann.name, &ann.password)?;
    ensure!(!client.is_signed_in()?, "it came in expired");
    account::shadow("chage", &["-E", "-1", &ann.name])?;
    client.sign_in(&ann.name, &ann.password)?;
    world.await_audit("identity-back", &[("user", &ann.name)], 5)?;
    // A locked password is a lock for whoever came in by it.
    account::shadow("usermod", &["-L", &ann.name])?;
    until::some("it is over", 10, || Ok((!client.is_signed_in()?).then_some(())))?;
    let why = |one: &serde_json::Value| one["why"].as_str().is_some_and(|why| why.starts_with("locked:"));
    until::some("the reason is recorded", 5, || {
        let all = world.audit()?;
        Ok(all.iter().any(|one| one["event"] == "identity-lost" && why(one)).then_some(()))
    })?;
    account::shadow("usermod", &["-U", &ann.name])?;
    client.sign_in(&ann.name, &ann.password)?;
    ensure!(world.count_audit("identity-back", &[])? == 2, "it is not told that they are back");
    Ok(())
}

/// The same browser at the launcher of now, which may listen elsewhere.
fn reborn(world: &World, client: &Client) -> Result<Client> {
    let again = world.client()?;
    for name in ["portcullis", "__Host-portcullis"] {
        if let Some(value) = client.cookie(name) {
            again.set_cookie(name, &value);
        }
    }
    Ok(again)
}
