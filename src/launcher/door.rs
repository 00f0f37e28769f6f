//! `server.sock`: where servers that outlived a launcher come back to the next one.
//!
//! The socket is the server's account's alone (0600), and whoever connects is asked of the kernel all the same: only a process
//! that the state file knows, by its number and its start, is let in, and once. Anybody else is refused, recorded and counted.
//! Nothing here waits, but for [`Door::gather`] at the start, which has a bound; and nobody who knocks for ever is listened to
//! for longer than a turn.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_model::Uid;
use portcullis_sys::peer::{UnixPeer, unix_peer};
use portcullis_sys::process::Process;
use portcullis_sys::socket::{accept, listen_seqpacket, remove_socket};
use portcullis_wire::knock::socket_path;
use portcullis_wire::{Channel, Knock, WireError};

use crate::configuration::ServerUser;
use crate::log::say;
use crate::state::KeptServer;

/// Time for the servers of before to knock, from the launcher's start on: they try every tenth of a second. One that doesn't is
/// ended: what is revoked would not reach it.
const RETURN_WITHIN: Duration = Duration::from_secs(8);
/// Of these, what the start waits for the listening sockets that one of them has.
const GATHER_WITHIN: Duration = Duration::from_secs(5);
/// Time from connecting to the first words.
const KNOCK_WITHIN: Duration = Duration::from_secs(5);
/// Connections taken in at a time; others wait in the kernel's queue.
const WAITING_MAX: usize = 8;
/// Connections looked at in one call, so that whoever connects in a loop (and is refused) does not hold root's one loop, nor its
/// start: others wait in the kernel's queue for the next turn. More than a launcher ever has servers of before.
const LOOKS_MAX: usize = 64;
/// Kinds of strangers that are told apart between two records.
const STRANGERS_MAX: usize = 16;

/// A server of before that has not come back.
#[derive(Debug)]
pub(crate) struct Survivor {
    /// As the state knows it.
    pub(crate) kept: KeptServer,
    /// Its process.
    pub(crate) process: Process,
}

/// One that has.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Who.
    pub(crate) survivor: Survivor,
    /// What it said.
    pub(crate) knock: Knock,
    /// Its listening sockets.
    pub(crate) listeners: Vec<OwnedFd>,
    /// The way to it.
    pub(crate) channel: Channel,
}

/// Somebody who is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stranger {
    /// The process; the last one of several alike.
    pub(crate) pid: i32,
    /// Its user.
    pub(crate) uid: Uid,
    /// Why it was refused.
    pub(crate) why: &'static str,
}

/// Why somebody is refused at the door.
fn refusal(peer: UnixPeer, server: u32, known: bool) -> Option<&'static str> {
    match () {
        () if peer.uid != server => Some("another account than the server's"),
        () if !known => Some("no process that was started as a server, or one that is in already"),
        () => None,
    }
}

/// The socket.
#[derive(Debug)]
pub(crate) struct Door {
    listener: OwnedFd,
    path: PathBuf,
    server: u32,
    until: Instant,
    survivors: Vec<Survivor>,
    /// Those that were not let in, and until when they may finish.
    leaving: Vec<(Survivor, Instant)>,
    waiting: Vec<(Channel, Survivor, Instant)>,
    strangers: BTreeMap<(u32, &'static str), (i32, u32)>,
}

impl Door {
    /// Listens in this run directory, for these servers of before.
    pub(crate) fn open(
        run: &Path,
        user: ServerUser,
        kept: &[KeptServer],
        now: Instant,
    ) -> Result<Self, Errno> {
        let path = socket_path(run);
        remove_socket(&path)?;
        let listener = listen_seqpacket(&path, 0o600, Some((user.uid, user.gid)))?;
        let alive = |kept: &KeptServer| {
            let process = Process::open_started(kept.process.pid, kept.process.started).ok()?;
            Some(Survivor { kept: *kept, process })
        };
        Ok(Self {
            listener,
            path,
            server: user.uid,
            until: now + RETURN_WITHIN,
            survivors: kept.iter().filter_map(alive).collect(),
            leaving: Vec::new(),
            waiting: Vec::new(),
            strangers: BTreeMap::new(),
        })
    }

    /// What to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let room = self.waiting.len() < WAITING_MAX;
        let listener = room.then(|| self.listener.as_fd());
        let waiting = self.waiting.iter().map(|(channel, ..)| channel.as_fd());
        listener.into_iter().chain(waiting).map(|fd| (fd, PollFlags::POLLIN))
    }

    /// When to look without being asked.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let missing = (!self.survivors.is_empty()).then_some(self.until);
        let silent = self.waiting.iter().map(|(.., since)| *since + KNOCK_WITHIN).min();
        let leaving = self.leaving.iter().map(|(_, until)| *until).min();
        [missing, silent, leaving].into_iter().flatten().min()
    }

    /// Those who have not come back, for the state.
    pub(crate) fn missing(&self) -> impl Iterator<Item = KeptServer> {
        let waiting = self.waiting.iter().map(|(_, survivor, _)| survivor);
        let leaving = self.leaving.iter().map(|(survivor, _)| survivor);
        self.survivors.iter().chain(waiting).chain(leaving).map(|one| one.kept)
    }

    /// Takes in those who wait outside; returns those who have said who they are.
    pub(crate) fn hear(&mut self, now: Instant) -> Vec<Guest> {
        self.let_stand(now);
        let mut guests = Vec::new();
        for (channel, survivor, since) in std::mem::take(&mut self.waiting) {
            match Knock::receive(&channel) {
                Ok((knock, listeners)) => guests.push(Guest { survivor, knock, listeners, channel }),
                Err(WireError::WouldBlock) if now < since + KNOCK_WITHIN => {
                    self.waiting.push((channel, survivor, since));
                }
                // It may knock once more, as long as it is waited for.
                Err(_) => self.survivors.push(survivor),
            }
        }
        guests
    }

    fn let_stand(&mut self, now: Instant) {
        for _ in 0..LOOKS_MAX {
            if self.waiting.len() >= WAITING_MAX {
                return;
            }
            let fd = match accept(self.listener.as_fd()) {
                Ok(Some(fd)) => fd,
                Ok(None) => return,
                Err(errno) => return say!(Warn, "a server can't be taken in: {errno}"),
            };
            let Ok(peer) = unix_peer(fd.as_fd()) else { continue };
            // ORDER: asked whether it runs after the kernel said who it is: as long as it runs, the number is nobody else's.
            let at = self.survivors.iter().position(|one| one.process.pid() == peer.pid);
            let at = at.filter(|at| !self.survivors[*at].process.has_ended());
            match (refusal(peer, self.server, at.is_some()), at) {
                (None, Some(at)) => {
                    let survivor = self.survivors.remove(at);
                    self.waiting.push((Channel::from_fd(fd), survivor, now));
                }
                (why, _) => self.note(peer, why.unwrap_or("not known")),
            }
        }
    }

    /// Counts a stranger; the connection is closed.
    fn note(&mut self, peer: UnixPeer, why: &'static str) {
        let key = (peer.uid, why);
        if self.strangers.len() < STRANGERS_MAX || self.strangers.contains_key(&key) {
            let (pid, count) = self.strangers.entry(key).or_default();
            *pid = peer.pid;
            *count = count.saturating_add(1);
        }
    }

    /// Whoever was refused since the last time, with how many alike there were.
    pub(crate) fn strangers(&mut self) -> impl Iterator<Item = (Stranger, u32)> + use<> {
        std::mem::take(&mut self.strangers)
            .into_iter()
            .map(|((uid, why), (pid, count))| (Stranger { pid, uid: Uid(uid), why }, count))
    }

    /// Those who had their time, and are to be ended; who has ended by itself is forgotten.
    pub(crate) fn late(&mut self, now: Instant) -> Vec<Survivor> {
        self.survivors.retain(|one| !one.process.has_ended());
        let mut late = if now < self.until { Vec::new() } else { std::mem::take(&mut self.survivors) };
        for (survivor, until) in std::mem::take(&mut self.leaving) {
            match survivor.process.has_ended() {
                true => {}
                false if now < until => self.leaving.push((survivor, until)),
                false => late.push(survivor),
            }
        }
        late
    }

    /// One that can't be let in is watched until its end.
    pub(crate) fn expect_end(&mut self, survivor: Survivor, until: Instant) {
        self.leaving.push((survivor, until));
    }

    /// Those that were not let in, or have not come back: the daemon ends, and so do they.
    pub(crate) fn rest(&mut self) -> Vec<Survivor> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|(_, survivor, _)| survivor);
        let leaving = std::mem::take(&mut self.leaving).into_iter().map(|(survivor, _)| survivor);
        let mut all = std::mem::take(&mut self.survivors);
        all.extend(waiting);
        all.extend(leaving);
        all
    }

    /// At the start: waits for a server that has listening sockets, as long as there may be one.
    pub(crate) fn gather(&mut self) -> Vec<Guest> {
        let end = Instant::now() + GATHER_WITHIN;
        let mut guests = Vec::new();
        loop {
            guests.extend(self.hear(Instant::now()));
            self.survivors.retain(|one| !one.process.has_ended());
            // One that was replaced listens no more.
            let awaited = self.missing().any(|kept| kept.until.is_none());
            let left = end.saturating_duration_since(Instant::now());
            if !awaited || left.is_zero() {
                return guests;
            }
            let ends = self.survivors.iter().map(|one| (one.process.as_fd(), PollFlags::POLLIN));
            let mut fds: Vec<PollFd<'_>> =
                self.fds().chain(ends).map(|(fd, flags)| PollFd::new(fd, flags)).collect();
            let _ = poll(&mut fds, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        }
    }

    /// The daemon leaves: nobody is to find a name that nobody answers at.
    pub(crate) fn close(&self) {
        if let Err(errno) = remove_socket(&self.path) {
            say!(Debug, "cannot remove `{}`: {errno}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_server_that_is_known_is_let_in() {
        let peer = |uid| UnixPeer { pid: 7, uid, gid: 7 };
        assert_eq!(refusal(peer(33), 33, true), None);
        assert!(refusal(peer(33), 33, false).is_some());
        for stranger in [0, 34] {
            assert!(refusal(peer(stranger), 33, true).is_some_and(|why| why.contains("account")));
        }
    }

    fn door(dir: &Path, kept: &[KeptServer]) -> Door {
        let (uid, gid) = (nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw());
        Door::open(dir, ServerUser { uid, gid }, kept, Instant::now()).expect("a door")
    }

    fn this() -> KeptServer {
        let pid = nix::unistd::getpid().as_raw();
        let started = portcullis_sys::process::start_time(pid).expect("this one");
        KeptServer { process: crate::state::Known { pid, started }, since: 0, until: None }
    }

    const KNOCK: Knock = Knock {
        version: 2,
        mains: 1,
        draining: false,
        carried: portcullis_wire::launcher::Carried { connections: 3, websockets: 2, busy: 1 },
    };

    #[test]
    fn a_server_of_before_comes_back_once_with_its_sockets() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut door = door(dir.path(), &[this()]);
        let server = Channel::connect(&socket_path(dir.path())).expect("connected");
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        KNOCK.send(&server, &[socket.as_fd()]).expect("sent");
        let guests = door.gather();
        let [guest] = &guests[..] else { panic!("{guests:?}") };
        assert_eq!((guest.knock, guest.listeners.len()), (KNOCK, 1));
        assert_eq!(door.missing().count(), 0);
        let again = Channel::connect(&socket_path(dir.path())).expect("connected");
        assert!(door.hear(Instant::now()).is_empty());
        let strangers: Vec<_> = door.strangers().collect();
        assert!(matches!(strangers[..], [(Stranger { why, .. }, 1)] if why.contains("in already")));
        assert!(matches!(portcullis_wire::Let::receive(&again), Err(WireError::Closed)));
    }

    #[test]
    fn another_process_with_that_number_is_nobody() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut other = this();
        other.process.started += 1;
        let mut door = door(dir.path(), &[other]);
        let _server = Channel::connect(&socket_path(dir.path())).expect("connected");
        assert!(door.gather().is_empty());
        assert_eq!(door.strangers().count(), 1);
    }

    #[test]
    fn who_says_nothing_or_nonsense_is_waited_for_until_its_time_is_over() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut door = door(dir.path(), &[this()]);
        let now = Instant::now();
        let silent = Channel::connect(&socket_path(dir.path())).expect("connected");
        assert!(door.hear(now).is_empty());
        assert!(door.hear(now + KNOCK_WITHIN).is_empty());
        assert!(matches!(portcullis_wire::Let::receive(&silent), Err(WireError::Closed)));
        let server = Channel::connect(&socket_path(dir.path())).expect("connected");
        portcullis_sys::fd::send(server.as_fd(), b"hello", &[]).expect("sent");
        assert!(door.hear(now).is_empty());
        assert!(door.late(now).is_empty());
        assert_eq!(door.late(now + RETURN_WITHIN).len(), 1);
        assert_eq!(door.missing().count(), 0);
    }

    #[test]
    fn a_crowd_of_strangers_is_refused_in_turns() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut door = door(dir.path(), &[]);
        let crowd: Vec<Channel> =
            (0..=LOOKS_MAX).map(|_| Channel::connect(&socket_path(dir.path())).expect("connected")).collect();
        let mut refused = || {
            assert!(door.hear(Instant::now()).is_empty());
            door.strangers().map(|(_, count)| count).sum::<u32>()
        };
        assert_eq!(usize::try_from(refused()).expect("few"), LOOKS_MAX);
        assert_eq!((refused(), refused()), (1, 0));
        drop(crowd);
    }
}
