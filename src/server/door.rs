//! The session's door: asks its process for a connection to the IDE, or to resolve a path as its user.
//!
//! Connections to the control socket are kept per thread and asked one question at a time. What comes back is checked: the answer
//! fits the question, and a connection handed over is a Unix stream whose other end runs as the session's owner. Nothing that a
//! session says is trusted beyond that. Called by `ide`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockname, getsockopt, socket, sockopt,
};
use portcullis_model::session::door_path;
use portcullis_model::{SessionId, Uid};
use portcullis_proxy::Stream;
use portcullis_runtime::Wire;
use portcullis_wire::{Answer, Ask, Channel, WireError};
use thiserror::Error;
use tokio::sync::Semaphore;

/// Doors at a time per session and thread: a question takes less than a millisecond, and a session lets 64 in.
const DOORS: usize = 4;
/// A session answers in well under a millisecond; one that takes so long is stuck.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pauses while the door's queue is full; together about a second.
const RETRIES: u32 = 10;

/// Why the door gave nothing.
#[derive(Debug, Error)]
pub(crate) enum DoorError {
    /// There is nobody behind it.
    #[error("cannot reach the session's control socket")]
    Connect(#[source] io::Error),
    /// It broke off, or said something that is no message.
    #[error("the session's control socket failed")]
    Wire(#[source] WireError),
    /// It didn't answer in time.
    #[error("the session did not answer within {ANSWER_WITHIN:?}")]
    Late,
    /// It answered something else than was asked.
    #[error("the session's answer does not fit the question")]
    Unfitting,
    /// It couldn't.
    #[error("the session could not: {0}")]
    Failed(String),
    /// What it handed over is not a connection to a process of the session's owner.
    #[error("the session handed over something that is not its IDE's socket")]
    Foreign,
}

/// One thread's doors.
#[derive(Debug)]
pub(crate) struct Doors {
    run_dir: PathBuf,
    sessions: RefCell<HashMap<SessionId, Rc<Kept>>>,
}

/// One session's doors that nobody uses now, and how many more may be used.
#[derive(Debug)]
struct Kept {
    free: RefCell<Vec<Wire>>,
    turns: Semaphore,
}

impl Default for Kept {
    fn default() -> Self {
        Self { free: RefCell::default(), turns: Semaphore::new(DOORS) }
    }
}

impl Doors {
    /// None yet.
    pub(crate) fn new(run_dir: PathBuf) -> Self {
        Self { run_dir, sessions: RefCell::default() }
    }

    /// A fresh connection to the IDE of a session; `owner` is its owner's number, unknown while they are signed out.
    ///
    /// # Errors
    /// See [`DoorError`].
    pub(crate) async fn connect(&self, id: SessionId, owner: Option<Uid>) -> Result<Stream, DoorError> {
        let (answer, mut fds) = self.ask(id, &Ask::Connect).await?;
        match (answer, fds.pop(), fds.len()) {
            (Answer::Connected, Some(fd), 0) => ide_stream(fd, owner),
            (Answer::Failed { why }, None, _) => Err(DoorError::Failed(why)),
            _ => Err(DoorError::Unfitting),
        }
    }

    /// These paths as the session's owner sees them; `None` where one can't be resolved.
    ///
    /// # Errors
    /// See [`DoorError`].
    pub(crate) async fn resolve(
        &self,
        id: SessionId,
        paths: Vec<String>,
    ) -> Result<Vec<Option<String>>, DoorError> {
        let asked = paths.len();
        match self.ask(id, &Ask::Resolve { paths }).await? {
            (Answer::Resolved { paths }, fds) if fds.is_empty() && paths.len() == asked => Ok(paths),
            (Answer::Failed { why }, _) => Err(DoorError::Failed(why)),
            _ => Err(DoorError::Unfitting),
        }
    }

    /// Closes what is kept for sessions that are no more.
    pub(crate) fn retain(&self, lives: impl Fn(SessionId) -> bool) {
        self.sessions.borrow_mut().retain(|id, _| lives(*id));
    }

    async fn ask(&self, id: SessionId, ask: &Ask) -> Result<(Answer, Vec<OwnedFd>), DoorError> {
        let kept = self.sessions.borrow_mut().entry(id).or_default().clone();
        let turn = tokio::time::timeout(ANSWER_WITHIN, kept.turns.acquire()).await;
        let _turn = turn.map_err(|_| DoorError::Late)?.expect("the semaphore is never closed");
        let free = kept.free.borrow_mut().pop();
        if let Some(door) = free {
            // A session process that was replaced leaves a dead door behind: then one fresh try.
            match put(&door, ask).await {
                Err(DoorError::Wire(WireError::Closed)) => {}
                answer => return kept.after(door, answer),
            }
        }
        let door = self.open(id).await?;
        let answer = put(&door, ask).await;
        kept.after(door, answer)
    }

    async fn open(&self, id: SessionId) -> Result<Wire, DoorError> {
        let failed = |errno: nix::errno::Errno| DoorError::Connect(errno.into());
        let address = UnixAddr::new(&door_path(&self.run_dir, id)).map_err(failed)?;
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let fd = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).map_err(failed)?;
        for attempt in 1.. {
            match connect(std::os::fd::AsRawFd::as_raw_fd(&fd), &address) {
                Ok(()) => break,
                Err(nix::errno::Errno::EAGAIN) if attempt < RETRIES => {
                    tokio::time::sleep(Duration::from_millis(20) * attempt).await;
                }
                Err(errno) => return Err(failed(errno)),
            }
        }
        Wire::new(Channel::from_fd(fd)).map_err(DoorError::Connect)
    }
}

impl Kept {
    /// A door is used again only after a whole answer: else the next question could get the last one's.
    fn after<T>(&self, door: Wire, answer: Result<T, DoorError>) -> Result<T, DoorError> {
        if answer.is_ok() {
            self.free.borrow_mut().push(door);
        }
        answer
    }
}

async fn put(door: &Wire, ask: &Ask) -> Result<(Answer, Vec<OwnedFd>), DoorError> {
    let answer = async {
        door.send(ask).await?;
        door.receive::<Answer>().await
    };
    tokio::time::timeout(ANSWER_WITHIN, answer).await.map_err(|_| DoorError::Late)?.map_err(DoorError::Wire)
}

/// Takes a descriptor only when it is a connected Unix stream to a process of the session's owner.
fn ide_stream(fd: OwnedFd, owner: Option<Uid>) -> Result<Stream, DoorError> {
    let foreign = |_: nix::errno::Errno| DoorError::Foreign;
    let raw = std::os::fd::AsRawFd::as_raw_fd(&fd);
    let kind = getsockopt(&fd, sockopt::SockType).map_err(foreign)?;
    // Fails for every other family.
    getsockname::<UnixAddr>(raw).map_err(foreign)?;
    let peer = getsockopt(&fd, sockopt::PeerCredentials).map_err(foreign)?;
    if kind != SockType::Stream || owner.is_some_and(|owner| peer.uid() != owner.0) {
        return Err(DoorError::Foreign);
    }
    let stream = std::os::unix::net::UnixStream::from(fd);
    stream.set_nonblocking(true).map_err(DoorError::Connect)?;
    tokio::net::UnixStream::from_std(stream).map(Stream::from).map_err(DoorError::Connect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn only_the_owners_unix_stream_is_taken() {
        let me = Uid(nix::unistd::getuid().as_raw());
        let pair = || std::os::unix::net::UnixStream::pair().expect("a pair");
        assert!(ide_stream(pair().0.into(), Some(me)).is_ok());
        assert!(matches!(ide_stream(pair().0.into(), Some(Uid(me.0 + 1))), Err(DoorError::Foreign)));
        let packets = Channel::pair().expect("a pair").0.into_fd();
        assert!(matches!(ide_stream(packets, None), Err(DoorError::Foreign)));
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
        assert!(matches!(ide_stream(tcp.into(), None), Err(DoorError::Foreign)));
        let file = std::fs::File::open("/dev/null").expect("a file");
        assert!(matches!(ide_stream(file.into(), Some(me)), Err(DoorError::Foreign)));
    }
}
