//! The keeper: one process of root's per session, which opens the PAM session, starts `portcullis-session` in it, waits,
//! ends what is left and closes the PAM session. It lives on when the launcher is restarted.
//!
//! It must not decide anything: the launcher told it whose session, and what to start.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use portcullis_model::Gid;
use portcullis_model::session::Step;
use portcullis_pam::{Request, Silent, Transaction};
use portcullis_sys::cgroup::{Group, Refusals};
use portcullis_sys::exec::Exec;
use portcullis_sys::process::{Process, start_time};
use portcullis_sys::signals::Signals;
use portcullis_sys::{attributes, ids, tree};
use portcullis_wire::{Channel, Go, SessionSpec, WireError};

use super::remover::removed;
use super::talk::{FromKeeper, Job, ToKeeper};
use super::{connections, login, looker};
use crate::log::{chain, say};
use crate::names;
use crate::state::Known;

/// Time for processes that were sent `SIGKILL` to be gone: longer than what forks without end needs to be caught up with.
const KILLED_WITHIN: Duration = Duration::from_secs(8);
/// Time for a session's directory; what is left then is cleared away after the keeper.
const REMOVED_WITHIN: Duration = Duration::from_secs(3);
/// Beyond `end_within`, time for the session process to end its own before it is ended itself.
const GRACE: Duration = Duration::from_secs(3);

/// A launcher's signal to a keeper that has opened PAM's session: the session is to end. Whatever else is sent from outside says
/// the same.
pub(super) const ENDS: Signal = Signal::SIGTERM;
/// The same at once: nothing of its owner's runs any longer.
pub(super) const KILLS: Signal = Signal::SIGINT;

/// Why there is no session: the step and the reason, for its owner.
type Failed = (Step, String);

/// Descriptors for the session process.
pub(crate) struct Doors {
    /// Control socket.
    pub(crate) control: OwnedFd,
    /// TCP listener.
    pub(crate) tcp: Option<OwnedFd>,
    /// Report channel.
    pub(crate) report: OwnedFd,
}

/// How a session went.
struct Kept {
    status: String,
    left_over: u32,
    refusals: Refusals,
}

/// Keeps one session. `Err` is for the exit status only: everything was reported.
pub(crate) fn run(channel: &Channel, doors: Doors) -> Result<(), ()> {
    let Ok((ToKeeper::Job(job), _)) = channel.receive() else { return Err(()) };
    let outcome = keep(channel, doors, &job);
    // ORDER: the name of the control socket goes last of all that others can reach, whatever happened.
    if let Err(errno) = portcullis_sys::socket::remove_socket(Path::new(&job.control)) {
        say!(Warn, "cannot remove `{}`: {errno}", job.control);
    }
    let last = match &outcome {
        Ok(Kept { status, left_over, refusals }) => FromKeeper::Closed {
            status: status.clone(),
            left_over: *left_over,
            killed: refusals.killed,
            forks: refusals.forks,
        },
        Err((step, why)) => FromKeeper::Failed { step: *step, why: why.clone() },
    };
    // A launcher that is gone finds the rest out by itself at its next start.
    let _ = channel.send(&last, &[]);
    outcome.map(drop).map_err(drop)
}

fn keep(channel: &Channel, doors: Doors, job: &Job) -> Result<Kept, Failed> {
    let pam = |why: String| (Step::PamSession, why);
    attributes::subreaper().map_err(|errno| pam(errno.to_string()))?;
    // ORDER: before PAM, whose `pam_limits` may give the session a place of its own.
    attributes::ordinary_priority().map_err(|errno| pam(errno.to_string()))?;
    let who = names::principal(job.user.as_str()).map_err(|error| pam(chain(&error)))?;
    if (who.uid, who.gid, &who.user) != (job.uid, job.gid, &job.user) {
        return Err(pam("the account has another number than at the sign-in".to_owned()));
    }
    // ORDER: groups, then PAM's session, then groups again: modules (pam_group) add to what is there.
    ids::init_groups(job.user.as_str(), job.gid.0)
        .map_err(|errno| pam(format!("cannot set groups: {errno}")))?;
    let request = Request {
        service: &job.service,
        user: job.user.as_str(),
        remote: Some(&job.remote),
        tty: "portcullis",
        asking_user: None,
    };
    let login_before = login::own();
    let mut transaction = Transaction::begin(&request, Silent).map_err(|failure| pam(failure.to_string()))?;
    let opened = transaction.account().and_then(|()| transaction.open_session());
    if let Err(failure) = opened {
        let said: Vec<String> = transaction.unsaid().into_iter().map(|message| message.text).collect();
        return Err(pam([vec![failure.to_string()], said].concat().join("; ")));
    }
    // ORDER: after PAM's modules opened it, whose programs would have these blocked; before the launcher hears of it, which may
    // signal from then on: PAM's session is closed after any of them.
    let signals = Signals::take(&[ENDS, KILLS, Signal::SIGHUP, Signal::SIGCHLD])
        .map_err(|errno| pam(errno.to_string()))?;
    let login = if job.recorded { login::begun(job.uid, login_before) } else { None };
    let spec = match hear_spec(channel, transaction.environment(), login) {
        Ok(spec) => spec,
        Err(why) => {
            signals.outlive();
            return Err(pam(why)); // which closes PAM's session
        }
    };
    // Kept until this process ends: a port that were free before the server knows of the end could be taken by another user,
    // who would be sent the owner's next request.
    let Doors { control, tcp, report } = doors;
    let outcome =
        start(&job.program, (control, report), tcp.as_ref(), &spec, &signals).map(|(process, _held)| {
            if let Ok(started) = start_time(process.pid()) {
                let _ = channel.send(&FromKeeper::Started(Known { pid: process.pid(), started }), &[]);
            }
            wait(&process, &signals, Duration::from_secs(spec.end_within.into()))
        });
    let group = Group::at(&spec.cgroups);
    let left_over = end_all(&spec, &group);
    // ORDER: after the last process could use anything up, before the counters go with the group.
    let refusals = group.refusals();
    // ORDER: before PAM's modules close it, whose programs must not have them blocked.
    signals.outlive();
    // ORDER: PAM's session closes as soon as nothing runs in it; the removal of what its owner left may take its time.
    if let Err(failure) = transaction.close_session() {
        say!(Warn, "PAM session of {} did not close: {failure}", job.user);
    }
    removed(Path::new(&spec.dir), REMOVED_WITHIN);
    if let Err(error) = group.remove() {
        say!(Warn, "cannot remove a session's cgroup: {}", chain(&error));
    }
    Ok(Kept { status: outcome?, left_over, refusals })
}

/// Tells the launcher of PAM's session; answers what it asks, until it says what to start.
fn hear_spec(
    channel: &Channel,
    env: Vec<(String, String)>,
    login: Option<u32>,
) -> Result<Box<SessionSpec>, String> {
    let groups = ids::groups().map_err(|errno| format!("cannot read groups: {errno}"))?;
    let word = FromKeeper::Opened { env, groups: groups.into_iter().map(Gid).collect(), login };
    channel.send(&word, &[]).map_err(|error| chain(&error))?;
    let gone = |error: &WireError| format!("the launcher went away: {}", chain(error));
    loop {
        match channel.receive() {
            Ok((ToKeeper::Look(questions), _)) => {
                looker::answer(channel, questions).map_err(|error| gone(&error))?;
            }
            Ok((ToKeeper::Spec(spec), _)) => return Ok(spec),
            Ok((ToKeeper::Job(_), _)) => return Err("the launcher said something else".to_owned()),
            Err(error) => return Err(gone(&error)),
        }
    }
}

/// Whether the session was told to end before anything of its owner's ran.
fn told_to_end(signals: &Signals) -> bool {
    std::iter::from_fn(|| signals.next().ok().flatten()).any(|caught| caught.signal != Signal::SIGCHLD)
}

/// Starts the session process and tells it what to do; while it makes its view, as root, it is put into its cgroups and the rules
/// on connections are put on these. Only when both is done, it becomes the user and starts anything. The channel is kept as long as
/// it runs: it is how process 1 of a namespace of its own sees that its keeper is there.
fn start(
    program: &str,
    (control, report): (OwnedFd, OwnedFd),
    tcp: Option<&OwnedFd>,
    spec: &SessionSpec,
    signals: &Signals,
) -> Result<(Process, Channel), Failed> {
    let failed = |why: String| (Step::BecomeUser, why);
    let not_ended = || if told_to_end(signals) { Err("it was told to end".to_owned()) } else { Ok(()) };
    not_ended().map_err(failed)?;
    let group = Group::at(&spec.cgroups);
    let denials = connections::telling(&spec.sandbox.network).map_err(failed)?;
    let (ours, theirs) = Channel::pair().map_err(|error| failed(chain(&error)))?;
    let mut exec = Exec::new(Path::new(program)).map_err(|error| failed(chain(&error)))?;
    exec.fd(3, theirs.as_fd()).fd(4, control.as_fd()).fd(6, report.as_fd());
    if let Some(tcp) = tcp {
        exec.fd(5, tcp.as_fd());
    }
    if let Some(denials) = &denials {
        exec.fd(7, denials.as_fd());
    }
    if let Ok(level) = std::env::var("PORTCULLIS_LOG") {
        exec.env("PORTCULLIS_LOG", level.as_bytes());
    }
    exec.cwd(Path::new("/")).umask(0o077).own_session().death_signal(Signal::SIGTERM);
    if spec.sandbox.view.is_some() {
        exec.first_process();
    }
    // Root's processes may be spared when memory runs out; a user's are not.
    exec.oom_score(0);
    let process = exec.spawn().map_err(|error| failed(format!("`{program}`: {}", chain(&error))))?;
    drop(exec);
    // ORDER: it forks nothing and keeps no socket for a network before the second message, so whatever it forks is in the groups, and
    // every socket is under the rules.
    let said = |sent: Result<(), WireError>| match sent {
        // It has ended, and told the launcher why.
        Ok(()) | Err(WireError::Closed) => Ok(()),
        Err(error) => Err(chain(&error)),
    };
    let told = said(ours.send(spec, &[]))
        .and_then(|()| {
            let telling = denials.as_ref().map(|denials| denials.as_fd());
            connections::put_in_force(&spec.sandbox.network, &group, telling)
        })
        .and_then(|()| group.add(process.pid()).map_err(|error| chain(&error)))
        .and_then(|()| not_ended())
        .and_then(|()| said(ours.send(&Go::InForce, &[])));
    if let Err(why) = told {
        let _ = process.signal(Signal::SIGKILL);
        let _ = process.wait();
        return Err(failed(why));
    }
    Ok((process, ours))
}

/// Waits for the session process; [`ENDS`] is handed on, and enforced; [`KILLS`] kills it.
fn wait(process: &Process, signals: &Signals, end_within: Duration) -> String {
    let mut deadline: Option<Instant> = None;
    loop {
        match process.try_wait() {
            Ok(Some(ended)) => return ended.to_string(),
            Err(errno) => return format!("unknown: {errno}"),
            Ok(None) => {}
        }
        while let Ok(Some(caught)) = signals.next() {
            match caught.signal {
                Signal::SIGCHLD => {}
                KILLS => deadline = Some(Instant::now()),
                _ if deadline.is_none() => {
                    let _ = process.signal(Signal::SIGTERM);
                    deadline = Some(Instant::now() + end_within + GRACE);
                }
                _ => {}
            }
        }
        let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) {
            let _ = process.signal(Signal::SIGKILL);
        }
        // Process 1 of a namespace is gone only when all in it is: what sleeps in the kernel is not waited for without end.
        if deadline.is_some_and(|at| Instant::now() >= at + KILLED_WITHIN) {
            return "not ended: a process of the session can't be killed".to_owned();
        }
        let timeout = match left {
            None => PollTimeout::NONE,
            Some(Duration::ZERO) => PollTimeout::from(100u16),
            Some(left) => PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX),
        };
        let mut polled = [
            PollFd::new(signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(process.as_fd(), PollFlags::POLLIN),
        ];
        let _ = poll(&mut polled, timeout);
    }
}

/// Ends every process of the session that is left; returns how many there were.
fn end_all(spec: &SessionSpec, group: &Group) -> u32 {
    let mut left_over = 0;
    if !group.is_nowhere() {
        left_over = group.pids().map_or(0, |pids| u32::try_from(pids.len()).unwrap_or(u32::MAX));
        let emptied = group.kill().and_then(|()| group.wait_empty(KILLED_WITHIN));
        if let Err(error) = emptied.map(drop) {
            say!(Warn, "cannot end a session's cgroup: {}", chain(&error));
        }
    }
    match tree::kill_descendants(KILLED_WITHIN) {
        Ok(killed) => {
            left_over += killed.killed;
            if killed.left > 0 {
                say!(Error, "{} processes of session {} can't be ended", killed.left, spec.id);
            }
        }
        Err(error) => say!(Error, "cannot look for a session's processes: {error}"),
    }
    left_over
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(600);

    fn stubborn() -> Process {
        let mut exec = Exec::new(Path::new("/bin/sh")).expect("a shell");
        exec.arg("-c").arg("trap '' TERM; while :; do sleep 1; done");
        exec.spawn().expect("it runs")
    }

    #[test]
    fn a_session_that_is_killed_gets_no_time_to_end() {
        let signals = Signals::take(&[ENDS, KILLS]).expect("a descriptor");
        let begun = Instant::now();
        // Sent to this thread alone; the one that ends it is there already when the other one comes.
        nix::sys::signal::raise(ENDS).expect("blocked");
        nix::sys::signal::raise(KILLS).expect("blocked");
        let how = wait(&stubborn(), &signals, PATIENT);
        assert!(how.contains("SIGKILL"), "{how}");
        assert!(begun.elapsed() < PATIENT / 10);
    }

    #[test]
    fn what_waits_from_before_the_start_is_heard_once() {
        let signals = Signals::take(&[ENDS, Signal::SIGCHLD]).expect("a descriptor");
        assert!(!told_to_end(&signals));
        nix::sys::signal::raise(Signal::SIGCHLD).expect("blocked");
        assert!(!told_to_end(&signals), "a child of PAM's modules ended");
        nix::sys::signal::raise(ENDS).expect("blocked");
        assert!(told_to_end(&signals) && !told_to_end(&signals));
    }
}
