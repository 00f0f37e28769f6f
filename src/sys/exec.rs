//! Starting a program with exactly the descriptors, environment, ids and signals that are named.
//!
//! Everything that allocates happens before the fork and the child makes system calls only, so a process with threads may
//! use it too. There is no shell and no search path. Called by the launcher (server), the keeper (session), the session (IDE).

mod borrowed;
mod plan;

use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::unistd::{ForkResult, Pid};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::exec::plan::{FAILURE_LEN, Plan};
use crate::process::Process;
use crate::seccomp::Filter;
use crate::{fd, namespaces};

/// What the child was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExecStep {
    /// Descriptors put in their places.
    Descriptors = 1,
    /// An own session, for signals and terminals.
    Session,
    /// Supplementary groups, gid, uid, and no way back.
    Identity,
    /// Limits.
    Limits,
    /// The working directory.
    Directory,
    /// A parent that is there.
    Parent,
    /// Which files and programs it can reach.
    Rules,
    /// Which system calls it can make.
    Calls,
    /// The program itself.
    Program,
}

impl ExecStep {
    const ALL: [Self; 9] = [
        Self::Descriptors,
        Self::Session,
        Self::Identity,
        Self::Limits,
        Self::Directory,
        Self::Parent,
        Self::Rules,
        Self::Calls,
        Self::Program,
    ];
}

impl fmt::Display for ExecStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Descriptors => "place its descriptors",
            Self::Session => "make its session",
            Self::Identity => "become its user",
            Self::Limits => "set its limits",
            Self::Directory => "enter its working directory",
            Self::Parent => "watch its parent",
            Self::Rules => "put its rules for files in force",
            Self::Calls => "put its filter for system calls in force",
            Self::Program => "execute it",
        })
    }
}

/// Why a program was not started.
#[derive(Debug, Error)]
pub enum ExecError {
    /// A zero byte can't be passed.
    #[error("{0} has a zero byte")]
    Zero(&'static str),
    /// Not an absolute path: no search path is used.
    #[error("the program `{0}` is not an absolute path")]
    Relative(String),
    /// The parent had no room.
    #[error("can't make a process")]
    Fork(#[source] Errno),
    /// The child failed before it was the program.
    #[error("can't {step}")]
    Child {
        /// At what.
        step: ExecStep,
        /// Why.
        #[source]
        errno: Errno,
    },
}

/// What is limited by `setrlimit(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Open descriptors.
    Files,
    /// Bytes of memory written to a file when a process crashes.
    Core,
    /// Data of a process, in bytes.
    Data,
    /// Processes and threads of the user on the machine, whatever session they are of.
    Processes,
}

#[derive(Debug)]
struct Identity {
    uid: libc::uid_t,
    gid: libc::gid_t,
    groups: Vec<libc::gid_t>,
}

/// A program to start. The environment is empty until [`Exec::env`] adds to it.
///
/// Without further words the child has `/dev/null` as standard input, the parent's standard output and error, and no other
/// descriptor.
#[derive(Debug)]
pub struct Exec<'a> {
    program: CString,
    args: Vec<CString>,
    env: Vec<Zeroizing<Vec<u8>>>,
    fds: Vec<(RawFd, BorrowedFd<'a>)>,
    cwd: Option<CString>,
    identity: Option<Identity>,
    own_session: bool,
    first_process: bool,
    death_signal: Option<Signal>,
    umask: Option<libc::mode_t>,
    limits: Vec<(Limit, libc::rlimit)>,
    nice: Option<i32>,
    processors: Vec<u64>,
    oom_score: Option<Vec<u8>>,
    no_new_privs: bool,
    no_capabilities: bool,
    landlock: Option<(BorrowedFd<'a>, u32)>,
    filter: Option<&'a Filter>,
    wrong: Option<&'static str>,
}

impl<'a> Exec<'a> {
    /// The program at this absolute path.
    ///
    /// # Errors
    /// When the path is not absolute or has a zero byte.
    pub fn new(program: &Path) -> Result<Self, ExecError> {
        if !program.is_absolute() {
            return Err(ExecError::Relative(program.display().to_string()));
        }
        let program = CString::new(program.as_os_str().as_bytes())
            .map_err(|_| ExecError::Zero("the program's path"))?;
        Ok(Self {
            args: vec![program.clone()],
            program,
            env: Vec::new(),
            fds: Vec::new(),
            cwd: None,
            identity: None,
            own_session: false,
            first_process: false,
            death_signal: None,
            umask: None,
            limits: Vec::new(),
            nice: None,
            processors: Vec::new(),
            oom_score: None,
            no_new_privs: false,
            no_capabilities: false,
            landlock: None,
            filter: None,
            wrong: None,
        })
    }

    /// Adds an argument. No secrets: arguments are visible to others.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        match CString::new(arg.as_ref().as_bytes()) {
            Ok(arg) => self.args.push(arg),
            Err(_) => self.wrong = Some("an argument"),
        }
        self
    }

    /// Adds a variable. Its memory here is wiped when this value is dropped.
    pub fn env(&mut self, name: impl AsRef<OsStr>, value: &[u8]) -> &mut Self {
        let name = name.as_ref().as_bytes();
        if name.is_empty() || name.contains(&0) || name.contains(&b'=') || value.contains(&0) {
            self.wrong = Some("a variable");
            return self;
        }
        let mut pair = Zeroizing::new(Vec::with_capacity(name.len() + value.len() + 2));
        pair.extend_from_slice(name);
        pair.push(b'=');
        pair.extend_from_slice(value);
        pair.push(0);
        self.env.push(pair);
        self
    }

    /// The child has this descriptor under this number (0, 1, 2, 3 …), not close-on-exec.
    pub fn fd(&mut self, number: RawFd, fd: BorrowedFd<'a>) -> &mut Self {
        self.fds.retain(|(taken, _)| *taken != number);
        self.fds.push((number, fd));
        self
    }

    /// The working directory, entered with the rights of the new identity.
    pub fn cwd(&mut self, dir: &Path) -> &mut Self {
        match CString::new(dir.as_os_str().as_bytes()) {
            Ok(dir) => self.cwd = Some(dir),
            Err(_) => self.wrong = Some("the working directory"),
        }
        self
    }

    /// The child sets these ids and groups, and fails when it could get uid 0 back. Needs root.
    pub fn identity(&mut self, uid: u32, gid: u32, groups: &[u32]) -> &mut Self {
        self.identity = Some(Identity { uid, gid, groups: groups.to_vec() });
        self
    }

    /// The child leads a session of its own, without a terminal.
    pub fn own_session(&mut self) -> &mut Self {
        self.own_session = true;
        self
    }

    /// The child is process 1 of a new process namespace: what it starts sees no other processes, and all of it ends with the
    /// child. Of signals to it, those that it doesn't take are ignored, save `SIGKILL` from outside. Needs root.
    pub fn first_process(&mut self) -> &mut Self {
        self.first_process = true;
        self
    }

    /// The kernel sends the child this signal when the calling thread ends.
    pub fn death_signal(&mut self, signal: Signal) -> &mut Self {
        self.death_signal = Some(signal);
        self
    }

    /// The child's mask for new files.
    pub fn umask(&mut self, mask: u32) -> &mut Self {
        self.umask = Some(mask);
        self
    }

    /// One of the child's limits; a second word about the same one counts.
    pub fn limit(&mut self, limit: Limit, soft: u64, hard: u64) -> &mut Self {
        self.limits.retain(|(known, _)| *known != limit);
        self.limits.push((limit, libc::rlimit { rlim_cur: soft, rlim_max: hard }));
        self
    }

    /// The child's limit of open descriptors.
    pub fn nofile(&mut self, soft: u64, hard: u64) -> &mut Self {
        self.limit(Limit::Files, soft, hard)
    }

    /// The child's niceness, from -20 to 19. Less than the parent's needs root.
    pub fn nice(&mut self, nice: i32) -> &mut Self {
        self.nice = Some(nice);
        self
    }

    /// The processors that the child starts with, counted from 0. It may choose others later: a group's share is what holds.
    pub fn processors(&mut self, processors: &[u16]) -> &mut Self {
        let words = processors.iter().max().map_or(0, |last| usize::from(*last) / 64 + 1);
        self.processors = vec![0; words];
        for number in processors {
            self.processors[usize::from(*number) / 64] |= 1 << (number % 64);
        }
        self
    }

    /// How readily the kernel ends the child when memory runs out (`oom_score_adj`), where that may be set.
    pub fn oom_score(&mut self, score: i32) -> &mut Self {
        self.oom_score = Some(score.to_string().into_bytes());
        self
    }

    /// No program that the child executes gains anything by its set-user-ID bit or its capabilities.
    pub fn no_new_privs(&mut self) -> &mut Self {
        self.no_new_privs = true;
        self
    }

    /// No capability can ever be had by the child or what it starts, where this process may say so.
    pub fn no_capabilities(&mut self) -> &mut Self {
        self.no_capabilities = true;
        self
    }

    /// The child can reach what this ruleset grants ([`crate::landlock`]), with these flags. Needs [`Exec::no_new_privs`], set
    /// here or by the parent before, or root.
    pub fn landlock(&mut self, ruleset: BorrowedFd<'a>, flags: u32) -> &mut Self {
        self.landlock = Some((ruleset, flags));
        self
    }

    /// The child can make the system calls that this filter lets through. Needs the same.
    pub fn filter(&mut self, filter: &'a Filter) -> &mut Self {
        self.filter = Some(filter);
        self
    }

    /// Whether the child has this process's rights until its program runs.
    const fn stays_as_it_is(&self) -> bool {
        let Self { identity, no_capabilities, landlock, filter, first_process, .. } = self;
        identity.is_none() && !*no_capabilities && landlock.is_none() && filter.is_none() && !*first_process
    }

    /// A child with memory of its own.
    ///
    /// # Safety
    /// All signals are blocked in this thread.
    unsafe fn fork(&self, plan: &mut Plan<'_>) -> Result<Pid, Errno> {
        // SAFETY: the child runs `Plan::become_program` only, which makes async-signal-safe calls on memory made ready before,
        // and never returns. All signals are blocked until it has reset their handlers.
        let forked =
            unsafe { if self.first_process { namespaces::fork_as_first() } else { nix::unistd::fork() } }?;
        match forked {
            ForkResult::Child => plan.become_program(),
            ForkResult::Parent { child } => Ok(child),
        }
    }

    /// Starts it; returns once the program runs or could not be run. Signals have their default effect in it, none is blocked.
    ///
    /// # Errors
    /// See [`ExecError`]; there is no child then.
    pub fn spawn(&self) -> Result<Process, ExecError> {
        if let Some(what) = self.wrong {
            return Err(ExecError::Zero(what));
        }
        let null =
            nix::fcntl::open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())
                .map_err(ExecError::Fork)?;
        let (failure_reader, failure_writer) = fd::pipe().map_err(ExecError::Fork)?;
        let mut plan = Plan::new(self, &null, (&failure_reader, &failure_writer));

        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))
            .map_err(ExecError::Fork)?;
        // SAFETY: all signals are blocked.
        let begun =
            unsafe { if self.stays_as_it_is() { borrowed::start(&mut plan) } else { self.fork(&mut plan) } };
        // The mask was taken from this thread a moment ago; setting it back can't fail.
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
        let child = begun.map_err(ExecError::Fork)?;
        drop(failure_writer);
        let process = match Process::open(child.as_raw()) {
            Ok(process) => process,
            Err(errno) => {
                // No descriptor for a handle: nothing may run that nobody holds. It is ours and not reaped, so the number is its.
                let _ = nix::sys::signal::kill(child, Signal::SIGKILL);
                let _ = nix::sys::wait::waitpid(child, None);
                return Err(ExecError::Fork(errno));
            }
        };
        let mut failure = Vec::with_capacity(FAILURE_LEN);
        let _ = File::from(failure_reader).take(64).read_to_end(&mut failure);
        let Ok(report) = <[u8; FAILURE_LEN]>::try_from(failure.as_slice()) else {
            return Ok(process); // the pipe closed at the execve, as it should
        };
        let _ = process.wait();
        let [step, errno @ ..] = report;
        let step = ExecStep::ALL.into_iter().find(|known| *known as u8 == step).unwrap_or(ExecStep::Program);
        Err(ExecError::Child { step, errno: Errno::from_raw(i32::from_ne_bytes(errno)) })
    }
}

#[cfg(test)]
mod tests;
