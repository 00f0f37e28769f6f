//! File systems that don't answer: they are one person's trouble.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use portcullis_model::SessionId;
use portcullis_model::session::{EndReason, State, Step};
use portcullis_model::sign_in::SignIn;
use portcullis_testing::{Hung, Stage, account, case, process, until};
use portcullis_wire::ToLauncher;

use crate::drive::{Drive, Link, UNIX};
use crate::sessions::{end, open, running, signed_in};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("a home that does not answer fails its owner's start, and nobody else's", home),
        case("a listed folder that does not answer is named, and stops nothing else", listed),
        case("a launcher ends and begins beside a start that hangs", restarted),
    ]
}

/// The keeper of a session, as soon as it hangs in the kernel.
fn hanging(drive: &Drive, hung: &Hung) -> Result<i32> {
    let launcher = drive.pid()?;
    until::some("a keeper that hangs", 10, || {
        let waiting = hung.waiting();
        let is_it = |one: &process::Process| {
            one.parent == launcher && one.args.iter().any(|arg| arg == "keeper") && waiting.contains(&one.pid)
        };
        Ok(process::all().into_iter().find(is_it).map(|one| one.pid))
    })
}

fn launching(link: &Link, sign_in: &SignIn) -> Result<SessionId> {
    let id = open(link, sign_in, 11)?.ok().context("not opened")?;
    link.session(id, "launching session", |session| session.state == State::Launching(Step::PamSession))?;
    Ok(id)
}

/// The first person's start hangs at `path`; a second one signs in meanwhile, and works if `works`.
fn one_hangs(
    drive: &Drive,
    hung: &Hung,
    (link, sign_in): (&Link, &SignIn),
    path: &str,
    works: bool,
) -> Result<()> {
    let id = launching(link, sign_in)?;
    let keeper = hanging(drive, hung)?;
    let bob = account::create("bob", &[])?;
    link.sign_in(12, &bob.name, &bob.password)?;
    let other = link.signed_in(12)?;
    if works {
        let session = running(link, &other)?;
        link.send(&ToLauncher::StopSession { sign_in: other.id, session: session.id })?;
        ensure!(end(link, session.id)?.why == EndReason::Stopped);
    }
    ensure!(process::is_alive(keeper), "it hangs no more");
    let found = end(link, id)?;
    let EndReason::StartFailed(why) = &found.why else { anyhow::bail!("{found:?}") };
    let said = why.contains(&format!("`{path}` does not answer"));
    ensure!(found.step == Some(Step::PamSession) && said, "{found:?}");
    // Killed as it is, it is there until its file system answers; nobody waits for that.
    ensure!(process::is_alive(keeper), "it was killed all the same");
    link.sign_out(other.id)
}

fn home(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "session-start-timeout-seconds=12", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let hung = Hung::over(&alice.home)?;
    one_hangs(&drive, &hung, (&link, &sign_in), &alice.home.display().to_string(), true)?;
    drop(hung);
    // Everything is as before as soon as it answers.
    until::is("what hung is gone", 20, || process::of_user(alice.uid).is_empty())?;
    running(&link, &sign_in)?;
    Ok(())
}

fn listed(_: &Stage) -> Result<()> {
    let folder = format!("/srv/hung{}", std::process::id());
    fs::create_dir_all(&folder)?;
    let lines = format!("restrict-directory-view=1\ndirectory-view-allow-list={folder}");
    let drive = Drive::start(UNIX, "session-start-timeout-seconds=4", &lines)?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let hung = Hung::over(folder.as_ref())?;
    one_hangs(&drive, &hung, (&link, &sign_in), &folder, false)
}

fn restarted(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "drain-seconds=0", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let hung = Hung::over(&alice.home)?;
    let id = launching(&link, &sign_in)?;
    hanging(&drive, &hung)?;
    drive.signal(nix::sys::signal::Signal::SIGTERM)?;
    drop(link);
    let ended = until::some("the launcher ends", 20, || Ok(drive.launcher.try_wait()?))?;
    ensure!(ended.success(), "{ended}");
    // The next one finds it, and doesn't wait for it either.
    drive.restart_dead()?;
    let link = drive.ready()?;
    let found = link.session(id, "session that is ended", |session| session.state == State::Ending)?;
    ensure!(found.id == id);
    let bob = account::create("bob", &[])?;
    link.sign_in(2, &bob.name, &bob.password)?;
    let other = link.signed_in(2)?;
    running(&link, &other)?;
    Ok(())
}
