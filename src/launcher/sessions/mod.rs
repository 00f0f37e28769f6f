//! Sessions: opened (`open`), followed until they end (`follow`), taken over by a restarted launcher (`adopt`).
//!
//! A session is a keeper process of root's with the session process of its user below it. The launcher holds two channels to
//! them, both of which may be gone: the keeper's words, and the session process' reports.

mod adopt;
mod connections;
mod ending;
mod follow;
pub(crate) mod keeper;
mod lifetime;
mod limits;
mod login;
mod looked;
mod looker;
mod open;
mod opened;
mod patience;
pub(crate) mod plan;
mod regroup;
pub(crate) mod remover;
mod strength;
mod sweep;
pub(crate) mod talk;
mod work;

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Instant;

use portcullis_model::audit::Event;
use portcullis_model::lifetime::Clocks;
use portcullis_model::load::{Killed, Whose};
use portcullis_model::session::{EndReason, Step};
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{Effect, Gid, SessionId};
use portcullis_sys::process::Process;
use portcullis_wire::{Channel, SessionSpec};

use crate::launcher::Launcher;
use crate::role;
use crate::state::KeptSession;

pub(crate) use self::adopt::adoptable;
use self::ending::Asked;
use self::looked::Looked;

/// A session and what the launcher holds of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What is on disk too.
    pub(crate) kept: KeptSession,
    /// From the keeper; gone after the launcher was restarted.
    pub(crate) words: Option<Channel>,
    /// From the session process.
    pub(crate) reports: Option<Channel>,
    /// The keeper.
    keeper: Option<Process>,
    /// Whether the keeper is a child of this launcher, whose end `SIGCHLD` tells.
    own_child: bool,
    /// The session process, when its keeper is gone.
    lost: Option<Process>,
    /// What is needed until the session process is told what to do.
    start: Option<Box<Starting>>,
    /// What the session process will be told, once the state on disk says that it may have been.
    spec: Option<Box<SessionSpec>>,
    /// Whether its last process was sent `SIGKILL`.
    killed: bool,
    /// What its processes do.
    pub(crate) work: work::Looked,
    /// Its clocks, and of which configuration they are.
    clocks: Option<(u64, Clocks)>,
    /// That it was asked to suspend, and why.
    asked: Option<Asked>,
    /// What became of it.
    told: Told,
    /// When the launcher loses patience.
    pub(crate) deadline: Option<Instant>,
    /// Its port: nobody else gets it before the server knows that the session is over.
    port: Option<OwnedFd>,
    /// Since when it is over.
    over: Option<Instant>,
    /// When it was noticed last that the kernel ended a process for want of memory.
    memory_noticed: Option<Instant>,
    /// When refused processes were recorded last.
    forks_told: Option<Instant>,
}

/// What a start needs.
#[derive(Debug)]
struct Starting {
    principal: Principal,
    /// What PAM left, once its session is open.
    opened: Option<PamOpened>,
    /// What the keeper found of files since.
    looked: Looked,
}

/// An open PAM session.
#[derive(Debug)]
struct PamOpened {
    /// What its modules want in the environment.
    env: Vec<(String, String)>,
    /// The groups after it.
    groups: Vec<Gid>,
    /// The login session by which the kernel's audit knows it.
    login: Option<u32>,
}

/// What keeper and session process told about the end.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Told {
    /// The proof line, until the process number is known too.
    proof: Option<String>,
    /// Where and why the start failed.
    failed: Option<(Step, String)>,
    /// Whether RStudio saved its state before it went.
    suspended: bool,
    /// How the IDE exited by itself.
    exited: Option<String>,
    /// Whether that was by the signal with which the kernel ends processes for want of memory.
    ide_killed: bool,
    /// Whether it did so to a process of the session right before.
    out_of_memory: bool,
    /// The limit of processes that refused it one, and whose that is.
    full: Option<(Whose, u64)>,
    /// The IDE's last lines.
    output: Vec<String>,
    /// Processes that were left over.
    left_over: u32,
    /// Whether the keeper closed everything in order.
    closed: bool,
}

impl Entry {
    fn new(kept: KeptSession) -> Self {
        Self {
            kept,
            words: None,
            reports: None,
            keeper: None,
            own_child: false,
            lost: None,
            start: None,
            spec: None,
            killed: false,
            work: work::Looked::default(),
            clocks: None,
            asked: None,
            told: Told::default(),
            deadline: None,
            port: None,
            over: None,
            memory_noticed: None,
            forks_told: None,
        }
    }

    /// Whether its keeper heeds a signal: before PAM's session is open one would end it, and leave that half open. One that an
    /// earlier launcher left there closes by itself, as its channel to that launcher is gone.
    const fn takes_signals(&self) -> bool {
        let told = self.own_child || self.kept.begun || self.kept.process.is_some();
        self.start.is_none() && self.spec.is_none() && told
    }

    /// Whether the recorder watches it and something of it may run still.
    pub(crate) fn is_recorded(&self) -> bool {
        self.kept.watched.is_some() && self.kept.session.state.is_live()
    }

    /// A process whose end only its own descriptor tells: an adopted keeper, or a session process without one.
    pub(crate) fn watched(&self) -> Option<BorrowedFd<'_>> {
        let adopted = self.keeper.as_ref().filter(|_| !self.own_child);
        self.lost.as_ref().or(adopted).map(|process| process.as_fd())
    }
}

impl Launcher {
    /// Records that no session was opened, and by which rule.
    pub(crate) fn record_refused(
        &mut self,
        sign_in: &SignIn,
        session: Option<SessionId>,
        ide: &str,
        rule: String,
    ) {
        self.log.write(Event::Refused {
            user: sign_in.principal.user.to_string(),
            session: session.map(|id| id.to_string()).unwrap_or_default(),
            remote: sign_in.remote,
            capability: "session".into(),
            what: "open a session".into(),
            rule,
            id: role::log_id(),
            count: 1,
            ide: ide.into(),
            method: String::new(),
            path: String::new(),
            effect: Effect::Block.word().into(),
        });
    }
}

/// Why a session is over: what it was told, else what failed, else what was seen. `killed` is the last process that the kernel
/// ended for want of memory, if it ended any.
fn end_reason(ending: Option<&EndReason>, told: &Told, killed: Option<&Killed>) -> EndReason {
    let memory = killed.filter(|_| told.out_of_memory);
    match (ending, &told.failed, &told.exited) {
        (Some(reason), _, _) => reason.clone(),
        (None, Some((_, why)), _) => EndReason::StartFailed(match (memory, told.full) {
            (Some(killed), _) => format!("{why}: the system ended a process because {}", killed.used_up()),
            (None, Some((Whose::User, limit))) => {
                format!("{why}: your sessions together have all of their {limit} processes and threads")
            }
            (None, Some((_, limit))) if limit > 0 => {
                format!("{why}: the session has all of its {limit} processes and threads")
            }
            (None, _) => why.clone(),
        }),
        (None, None, exited) => match (memory, exited) {
            (Some(killed), Some(_)) if told.ide_killed => killed.into(),
            (Some(killed), None) => killed.into(),
            (_, Some(status)) => EndReason::IdeExited(status.clone()),
            (_, None) => EndReason::Killed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_first_that_explains() {
        let mut told = Told::default();
        let end_reason = |ending, told: &Told| end_reason(ending, told, None);
        assert_eq!(end_reason(None, &told), EndReason::Killed);
        told.exited = Some("exit status 1".into());
        assert_eq!(end_reason(None, &told), EndReason::IdeExited("exit status 1".into()));
        told.failed = Some((Step::Answer, "no answer".into()));
        assert_eq!(end_reason(None, &told), EndReason::StartFailed("no answer".into()));
        assert_eq!(end_reason(Some(&EndReason::Stopped), &told), EndReason::Stopped);
    }

    #[test]
    fn want_of_memory_explains_an_end_by_its_signal_only() {
        let killed = Killed {
            program: "python3".into(),
            pid: 7,
            at: 1,
            whose: Whose::Session,
            limit_mb: 64,
            count: 1,
        };
        let reason = |told: &Told| end_reason(None, told, Some(&killed));
        let memory = EndReason::OutOfMemory { whose: Whose::Session, limit_mb: 64 };
        let mut told = Told { exited: Some("killed by SIGKILL".into()), ide_killed: true, ..Told::default() };
        assert!(matches!(reason(&told), EndReason::IdeExited(_)), "a kernel was ended an hour ago");
        told.out_of_memory = true;
        assert_eq!(reason(&told), memory);
        assert_eq!(
            reason(&Told { out_of_memory: true, ..Told::default() }),
            memory,
            "the session process itself"
        );
        told.ide_killed = false;
        assert!(matches!(reason(&told), EndReason::IdeExited(_)), "it gave up by itself");
        told.failed = Some((Step::Answer, "no answer".into()));
        let EndReason::StartFailed(why) = reason(&told) else { panic!("another reason") };
        assert_eq!(why, "no answer: the system ended a process because the session used its 64 MB of memory");
        let full = Told { out_of_memory: false, full: Some((Whose::User, 40)), ..told.clone() };
        let EndReason::StartFailed(why) = reason(&full) else { panic!("another reason") };
        assert_eq!(why, "no answer: your sessions together have all of their 40 processes and threads");
        assert_eq!(end_reason(Some(&EndReason::Stopped), &told, Some(&killed)), EndReason::Stopped);
    }
}
