//! The server's process and the messages to it: started as its own account, replaced when it dies or breaks the rules.
//!
//! Messages that say that something is so wait in `held` until the launcher's turn has made it durable; the others go at
//! once. The queue is bounded: a server that doesn't read is replaced, it can't make root's process grow.

use std::collections::VecDeque;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::ExemptionId;
use portcullis_sys::exec::{Exec, ExecError};
use portcullis_sys::process::Process;
use portcullis_wire::{Channel, Hello, ToLauncher, ToServer, WireError};
use thiserror::Error;

use crate::configuration::ServerUser;
use crate::confinement::Confinement;
use crate::table::{self, Kind, Meter, Permit, Phase, Violation};

/// Messages that wait for the server to read: all sign-ins and sessions of a busy machine, at its start.
const QUEUE_MAX: usize = 200_000;
/// Time for which a server may read nothing while something waits.
const STUCK: Duration = Duration::from_secs(10);
/// First pause before a restart; doubled each time up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause before a restart.
const PAUSE_LAST: Duration = Duration::from_secs(5);
/// A server that served so long starts the pauses over.
const PROVEN: Duration = Duration::from_secs(30);

/// Where programs look for others; the server starts none.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Why there is no server, or no longer.
#[derive(Debug, Error)]
pub(crate) enum ServerError {
    /// It can't be started.
    #[error("cannot start `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// The channel to it failed or holds something that is no message.
    #[error("the server's channel")]
    Channel(#[source] WireError),
    /// It asked for what is not permitted.
    #[error("the server broke the rules")]
    Rules(#[source] Violation),
    /// It doesn't read.
    #[error("the server reads nothing")]
    Stuck,
}

impl ServerError {
    /// Whether it only went away, which its end explains.
    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self, Self::Channel(WireError::Closed))
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Up {
    /// Its process.
    pub(crate) process: Process,
    /// Where it is in its life.
    pub(crate) phase: Phase,
    channel: Channel,
    meter: Meter,
    since: Instant,
    waits_since: Option<Instant>,
}

/// The server, running or not.
#[derive(Debug)]
pub(crate) struct Server {
    /// The running one.
    pub(crate) up: Option<Up>,
    /// When the next one is started.
    pub(crate) retry_at: Option<Instant>,
    pause: Duration,
    queue: VecDeque<ToServer>,
    held: VecDeque<ToServer>,
}

/// What a server is started with.
#[derive(Debug)]
pub(crate) struct Start<'a> {
    /// `portcullis-server`.
    pub(crate) program: &'a Path,
    /// Its account.
    pub(crate) user: ServerUser,
    /// How many descriptors it may have.
    pub(crate) descriptors: u64,
    /// What holds it beside its account.
    pub(crate) confinement: &'a Confinement,
    /// First message.
    pub(crate) hello: Hello,
    /// Listeners beside it.
    pub(crate) listeners: &'a [TcpListener],
}

impl Server {
    /// None yet; one is to be started at once.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            up: None,
            retry_at: Some(now),
            pause: PAUSE_FIRST,
            queue: VecDeque::new(),
            held: VecDeque::new(),
        }
    }

    /// Starts one and sends its first message.
    pub(crate) fn start(&mut self, start: &Start<'_>, now: Instant) -> Result<i32, ServerError> {
        self.queue.clear();
        self.held.clear();
        self.retry_at = None;
        let (ours, theirs) = Channel::pair().map_err(ServerError::Channel)?;
        let failed = |source| ServerError::Start { program: start.program.display().to_string(), source };
        let mut exec = Exec::new(start.program).map_err(failed)?;
        exec.fd(3, theirs.as_fd()).env("PATH", PATH.as_bytes());
        if let Ok(level) = std::env::var("PORTCULLIS_LOG") {
            exec.env("PORTCULLIS_LOG", level.as_bytes());
        }
        exec.identity(start.user.uid, start.user.gid, &[start.user.gid]);
        exec.cwd(Path::new("/")).umask(0o077).own_session().death_signal(Signal::SIGTERM);
        exec.nofile(start.descriptors, start.descriptors).oom_score(0);
        start.confinement.hold(&mut exec);
        let process = exec.spawn().map_err(failed)?;
        drop(exec);
        let pid = process.pid();
        let fds: Vec<BorrowedFd<'_>> = start.listeners.iter().map(std::os::fd::AsFd::as_fd).collect();
        let nonblocking = ours.set_nonblocking(true);
        self.up = Some(Up {
            process,
            channel: ours,
            phase: Phase::Starting,
            meter: Meter::default(),
            since: now,
            waits_since: None,
        });
        let up = self.up.as_ref().expect("set one statement above");
        nonblocking.map_err(ServerError::Channel)?;
        up.channel
            .send(&ToServer::Hello(Box::new(copy(&start.hello))), &fds)
            .map_err(ServerError::Channel)?;
        Ok(pid)
    }

    /// Queues a message that depends on nothing.
    pub(crate) fn tell(&mut self, message: ToServer) {
        if self.up.is_some() {
            self.queue.push_back(message);
        }
    }

    /// Queues a message that is true only once this turn's records and state are on disk.
    pub(crate) fn hold(&mut self, message: ToServer) {
        if self.up.is_some() {
            self.held.push_back(message);
        }
    }

    /// Takes an exemption back: at once, whatever the disk says, for what is taken away must not wait. One that waits to be told
    /// is never told.
    pub(crate) fn take_back(&mut self, id: ExemptionId) {
        let is_it = |message: &ToServer| matches!(message, ToServer::Exemption(one) if one.id == id);
        let waiting = self.held.len();
        self.held.retain(|message| !is_it(message));
        if self.held.len() == waiting {
            self.tell(ToServer::ExemptionEnded(id));
        }
    }

    /// Records and state are on disk: what was held may go.
    pub(crate) fn release(&mut self) {
        self.queue.append(&mut self.held);
    }

    /// Whether something waits for room in the channel.
    pub(crate) fn wants_to_write(&self) -> bool {
        self.up.is_some() && !self.queue.is_empty()
    }

    /// Sends what the channel takes.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<(), ServerError> {
        let Some(up) = &mut self.up else { return Ok(()) };
        if self.queue.len() + self.held.len() > QUEUE_MAX {
            return Err(ServerError::Stuck);
        }
        while let Some(message) = self.queue.front() {
            match up.channel.send(message, &[]) {
                Ok(()) => {
                    self.queue.pop_front();
                    up.waits_since = None;
                }
                Err(WireError::WouldBlock) => {
                    let since = *up.waits_since.get_or_insert(now);
                    return if now.duration_since(since) > STUCK { Err(ServerError::Stuck) } else { Ok(()) };
                }
                Err(error) => return Err(ServerError::Channel(error)),
            }
        }
        Ok(())
    }

    /// The next request, judged by the table; `None` when none waits.
    pub(crate) fn next(&mut self, second: u64) -> Result<Option<(ToLauncher, Permit)>, ServerError> {
        let Some(up) = &mut self.up else { return Ok(None) };
        let request = match up.channel.receive::<ToLauncher>() {
            Ok((request, fds)) if fds.is_empty() => request,
            Ok(_) => return Err(ServerError::Channel(WireError::Malformed)),
            Err(WireError::WouldBlock) => return Ok(None),
            Err(error) => return Err(ServerError::Channel(error)),
        };
        let kind = table::kind(&request);
        let permit = up.meter.judge(up.phase, kind, second).map_err(ServerError::Rules)?;
        if kind == Kind::Ready {
            up.phase = Phase::Serving;
        }
        Ok(Some((request, permit)))
    }

    /// Whether one serves.
    pub(crate) fn is_serving(&self) -> bool {
        self.up.as_ref().is_some_and(|up| up.phase == Phase::Serving)
    }

    /// The descriptor to poll.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.up.as_ref().map(|up| up.channel.as_fd())
    }

    /// Ends the connection at once; the process is reaped when it has ended.
    pub(crate) fn kill(&mut self, now: Instant) {
        let Some(up) = self.up.take() else { return };
        let _ = up.process.signal(Signal::SIGKILL);
        self.lost(up.since, now);
    }

    /// Its process has ended by itself.
    pub(crate) fn ended(&mut self, pid: i32, now: Instant) {
        if let Some(up) = self.up.take_if(|up| up.process.pid() == pid) {
            self.lost(up.since, now);
        }
    }

    /// None could be started.
    pub(crate) fn not_started(&mut self, now: Instant) {
        self.up = None;
        self.lost(now, now);
    }

    fn lost(&mut self, since: Instant, now: Instant) {
        self.queue.clear();
        self.held.clear();
        if now.duration_since(since) > PROVEN {
            self.pause = PAUSE_FIRST;
        }
        self.retry_at = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE_LAST);
    }
}

/// A copy that is sent and gone; keys in it are wiped when it is dropped.
fn copy(hello: &Hello) -> Hello {
    let configuration = portcullis_wire::launcher::Configuration {
        generation: hello.configuration.generation,
        config_dir: hello.configuration.config_dir.clone(),
        files: hello.configuration.files.clone(),
        keys: hello.configuration.keys.clone(),
        tls: hello.configuration.tls.clone(),
        host: hello.configuration.host.clone(),
    };
    Hello { configuration, run_dir: hello.run_dir.clone(), listeners: hello.listeners }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemption_that_waits_for_the_disk_is_never_told_once_it_is_over() {
        let mut server = Server::new(Instant::now());
        let exemption = crate::state::tests::sample().exemptions.remove(0).exemption;
        let other = portcullis_model::exemption::Exemption {
            id: ExemptionId::from_bytes([9; 4]),
            ..exemption.clone()
        };
        server.held.push_back(ToServer::Exemption(Box::new(exemption.clone())));
        server.held.push_back(ToServer::Exemption(Box::new(other.clone())));
        server.take_back(exemption.id);
        assert_eq!(server.held.len(), 1, "the other one waits on");
        server.release();
        assert!(matches!(server.queue.as_slices().0, [ToServer::Exemption(one)] if one.id == other.id));
    }
}
