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

use crate::operations::{exits, portcullis};

pub(crate) fn all() -> Vec<Trial> {
    vec![case("full_disk::nobody_is_let_in_without_a_record_and_what_runs_goes_on", full)]
}

/// A small disk of its own below a folder, taken away with it.
struct Small(PathBuf);

impl Small {
    fn below(folder: &Path) -> Result<Self> {
        let kept = folder.with_file_name("kept");
        ensure!(Command::new("cp").arg("-a").arg(folder).arg(&kept).status()?.success(), "not copied");
        mount(Some("small"), folder, Some("tmpfs"), MsFlags::empty(), Some("size=256k,mode=0700"))?;
        let all = Command::new("cp").arg("-a").arg(kept.join(".")).arg(folder).status()?;
        ensure!(all.success(), "not copied back");
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
    let small = Small::below(&world.state_dir().join("audit"))?;
    world.launch()?;
    small.fill()?;
    world.log.expect("No space left on device");
    world.log.expect("records can't be written");
    world.log.expect("audit log and state can be written again");
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
