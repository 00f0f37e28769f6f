//! Accounts through the whole daemon: how they come about, what an administrator does with them, long lists of them.

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, World, case, place};
use serde_json::Value;

use super::two::{done, json};

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::daemon::accounts::who_signs_in_has_an_account_and_it_stays", life),
        case("identity::daemon::accounts::what_an_administrator_does_holds", acts),
        case("identity::daemon::accounts::lists_of_more_people_than_fit_into_a_message_are_whole", many),
    ]
}

/// An account as the command lists it.
fn listed(world: &World, name: &str) -> Result<Value> {
    let all = json(world, &["users", "list", "--include-locked"], 0)?;
    let found = all.as_array().context("a list")?.iter().find(|one| one["unix-name"] == name);
    found.cloned().with_context(|| format!("no `{name}` in {all}"))
}

fn life(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let (ben, _) = world.signed_in("ben")?;
    ensure!(listed(&world, &ann.name)?["role"] == "administrator", "{}", listed(&world, &ann.name)?);
    ensure!(listed(&world, &ben.name)?["role"] == "viewer", "{}", listed(&world, &ben.name)?);
    client.post("/auth-sign-out", &[])?;
    ensure!(!client.is_signed_in()?, "signed in after a sign-out");
    client.sign_in(&ann.name, &ann.password)?;
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    let again = super::two::at(&world, &client)?;
    ensure!(again.is_signed_in()?, "signed out by a restart");
    ensure!(listed(&world, &ann.name)?["role"] == "administrator", "the role went with the restart");
    ensure!(world.count_audit("account-created", &[])? == 2, "accounts were made anew");
    Ok(())
}

fn acts(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    world.signed_in("root")?;
    let (ann, client) = world.signed_in("ann")?;
    let told = done(&world, &["users", "lock", &ann.name])?;
    ensure!(told["ended"]["whole"] == true && !client.is_signed_in()?, "{told}");
    client.try_sign_in(&ann.name, &ann.password)?;
    ensure!(!client.is_signed_in()?, "a locked account was let in");
    done(&world, &["users", "unlock", &ann.name])?;
    client.sign_in(&ann.name, &ann.password)?;
    done(&world, &["users", "alter", &ann.name, "--role", "publisher"])?;
    ensure!(listed(&world, &ann.name)?["role"] == "publisher", "{}", listed(&world, &ann.name)?);
    ensure!(client.is_signed_in()?, "another role signs out");
    done(&world, &["revoke", &ann.name])?;
    ensure!(!client.is_signed_in()?, "revoked and signed in");
    done(&world, &["users", "remove", &ann.name, "--yes"])?;
    ensure!(listed(&world, &ann.name).is_err(), "removed and listed");
    client.try_sign_in(&ann.name, &ann.password)?;
    ensure!(!client.is_signed_in()?, "a removed account was let in");
    world.await_audit("account-removed", &[("user", &ann.name)], 5)?;
    Ok(())
}

/// More than two messages of them.
fn many(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let mut names = Vec::new();
    for _ in 0..70 {
        let name = format!("many{}", place::next_number());
        let id = format!("openid:https://provider.test/{name}");
        done(&world, &["users", "add", &name, "--provider", &id, "--unique-id", "YWJj"])?;
        names.push(name);
    }
    let all = json(&world, &["users", "list"], 0)?;
    let all = all.as_array().context("a list")?;
    ensure!(all.len() == names.len(), "{} of {} are listed", all.len(), names.len());
    for name in &names {
        ensure!(all.iter().any(|one| one["unix-name"] == name.as_str()), "`{name}` is not listed");
    }
    Ok(())
}
