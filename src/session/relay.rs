//! The session's port: who may use it, and the bytes of those who may.
//!
//! It looks at no byte: what may pass was decided by the proxy. A peer is served when the kernel says that the other end of the
//! connection belongs to the proxy's account; everyone else on this machine, root and the session's own user included, is
//! closed and reported.

mod pair;

use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::sockopt::TcpNoDelay;
use nix::sys::socket::{SockaddrStorage, getpeername, setsockopt};
use portcullis_sys::peer::SockDiag;
use portcullis_sys::socket::{accept, connect_stream};

use crate::journal;
use crate::poll::{Poll, Token, Watch};
pub(crate) use crate::relay::pair::Side;
use crate::relay::pair::{Pair, Progress};
use crate::reports::{Reports, UNKNOWN};
use crate::start;

/// Connections accepted before others get their turn.
const ACCEPTS: usize = 32;
/// Between two attempts when the IDE's queue or our descriptors are full.
const RETRY: Duration = Duration::from_millis(20);
/// How long a connection waits for room in the IDE's queue.
const CONNECT_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks at pairs that have a deadline.
const SWEEP: Duration = Duration::from_secs(1);

/// The port and the connections that came over it.
#[derive(Debug)]
pub(crate) struct Relays {
    port: Option<Port>,
    pairs: Vec<Option<Box<Pair>>>,
    free: Vec<u32>,
    /// Freed in this round: an event that waits still may name one of them, so none is used again before the next.
    freed: Vec<u32>,
    sweep: Option<Instant>,
}

#[derive(Debug)]
struct Port {
    listener: TcpListener,
    watch: Watch,
    diag: SockDiag,
    /// Accepted and allowed, but the IDE's queue is full; until when. No other is accepted meanwhile.
    waiting: Option<(OwnedFd, Instant)>,
    retry: Option<Instant>,
    /// Said once that no connection can be taken; said again only after one was.
    complained: bool,
}

impl Relays {
    /// Without a port there is nothing to do: then the server asks for connections at the door.
    pub(crate) fn new(port: Option<start::Port>) -> Self {
        let port = port.map(|start::Port { listener, diag }| Port {
            listener,
            watch: Watch::default(),
            diag,
            waiting: None,
            retry: None,
            complained: false,
        });
        Self { port, pairs: Vec::new(), free: Vec::new(), freed: Vec::new(), sweep: None }
    }

    /// The IDE answers: connections are taken from now on. Those that came before wait in the kernel.
    pub(crate) fn open(&mut self, poll: &Poll) -> Result<(), Errno> {
        match &mut self.port {
            Some(port) => port.watch.set(poll, &port.listener, Token::Port, Some(EpollFlags::EPOLLIN)),
            None => Ok(()),
        }
    }

    /// The session ends: nobody else is let in.
    pub(crate) fn close(&mut self) {
        self.port = None;
    }

    /// When [`Relays::tick`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        let retry = self.port.as_ref().and_then(|port| port.retry);
        [retry, self.sweep].into_iter().flatten().min()
    }

    /// Connections wait at the port.
    pub(crate) fn accept(
        &mut self,
        poll: &Poll,
        ide: &Path,
        proxy_uid: u32,
        reports: &mut Reports,
        now: Instant,
    ) {
        for _ in 0..ACCEPTS {
            let Some(port) = &mut self.port else { return };
            if port.retry.is_some() {
                return; // an event of this round from before the pause
            }
            let client = match accept(port.listener.as_fd()) {
                Ok(Some(client)) => client,
                Ok(None) => return,
                Err(errno) => {
                    if !std::mem::replace(&mut port.complained, true) {
                        journal::warn(format_args!("no connection can be taken error={errno}"));
                    }
                    return port.pause(poll, now);
                }
            };
            port.complained = false;
            let owner = port.owner(&client);
            if owner != Some(proxy_uid) {
                reports.refused(owner.map_or(UNKNOWN, i64::from), now);
                continue; // and closed
            }
            self.connect(poll, ide, client, now + CONNECT_WITHIN, now);
        }
    }

    fn connect(&mut self, poll: &Poll, ide: &Path, client: OwnedFd, until: Instant, now: Instant) {
        match connect_stream(ide) {
            Ok(fd) => {
                if let Err(errno) = self.add(poll, client, fd) {
                    journal::warn(format_args!("a connection can't be relayed error={errno}"));
                }
            }
            // Its queue is full, or we have no descriptor for it: both pass.
            Err(Errno::EAGAIN | Errno::EMFILE | Errno::ENFILE) if now < until => {
                if let Some(port) = &mut self.port {
                    port.waiting = Some((client, until));
                    port.pause(poll, now);
                }
            }
            Err(errno) => journal::info(format_args!("the IDE takes no connection error={errno}")),
        }
    }

    fn add(&mut self, poll: &Poll, client: OwnedFd, ide: OwnedFd) -> Result<(), Errno> {
        // What comes in pieces goes out in pieces: the proxy and the IDE have done their own gathering.
        setsockopt(&client, TcpNoDelay, &true)?;
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.pairs.len()).map_err(|_| Errno::EMFILE)?;
                self.pairs.push(None);
                index
            }
        };
        match Pair::new(poll, index, client, ide) {
            Ok(pair) => self.pairs[index as usize] = Some(Box::new(pair)),
            Err(errno) => {
                self.free.push(index);
                return Err(errno);
            }
        }
        Ok(())
    }

    /// One end of a pair is ready.
    pub(crate) fn ready(
        &mut self,
        poll: &Poll,
        index: u32,
        side: Side,
        events: EpollFlags,
        buffer: &mut [u8],
        now: Instant,
    ) {
        let Some(pair) = self.pairs.get_mut(index as usize).and_then(Option::as_mut) else { return };
        match pair.ready(poll, side, events, buffer, now) {
            Progress::Open => {
                if pair.deadline().is_some() && self.sweep.is_none() {
                    self.sweep = Some(now + SWEEP);
                }
            }
            Progress::Over => self.drop_pair(index),
        }
    }

    fn drop_pair(&mut self, index: u32) {
        self.pairs[index as usize] = None;
        self.freed.push(index);
    }

    /// After each round: what waited is tried again, what is overdue is closed.
    pub(crate) fn tick(&mut self, poll: &Poll, ide: &Path, now: Instant) {
        self.free.append(&mut self.freed);
        if self.free.len() == self.pairs.len() && self.pairs.capacity() > 64 {
            (self.pairs, self.free) = (Vec::new(), Vec::new()); // nobody is here: the room of a busy hour is given back
        }
        if self.sweep.is_some_and(|due| due <= now) {
            let overdue = |pair: &Pair| pair.deadline().is_some_and(|deadline| deadline <= now);
            for pair in &mut self.pairs {
                if pair.as_deref().is_some_and(overdue) {
                    *pair = None;
                }
            }
            self.free = (0_u32..)
                .zip(&self.pairs)
                .filter(|(_, pair)| pair.is_none())
                .map(|(index, _)| index)
                .collect();
            let later = self.pairs.iter().flatten().any(|pair| pair.deadline().is_some());
            self.sweep = later.then(|| now + SWEEP);
        }
        let Some(port) = &mut self.port else { return };
        if port.retry.is_none_or(|due| due > now) {
            return;
        }
        port.retry = None;
        if let Some((client, until)) = port.waiting.take() {
            self.connect(poll, ide, client, until, now);
        }
        let Some(port) = &mut self.port else { return };
        if port.retry.is_none() {
            if let Err(errno) = self.open(poll) {
                journal::error(format_args!("the port can't be watched error={errno}"));
            }
        }
    }
}

impl Port {
    /// Who the other end belongs to; nobody when the kernel does not name an established one on this machine.
    fn owner(&self, client: &OwnedFd) -> Option<u32> {
        let peer = address(getpeername(client.as_raw_fd()).ok()?)?;
        let own = address(nix::sys::socket::getsockname(client.as_raw_fd()).ok()?)?;
        self.diag.owner(peer, own).unwrap_or_else(|error| {
            journal::error(format_args!("the kernel does not name the owner of a connection error={error}"));
            None
        })
    }

    fn pause(&mut self, poll: &Poll, now: Instant) {
        self.retry = Some(now + RETRY);
        if let Err(errno) = self.watch.set(poll, &self.listener, Token::Port, None) {
            journal::error(format_args!("the port can't be paused error={errno}"));
        }
    }
}

fn address(found: SockaddrStorage) -> Option<std::net::SocketAddr> {
    if let Some(v4) = found.as_sockaddr_in() {
        return Some(std::net::SocketAddr::from((v4.ip(), v4.port())));
    }
    found.as_sockaddr_in6().map(|v6| std::net::SocketAddr::from((v6.ip(), v6.port())))
}
