//! API keys over restarts, kills, locks, transfers, and floods of bad ones.

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use portcullis_testing::client::Client;
use portcullis_testing::{Stage, World, process, until};
use serde_json::json;

use super::super::ask;
use super::{by_cookie, by_key, guid, is_refused, make, told};

pub(super) fn kept(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    for part in ["ended", "lost", "died", "killed", "launcher is gone", "the launcher can't be told"] {
        world.log.expect(part);
    }
    let (_, client) = world.signed_in("kkept")?;
    let (key, _) = make(&client, &json!({ "name": "stays", "scopes": "sessions" }))?;
    let (gone, id) = make(&client, &json!({ "name": "goes", "scopes": "sessions" }))?;
    // Asks nobody but the server: a database that is being opened again stands in no key's way.
    let works =
        |world: &World, key: &str| by_key(world, key, "GET", "sessions", None).map(|answer| answer.status);
    world.stop(Signal::SIGTERM)?;
    world.launch()?;
    ensure!(works(&world, &key)? == 200 && works(&world, &gone)? == 200, "a restart ended keys");
    // An end that a database hears of only when it is open again is owed, which the command says with another exit status.
    until::is("accounts can be asked again", 30, || ask::exits(&world, &["users", "list"], 0).is_ok())?;
    let launcher = world.launcher_pid()?;
    told(&world, &["keys", "revoke", &id])?;
    process::kill_hard(launcher)?;
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    ensure!(works(&world, &key)? == 200, "a kill ended a key");
    ensure!(works(&world, &gone)? == 401, "a kill brought a key back");
    let listed = told(&world, &["keys", "list"])?;
    ensure!(listed["api-keys"].as_array().is_some_and(|all| all.len() == 1), "{listed}");
    // The database has heard of it as well.
    let again = Client::new(world.address());
    if let Some(value) = client.cookie("portcullis") {
        again.set_cookie("portcullis", &value);
    }
    until::is("accounts can be asked again", 20, || guid(&again).is_ok())?;
    let path = format!("users/{}/keys", guid(&again)?);
    until::is("the database knows of the end", 10, || {
        let all = by_cookie(&again, "GET", &path, None).and_then(|answer| answer.json());
        all.is_ok_and(|all| all.as_array().is_some_and(|all| all.len() == 1))
    })
}

pub(super) fn owners(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (first, _) = world.signed_in("kfirst")?;
    let (ben, client) = world.signed_in("kben")?;
    let (key, id) = make(&client, &json!({ "name": "x", "scopes": "account:read sessions" }))?;
    let name = |key: &str| -> Result<Option<String>> {
        let answer = by_key(&world, key, "GET", "user", None)?;
        if answer.status != 200 {
            is_refused(&answer, 401, 30)?;
            return Ok(None);
        }
        Ok(answer.json()?["username"].as_str().map(str::to_owned))
    };
    ensure!(name(&key)? == Some(ben.name.clone()), "not hers");
    let said = told(&world, &["users", "lock", &ben.name])?;
    ensure!(said["ended"]["api-keys"] == 1, "{said}");
    ensure!(name(&key)?.is_none(), "a key of somebody who is locked");
    ensure!(told(&world, &["keys", "list"])?["api-keys"][0]["barred"] == "locked", "not said");
    ask::exits(&world, &["users", "unlock", &ben.name], 0)?;
    ensure!(name(&key)? == Some(ben.name.clone()), "it did not come back");
    ask::exits(&world, &["users", "transfer", &ben.name, "--to", &first.name, "--api-keys", "--yes"], 0)?;
    ensure!(name(&key)? == Some(first.name.clone()), "not given away");
    world.await_audit("account-transferred", &[("user", &ben.name), ("to", &first.name)], 5)?;
    ask::exits(&world, &["keys", "revoke", &id], 0)?;
    ensure!(name(&key)?.is_none(), "a key that is over");
    ask::exits(&world, &["keys", "revoke", &id], 67)?;
    Ok(())
}

pub(super) fn counted(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (_, client) = world.signed_in("kcount")?;
    let (key, _) = make(&client, &json!({ "name": "x", "scopes": "account:read" }))?;
    let (mut said, mut held) = (0, 0);
    for _ in 0..80 {
        let answer = by_key(&world, "ptk_wrong", "GET", "user", None)?;
        match answer.status {
            401 => said += 1,
            429 => held += 1,
            other => anyhow::bail!("{other}: {}", answer.text()),
        }
    }
    ensure!((60..70).contains(&said) && held >= 10, "{said} were said, {held} held back");
    by_key(&world, &key, "GET", "user", None)?.expect(200).context("a flood of bad keys shut a good one")?;
    until::is("they are recorded", 10, || {
        world.count_audit("key-refused", &[("why", "form")]).is_ok_and(|count| count == said)
    })?;
    let line = world.log.lines().into_iter().find(|line| line.contains("method=key"));
    let line = line.context("no line for whoever bans addresses")?;
    ensure!(
        line.contains("refused sign-in remote=127.0.0.1 method=key reason=credentials user=\"\""),
        "{line}"
    );
    Ok(())
}
