//! Starting a program with exactly the descriptors, environment, ids and signals that are named.
//!
//! Everything that allocates happens before the fork and the child makes system calls only, so a process with threads may
//! use it too. There is no shell and no search path. Called by the launcher (server), the keeper (session), the session (IDE).

use std::ffi::{CString, OsStr};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, pthread_sigmask};
use nix::unistd::ForkResult;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::process::Process;
use crate::{fd, signals};

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
    /// The program itself.
    Program,
}

impl ExecStep {
    const ALL: [Self; 7] = [
        Self::Descriptors,
        Self::Session,
        Self::Identity,
        Self::Limits,
        Self::Directory,
        Self::Parent,
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
    death_signal: Option<Signal>,
    umask: Option<libc::mode_t>,
    nofile: Option<libc::rlimit>,
    oom_score: Option<Vec<u8>>,
    no_new_privs: bool,
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
            death_signal: None,
            umask: None,
            nofile: None,
            oom_score: None,
            no_new_privs: false,
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

    /// The child's limit of open descriptors.
    pub fn nofile(&mut self, soft: u64, hard: u64) -> &mut Self {
        self.nofile = Some(libc::rlimit { rlim_cur: soft, rlim_max: hard });
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
        let plan = Plan::new(self, &null, &failure_writer);

        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))
            .map_err(ExecError::Fork)?;
        // SAFETY: the child runs `Plan::become_program` only, which makes async-signal-safe calls on memory made ready above,
        // and never returns. All signals are blocked until it has reset their handlers.
        let forked = unsafe { nix::unistd::fork() };
        if let Ok(ForkResult::Child) = forked {
            plan.become_program();
        }
        // The mask was taken from this thread a moment ago; setting it back can't fail.
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
        let ForkResult::Parent { child } = forked.map_err(ExecError::Fork)? else {
            unreachable!("the child has left by now")
        };
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

/// A step and an errno.
const FAILURE_LEN: usize = 5;

/// Everything the child needs, as plain memory.
struct Plan<'p> {
    exec: &'p Exec<'p>,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
    /// Where from (first the parent's descriptor, then a copy above all places) and to.
    moves: Vec<(RawFd, RawFd)>,
    above: RawFd,
    failure: RawFd,
    parent: libc::pid_t,
}

impl<'p> Plan<'p> {
    fn new(exec: &'p Exec<'p>, null: &OwnedFd, failure: &OwnedFd) -> Self {
        let mut argv: Vec<_> = exec.args.iter().map(|arg| arg.as_ptr()).collect();
        argv.push(std::ptr::null());
        let mut envp: Vec<_> = exec.env.iter().map(|pair| pair.as_ptr().cast()).collect();
        envp.push(std::ptr::null());
        let mut moves: Vec<_> = exec.fds.iter().map(|(to, fd)| (fd.as_raw_fd(), *to)).collect();
        if !moves.iter().any(|(_, to)| *to == 0) {
            moves.push((null.as_raw_fd(), 0));
        }
        let above = moves.iter().map(|(_, to)| *to).max().unwrap_or(2).max(2) + 1;
        let parent = nix::unistd::getpid().as_raw();
        Self { exec, argv, envp, moves, above, failure: failure.as_raw_fd(), parent }
    }

    /// Runs in the child only.
    fn become_program(mut self) -> ! {
        let Err((step, errno)) = self.steps();
        let mut report = [0; FAILURE_LEN];
        report[0] = step as u8;
        report[1..].copy_from_slice(&errno.to_ne_bytes());
        // SAFETY: writes from a live array to the pipe's end, then ends the process.
        unsafe {
            libc::write(self.failure, report.as_ptr().cast(), report.len());
            libc::_exit(127)
        }
    }

    fn steps(&mut self) -> Result<std::convert::Infallible, (ExecStep, i32)> {
        let check = |step: ExecStep, result: i64| {
            if result < 0 { Err((step, Errno::last_raw())) } else { Ok(result) }
        };
        let exec = self.exec;
        // SAFETY: every call in this block is async-signal-safe and gets numbers, or pointers to memory that the parent made
        // before the fork and that lives until the execve: NUL-terminated strings, null-terminated lists, an rlimit.
        unsafe {
            // ORDER: all copies above the highest place first, so that no place is overwritten while it is a source.
            let copy = |fd| {
                let high = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, self.above);
                check(ExecStep::Descriptors, i64::from(high)).map(|_| high)
            };
            self.failure = copy(self.failure)?;
            for (from, _) in &mut self.moves {
                *from = copy(*from)?;
            }
            // ORDER: then everything becomes close-on-exec; dup2 makes the places that stay.
            let all = libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            check(ExecStep::Descriptors, all)?;
            for (from, to) in &self.moves {
                check(ExecStep::Descriptors, libc::dup2(*from, *to).into())?;
            }
            if exec.own_session {
                check(ExecStep::Session, libc::setsid().into())?;
            }
            if let Some(mask) = exec.umask {
                libc::umask(mask);
            }
            if let Some(limit) = &exec.nofile {
                let set = libc::setrlimit(libc::RLIMIT_NOFILE, limit);
                check(ExecStep::Limits, set.into())?;
            }
            if let Some(score) = &exec.oom_score {
                // ORDER: before the ids: the file is root's. Refused (in a container, say) is as if it had not been asked for.
                let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                if file >= 0 {
                    libc::write(file, score.as_ptr().cast(), score.len());
                    libc::close(file);
                }
            }
            if exec.no_new_privs {
                let set = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1_u64, 0_u64, 0_u64, 0_u64);
                check(ExecStep::Identity, set.into())?;
            }
            if let Some(Identity { uid, gid, groups }) = &exec.identity {
                // ORDER: groups, gid, uid: each needs the privilege that the last gives up.
                let step = ExecStep::Identity;
                check(step, libc::setgroups(groups.len(), groups.as_ptr()).into())?;
                check(step, libc::setresgid(*gid, *gid, *gid).into())?;
                check(step, libc::setresuid(*uid, *uid, *uid).into())?;
                if *uid != 0 && (libc::setresuid(0, 0, 0) == 0 || libc::setresgid(0, 0, 0) == 0) {
                    return Err((step, libc::EPERM));
                }
            }
            // ORDER: after the ids, since a change of ids clears it; then look whether the parent went before.
            if let Some(signal) = exec.death_signal {
                check(ExecStep::Parent, libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong).into())?;
                if libc::getppid() != self.parent {
                    return Err((ExecStep::Parent, libc::ESRCH));
                }
            }
            if let Some(dir) = &exec.cwd {
                check(ExecStep::Directory, libc::chdir(dir.as_ptr()).into())?;
            }
            signals::reset_in_child(true);
            libc::execve(exec.program.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
        }
        Err((ExecStep::Program, Errno::last_raw()))
    }
}

#[cfg(test)]
mod tests;
