//! The socket and whoever is connected to it: accepted, read, answered, forgotten.
//!
//! Nothing here waits: a caller who doesn't read or says nothing is dropped after a while, so that root's own loop can't be
//! held up by a program of root's.

use std::collections::{BTreeMap, VecDeque};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFlags;
use portcullis_sys::peer::unix_peer;
use portcullis_sys::socket::{accept, listen_seqpacket, remove_socket};
use portcullis_wire::admin::{FromDaemon, Refusal, ToDaemon, socket_path};
use portcullis_wire::{Channel, WireError};

use super::acts::Acts;
use super::table::Meter;
use crate::log::{chain, say};

/// Callers at a time: administrators, and their scripts; others wait in the kernel's queue.
const PEERS_MAX: usize = 16;
/// For how long a caller may say nothing, or not read.
const IDLE: Duration = Duration::from_secs(10);
/// Requests of one caller handled in one turn.
const BATCH: usize = 8;
/// Whose login session it is, when the kernel doesn't know (`AUDIT_UID_UNSET`).
const UNSET: i64 = -1;

/// A caller.
#[derive(Debug)]
struct Peer {
    channel: Channel,
    login: i64,
    queue: VecDeque<FromDaemon>,
    held: VecDeque<FromDaemon>,
    deadline: Instant,
    /// Went away, or talks nonsense.
    leaving: bool,
}

/// The socket.
#[derive(Debug)]
pub(crate) struct Admin {
    listener: OwnedFd,
    path: PathBuf,
    peers: BTreeMap<u64, Peer>,
    next: u64,
    /// How often each request came.
    pub(super) meter: Meter,
    /// What was asked and takes a while.
    pub(crate) acts: Acts,
}

impl Admin {
    /// Listens in this run directory, which only root writes to; what an earlier launcher left there goes.
    pub(crate) fn listen(run_dir: &Path) -> Result<Self, Errno> {
        let path = socket_path(run_dir);
        remove_socket(&path)?;
        let listener = listen_seqpacket(&path, 0o600, None)?;
        Ok(Self {
            listener,
            path,
            peers: BTreeMap::new(),
            next: 0,
            meter: Meter::default(),
            acts: Acts::default(),
        })
    }

    /// What to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let room = self.peers.len() < PEERS_MAX;
        let listener = room.then(|| (self.listener.as_fd(), PollFlags::POLLIN));
        let peers = self.peers.values().map(|peer| {
            let writes = if peer.queue.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
            (peer.channel.as_fd(), PollFlags::POLLIN | writes)
        });
        listener.into_iter().chain(peers)
    }

    /// When the next caller is dropped for their silence, or what they asked has had its time.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.peers.values().map(|peer| peer.deadline).chain(self.acts.deadline()).min()
    }

    /// Whose login session a caller belongs to.
    pub(super) fn login(&self, peer: u64) -> i64 {
        self.peers.get(&peer).map_or(UNSET, |peer| peer.login)
    }

    /// Takes in those who wait.
    pub(super) fn accept(&mut self, now: Instant) {
        while self.peers.len() < PEERS_MAX {
            let fd = match accept(self.listener.as_fd()) {
                Ok(Some(fd)) => fd,
                Ok(None) => return,
                Err(errno) => return say!(Warn, "an administrator can't be answered: {errno}"),
            };
            let caller = unix_peer(fd.as_fd());
            let mut peer = Peer {
                channel: Channel::from_fd(fd),
                login: caller.as_ref().map_or(UNSET, |caller| login_of(caller.pid)),
                queue: VecDeque::new(),
                held: VecDeque::new(),
                deadline: now + IDLE,
                leaving: false,
            };
            // The socket's mode keeps others out; a mode can be changed by mistake.
            if caller.as_ref().is_ok_and(|caller| caller.uid == 0) {
                self.peers.insert(self.next, peer);
                self.next += 1;
            } else {
                say!(Warn, "somebody who is not root connected to the administrator's socket: {caller:?}");
                peer.queue.push_back(FromDaemon::Refused(Refusal::NotRoot));
                let _ = peer.flush();
            }
        }
    }

    /// What they ask, with who asks; those who went away or talk nonsense are forgotten.
    pub(super) fn requests(&mut self, now: Instant) -> Vec<(u64, ToDaemon)> {
        let mut requests = Vec::new();
        for (&id, peer) in &mut self.peers {
            for _ in 0..BATCH {
                match peer.channel.receive::<ToDaemon>() {
                    Ok((request, fds)) if fds.is_empty() => {
                        peer.deadline = now + IDLE;
                        requests.push((id, request));
                    }
                    Err(WireError::WouldBlock) => break,
                    Err(WireError::Closed) => {
                        peer.leaving = true;
                        break;
                    }
                    Ok(_) => {
                        peer.leaving = true;
                        break;
                    }
                    Err(error) => {
                        say!(Info, "an administrator's command is of another version: {}", chain(&error));
                        peer.leaving = true;
                        break;
                    }
                }
            }
        }
        requests
    }

    /// What a caller asked takes until then: they may be silent for so long.
    pub(super) fn waits_until(&mut self, peer: u64, deadline: Instant) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.deadline = peer.deadline.max(deadline);
        }
    }

    /// An answer that is true only once this turn's records and state are on disk.
    pub(super) fn hold(&mut self, peer: u64, answer: Vec<FromDaemon>) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.held.extend(answer);
        }
    }

    /// An answer that depends on nothing; behind what is held, so that each caller hears their answers in order.
    pub(super) fn tell(&mut self, peer: u64, answer: Vec<FromDaemon>) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            let queue = if peer.held.is_empty() { &mut peer.queue } else { &mut peer.held };
            queue.extend(answer);
        }
    }

    /// Records and state are on disk: what was held may go.
    pub(crate) fn release(&mut self) {
        self.peers.values_mut().for_each(|peer| peer.queue.append(&mut peer.held));
    }

    /// Sends what is taken; forgets who is done, or waited for too long.
    pub(crate) fn flush(&mut self, now: Instant) {
        self.peers.retain(|_, peer| {
            // Whoever went away hears nothing any more; what they asked for is done all the same.
            peer.flush() && now < peer.deadline && !peer.leaving
        });
    }

    /// The daemon ends: nobody is to find a name that nobody answers at.
    pub(crate) fn close(&self) {
        if let Err(errno) = remove_socket(&self.path) {
            say!(Debug, "cannot remove `{}`: {errno}", self.path.display());
        }
    }
}

impl Peer {
    /// Sends what the channel takes; false when there is nobody any more.
    fn flush(&mut self) -> bool {
        while let Some(message) = self.queue.front() {
            match self.channel.send(message, &[]) {
                Ok(()) => drop(self.queue.pop_front()),
                Err(WireError::WouldBlock) => return true,
                Err(_) => return false,
            }
        }
        true
    }
}

/// The user who signed in to the machine, behind whatever `sudo` made of them.
fn login_of(pid: i32) -> i64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/loginuid")).unwrap_or_default();
    text.trim().parse::<u32>().ok().filter(|uid| *uid != u32::MAX).map_or(UNSET, i64::from)
}

#[cfg(test)]
mod tests {
    use portcullis_sys::socket::connect_seqpacket;

    use super::*;

    fn admin() -> (tempfile::TempDir, Admin) {
        let dir = tempfile::tempdir().expect("a directory");
        let admin = Admin::listen(dir.path()).expect("listening");
        (dir, admin)
    }

    /// Only root is let in: whoever else ran this would see nothing of it.
    fn needs_root() {
        let root = nix::unistd::geteuid().is_root();
        assert!(root, "only root can run this test: `cargo xtask test --only unit`");
    }

    fn call(dir: &tempfile::TempDir) -> Channel {
        Channel::from_fd(connect_seqpacket(&socket_path(dir.path())).expect("connected"))
    }

    #[test]
    fn the_socket_is_roots_alone_and_one_that_was_left_is_replaced() {
        use std::os::unix::fs::MetadataExt as _;
        let (dir, admin) = admin();
        let mode = std::fs::metadata(socket_path(dir.path())).expect("there").mode();
        assert_eq!(mode & 0o7777, 0o600);
        drop(admin);
        Admin::listen(dir.path()).expect("listening again").close();
        assert!(!socket_path(dir.path()).exists());
        std::fs::write(socket_path(dir.path()), "").expect("a file");
        assert_eq!(Admin::listen(dir.path()).err(), Some(Errno::EEXIST), "what is no socket stays");
    }

    #[test]
    fn callers_are_heard_answered_when_released_and_forgotten() {
        needs_root();
        let (dir, mut admin) = admin();
        let now = Instant::now();
        let caller = call(&dir);
        caller.send(&ToDaemon::Status, &[]).expect("sent");
        admin.accept(now);
        let requests = admin.requests(now);
        assert_eq!(requests, [(0, ToDaemon::Status)]);
        admin.hold(0, vec![FromDaemon::Done]);
        admin.flush(now);
        assert!(matches!(caller.receive::<FromDaemon>(), Err(WireError::WouldBlock)), "not on disk yet");
        admin.release();
        admin.flush(now);
        assert_eq!(caller.receive::<FromDaemon>().expect("an answer").0, FromDaemon::Done);
        assert_eq!(admin.peers.len(), 1);
        drop(caller);
        assert!(admin.requests(now).is_empty());
        admin.flush(now);
        assert!(admin.peers.is_empty());
    }

    #[test]
    fn silence_nonsense_and_crowds_are_bounded() {
        needs_root();
        let (dir, mut admin) = admin();
        let now = Instant::now();
        let callers: Vec<Channel> = (0..PEERS_MAX + 3).map(|_| call(&dir)).collect();
        admin.accept(now);
        assert_eq!((admin.peers.len(), admin.fds().count()), (PEERS_MAX, PEERS_MAX));
        nix::sys::socket::send(
            std::os::fd::AsRawFd::as_raw_fd(&callers[0]),
            &[portcullis_wire::versions::ADMIN + 1, 0],
            nix::sys::socket::MsgFlags::empty(),
        )
        .expect("sent");
        assert!(admin.requests(now).is_empty());
        admin.flush(now);
        assert_eq!(admin.peers.len(), PEERS_MAX - 1, "who talks another version is gone");
        admin.flush(now + IDLE);
        assert!(admin.peers.is_empty());
        admin.accept(now);
        assert_eq!(admin.peers.len(), 3, "those who waited have their turn");
    }
}
