//! Accounts: who signs in has one, with a role; what an administrator does to it holds at once and for ever.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, World, case, process, until, websocket};
use serde_json::Value;

use crate::operations::{exits, json};

/// What is promised of a lock.
const WITHIN: Duration = Duration::from_secs(1);

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("accounts::the_first_is_administrator_and_everybody_has_a_role_with_its_reason", roles),
        case("accounts::a_lock_ends_everything_within_a_second_and_outlives_a_crash", lock),
        case("accounts::a_role_opens_and_shuts_at_once", role_counts),
        case("accounts::groups_give_roles_by_the_configuration", mapping),
        case("accounts::made_before_renamed_and_removed_with_its_records_kept", life),
        case("accounts::nobody_new_is_let_in_without_the_store_and_everybody_else_goes_on", store_gone),
    ]
}

/// An account as the command lists it.
fn listed(world: &World, name: &str) -> Result<Value> {
    let all = json(world, &["users", "list", "--include-locked"])?;
    let found = all.as_array().context("a list")?.iter().find(|one| one["unix-name"] == name);
    found.cloned().with_context(|| format!("no `{name}` in {all}"))
}

fn roles(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let empty = exits(&world, &["users", "list"], 0)?;
    ensure!(empty.contains("no accounts yet") && empty.contains("--role administrator"), "{empty}");
    let (ann, client) = world.signed_in("ann")?;
    let (ben, _) = world.signed_in("ben")?;
    let first = listed(&world, &ann.name)?;
    ensure!(first["role"] == "administrator" && first["role-reason"] == "first-account", "{first}");
    ensure!(
        first["provider"] == "system" && first["id"] == 1 && first["last-sign-in"].is_string(),
        "{first}"
    );
    let second = listed(&world, &ben.name)?;
    ensure!(second["role"] == "viewer" && second["role-reason"] == "default", "{second}");
    // Once more, elsewhere: the same account.
    world.client()?.sign_in(&ann.name, &ann.password)?;
    ensure!(json(&world, &["users", "list"])?.as_array().is_some_and(|all| all.len() == 2), "made twice");
    ensure!(client.is_signed_in()?, "signed out");
    world.await_audit(
        "account-created",
        &[("user", &ann.name), ("role", "administrator"), ("by", "sign-in")],
        5,
    )?;
    world.await_audit("sign-in", &[("user", &ann.name), ("method", "pam")], 5)?;
    let table = exits(&world, &["users", "list", "--reason"], 0)?;
    ensure!(table.contains("administrator (first-account)"), "{table}");
    let csv = exits(&world, &["users", "list", "--csv"], 0)?;
    ensure!(
        csv.starts_with("GUID,ID,Username,First,Last,Email,Role,DN,UniqueID") && csv.lines().count() == 3,
        "{csv}"
    );
    // The last administrator is not made another thing by mistake.
    exits(&world, &["users", "alter", &ann.name, "--role", "viewer"], 1)?;
    exits(&world, &["users", "alter", &ann.name, "--role", "viewer", "--force"], 0)?;
    exits(&world, &["users", "alter", "nobody-of-this-name", "--role", "viewer"], 67)?;
    exits(&world, &["users", "alter", &ben.name], 1)?;
    exits(&world, &["users", "alter", &ben.name, "--role", "king"], 2)?;
    Ok(())
}

fn lock(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    for part in ["ended", "lost", "died", "killed", "launcher is gone", "the launcher can't be told"] {
        world.log.expect(part);
    }
    let (ann, other) = world.signed_in("ann")?;
    let (ben, client) = world.signed_in("ben")?;
    let id = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    let began = Instant::now();
    let told = json(&world, &["users", "lock", &ben.name])?;
    ensure!(told["ended"]["sign-ins"] == 1 && told["ended"]["sessions"] == 1, "{told}");
    ensure!(told["ended"]["websockets"] == 1 && told["ended"]["whole"] == true, "{told}");
    let took = Duration::from_millis(told["ended"]["milliseconds"].as_u64().context("no time")?);
    ensure!(took < until::promised(WITHIN), "{told}");
    ensure!(process::of_user(ben.uid).is_empty(), "{:?}", process::of_user(ben.uid));
    websocket::await_close(&mut socket)?;
    ensure!(!client.is_signed_in()?, "signed in still after {:?} of {WITHIN:?}", began.elapsed());
    let refused = client.try_sign_in(&ben.name, &ben.password)?;
    ensure!(refused.status == 401, "{}", refused.status);
    world.await_audit("account-locked", &[("user", &ben.name)], 5)?;
    world.await_audit("sign-in-denied", &[("user", &ben.name), ("reason", "account")], 5)?;
    ensure!(other.is_signed_in()?, "a bystander was locked out");
    ensure!(!exits(&world, &["users", "list"], 0)?.contains(&ben.name), "locked ones are hidden");

    // A crash of everything brings nothing back.
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    let again = world.client()?;
    ensure!(again.try_sign_in(&ben.name, &ben.password)?.status == 401, "let in after a crash");
    again.sign_in(&ann.name, &ann.password)?;
    let already = exits(&world, &["users", "lock", &ben.name], 0)?;
    ensure!(already.contains("is locked already"), "{already}");
    exits(&world, &["users", "unlock", &ben.name], 0)?;
    world.client()?.sign_in(&ben.name, &ben.password)?;
    world.await_audit("account-unlocked", &[("user", &ben.name)], 5)?;
    Ok(())
}

fn role_counts(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rserver.conf", "admin-enabled=1")
        .conf("portcullis.conf", "admin-by-role=1\nsession-minimum-role=publisher")
        .start()?;
    let (_, ann) = world.signed_in("ann")?;
    let (ben, client) = world.signed_in("ben")?;
    ensure!(
        ann.get("/admin")?.status == 200 && client.get("/admin")?.status == 404,
        "administration by role"
    );
    ensure!(ann.get("/")?.text().contains("/admin"), "no way to it");
    ann.start_session(30)?;
    let refused = client.post("/sessions", &[("ide", "jupyter")])?;
    ensure!(refused.text().contains("viewer"), "{}", refused.text());
    ensure!(process::of_user(ben.uid).is_empty(), "a session");
    // Whoever is signed in has the new role with the next request.
    exits(&world, &["users", "alter", &ben.name, "--role", "administrator"], 0)?;
    ensure!(client.get("/admin")?.status == 200, "not yet");
    client.start_session(30)?;
    exits(&world, &["users", "alter", &ben.name, "--role", "viewer"], 0)?;
    ensure!(client.get("/admin")?.status == 404, "still");
    ensure!(client.is_signed_in()?, "signed out by a role");
    world.await_audit(
        "account-changed",
        &[("user", &ben.name), ("what", "role"), ("from", "administrator"), ("to", "viewer")],
        5,
    )?;
    Ok(())
}

fn mapping(stage: &Stage) -> Result<()> {
    let text = "user-role-mapping=groups\nadministrator-role-groups=adm\npublisher-role-groups=audio\n\
        publisher-role-groups=video";
    let mut world = stage.world().conf("portcullis.conf", text).start()?;
    let first = world.account("first")?;
    world.client()?.sign_in(&first.name, &first.password)?;
    let sign_in = |groups: &str| -> Result<String> {
        let account = world.account_with("mapped", &["--groups", groups])?;
        world.client()?.sign_in(&account.name, &account.password)?;
        Ok(account.name)
    };
    let (one, two, three) = (sign_in("adm,video")?, sign_in("video")?, sign_in("games")?);
    for (name, role, reason) in [
        (&one, "administrator", "group `adm`"),
        (&two, "publisher", "group `video`"),
        (&three, "viewer", "default"),
    ] {
        let found = listed(&world, name)?;
        let why = found["role-reason"].as_str().unwrap_or_default();
        ensure!(found["role"] == role && why.starts_with(reason), "{found}");
    }
    // Roles are the groups' to give.
    exits(&world, &["users", "alter", &three, "--role", "publisher"], 1)?;
    world.set("portcullis.conf", "user-role-mapping-restrictive=1")?;
    world.reload()?;
    let least = world.account_with("mapped", &["--groups", "adm,video"])?;
    world.client()?.sign_in(&least.name, &least.password)?;
    let found = listed(&world, &least.name)?;
    ensure!(found["role"] == "publisher", "{found}");
    Ok(())
}

fn life(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, ben) = (world.account("ann")?, world.account("ben")?);
    let made = exits(
        &world,
        &["users", "add", &ann.name, "--role", "administrator", "--email", "a@example.test"],
        0,
    )?;
    ensure!(made.contains("administrator") && made.contains("a@example.test"), "{made}");
    exits(&world, &["users", "add", &ann.name], 1)?;
    exits(&world, &["users", "add", "nobody-of-this-name"], 1)?;
    let client = world.client()?;
    client.sign_in(&ann.name, &ann.password)?;
    let found = listed(&world, &ann.name)?;
    ensure!(found["role"] == "administrator" && found["email"] == "a@example.test", "{found}");
    let other = world.client()?;
    other.sign_in(&ben.name, &ben.password)?;
    ensure!(listed(&world, &ben.name)?["role"] == "viewer", "not the first");
    // Another Unix account behind it is somebody else: whoever was signed in is not any more.
    exits(&world, &["users", "alter", &ben.name, "--first", "Ben", "--last", "Beta"], 0)?;
    ensure!(other.is_signed_in()?, "a name alone ended it");
    exits(&world, &["users", "remove", &ben.name, "--yes"], 0)?;
    ensure!(!other.is_signed_in()?, "signed in to an account that is removed");
    exits(&world, &["users", "remove", &ann.name, "--yes"], 1)?;
    let log = world.state_dir().join("audit/audit.jsonl");
    let log = log.to_str().context("a path")?;
    let output = std::process::Command::new(portcullis_testing::place::program("portcullis"))
        .args(["users", "audit", &ben.name, "--csv", "--log", log])
        .output()?;
    let csv = String::from_utf8(output.stdout)?;
    for action in ["account-created", "account-changed", "account-removed", "sign-in"] {
        ensure!(csv.lines().any(|line| line.split(',').nth(4) == Some(action)), "no {action}: {csv}");
    }
    // Signing in again makes no new account of a removed one.
    ensure!(other.try_sign_in(&ben.name, &ben.password)?.status == 401, "a removed account came back");
    Ok(())
}

/// The process that keeps this launcher's accounts.
pub(crate) fn store_of(launcher: i32) -> Option<i32> {
    let named = |pid: i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "pc-store")
    };
    process::descendants(launcher).into_iter().map(|child| child.pid).find(|pid| named(*pid))
}

fn store_gone(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    for part in ["accounts can't be asked", "the identity program ended", "is not written at the moment"] {
        world.log.expect(part);
    }
    world.log.expect("was answered late");
    // One that is held in the midst of writing finds its own lock when it goes on.
    world.log.expect("the database is busy with something else");
    world.log.expect("the database can't be read; what is known goes on");
    let (ann, client) = world.signed_in("ann")?;
    let (ben, locked) = world.signed_in("ben")?;
    let launcher = world.launcher_pid()?;
    let store = || store_of(launcher).context("no store");
    let before = store()?;
    // Held: nobody new gets in, nobody who is in notices.
    process::signal(before, Signal::SIGSTOP)?;
    let id = client.start_session(30)?;
    ensure!(client.get(&format!("/s/{id}/api/me"))?.status == 200, "a session's request");
    let second = world.client()?;
    let refused = second.try_sign_in(&ann.name, &ann.password)?;
    ensure!(refused.status == 503, "{}", refused.status);
    exits(&world, &["users", "list"], 75)?;
    // A lock whose answer comes when nobody waits for it any more holds all the same.
    let said = exits(&world, &["users", "lock", &ben.name], 75)?;
    ensure!(said.contains("may be done yet"), "{said}");
    process::signal(before, Signal::SIGCONT)?;
    until::is("the end of a locked sign-in", 10, || locked.is_signed_in().is_ok_and(|signed_in| !signed_in))?;
    world.await_audit("account-locked", &[("user", &ben.name)], 5)?;
    // Killed: another one takes its place.
    process::kill_hard(before)?;
    until::is("another store", 10, || store().is_ok_and(|now| now != before))?;
    second.sign_in(&ann.name, &ann.password)?;
    ensure!(client.is_signed_in()?, "signed out");
    world.await_audit("process-lost", &[("process", "store")], 5)?;
    client.post("/auth-sign-out", &[])?;
    Ok(())
}
