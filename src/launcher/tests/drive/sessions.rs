//! Every way a session can begin and end.

use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;
use portcullis_model::lifetime::Sign;
use portcullis_model::session::{End, EndReason, Ide, Session, State, Step};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{SessionId, SignInId};
use portcullis_testing::{Account, Stage, account, case, module, process, until};
use portcullis_wire::launcher::OpenError;
use portcullis_wire::{ToLauncher, ToServer};

use crate::drive::{Drive, Link, UNIX};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("a session starts step by step, is proven, and ends with everything of it", life),
        case("another person can't stop it", not_the_owner),
        case("killed keeper, killed session process: an end that is told, and nothing left", killed),
        case("a session outlives a killed launcher and is taken over", taken_over),
        case("whoever has a session stay is believed by the next launcher", stays),
        case("a PAM session that fails fails the start, with its step and reason", pam_fails),
        case("a PAM module that hangs at the session fails the start in time", pam_hangs),
        case("a full port range and a reached limit are told", limits),
        case("INT ends the sessions, TERM leaves them to the next launcher, QUIT to the next start", signals),
    ]
}

pub(crate) fn signed_in(drive: &Drive) -> Result<(Account, Link, SignIn)> {
    let alice = account::create("alice", &[])?;
    let link = drive.ready()?;
    link.sign_in(1, &alice.name, &alice.password)?;
    let sign_in = link.signed_in(1)?;
    Ok((alice, link, sign_in))
}

pub(crate) fn open(link: &Link, sign_in: &SignIn, number: u64) -> Result<Result<SessionId, OpenError>> {
    link.send(&ToLauncher::OpenSession { request: number, sign_in: sign_in.id, ide: Ide::Jupyter })?;
    link.find("answer", |message| match message {
        ToServer::Opened { request, result } if *request == number => Some(result.clone()),
        _ => None,
    })
}

pub(crate) fn running(link: &Link, sign_in: &SignIn) -> Result<Session> {
    let id = open(link, sign_in, 1)?.ok().context("not opened")?;
    link.session(id, "running session", |session| session.state == State::Running)
}

pub(crate) fn end(link: &Link, id: SessionId) -> Result<End> {
    let session = link.session(id, "ended session", |session| !session.state.is_live())?;
    match session.state {
        State::Ended(end) => Ok(end),
        other => anyhow::bail!("{other:?}"),
    }
}

/// The keeper and the session process of the only session.
pub(crate) fn processes(drive: &Drive) -> Result<(i32, i32)> {
    let all = process::all();
    let run = drive.folder.join("bin/portcullis-session");
    let session =
        all.iter().find(|one| one.program == run && one.state != "Z").context("no session process")?;
    Ok((session.parent, session.pid))
}

pub(crate) fn nothing_left(drive: &Drive, alice: &Account) -> Result<()> {
    until::is("no process of the account is left", 20, || process::of_user(alice.uid).is_empty())?;
    for dir in ["run/sessions", "run/control"] {
        let empty =
            || std::fs::read_dir(drive.folder.join(dir)).is_ok_and(|mut entries| entries.next().is_none());
        until::is(&format!("{dir} is empty"), 10, empty)?;
    }
    Ok(())
}

fn life(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "session-transport=tcp", "session-port-range=31000-31009")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let id = open(&link, &sign_in, 1)?.ok().context("not opened")?;
    for step in [Step::PamSession, Step::BecomeUser, Step::StartIde, Step::Answer] {
        link.session(id, "the next step", |session| session.state == State::Launching(step))?;
    }
    let session = link.session(id, "running session", |session| session.state == State::Running)?;
    ensure!(session.token.len() == 64 && session.user.as_str() == alice.name);
    let record = drive.record("session-started", &[("session", &id.to_string())])?;
    let proof = record["proof"].as_str().unwrap_or_default().to_owned();
    let uid = alice.uid;
    ensure!(proof.contains(&format!("uid={uid},{uid},{uid},{uid}")) && proof.contains("nnp=1"), "{proof}");
    ensure!(record["port"].as_u64().is_some_and(|port| (31_000..31_010).contains(&port)), "{record}");
    link.send(&ToLauncher::StopSession { sign_in: sign_in.id, session: id })?;
    ensure!(end(&link, id)?.why == EndReason::Stopped);
    drive.record("session-ended", &[("session", &id.to_string()), ("why", "stopped")])?;
    nothing_left(&drive, &alice)
}

fn not_the_owner(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let session = running(&link, &sign_in)?;
    let mallory = account::create("mallory", &[])?;
    link.sign_in(2, &mallory.name, &mallory.password)?;
    let other = link.signed_in(2)?;
    link.send(&ToLauncher::StopSession { sign_in: other.id, session: session.id })?;
    // Answered in order: the stop was looked at before this.
    ensure!(open(&link, &other, 9)?.is_ok());
    ensure!(process::is_alive(processes(&drive)?.1));
    ensure!(drive.records()?.iter().all(|record| record["event"] != "session-ended"));
    Ok(())
}

fn killed(_: &Stage) -> Result<()> {
    let drive = Drive::start(UNIX, "", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    for who in ["keeper", "session", "both"] {
        let session = running(&link, &sign_in)?;
        let (keeper, process) = processes(&drive)?;
        if who != "session" {
            process::kill_hard(keeper)?;
        }
        if who != "keeper" {
            process::kill_hard(process)?;
        }
        let found = end(&link, session.id).with_context(|| who.to_owned())?;
        ensure!(found.why == EndReason::Killed, "{who}: {found:?}");
        nothing_left(&drive, &alice).with_context(|| who.to_owned())?;
    }
    drive.record("process-lost", &[("process", "keeper")])?;
    Ok(())
}

fn taken_over(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let session = running(&link, &sign_in)?;
    let before = processes(&drive)?;
    drive.restart()?;
    drop(link);
    let link = drive.ready()?;
    let again =
        link.session(session.id, "session after the restart", |session| session.state == State::Running)?;
    ensure!(again.token.expose() == session.token.expose() && again.transport == session.transport);
    ensure!(processes(&drive)? == before, "other processes");
    drive.record("started", &[("adopted", "1")])?;
    link.send(&ToLauncher::StopSession { sign_in: sign_in.id, session: session.id })?;
    ensure!(end(&link, session.id)?.why == EndReason::Stopped);
    nothing_left(&drive, &alice)?;
    // A session that died while no launcher was there.
    let session = running(&link, &sign_in)?;
    let (keeper, process) = processes(&drive)?;
    drive.kill()?;
    process::kill_hard(keeper)?;
    process::kill_hard(process)?;
    drive.restart_dead()?;
    let link = drive.ready()?;
    ensure!(end(&link, session.id)?.why == EndReason::Killed);
    drive.record("session-ended", &[("session", &session.id.to_string())])?;
    Ok(())
}

fn stays(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "", "")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let session = running(&link, &sign_in)?;
    until::is("a later second", 5, || now() > session.last_activity + 1)?;
    let at = now();
    link.send(&ToLauncher::Activity { session: session.id, at, by: Sign::Stay })?;
    // Answered in order: the act was handled, and what it left was written, before this was told.
    let stranger = SignInId::from_bytes([1; 16]);
    link.send(&ToLauncher::OpenSession { request: 7, sign_in: stranger, ide: Ide::Jupyter })?;
    link.find("answer", |message| matches!(message, ToServer::Opened { request: 7, .. }).then_some(()))?;
    drive.restart()?;
    drop(link);
    let link = drive.ready()?;
    let again = link.session(session.id, "session after the restart", |_| true)?;
    ensure!(again.last_activity == at, "{} instead of {at}", again.last_activity);
    Ok(())
}

fn now() -> u64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

fn pam_fails(_: &Stage) -> Result<()> {
    let module = module::path()?;
    let pam = format!(
        "auth required pam_unix.so\naccount required pam_unix.so\nsession required {module} info=out_of_order code=14\n"
    );
    let drive = Drive::start(&pam, "", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let id = open(&link, &sign_in, 1)?.ok().context("not opened")?;
    let found = end(&link, id)?;
    ensure!(found.step == Some(Step::PamSession), "{found:?}");
    let EndReason::StartFailed(why) = &found.why else { anyhow::bail!("{found:?}") };
    ensure!(why.contains("pam_open_session") && why.contains("out of order"), "{why}");
    nothing_left(&drive, &alice)
}

fn pam_hangs(_: &Stage) -> Result<()> {
    let module = module::path()?;
    let pam =
        format!("auth required pam_unix.so\naccount required pam_unix.so\nsession required {module} hang\n");
    let drive = Drive::start(&pam, "pam-timeout-seconds=5", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    let id = open(&link, &sign_in, 1)?.ok().context("not opened")?;
    let found = end(&link, id)?;
    ensure!(found.step == Some(Step::PamSession), "{found:?}");
    nothing_left(&drive, &alice)
}

fn limits(_: &Stage) -> Result<()> {
    let drive =
        Drive::start(UNIX, "session-transport=tcp", "session-port-range=31020-31021\nsession-limit=1")?;
    let (_, link, sign_in) = signed_in(&drive)?;
    let taken: Vec<TcpListener> = [31_020, 31_021]
        .into_iter()
        .map(|port| TcpListener::bind(("127.0.0.1", port)))
        .collect::<Result<_, _>>()?;
    let refused = open(&link, &sign_in, 5)?;
    ensure!(refused == Err(OpenError::PortsExhausted { range: "31020-31021".into() }), "{refused:?}");
    drive.record("refused", &[("capability", "session")])?;
    drop(taken);
    running(&link, &sign_in)?;
    let refused = open(&link, &sign_in, 6)?;
    ensure!(refused == Err(OpenError::TooMany { limit: 1 }), "{refused:?}");
    Ok(())
}

fn signals(_: &Stage) -> Result<()> {
    let mut drive = Drive::start(UNIX, "drain-seconds=0", "")?;
    let (alice, link, sign_in) = signed_in(&drive)?;
    running(&link, &sign_in)?;
    drive.signal(Signal::SIGTERM)?;
    // What was asked before it heard of that is answered; then it is silent, and the launcher goes.
    link.send(&ToLauncher::SignOut { sign_in: SignInId::from_bytes([1; 16]) })?;
    link.find("leaving", |message| matches!(message, ToServer::Leaving).then_some(()))?;
    link.find("answer", |message| matches!(message, ToServer::SignInEnded { .. }).then_some(()))?;
    ensure!(drive.launcher.try_wait()?.is_none(), "it left before the server was silent");
    link.send(&ToLauncher::Paused)?;
    let ended = until::some("the launcher ends", 20, || Ok(drive.launcher.try_wait()?))?;
    ensure!(ended.success(), "{ended}");
    ensure!(process::is_alive(processes(&drive)?.1), "the session ended with it");
    drop(link);
    drive.restart_dead()?;
    let link = drive.ready()?;
    drive.signal(Signal::SIGQUIT)?;
    link.find("drain", |message| matches!(message, ToServer::Drain { .. }).then_some(()))?;
    drop(link);
    let ended = until::some("the launcher ends", 20, || Ok(drive.launcher.try_wait()?))?;
    ensure!(ended.success(), "{ended}");
    ensure!(process::is_alive(processes(&drive)?.1), "the session ended with it");
    drive.restart_dead()?;
    let link = drive.ready()?;
    drive.signal(Signal::SIGINT)?;
    link.find("drain", |message| matches!(message, ToServer::Drain { .. }).then_some(()))?;
    drop(link);
    let ended = until::some("the launcher ends", 30, || Ok(drive.launcher.try_wait()?))?;
    ensure!(ended.success(), "{ended}");
    nothing_left(&drive, &alice)?;
    drive.record("session-ended", &[("why", "revoked")])?;
    Ok(())
}
