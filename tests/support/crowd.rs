//! Very many sign-ins without as many conversations: a state as a launcher wrote it before it had a journal, which the next one moves.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use aws_lc_rs::digest::{SHA256, digest};
use portcullis_model::SignInId;
use serde_json::{Value, json};

/// Sign-ins of one account: more browsers than people have, fewer than one may have.
const OF_ONE: u32 = 10;
/// The id of one of them.
pub fn id(number: u32) -> SignInId {
    let mut id = [0x5a; 16];
    // In the order of the numbers, and spread over all that ids are spread over.
    id[..4].copy_from_slice(&number.reverse_bits().to_be_bytes());
    SignInId::from_bytes(id)
}

/// One of them, as a state has it, with a home of so many letters.
pub fn sign_in(number: u32, until: u64, home: usize) -> Value {
    let account = number / OF_ONE;
    let principal = json!({
        "user": format!("user{account}"),
        "uid": 100_000 + account,
        "gid": 100,
        "groups": ["users", "staff"],
        "home": format!("/home/{}", "x".repeat(home)),
        "shell": "/bin/bash",
    });
    json!({
        "id": id(number).to_string(),
        "principal": principal,
        "remote": "192.0.2.9",
        "since": now() - 60,
        "until": until,
    })
}

/// Now, in seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// In an hour, in seconds since 1970.
pub fn in_an_hour() -> u64 {
    now() + 3600
}

/// A while ago: whose sign-in lives until then is over.
pub fn over() -> u64 {
    now() - 30
}

/// Makes the state in this directory one of a launcher that had no journal, with these sign-ins and nobody else's. No launcher may
/// run there.
///
/// # Errors
/// When there is no state of a launcher that has one.
pub fn of_before(state: &Path, sign_ins: Vec<Value>) -> Result<()> {
    let path = state.join("state.json");
    let mut whole: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
    let kept = whole["state"].as_object_mut().context("no state")?;
    kept.remove("journal").context("a state without a journal")?;
    kept.insert("sign_ins".into(), sign_ins.into());
    let body = serde_json::to_string(&whole["state"])?;
    let hash: String =
        digest(&SHA256, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(path, format!("{{\"version\":1,\"sha256\":\"{hash}\",\"state\":{body}}}\n"))?;
    Ok(())
}
