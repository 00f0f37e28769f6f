//! Asks the running daemon, over its administrator's socket.
//!
//! One question, its whole answer, then the connection is closed. It must not decide anything: the launcher does, from its table.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use clap::Args;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_wire::admin::{FromDaemon, Refusal, ToDaemon, socket_path};
use portcullis_wire::identity::StoreRefusal;
use portcullis_wire::{Channel, WireError};
use thiserror::Error;

use crate::exit::Exit;

/// Milliseconds to wait for a message: the launcher's longest turn is one slow disk.
const PATIENCE: u16 = 10_000;
/// Where the daemon's sockets are, when nothing else is said.
const RUN_DIR: &str = "/run/portcullis";

/// Where the daemon is reached.
#[derive(Debug, Args)]
pub(crate) struct RunDir {
    /// The daemon's run directory.
    #[arg(long, value_name = "DIR", default_value = RUN_DIR, global = true)]
    run_dir: PathBuf,
}

impl RunDir {
    #[cfg(test)]
    pub(crate) fn at(run_dir: &Path) -> Self {
        Self { run_dir: run_dir.to_owned() }
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.run_dir
    }

    /// The whole answer to a question, without its [`FromDaemon::Done`].
    ///
    /// # Errors
    /// When nobody answers, or the daemon won't.
    pub(crate) fn ask(&self, question: &ToDaemon) -> anyhow::Result<Vec<FromDaemon>> {
        Ok(ask(&socket_path(&self.run_dir), question, PATIENCE)?)
    }

    /// The same for what may take so many milliseconds between two messages.
    ///
    /// # Errors
    /// As [`RunDir::ask`].
    pub(crate) fn ask_within(&self, question: &ToDaemon, patience: u16) -> anyhow::Result<Vec<FromDaemon>> {
        Ok(ask(&socket_path(&self.run_dir), question, patience)?)
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(crate) enum AskError {
    /// Nobody listens.
    #[error("the daemon doesn't run: nobody listens at `{}`", .0.display())]
    NotRunning(PathBuf),
    /// The socket is root's.
    #[error("only root may ask the daemon (`{}`)", .0.display())]
    NotRoot(PathBuf),
    /// The socket can't be used.
    #[error("cannot ask the daemon at `{}`", path.display())]
    Connect {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: WireError,
    },
    /// It says nothing.
    #[error("the daemon does not answer in time")]
    Silent,
    /// It went away in the middle, or talks differently.
    #[error("the daemon ended, or is of another version than this command")]
    Ended,
    /// What came is no answer.
    #[error("cannot read the daemon's answer")]
    Answer(#[source] WireError),
    /// It won't.
    #[error(transparent)]
    Refused(Refusal),
}

impl AskError {
    /// The exit status that says so.
    pub(crate) const fn exit(&self) -> Exit {
        match self {
            Self::NotRunning(_) => Exit::NotRunning,
            Self::NotRoot(_) | Self::Refused(Refusal::NotRoot) => Exit::NotPermitted,
            Self::Silent | Self::Refused(Refusal::TooMany(_) | Refusal::NotWritable | Refusal::Ending) => {
                Exit::NotNow
            }
            Self::Refused(
                Refusal::NoSession(_)
                | Refusal::NoSessionOf(_)
                | Refusal::NoProcess(_)
                | Refusal::Session(_)
                | Refusal::Exemption(_)
                | Refusal::NoKey(_),
            ) => Exit::NoneSuch,
            Self::Refused(Refusal::Account(StoreRefusal::NoAccount(_))) => Exit::NoneSuch,
            Self::Refused(Refusal::Account(StoreRefusal::Unreachable(_))) => Exit::NotNow,
            Self::Refused(Refusal::Several { .. } | Refusal::Account(StoreRefusal::Several(_))) => {
                Exit::Usage
            }
            Self::Connect { .. } | Self::Ended | Self::Answer(_) | Self::Refused(_) => Exit::Failed,
        }
    }
}

/// The exit status of an error: what the daemon's refusal says, else that it failed.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    error.downcast_ref::<AskError>().map_or(Exit::Failed, AskError::exit)
}

/// The whole answer to a question, without its [`FromDaemon::Done`].
fn ask(path: &Path, question: &ToDaemon, patience: u16) -> Result<Vec<FromDaemon>, AskError> {
    let channel = Channel::connect(path).map_err(|error| match error {
        WireError::System(Errno::ENOENT | Errno::ECONNREFUSED) => AskError::NotRunning(path.to_owned()),
        WireError::System(Errno::EACCES) => AskError::NotRoot(path.to_owned()),
        source => AskError::Connect { path: path.to_owned(), source },
    })?;
    let sent = channel.send(question, &[]);
    let mut answer = Vec::new();
    loop {
        let mut fds = [PollFd::new(channel.as_fd(), PollFlags::POLLIN)];
        // An interrupted wait is a short one.
        if poll(&mut fds, PollTimeout::from(patience)) == Ok(0) {
            return Err(AskError::Silent);
        }
        match channel.receive::<FromDaemon>() {
            Ok((FromDaemon::Done, _)) => return Ok(answer),
            // What it says when it won't even read explains a question that couldn't be sent.
            Ok((FromDaemon::Refused(why), _)) => return Err(AskError::Refused(why)),
            Ok((message, _)) => answer.push(message),
            Err(WireError::Closed | WireError::Malformed) if sent.is_ok() => {
                return Err(AskError::Ended);
            }
            Err(WireError::WouldBlock) => {}
            Err(error) => return Err(AskError::Answer(error)),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A daemon that says this to whoever connects, then closes.
    pub(crate) fn daemon(
        messages: Vec<FromDaemon>,
    ) -> (tempfile::TempDir, std::thread::JoinHandle<Option<ToDaemon>>) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = socket_path(dir.path());
        let listener = portcullis_sys::socket::listen_seqpacket(&path, 0o600, None).expect("listening");
        let answers = move || {
            let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
            poll(&mut fds, PollTimeout::from(5000_u16)).expect("polled");
            let fd = portcullis_sys::socket::accept(listener.as_fd()).expect("accepted")?;
            let channel = Channel::from_fd(fd);
            channel.set_nonblocking(false).expect("blocking");
            let question = channel.receive::<ToDaemon>().ok().map(|(question, _)| question);
            for message in &messages {
                channel.send(message, &[]).expect("sent");
            }
            question
        };
        (dir, std::thread::spawn(answers))
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let (dir, thread) = daemon(vec![FromDaemon::Exemptions(vec![]), FromDaemon::Done]);
        let answer = ask(&socket_path(dir.path()), &ToDaemon::Exemptions, PATIENCE).expect("an answer");
        assert_eq!(answer, [FromDaemon::Exemptions(vec![])]);
        assert_eq!(thread.join().expect("ended"), Some(ToDaemon::Exemptions));
        for (messages, why) in [
            (vec![FromDaemon::Refused(Refusal::NotRoot)], "only root"),
            (vec![FromDaemon::Exemptions(vec![])], "another version"),
        ] {
            let (dir, thread) = daemon(messages);
            let error = ask(&socket_path(dir.path()), &ToDaemon::Status, PATIENCE)
                .expect_err("no answer")
                .to_string();
            assert!(error.contains(why), "{error}");
            thread.join().expect("ended");
        }
        let error = ask(Path::new("/nowhere/admin.sock"), &ToDaemon::Status, PATIENCE).expect_err("nobody");
        assert_eq!(error.to_string(), "the daemon doesn't run: nobody listens at `/nowhere/admin.sock`");
        assert_eq!(exit_of(&error.into()), Exit::NotRunning);
    }
}
