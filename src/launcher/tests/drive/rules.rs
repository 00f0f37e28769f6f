//! What the launcher lets a server do, and what it does with one that does more.

use std::fs;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_model::audit::Event;
use portcullis_model::session::Ide;
use portcullis_model::{SessionId, SignInId, Uid};
use portcullis_testing::{Stage, account, case, until};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, HERE, UNIX};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case(
            "a request before its phase, a malformed one or a stray descriptor ends the server",
            unpermitted,
        ),
        case("a server can't write records that are the launcher's to write", forged_record),
        case("nothing opens without a sign-in that the launcher saw", no_sign_in),
        case("a second launcher on the same folders ends", double_start),
        case("a state that can't be read is moved aside and nobody is signed in", garbage_state),
        case("a full disk lets nobody in, and a free one does again", full_disk),
        case("a configuration that is wrong ends the start with status 78", wrong_configuration),
    ]
}

fn unpermitted(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let early = drive.server()?;
    early.sign_in(1, "root", "x")?;
    early.is_closed()?;
    let malformed = drive.ready()?;
    portcullis_sys::fd::send(std::os::fd::AsFd::as_fd(&malformed.wire), &[1, 250, 250], &[])?;
    malformed.is_closed()?;
    let stray = drive.ready()?;
    let fd = fs::File::open("/dev/null")?;
    stray.wire.send(&ToLauncher::SignInCancel { conversation: 1 }, &[std::os::fd::AsFd::as_fd(&fd)])?;
    stray.is_closed()?;
    let twice = drive.ready()?;
    twice.send(&ToLauncher::Ready)?;
    twice.is_closed()?;
    drive.ready()?.sign_in(1, "nobody-here", "x")?;
    let lost = drive.records()?.iter().filter(|record| record["event"] == "process-lost").count();
    ensure!(lost >= 4, "{lost} records: {}", drive.log());
    Ok(())
}

fn forged_record(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    let transfer = Event::Transfer {
        user: "alice".into(),
        session: SessionId::from_bytes([1; 8]),
        direction: "upload".into(),
        path: "a\u{1b}[2Jb".into(),
        bytes: 1,
        sha256: String::new(),
        hashed: "file".into(),
        range: String::new(),
        complete: true,
    };
    link.send(&ToLauncher::Audit(transfer))?;
    drive.record("transfer", &[("path", "a\u{fffd}[2Jb")])?;
    link.send(&ToLauncher::Audit(Event::SignIn {
        user: "root".into(),
        uid: Uid(0),
        remote: HERE,
        method: "pam".into(),
        sign_in: SignInId::from_bytes([1; 16]),
        factor: String::new(),
    }))?;
    link.is_closed()?;
    drive.ready()?;
    ensure!(drive.records()?.iter().all(|record| record["event"] != "sign-in"), "the forged record is there");
    Ok(())
}

fn no_sign_in(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let link = drive.ready()?;
    link.send(&ToLauncher::OpenSession {
        request: 7,
        sign_in: SignInId::from_bytes([9; 16]),
        ide: Ide::Jupyter,
    })?;
    let result = link.find("answer", |message| match message {
        ToServer::Opened { request: 7, result } => Some(result.clone()),
        _ => None,
    })?;
    ensure!(result == Err(OpenError::NotSignedIn), "{result:?}");
    // Ending what is not there is no mistake: messages cross.
    link.sign_out(SignInId::from_bytes([9; 16]))?;
    link.send(&ToLauncher::SignInAnswer { conversation: 5, answers: Vec::new() })?;
    link.send(&ToLauncher::SignInCancel { conversation: 5 })?;
    link.sign_in(6, "no such name", "x")?;
    link.denied(6).map(drop)
}

fn double_start(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let _link = drive.ready()?;
    let first = drive.launcher.id();
    let mut second = drive.start_again()?;
    let status = until::some("the second ends", 20, || Ok(second.try_wait()?))?;
    ensure!(status.code() == Some(1), "{status}");
    ensure!(drive.log().contains("another launcher runs"), "{}", drive.log());
    ensure!(drive.launcher.try_wait()?.is_none() && drive.launcher.id() == first, "the first ended");
    Ok(())
}

fn garbage_state(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    link.sign_in(1, &alice.name, &alice.password)?;
    let sign_in = link.signed_in(1)?;
    drive.kill()?;
    let path = drive.state().join("state.json");
    let text = fs::read_to_string(&path)?;
    // Who is signed in stands elsewhere, but nobody knows what that is worth without this.
    fs::write(&path, text.replace("\"servers\"", "\"serverz\""))?;
    drive.restart_dead()?;
    let link = drive.ready()?;
    link.send(&ToLauncher::OpenSession { request: 1, sign_in: sign_in.id, ide: Ide::Jupyter })?;
    let result = link.find("answer", |message| match message {
        ToServer::Opened { result, .. } => Some(result.clone()),
        _ => None,
    })?;
    ensure!(result == Err(OpenError::NotSignedIn), "{result:?}");
    ensure!(drive.state().join("state.json.refused-1").exists(), "it was not kept");
    ensure!(drive.state().join("sign-ins.journal.refused-1").exists(), "the journal was not kept");
    ensure!(drive.log().contains("ERROR portcullis-launcher: the state was moved"), "{}", drive.log());
    Ok(())
}

fn full_disk(_: &Stage) -> Result<()> {
    let drive = Drive::start_on_small_disk()?;
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    link.sign_in(1, &alice.name, &alice.password)?;
    link.signed_in(1)?;
    let filler = drive.state().join("filler");
    let _ = fs::write(&filler, vec![0; 4 << 20]);
    // Some are let in by what is left of the last blocks. Then one is let in by PAM but not told: it can't be written down; or it is
    // not let in, for its account can't be.
    let mut last = 2;
    let is_denied = loop {
        link.sign_in(last, &alice.name, &alice.password)?;
        let told = until::some("it is told, or nobody is let in", 20, || {
            let refuses = drive.log().contains("nobody is let in");
            Ok(match link.waiting()? {
                Some(ToServer::SignedIn { conversation, .. }) if conversation == last => Some(Some(true)),
                Some(ToServer::Denied { conversation, .. }) if conversation == last => Some(Some(false)),
                None if refuses => Some(None),
                _ => None,
            })
        })?;
        match told {
            Some(true) => last += 1,
            Some(false) => break true,
            None => break false,
        }
    };
    // What is left of the audit log's block takes some records more. Few at a time: only so many wait for the disk, and the refusal
    // below is to be among them.
    until::some("the launcher says that nobody is let in", 60, || {
        for lost in 1..50 {
            link.send(&ToLauncher::Audit(Event::Overflow { kind: "refused".into(), lost }))?;
        }
        Ok(drive.log().contains("nobody is let in").then_some(()))
    })?;
    // Later ones are refused at once.
    link.sign_in(100, &alice.name, &alice.password)?;
    let reason = link.denied(100)?;
    ensure!(reason == portcullis_model::sign_in::Denied::System, "{reason:?}");
    fs::remove_file(&filler)?;
    if !is_denied {
        link.signed_in(last)?;
    }
    until::is("it is said", 20, || drive.log().contains("can be written again"))?;
    link.sign_in(101, &alice.name, &alice.password)?;
    link.signed_in(101)?;
    drive.record("sign-in-denied", &[("reason", "system")])?;
    Ok(())
}

fn wrong_configuration(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "no-such-option=1\nsession-transport=pigeon", "")?;
    let status = until::some("the launcher ends", 20, || Ok(drive.launcher.try_wait()?))?;
    ensure!(status.code() == Some(78), "{status}");
    let log = drive.log();
    ensure!(log.contains("no-such-option") && log.contains("pigeon"), "{log}");
    Ok(())
}
