//! A full disk below the audit log: nobody is let in without a record, what runs goes on, and nothing is lost of what was written.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::Signal;
use portcullis_testing::{Stage, case, place, until};

use crate::operations::{exits, json, portcullis};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("full_disk::nobody_is_let_in_without_a_record_and_what_runs_goes_on", full),
        case("full_disk::nobody_is_in_or_out_before_the_journal_says_so", full_journal),
    ]
}

/// A small disk of its own below a folder, taken away with it.
struct Small(PathBuf);

impl Small {
    fn below(folder: &Path, size: &str) -> Result<Self> {
        let kept = folder.with_extension("kept");
        ensure!(Command::new("cp").arg("-a").arg(folder).arg(&kept).status()?.success(), "not copied");
        mount(
            Some("small"),
            folder,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(format!("size={size},mode=0700").as_str()),
        )?;
        let all = Command::new("cp").arg("-a").arg(kept.join(".")).arg(folder).status()?;
        ensure!(all.success(), "not copied back");
        fs::remove_dir_all(&kept)?;
        Ok(Self(folder.to_owned()))
    }

    /// Fills it to the last byte.
    fn fill(&self) -> Result<()> {
        let mut file = fs::File::create(self.0.join("filler"))?;
        while file.write_all(&[b'x'; 4096]).is_ok() {}
        Ok(())
    }

    fn empty(&self) -> Result<()> {
        fs::remove_file(self.0.join("filler")).context("the filler")
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH); // the namespace ends with the tests all the same
    }
}

fn full(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (account, client) = world.signed_in("ann")?;
    let id = client.start_session(30)?;
    world.log.expect("the launcher is gone");
    world.stop(Signal::SIGTERM)?;
    let small = Small::below(&world.state_dir().join("audit"), "256k")?;
    world.launch()?;
    small.fill()?;
    world.log.expect("No space left on device");
    // The same, of a write that took a part and then nothing.
    world.log.expect("write zero");
    world.log.expect("records can't be written");
    world.log.expect("audit log, sign-ins and state can be written again");
    // What is left of the last block takes some records still.
    until::is("the disk is full", 60, || {
        let _ = portcullis(&world, &["reload"]).output(); // whether it says so is not looked at here
        let ready = world.client().and_then(|one| one.get("/readyz"));
        ready.is_ok_and(|answer| answer.text().contains("records can't be written"))
    })?;
    let refused = world.client()?.try_sign_in(&account.name, &account.password)?;
    ensure!(refused.status != 303, "let in");
    ensure!(refused.status == 503, "{}: {}", refused.status, refused.text());
    world.client()?.get("/readyz")?.expect(503)?;
    world.client()?.get("/healthz")?.expect(200)?;
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;
    let status = exits(&world, &["status"], 1)?;
    ensure!(status.contains("nobody is let in, nothing is started"), "{status}");
    exits(&world, &["revoke", &account.name], 75)?;
    client.get(&format!("/s/{id}/api/me"))?.expect(200)?;

    small.empty()?;
    until::is("it is ready again", 30, || {
        world.client().is_ok_and(|one| one.get("/readyz").is_ok_and(|answer| answer.status == 200))
    })?;
    world.signed_in("ben")?;
    exits(&world, &["revoke", &account.name], 0)?;
    world.await_audit("session-ended", &[("session", &id)], 30)?;
    let log = world.state_dir().join("audit/audit.jsonl");
    let verified = Command::new(place::program("portcullis")).args(["audit", "verify"]).arg(&log).output()?;
    ensure!(verified.status.success(), "{verified:?}");
    drop(world);
    drop(small);
    Ok(())
}

/// The journal's disk is full, the audit log's isn't.
fn full_journal(stage: &Stage) -> Result<()> {
    let mut world = stage.world().start()?;
    let (account, client) = world.signed_in("cat")?;
    let (_, other) = world.signed_in("dan")?;
    world.log.expect("the launcher is gone");
    world.stop(Signal::SIGTERM)?;
    let state = Small::below(&world.state_dir(), "4m")?;
    // Accounts and records have room: it is the journal alone that hasn't.
    let audit = Small::below(&world.state_dir().join("audit"), "4m")?;
    let accounts = Small::below(&world.state_dir().join("accounts"), "16m")?;
    world.launch()?;
    // The one of before accepts nobody any more: each request is answered by the server that heard of the one before it.
    until::is("one server", 30, || {
        json(&world, &["status"])
            .is_ok_and(|told| told["servers"].as_array().is_some_and(|all| all.len() == 1))
    })?;
    state.fill()?;
    world.log.expect("No space left on device");
    // The same, of a write that took a part and then nothing.
    world.log.expect("write zero");
    world.log.expect("records can't be written");
    world.log.expect("not confirm");
    world.log.expect("audit log, sign-ins and state can be written again");
    // What is left of the last block takes some entries still: whoever gets in by them is in.
    let mut came = Vec::new();
    until::is("the disk is full", 120, || {
        let Ok(one) = world.client() else { return false };
        let answer = one.try_sign_in(&account.name, &account.password);
        let refused = answer.as_ref().is_ok_and(|answer| answer.status == 503);
        if answer.is_ok_and(|answer| answer.status == 303) {
            came.push(one);
        }
        refused
    })?;
    let journal = fs::read(world.state_dir().join("sign-ins.journal"))?;
    world.client()?.get("/readyz")?.expect(503)?;
    ensure!(client.is_signed_in()? && other.is_signed_in()?, "who is in stays in");
    // Out at once as far as the server goes, but not told to be so for good.
    let copy = world.client()?;
    copy.set_cookie("portcullis", &other.cookie("portcullis").context("no cookie")?);
    other.post("/auth-sign-out", &[])?.expect(503)?;
    ensure!(!copy.is_signed_in()?, "in still");
    let now = fs::read(world.state_dir().join("sign-ins.journal"))?;
    ensure!(now.starts_with(&journal[..journal.len().min(4096)]), "what was on disk was changed");

    state.empty()?;
    until::is("it is ready again", 30, || {
        world.client().is_ok_and(|one| one.get("/readyz").is_ok_and(|answer| answer.status == 200))
    })?;
    let (_, fresh) = world.signed_in("eva")?;
    world.stop(Signal::SIGKILL)?;
    world.launch()?;
    let again = |client: &portcullis_testing::Client| -> Result<bool> {
        let one = world.client()?;
        one.set_cookie("portcullis", &client.cookie("portcullis").context("no cookie")?);
        one.is_signed_in()
    };
    ensure!(again(&fresh)? && again(&client)?, "a sign-in is lost");
    ensure!(!again(&copy)?, "in again");
    for one in &came {
        ensure!(again(one)?, "a sign-in that was told is lost");
    }
    drop(world);
    drop(accounts);
    drop(audit);
    drop(state);
    Ok(())
}
