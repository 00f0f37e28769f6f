//! Asks the running daemon, over its administrator's socket.
//!
//! One question, its whole answer, then the connection is closed. It must not decide anything: the launcher does, from its table.

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_model::load::SessionLoad;
use portcullis_wire::admin::{FromDaemon, Status, ToDaemon, socket_path};
use portcullis_wire::{Channel, WireError};
use serde_json::json;

use crate::Answer;

mod load;

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
    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.run_dir
    }

    /// The whole answer to a question, without its [`FromDaemon::Done`].
    ///
    /// # Errors
    /// When nobody answers, or the daemon won't.
    pub(crate) fn ask(&self, question: &ToDaemon) -> anyhow::Result<Vec<FromDaemon>> {
        ask(&socket_path(&self.run_dir), question)
    }
}

fn ask(path: &Path, question: &ToDaemon) -> anyhow::Result<Vec<FromDaemon>> {
    let name = path.display();
    let channel = Channel::connect(path).map_err(|error| match error {
        WireError::System(Errno::ENOENT | Errno::ECONNREFUSED) => {
            anyhow!("the daemon doesn't run: nobody listens at `{name}`")
        }
        WireError::System(Errno::EACCES) => anyhow!("only root may ask the daemon (`{name}`)"),
        other => anyhow::Error::new(other).context(format!("cannot ask the daemon at `{name}`")),
    })?;
    let sent = channel.send(question, &[]);
    let mut answer = Vec::new();
    loop {
        let mut fds = [PollFd::new(channel.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, PollTimeout::from(PATIENCE)).context("cannot wait for the daemon")? == 0 {
            bail!("the daemon does not answer within {} seconds", PATIENCE / 1000);
        }
        match channel.receive::<FromDaemon>() {
            Ok((FromDaemon::Done, _)) => return Ok(answer),
            // What it says when it won't even read explains a question that couldn't be sent.
            Ok((FromDaemon::Refused(why), _)) => return Err(why.into()),
            Ok((message, _)) => answer.push(message),
            Err(WireError::Closed | WireError::Malformed) if sent.is_ok() => {
                bail!("the daemon ended, or is of another version than this command")
            }
            Err(error) => return Err(error).context("cannot read the daemon's answer"),
        }
    }
}

/// `portcullis status`.
pub(crate) fn status(run_dir: &RunDir, as_json: bool) -> anyhow::Result<Answer> {
    let mut answer = run_dir.ask(&ToDaemon::Status)?.into_iter();
    let Some(FromDaemon::Status(status)) = answer.next() else { bail!("the daemon answered something else") };
    let mut loads = Vec::new();
    for message in answer {
        let FromDaemon::Loads(some) = message else { bail!("the daemon answered something else") };
        loads.extend(some);
    }
    let text = if as_json {
        format!("{}\n", as_object(&status, &loads))
    } else {
        told(&status) + &loads.iter().map(load::line).collect::<String>()
    };
    // A script may go by the exit status alone.
    let status = u8::from(!(status.serving && status.writable));
    Ok(Answer { text, status, ..Answer::default() })
}

fn as_object(status: &Status, loads: &[SessionLoad]) -> serde_json::Value {
    json!({
        "version": status.version,
        "pid": status.pid,
        "uptime-seconds": status.uptime,
        "address": status.address,
        "serving": status.serving,
        "writable": status.writable,
        "generation": status.generation,
        "sign-ins": status.sign_ins,
        "sessions": status.sessions,
        "exemptions": status.exemptions,
        "programs-recorded": status.not_recorded.is_none(),
        "programs-not-recorded-because": status.not_recorded,
        "limited-sessions": loads.iter().map(load::object).collect::<Vec<_>>(),
    })
}

fn told(status: &Status) -> String {
    let serves = if status.serving { "serves" } else { "does NOT serve" };
    let disk = if status.writable {
        ""
    } else {
        "audit log or state can't be written: nobody is let in, nothing is started\n"
    };
    format!(
        "portcullis {} (process {}) {serves} on {}, started {} ago, configuration {}\n{disk}sign-ins: {}\nsessions: {}\n\
         exemptions: {}\nprograms started in sessions: {}\n",
        status.version,
        status.pid,
        status.address,
        crate::exempt::span(status.uptime),
        status.generation,
        status.sign_ins,
        status.sessions,
        status.exemptions,
        status.not_recorded.as_ref().map_or("recorded".to_owned(), |why| format!("NOT recorded: {why}"))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_wire::admin::Refusal;

    /// A daemon that says this to whoever connects, then closes.
    fn daemon(messages: Vec<FromDaemon>) -> (tempfile::TempDir, std::thread::JoinHandle<Option<ToDaemon>>) {
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

    fn status_of(serving: bool) -> Status {
        Status {
            version: "1".into(),
            pid: 7,
            uptime: 3700,
            address: "127.0.0.1:8787".into(),
            serving,
            writable: true,
            generation: 2,
            sign_ins: 3,
            sessions: 4,
            exemptions: 5,
            not_recorded: None,
        }
    }

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let (dir, thread) = daemon(vec![FromDaemon::Exemptions(vec![]), FromDaemon::Done]);
        let answer = ask(&socket_path(dir.path()), &ToDaemon::Exemptions).expect("an answer");
        assert_eq!(answer, [FromDaemon::Exemptions(vec![])]);
        assert_eq!(thread.join().expect("ended"), Some(ToDaemon::Exemptions));
        for (messages, why) in [
            (vec![FromDaemon::Refused(Refusal::NotRoot)], "only root"),
            (vec![FromDaemon::Exemptions(vec![])], "another version"),
        ] {
            let (dir, thread) = daemon(messages);
            let error = ask(&socket_path(dir.path()), &ToDaemon::Status).expect_err("no answer").to_string();
            assert!(error.contains(why), "{error}");
            thread.join().expect("ended");
        }
        let error = ask(Path::new("/nowhere/admin.sock"), &ToDaemon::Status).expect_err("nobody").to_string();
        assert_eq!(error, "the daemon doesn't run: nobody listens at `/nowhere/admin.sock`");
    }

    #[test]
    fn a_status_is_told_and_its_exit_status_says_whether_it_serves() {
        for serving in [true, false] {
            let (dir, thread) =
                daemon(vec![FromDaemon::Status(Box::new(status_of(serving))), FromDaemon::Done]);
            let run_dir = RunDir { run_dir: dir.path().to_owned() };
            let answer = status(&run_dir, false).expect("an answer");
            assert_eq!(answer.status, u8::from(!serving));
            assert!(
                answer.text.contains("started 1 h 1 min ago") && answer.text.contains("sessions: 4"),
                "{}",
                answer.text
            );
            thread.join().expect("ended");
        }
        assert_eq!(as_object(&status_of(true), &[])["sign-ins"], 3);
    }
}
