//! Between two processes: a keeper was told what to start, and has not said yet that it did.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_model::SessionId;
use portcullis_model::session::{EndReason, State, Step};
use portcullis_model::sign_in::SignIn;
use portcullis_testing::{Account, Stage, case, module, process, until};
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, Link, UNIX};
use crate::sessions::{end, nothing_left, open, signed_in};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("a session that is stopped before its keeper read what to start is never started", stopped),
        case("a launcher killed at that moment: the next one ends it at once", launcher_killed),
    ]
}

/// Long enough for either to do its part, and to wait for the other.
const PART: Duration = Duration::from_millis(150);

/// PAM as ever, with a module that leaves a note where its session closes.
fn noting(note: &Path) -> Result<String> {
    let module = module::path()?;
    Ok(format!("{UNIX}session required {module} at_close={}\n", note.display()))
}

/// A drive whose PAM sessions leave a note at their close.
fn start() -> Result<(Drive, PathBuf)> {
    let note = PathBuf::from(format!("/run/closed{}", portcullis_testing::place::next_number()));
    let drive = Drive::start(&noting(&note)?, "", "")?;
    Ok((drive, note))
}

/// Launcher and keeper do their parts by turns, until the launcher has told what to start; the keeper stands still then. `None` where
/// both were quicker than this thread, which a busy machine may keep from stopping them.
fn told(drive: &Drive, link: &Link, sign_in: &SignIn) -> Result<Option<(SessionId, i32)>> {
    let launcher = drive.pid()?;
    let id = open(link, sign_in, 1)?.ok().context("not opened")?;
    let keeper = until::some("a keeper", 10, || {
        let is_it =
            |one: &process::Process| one.parent == launcher && one.args.iter().any(|arg| arg == "keeper");
        Ok(process::all().into_iter().find(is_it).map(|one| one.pid))
    })?;
    for _ in 0..40 {
        process::signal(launcher, Signal::SIGSTOP)?;
        process::signal(keeper, Signal::SIGCONT)?;
        std::thread::sleep(PART);
        process::signal(keeper, Signal::SIGSTOP)?;
        process::signal(launcher, Signal::SIGCONT)?;
        std::thread::sleep(PART);
        let mut is_told = false;
        while let Some(message) = link.waiting()? {
            if let ToServer::Session(session) = message {
                is_told |= session.id == id && session.state == State::Launching(Step::BecomeUser);
            }
        }
        if is_told {
            if process::of_user(sign_in.principal.uid.0).is_empty() {
                return Ok(Some((id, keeper)));
            }
            process::signal(keeper, Signal::SIGCONT)?;
            link.send(&ToLauncher::StopSession { sign_in: sign_in.id, session: id })?;
            end(link, id)?;
            return Ok(None);
        }
    }
    bail!("its keeper was never told")
}

/// A drive at that moment.
struct Held {
    drive: Drive,
    note: PathBuf,
    alice: Account,
    link: Link,
    sign_in: SignIn,
    id: SessionId,
    keeper: i32,
}

fn held() -> Result<Held> {
    for _ in 0..5 {
        let (drive, note) = start()?;
        let (alice, link, sign_in) = signed_in(&drive)?;
        if let Some((id, keeper)) = told(&drive, &link, &sign_in)? {
            return Ok(Held { drive, note, alice, link, sign_in, id, keeper });
        }
    }
    bail!("it was started already, five times")
}

/// The keeper goes on: the session is over soon, nobody was lost, and PAM's session closed.
fn ends_well(
    (drive, link, alice): (&Drive, &Link, &Account),
    id: SessionId,
    note: &Path,
) -> Result<EndReason> {
    let begun = Instant::now();
    let found = end(link, id)?;
    // At once, and not when patience is lost with it, which takes 22 seconds.
    ensure!(begun.elapsed() < Duration::from_secs(18), "it took {:?}", begun.elapsed());
    ensure!(note.exists(), "PAM's session is open still");
    let lost =
        drive.records()?.iter().any(|one| one["event"] == "process-lost" && one["process"] == "keeper");
    ensure!(!lost, "the keeper was lost");
    nothing_left(drive, alice)?;
    Ok(found.why)
}

fn stopped(_: &Stage) -> Result<()> {
    let Held { drive, note, alice, link, sign_in, id, keeper } = held()?;
    link.send(&ToLauncher::StopSession { sign_in: sign_in.id, session: id })?;
    link.session(id, "ending session", |session| session.state == State::Ending)?;
    process::signal(keeper, Signal::SIGCONT)?;
    ensure!(ends_well((&drive, &link, &alice), id, &note)? == EndReason::Stopped);
    let started = drive.records()?.iter().any(|one| one["event"] == "session-started");
    ensure!(!started, "it was started all the same");
    Ok(())
}

fn launcher_killed(_: &Stage) -> Result<()> {
    let Held { mut drive, note, alice, link, id, keeper, .. } = held()?;
    drive.restart()?;
    drop(link);
    let link = drive.ready()?;
    process::signal(keeper, Signal::SIGCONT)?;
    let why = ends_well((&drive, &link, &alice), id, &note)?;
    ensure!(
        matches!(&why, EndReason::StartFailed(why) if why.contains("restarted during the start")),
        "{why:?}"
    );
    Ok(())
}
