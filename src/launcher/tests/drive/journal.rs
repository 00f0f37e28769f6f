//! Very many sign-ins: moved from a state of before, told in few messages, ended in pieces, and written anew through any number of
//! kills.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_model::SignInId;
use portcullis_testing::crowd::{id, in_an_hour, of_before, over, sign_in};
use portcullis_testing::{Stage, account, case, until};

use crate::drive::{Drive, Link, UNIX};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("a hundred thousand sign-ins of before are moved once and come back from the journal", many),
        case("a launcher of before in between leaves nobody signed in by an older journal", back_and_forth),
        case("masses that are over end, and the journal is written anew through kills", masses),
        case("a journal that was changed lets nobody in, and is kept", changed),
    ]
}

fn journal(drive: &Drive) -> std::path::PathBuf {
    drive.state().join("sign-ins.journal")
}

/// Letters of a home: somewhat many, for a journal that is worth to be written anew with few people in it.
const HOME: usize = 200;

/// One that has a state.
fn started() -> Result<Drive> {
    let drive = Drive::start(UNIX, "", "")?;
    drop(drive.ready()?);
    Ok(drive)
}

fn many(_: &Stage) -> Result<()> {
    const ALL: u32 = 100_000;
    let mut drive = started()?;
    drive.kill()?;
    let until = in_an_hour();
    of_before(&drive.state(), (0..ALL).map(|number| sign_in(number, until, HOME)).collect())?;
    drive.restart_dead()?;
    let alice = account::create("alice", &[])?;
    let mut before = Vec::new();
    for round in 0..3 {
        let link = drive.ready()?;
        let messages = link.batches();
        let found = link.signed_in_before();
        ensure!(found.len() == before.len().max(ALL as usize), "round {round}: {} sign-ins", found.len());
        ensure!(before.is_empty() || found == before, "round {round}: others");
        ensure!(messages <= found.len() / 200, "{messages} messages");
        link.sign_in(1, &alice.name, &alice.password)?;
        let fresh = link.signed_in(1)?;
        link.sign_out(found[round].id)?;
        before = found;
        before.remove(round);
        before.push(fresh);
        before.sort_by_key(|one| one.id);
        drive.restart()?;
    }
    Ok(())
}

fn back_and_forth(_: &Stage) -> Result<()> {
    let mut drive = started()?;
    let until = in_an_hour();
    let one = |number| sign_in(number, until, HOME);
    // Twice from the same state, then from one in which others are signed in, then from one in which nobody is.
    for now in [vec![1, 2], vec![1, 2], vec![2, 3], vec![], vec![4]] {
        drive.kill()?;
        of_before(&drive.state(), now.iter().copied().map(one).collect())?;
        drive.restart_dead()?;
        let mut wanted: Vec<SignInId> = now.iter().copied().map(id).collect();
        wanted.sort();
        let found = |link: &Link| -> Vec<SignInId> {
            link.signed_in_before().into_iter().map(|one| one.id).collect()
        };
        ensure!(found(&drive.ready()?) == wanted, "upgraded to {now:?}");
        drive.restart()?;
        ensure!(found(&drive.ready()?) == wanted, "{now:?} did not come back");
    }
    Ok(())
}

fn masses(_: &Stage) -> Result<()> {
    const ALL: u32 = 24_000;
    let mut drive = started()?;
    drive.kill()?;
    let until = in_an_hour();
    // Two of three are over.
    let end = |number: u32| if number % 3 == 0 { until } else { over() };
    of_before(&drive.state(), (0..ALL).map(|number| sign_in(number, end(number), HOME)).collect())?;
    drive.restart_dead()?;
    let path = journal(&drive);
    let length = || fs::metadata(&path).map_or(0, |meta| meta.len());
    let (mut kills, mut largest, mut halves) = (0, 0, 0);
    let small = u64::from(ALL / 3) * 400;
    while kills < 60 && (largest == 0 || length() > small) {
        let link = drive.server()?;
        let began = Instant::now();
        // Killed a little later each time: while they end, and at each piece of the new file.
        while began.elapsed() < Duration::from_millis(20 * kills) {
            while link.waiting()?.is_some() {}
            largest = largest.max(length());
        }
        largest = largest.max(length());
        drive.kill()?;
        halves += u32::from(drive.state().join("sign-ins.journal.new").exists());
        drop(link);
        drive.restart_dead()?;
        kills += 1;
    }
    ensure!(length() < small, "it was never written anew: {} bytes after {kills} kills", length());
    ensure!(halves > 0, "no half of a new one was ever left by {kills} kills");
    ensure!(largest > 4 * 1024 * 1024, "{largest} bytes are not worth it");
    let link = drive.ready()?;
    let mut wanted: Vec<SignInId> = (0..ALL).step_by(3).map(id).collect();
    wanted.sort();
    let found: Vec<SignInId> = link.signed_in_before().into_iter().map(|one| one.id).collect();
    ensure!(found == wanted, "{} sign-ins instead of {}", found.len(), wanted.len());
    ensure!(!drive.state().join("sign-ins.journal.new").exists(), "a half one is left");
    let ended = drive.records()?.iter().filter(|record| record["event"] == "sign-in-ended").count();
    ensure!(ended >= (ALL - ALL / 3) as usize, "{ended} records of ends");
    ensure!(!drive.log().contains("was moved to"), "{}", drive.log());
    Ok(())
}

fn changed(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    for conversation in [1, 2, 3] {
        link.sign_in(conversation, &alice.name, &alice.password)?;
    }
    let (first, second) = (link.signed_in(1)?, link.signed_in(2)?);
    link.signed_in(3)?;
    link.sign_out(second.id)?;
    drive.kill()?;
    // The second's beginning is whole, its end is behind what was changed: read up to there, it would be in again.
    let mut text = fs::read(journal(&drive))?;
    let third = text.len() - 60;
    text[third] ^= 1;
    fs::write(journal(&drive), &text)?;
    drive.restart_dead()?;
    let link = drive.ready()?;
    ensure!(link.signed_in_before().is_empty(), "somebody is in by a changed journal");
    ensure!(drive.state().join("sign-ins.journal.refused-1").exists(), "it was not kept");
    until::is("it is said", 10, || drive.log().contains("nobody is signed in: the record at byte"))?;
    // Cut short in its last entry, which nobody was told of, the rest counts.
    link.sign_in(1, &alice.name, &alice.password)?;
    let third = link.signed_in(1)?;
    drive.kill()?;
    let mut text = fs::read(journal(&drive))?;
    text.extend_from_slice(&[17, 0, 0, 0, 238, 255, 255]);
    fs::write(journal(&drive), &text)?;
    drive.restart_dead()?;
    let link = drive.ready()?;
    ensure!(link.signed_in_before() == [third], "{} was in before", first.id);
    ensure!(drive.state().join("sign-ins.journal.torn-1").exists(), "what was cut off is not kept");
    Ok(())
}
