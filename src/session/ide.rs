//! The IDE's own process: started with exactly what it was given, its output drained, its end noticed.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::signal::Signal;
use portcullis_model::session::IdeCommand;
use portcullis_sys::exec::{Exec, ExecError, ExecStep};
use portcullis_sys::fd;
use portcullis_sys::process::{Ended, Process};
use portcullis_wire::SessionSpec;
use thiserror::Error;

use crate::confine::{self, ConfineError, limits};
use crate::files::{self, FilesError};
use crate::output::Output;
use crate::poll::{Poll, Token, Watch};

/// Rounds of reading what an IDE wrote before it ended; a grandchild may go on writing to the same pipe.
const LAST_ROUNDS: usize = 64;

/// Why the IDE does not run. The texts are for its owner.
#[derive(Debug, Error)]
pub(crate) enum IdeError {
    /// Its files.
    #[error("its files can't be prepared")]
    Files(#[from] FilesError),
    /// Nothing there to execute.
    #[error("the program `{0}` is not installed, or its interpreter is missing")]
    Missing(String),
    /// Not a program for this user.
    #[error("the program `{0}` can't be executed by this user")]
    NotExecutable(String),
    /// Not a directory for this user.
    #[error("the working directory `{0}` can't be entered")]
    Directory(String, #[source] Errno),
    /// Anything else.
    #[error("the program `{0}` can't be started")]
    Start(String, #[source] ExecError),
    /// What it must be confined by.
    #[error(transparent)]
    Confine(#[from] ConfineError),
    /// The user's own.
    #[error("the limits of the user's session can't be read")]
    Limits(#[source] Errno),
    /// No descriptors.
    #[error("no room for its output")]
    Output(#[source] Errno),
}

/// The running IDE.
#[derive(Debug)]
pub(crate) struct Ide {
    process: Process,
    pipe: Option<OwnedFd>,
    watch: Watch,
    output: Output,
    ended: Option<Ended>,
}

impl Ide {
    /// Writes its files and starts it. `nofile` is the limit of descriptors it gets: the one the user's session has.
    pub(crate) fn start(spec: &SessionSpec, nofile: (u64, u64), poll: &Poll) -> Result<Self, IdeError> {
        let command = &spec.command;
        let dir = files::open_private(&spec.dir, spec.uid.0)?;
        for (name, text) in &command.files {
            files::write_new(&dir, name, text)?;
        }
        let (reader, writer) = fd::pipe().map_err(IdeError::Output)?;
        fd::set_nonblocking(reader.as_fd(), true).map_err(IdeError::Output)?;
        let confinement = confine::for_ide(spec)?;
        let mut exec = program(command, &writer).map_err(|error| told(command, error))?;
        limits::give(&spec.sandbox, nofile, &mut exec).map_err(IdeError::Limits)?;
        if let Some(confinement) = &confinement {
            confinement.give(&mut exec);
        }
        let process = exec.spawn().map_err(|error| told(command, error))?;
        drop(exec);
        let mut watch = Watch::default();
        watch.set(poll, &reader, Token::Output, Some(EpollFlags::EPOLLIN)).map_err(IdeError::Output)?;
        Ok(Self { process, pipe: Some(reader), watch, output: Output::default(), ended: None })
    }

    /// Its process number.
    pub(crate) const fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Whether it runs, as far as we were told.
    pub(crate) const fn runs(&self) -> bool {
        self.ended.is_none()
    }

    /// Sends it a signal; one that has ended needs none.
    pub(crate) fn signal(&self, signal: Signal) {
        if self.runs() {
            let _ = self.process.signal(signal);
        }
    }

    /// Its handle, to wait for.
    pub(crate) const fn process(&self) -> &Process {
        &self.process
    }

    /// It was reaped. Takes what it wrote last.
    pub(crate) fn reaped(&mut self, ended: Ended, poll: &Poll, buffer: &mut [u8]) {
        self.ended = Some(ended);
        for _ in 0..LAST_ROUNDS {
            if !self.drain(poll, buffer) {
                break;
            }
        }
    }

    /// Reads once what it wrote; `true` when there may be more.
    pub(crate) fn drain(&mut self, poll: &Poll, buffer: &mut [u8]) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        match nix::unistd::read(pipe, buffer) {
            Ok(0) => {}
            Ok(length) => {
                self.output.take(&buffer[..length]);
                return true;
            }
            Err(Errno::EAGAIN | Errno::EINTR) => return false,
            Err(_) => {}
        }
        let _ = self.watch.set(poll, pipe, Token::Output, None); // about to close: then it is gone from the poll anyway
        self.pipe = None;
        false
    }

    /// Its last lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.output.lines()
    }
}

fn program<'a>(command: &IdeCommand, output: &'a OwnedFd) -> Result<Exec<'a>, ExecError> {
    let mut exec = Exec::new(Path::new(&command.program))?;
    for arg in &command.args {
        exec.arg(arg);
    }
    for (name, value) in &command.env {
        exec.env(name, value.as_bytes());
    }
    for (name, value) in &command.secret_env {
        exec.env(name, value.expose());
    }
    exec.fd(1, output.as_fd()).fd(2, output.as_fd());
    // A session of its own has no terminal to push input into; it ends with this process even when that is killed.
    exec.own_session().death_signal(Signal::SIGTERM);
    exec.cwd(Path::new(&command.cwd)).umask(0o077);
    Ok(exec)
}

fn told(command: &IdeCommand, error: ExecError) -> IdeError {
    let program = command.program.clone();
    match error {
        ExecError::Child { step: ExecStep::Program, errno: Errno::ENOENT | Errno::ENOTDIR } => {
            IdeError::Missing(program)
        }
        ExecError::Child { step: ExecStep::Program, errno: Errno::EACCES | Errno::ENOEXEC } => {
            IdeError::NotExecutable(program)
        }
        ExecError::Child { step: ExecStep::Directory, errno } => {
            IdeError::Directory(command.cwd.clone(), errno)
        }
        other => IdeError::Start(program, other),
    }
}
