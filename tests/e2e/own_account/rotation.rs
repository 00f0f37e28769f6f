//! `portcullis keys rotate`: nobody is signed out by it, unless that is asked for; and at no moment is there no key.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, World, case, until, websocket};
use serde_json::Value;

use crate::operations::{exits, json};

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("own_account::another_key_signs_and_nobody_is_signed_out", rotates),
        case("own_account::with_the_old_key_everybody_ends_within_a_second", revokes),
        case("own_account::a_crash_in_between_leaves_a_key", crash),
    ]
}

fn word<'v>(value: &'v Value, name: &str) -> Result<&'v str> {
    value[name].as_str().with_context(|| format!("no `{name}`: {value}"))
}

/// The key's id in this client's cookie.
fn key_of(client: &portcullis_testing::Client) -> Result<String> {
    let cookie = client.cookie_header();
    let id = cookie.split(".").nth(1).with_context(|| format!("no cookie: {cookie}"))?;
    Ok(id.to_owned())
}

fn rotates(stage: &Stage) -> Result<()> {
    let world = stage.world().start()?;
    let (ann, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    let first = key_of(&client)?;
    let told = json(&world, &["keys", "rotate"])?;
    ensure!(word(&told, "old")? == first && told["old-verifies"] == true, "{told}: {first}");
    let new = word(&told, "new")?.to_owned();
    ensure!(client.is_signed_in()?, "signed out");
    websocket::echo(&mut socket, "x").context("a stream ended")?;
    let other = world.client()?;
    other.sign_in(&ann.name, &ann.password)?;
    ensure!(key_of(&other)? == new, "the old key signs still");
    world.await_audit("administered", &[("act", "keys-rotate")], 5)?;
    let shown = exits(&world, &["keys", "list"], 0)?;
    ensure!(shown.contains(&new) && shown.contains(&first), "{shown}");
    // Once more: the first key is gone, the second verifies.
    json(&world, &["keys", "rotate"])?;
    ensure!(other.is_signed_in()?, "the key of before does not verify");
    ensure!(!client.is_signed_in()?, "a key of before that verifies still");
    Ok(())
}

fn revokes(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    world.log.expect("launcher is gone");
    let (ann, client) = world.signed_in("ann")?;
    let (_, ben) = world.signed_in("ben")?;
    let id = client.start_session(30)?;
    let mut socket = websocket::open(&client, &format!("/s/{id}/api/events/subscribe"), &[])?;
    websocket::echo(&mut socket, "x")?;
    exits(&world, &["keys", "rotate", "--revoke-old"], 1)?;
    ensure!(client.is_signed_in()?, "nobody said yes");
    let told = json(&world, &["keys", "rotate", "--revoke-old", "--now"])?;
    let ended = &told["ended"];
    ensure!(ended["sign-ins"] == 2 && ended["websockets"] == 1 && ended["whole"] == true, "{told}");
    let took = Duration::from_millis(ended["milliseconds"].as_u64().context("no time")?);
    ensure!(took < until::promised(Duration::from_secs(1)), "{told}");
    websocket::await_close(&mut socket)?;
    ensure!(!client.is_signed_in()? && !ben.is_signed_in()?, "signed in still");
    world.await_audit("revoked", &[("user", "*"), ("sign_ins", "2")], 5)?;
    world.await_audit("revocation-done", &[("user", "*"), ("websockets", "1"), ("left", "0")], 5)?;
    ensure!(!state_key(&world, ".previous").exists(), "the old key is there still");
    client.sign_in(&ann.name, &ann.password)?;
    client.await_running(&id, 5)?;
    ensure!(key_of(&client)? == word(&told, "new")?, "another key signs");
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    ensure!(client.is_signed_in()? && !ben.is_signed_in()?, "a crash brought somebody back");
    Ok(())
}

fn state_key(world: &World, more: &str) -> std::path::PathBuf {
    world.state_dir().join(format!("secure-cookie-key{more}"))
}

fn crash(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    world.log.expect("launcher is gone");
    let (ann, client) = world.signed_in("ann")?;
    let first = key_of(&client)?;
    // As the disk is when the launcher is killed after the old key got its second name, and while the new one was written.
    world.stop(Signal::SIGKILL)?;
    std::fs::copy(state_key(&world, ""), state_key(&world, ".previous"))?;
    std::fs::write(state_key(&world, ".new"), "half of a k")?;
    world.launch()?;
    ensure!(client.is_signed_in()?, "signed out by half a rotation");
    let told = json(&world, &["keys", "rotate"])?;
    ensure!(word(&told, "old")? == first, "{told}");
    ensure!(client.is_signed_in()? && !state_key(&world, ".new").exists(), "not rotated");
    // Killed right after it was asked for: there is a key, and the cookie verifies by one of both.
    let mut asked = crate::operations::portcullis(&world, &["keys", "rotate"]).spawn()?;
    world.stop(Signal::SIGKILL)?;
    asked.wait()?;
    world.launch()?;
    let again = world.client()?;
    again.sign_in(&ann.name, &ann.password)?;
    ensure!(again.is_signed_in()?, "nobody can sign in");
    Ok(())
}
