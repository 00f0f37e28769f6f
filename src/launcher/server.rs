//! One server's process and the messages to it: started as its own account, ended when it breaks the rules.
//!
//! Messages that say that something is so wait in `held` until the launcher's turn has made it durable; the others go at
//! once. The queue is bounded: a server that doesn't read is ended, it can't make root's process grow. A server outlives this
//! process; whichever comes back from an earlier one is an [`Up`] as well. Which servers there are is kept in
//! [`servers`](crate::servers).

use std::collections::VecDeque;
use std::net::TcpListener;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use nix::sys::signal::Signal;
use portcullis_model::ExemptionId;
use portcullis_sys::exec::{Exec, ExecError};
use portcullis_sys::process::{Process, start_time};
use portcullis_wire::launcher::Carried;
use portcullis_wire::{Channel, Hello, ToLauncher, ToServer, WireError};
use thiserror::Error;

use crate::clock;
use crate::configuration::ServerUser;
use crate::confinement::Confinement;
use crate::state::{KeptServer, Known};
use crate::table::{self, Kind, Meter, Permit, Phase, Violation};

/// Messages that wait for the server to read: all sign-ins and sessions of a busy machine, at its start.
const QUEUE_MAX: usize = 200_000;
/// Time for which a server may read nothing while something waits.
const STUCK: Duration = Duration::from_secs(10);

/// Where programs look for others; the server starts none.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Names a server within this launcher's life: numbers of its own choice (requests, conversations) count only beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ServerNo(pub(crate) u32);

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
    /// It can't use the configuration that it is to serve by.
    #[error("the server can't use the configuration")]
    Unfit,
}

impl ServerError {
    /// Whether it only went away, which its end explains.
    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self, Self::Channel(WireError::Closed))
    }
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

/// A running server.
#[derive(Debug)]
pub(crate) struct Up {
    /// Which.
    pub(crate) no: ServerNo,
    /// Its process.
    pub(crate) process: Process,
    /// How the next launcher recognises it.
    pub(crate) known: Known,
    /// Where it is in its life.
    pub(crate) phase: Phase,
    /// What hangs on it, as it said last.
    pub(crate) carried: Carried,
    /// Until when it finishes, in seconds since 1970, once another took its place.
    pub(crate) until: Option<u64>,
    /// It sends nothing more before the next launcher.
    pub(crate) paused: bool,
    /// Number of the configuration that it was started with; none of one that came back.
    pub(crate) generation: u64,
    /// Since when this launcher has it.
    pub(crate) since: Instant,
    /// When it was started, in seconds since 1970.
    began: u64,
    channel: Channel,
    meter: Meter,
    waits_since: Option<Instant>,
    queue: VecDeque<Rc<ToServer>>,
    held: VecDeque<Rc<ToServer>>,
    /// Its records so far, and up to which it was told that they are on disk.
    records: (u64, u64),
}

impl Up {
    /// Starts one and sends its first message.
    pub(crate) fn start(no: ServerNo, start: &Start<'_>, now: Instant) -> Result<Self, ServerError> {
        let (ours, theirs) = Channel::pair().map_err(ServerError::Channel)?;
        let failed = |source| ServerError::Start { program: start.program.display().to_string(), source };
        let mut exec = Exec::new(start.program).map_err(failed)?;
        exec.fd(3, theirs.as_fd()).env("PATH", PATH.as_bytes());
        if let Ok(level) = std::env::var("PORTCULLIS_LOG") {
            exec.env("PORTCULLIS_LOG", level.as_bytes());
        }
        exec.identity(start.user.uid, start.user.gid, &[start.user.gid]);
        // No signal at this process' death: what people do through it goes on until the next launcher has taken over.
        exec.cwd(Path::new("/")).umask(0o077).own_session();
        exec.nofile(start.descriptors, start.descriptors).oom_score(0);
        start.confinement.hold(&mut exec);
        let process = exec.spawn().map_err(failed)?;
        drop(exec);
        let fds: Vec<BorrowedFd<'_>> = start.listeners.iter().map(std::os::fd::AsFd::as_fd).collect();
        let hello = ToServer::Hello(Box::new(start.hello.clone()));
        let told = ours.set_nonblocking(true).and_then(|()| ours.send(&hello, &fds));
        // Gone already: nobody will ever be taken for it.
        let started = start_time(process.pid()).unwrap_or(0);
        let mut up = Self::of(no, process, started, ours, now);
        up.generation = start.hello.configuration.generation;
        match told {
            Ok(()) => Ok(up),
            Err(error) => {
                up.kill();
                Err(ServerError::Channel(error))
            }
        }
    }

    /// One that came back from an earlier launcher.
    pub(crate) fn returned(no: ServerNo, process: Process, kept: KeptServer, channel: Channel) -> Self {
        let mut up = Self::of(no, process, kept.process.started, channel, Instant::now());
        up.phase = if kept.until.is_some() { Phase::Draining } else { Phase::Serving };
        up.until = kept.until;
        up.began = kept.since;
        up
    }

    fn of(no: ServerNo, process: Process, started: u64, channel: Channel, now: Instant) -> Self {
        Self {
            no,
            known: Known { pid: process.pid(), started },
            process,
            phase: Phase::Starting,
            carried: Carried::default(),
            until: None,
            paused: false,
            generation: 0,
            since: now,
            began: clock::seconds(),
            channel,
            meter: Meter::default(),
            waits_since: None,
            queue: VecDeque::new(),
            held: VecDeque::new(),
            records: (0, 0),
        }
    }

    /// As the state keeps it.
    pub(crate) const fn kept(&self) -> KeptServer {
        KeptServer { process: self.known, since: self.began, until: self.until }
    }

    /// Queues a message that depends on nothing.
    pub(crate) fn tell(&mut self, message: Rc<ToServer>) {
        self.queue.push_back(message);
    }

    /// Queues a message that is true only once this turn's records and state are on disk.
    pub(crate) fn hold(&mut self, message: Rc<ToServer>) {
        self.held.push_back(message);
    }

    /// Takes an exemption back: at once, whatever the disk says, for what is taken away must not wait. One that waits to be told
    /// is never told.
    pub(crate) fn take_back(&mut self, id: ExemptionId) {
        let is_it = |message: &ToServer| matches!(message, ToServer::Exemption(one) if one.id == id);
        let waiting = self.held.len();
        self.held.retain(|message| !is_it(message));
        if self.held.len() == waiting {
            self.tell(Rc::new(ToServer::ExemptionEnded(id)));
        }
    }

    /// A record of its came: it keeps its copy until it is told that it is on disk.
    pub(crate) const fn noted(&mut self) {
        self.records.0 += 1;
    }

    /// Records and state are on disk: what was held may go.
    pub(crate) fn release(&mut self) {
        self.queue.append(&mut self.held);
        if self.records.0 > self.records.1 {
            self.records.1 = self.records.0;
            self.queue.push_back(Rc::new(ToServer::Written { records: self.records.0 }));
        }
    }

    /// Whether something waits for room in the channel.
    pub(crate) fn wants_to_write(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Sends what the channel takes.
    pub(crate) fn flush(&mut self, now: Instant) -> Result<(), ServerError> {
        if self.queue.len() + self.held.len() > QUEUE_MAX {
            return Err(ServerError::Stuck);
        }
        while let Some(message) = self.queue.front() {
            match self.channel.send(&**message, &[]) {
                Ok(()) => {
                    self.queue.pop_front();
                    self.waits_since = None;
                }
                Err(WireError::WouldBlock) => {
                    let since = *self.waits_since.get_or_insert(now);
                    return if now.duration_since(since) > STUCK { Err(ServerError::Stuck) } else { Ok(()) };
                }
                Err(error) => return Err(ServerError::Channel(error)),
            }
        }
        Ok(())
    }

    /// The next request, judged by the table; `None` when none waits.
    pub(crate) fn next(&mut self, second: u64) -> Result<Option<(ToLauncher, Permit)>, ServerError> {
        let request = match self.channel.receive::<ToLauncher>() {
            Ok((request, fds)) if fds.is_empty() => request,
            Ok(_) => return Err(ServerError::Channel(WireError::Malformed)),
            Err(WireError::WouldBlock) => return Ok(None),
            Err(error) => return Err(ServerError::Channel(error)),
        };
        let kind = table::kind(&request);
        let permit = self.meter.judge(self.phase, kind, second).map_err(ServerError::Rules)?;
        match kind {
            Kind::Ready => self.phase = Phase::Serving,
            // Every record counts, whatever becomes of it.
            Kind::Audit => self.noted(),
            _ => {}
        }
        Ok(Some((request, permit)))
    }

    /// The descriptor to poll, and for what.
    pub(crate) fn fd(&self) -> (BorrowedFd<'_>, PollFlags) {
        let writes = if self.wants_to_write() { PollFlags::POLLOUT } else { PollFlags::empty() };
        (self.channel.as_fd(), PollFlags::POLLIN | writes)
    }

    /// Ends it at once; a child is reaped when it has ended.
    pub(crate) fn kill(&self) {
        let _ = self.process.signal(Signal::SIGKILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exemption_that_waits_for_the_disk_is_never_told_once_it_is_over() {
        let process = Process::open(nix::unistd::getpid().as_raw()).expect("this one");
        let (channel, _other) = Channel::pair().expect("a pair");
        let mut server = Up::of(ServerNo(1), process, 1, channel, Instant::now());
        let exemption = crate::state::tests::sample().exemptions.remove(0).exemption;
        let other = portcullis_model::exemption::Exemption {
            id: ExemptionId::from_bytes([9; 4]),
            ..exemption.clone()
        };
        server.hold(Rc::new(ToServer::Exemption(Box::new(exemption.clone()))));
        server.hold(Rc::new(ToServer::Exemption(Box::new(other.clone()))));
        server.take_back(exemption.id);
        assert_eq!(server.held.len(), 1, "the other one waits on");
        server.noted();
        server.release();
        let told: Vec<&ToServer> = server.queue.iter().map(|message| &**message).collect();
        let [ToServer::Exemption(one), ToServer::Written { records: 1 }] = told[..] else {
            panic!("{told:?}")
        };
        assert_eq!(one.id, other.id);
    }
}
