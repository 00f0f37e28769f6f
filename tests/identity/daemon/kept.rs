//! What is kept of people through answers that come late, kills and changes: nothing that was taken away comes back.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::servers::people::{Person, Standing};
use portcullis_testing::servers::slapd::Slapd;
use portcullis_testing::{Stage, World, account, case, process, until};

use super::ask::{exits, json};
use super::ldap;

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::kept::an_end_that_the_database_alone_knows_holds", over),
        case("identity::daemon::kept::a_removal_and_a_transfer_that_are_answered_late_hold", late),
        case("identity::daemon::kept::another_database_waits_for_a_restart", another_database),
        case("identity::daemon::kept::a_person_whom_the_directory_renames_is_one_person", renamed),
    ]
}

/// The process that keeps accounts.
fn store(world: &World) -> Result<i32> {
    let launcher = world.launcher_pid()?;
    let named = |pid: i32| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "pc-store")
    };
    until::some("the process that keeps accounts", 20, || {
        Ok(process::descendants(launcher).into_iter().map(|one| one.pid).find(|pid| named(*pid)))
    })
}

/// The launcher is killed when the database has a person's end and its own journal hasn't: as if the kill had come between.
fn over(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (ann, client) = world.signed_in("over")?;
    let (_, other) = world.signed_in("goes-on")?;
    world.log.expect("the launcher is gone");
    let journal = world.state_dir().join("sign-ins.journal");
    let before = std::fs::read(&journal).context("no journal")?;
    exits(&world, &["users", "lock", &ann.name], 0)?;
    ensure!(!client.is_signed_in()?, "a lock ended nothing");
    world.stop(Signal::SIGKILL)?;
    std::fs::write(&journal, before)?;
    world.launch()?;
    until::is("what the database knows to be over is over", 20, || {
        client.is_signed_in().is_ok_and(|signed_in| !signed_in)
    })?;
    ensure!(other.is_signed_in()?, "somebody else's sign-in ended, too");
    world.await_audit("sign-in-ended", &[("user", &ann.name)], 5).map(drop)
}

fn late(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    // The last two: other tests' accounts have everybody looked up, which waits for the store that is held.
    for part in
        ["is not written at the moment", "was answered late", "busy with something else", "can't be read"]
    {
        world.log.expect(part);
    }
    let (_first, _) = world.signed_in("first")?;
    let (gone, removed) = world.signed_in("removed")?;
    let (from, given) = world.signed_in("given")?;
    let (to, stays) = world.signed_in("to")?;
    let store = store(&world)?;
    for (act, client, event) in [
        (vec!["users", "remove", &gone.name, "--yes"], &removed, ("account-removed", &gone.name)),
        (
            vec!["users", "transfer", &from.name, "--to", &to.name, "--delete", "--yes"],
            &given,
            ("account-transferred", &from.name),
        ),
    ] {
        process::signal(store, Signal::SIGSTOP)?;
        let said = exits(&world, &act, 75)?;
        ensure!(said.contains("may be done yet"), "{said}");
        ensure!(client.is_signed_in()?, "it is not known yet");
        process::signal(store, Signal::SIGCONT)?;
        until::is("a late answer holds", 20, || client.is_signed_in().is_ok_and(|signed_in| !signed_in))?;
        world.await_audit(event.0, &[("user", event.1)], 5)?;
    }
    ensure!(stays.is_signed_in()?, "who was given something was signed out");
    Ok(())
}

fn database_conf(world: &World, folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let path = world.config_dir().join("database.conf");
    std::fs::write(&path, format!("provider=sqlite\ndirectory={}\n", folder.display()))?;
    Ok(std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?)
}

/// Where accounts are is said once: a reload that names another place must not mix two of them.
fn another_database(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (ann, client) = world.signed_in("stays")?;
    exits(&world, &["users", "lock", &ann.name], 0)?;
    ensure!(!client.is_signed_in()?);
    let elsewhere = world.folder().join("elsewhere");
    std::fs::create_dir_all(&elsewhere)?;
    database_conf(&world, &elsewhere)?;
    world.reload()?;
    let all = json(&world, &["users", "list", "--include-locked"], 0)?;
    let known = all.as_array().is_some_and(|all| all.iter().any(|one| one["unix-name"] == ann.name.as_str()));
    ensure!(known, "the accounts are another database's since a reload: {all}");
    let answer = client.try_sign_in(&ann.name, &ann.password)?;
    ensure!(answer.status == 401, "a lock was left behind in the other database: {}", answer.status);
    // What the other roles read counts at once all the same.
    ensure!(std::fs::read_dir(&elsewhere)?.next().is_none(), "a database was made there");
    Ok(())
}

/// The directory's own id names a person, whatever they are called: the sign-in under the name of before ends with the first one under
/// the new name, and what is revoked is all of that person's.
fn renamed(stage: &Stage) -> Result<()> {
    const PASSWORD: &str = "Renamed-Pass-1";
    let slapd = Slapd::shared()?;
    let world = ldap::world(stage, &ldap::section("main", slapd, "")?)?;
    let (before, after) = (world.account("maiden")?, account::create("married", &[])?);
    let mut person = Person::new(&before.name, "Mara", "Renamed", PASSWORD, before.uid);
    person.standing = Standing::Good;
    slapd.person(&person)?;
    let old = world.client()?;
    old.sign_in(&before.name, PASSWORD)?;
    slapd.modify(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid={}\ndeleteoldrdn: 1\n",
        slapd.person_name(&before.name),
        after.name
    ))?;
    let new = world.client()?;
    new.sign_in(&after.name, PASSWORD)?;
    ensure!(!old.is_signed_in()?, "signed in as the account of before");
    let changed = [("user", before.name.as_str()), ("what", "unix-name"), ("to", &after.name)];
    world.await_audit("account-changed", &changed, 5)?;
    let made = world.count_audit("account-created", &[("provider", "ldap:main")])?;
    ensure!(made == 1, "{made} accounts were made of one person");
    exits(&world, &["revoke", &after.name], 0)?;
    ensure!(!new.is_signed_in()?, "revoked, and signed in");
    // The name of before is nobody's now.
    let client = world.client()?;
    client.try_sign_in(&before.name, PASSWORD)?;
    ensure!(!client.is_signed_in()?, "the name of before still opens something");
    Ok(())
}
