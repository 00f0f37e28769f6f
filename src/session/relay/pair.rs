//! One relayed connection: two ends, bytes both ways.
//!
//! A way reads only when its last bytes are delivered, so a slow reader slows the writer and memory stays flat: what a
//! connection holds is what one short write left over, and nothing while it is idle.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{MsgFlags, recv, send};

use crate::poll::{Poll, Token, Watch};

/// First and smallest piece that is read; pieces grow as long as the other end takes them whole, up to the shared buffer.
const PIECE: usize = 16 * 1024;
/// The IDE is gone but its last answer is delivered: so long the rest of the request is read and forgotten, because closing
/// with unread bytes would make the kernel discard that answer on its way (RFC 9112 9.6).
const LINGER: Duration = Duration::from_secs(2);
/// The proxy's end is closed and nothing comes from the IDE: then nobody waits for it any more.
const HALF_CLOSED: Duration = Duration::from_secs(300);

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The proxy's, TCP.
    Proxy,
    /// The IDE's, a Unix socket.
    Ide,
}

/// Whether a pair goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It does.
    Open,
    /// Both ends are to be closed.
    Over,
}

/// What is done with the bytes that come from an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Handed to the other end.
    Open,
    /// The end has said its last, and that was passed on.
    Done,
    /// Nobody takes them any more.
    Discard,
}

/// An end, and the way from it to the other.
#[derive(Debug)]
struct End {
    fd: OwnedFd,
    watch: Watch,
    flow: Flow,
    /// Read from here and not taken by the other end yet, from `sent` on.
    pending: Vec<u8>,
    sent: usize,
    piece: usize,
}

impl End {
    fn new(fd: OwnedFd) -> Self {
        Self { fd, watch: Watch::default(), flow: Flow::Open, pending: Vec::new(), sent: 0, piece: PIECE }
    }
}

/// The connection.
#[derive(Debug)]
pub(crate) struct Pair {
    index: u32,
    proxy: End,
    ide: End,
    deadline: Option<Instant>,
}

impl Pair {
    pub(crate) fn new(poll: &Poll, index: u32, proxy: OwnedFd, ide: OwnedFd) -> Result<Self, Errno> {
        let mut pair = Self { index, proxy: End::new(proxy), ide: End::new(ide), deadline: None };
        pair.watch(poll)?;
        Ok(pair)
    }

    /// When it is closed if nothing happens.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// An end can be read, written, or is gone.
    pub(crate) fn ready(
        &mut self,
        poll: &Poll,
        side: Side,
        events: EpollFlags,
        buffer: &mut [u8],
        now: Instant,
    ) -> Progress {
        let gone = events.intersects(EpollFlags::EPOLLHUP | EpollFlags::EPOLLERR);
        let step = self.write_to(side, now).and_then(|()| {
            let (end, other) = self.ends(side);
            if end.flow == Flow::Done && gone {
                other.flow = Flow::Discard; // it hung up for good: what comes for it has no taker
                other.pending = Vec::new();
                return Ok(());
            }
            if end.flow != Flow::Done
                && (gone || events.intersects(EpollFlags::EPOLLIN | EpollFlags::EPOLLRDHUP))
            {
                return self.read_from(side, buffer, now);
            }
            Ok(())
        });
        if step.is_err() || self.is_over(now) || self.watch(poll).is_err() {
            return Progress::Over;
        }
        Progress::Open
    }

    const fn ends(&mut self, side: Side) -> (&mut End, &mut End) {
        match side {
            Side::Proxy => (&mut self.proxy, &mut self.ide),
            Side::Ide => (&mut self.ide, &mut self.proxy),
        }
    }

    /// Delivers what waits for `side`.
    fn write_to(&mut self, side: Side, now: Instant) -> Result<(), Errno> {
        let (to, from) = self.ends(side);
        if from.pending.is_empty() {
            return Ok(());
        }
        match send(to.fd.as_raw_fd(), &from.pending[from.sent..], MsgFlags::MSG_NOSIGNAL) {
            Ok(length) => {
                from.sent += length;
                if from.sent == from.pending.len() {
                    (from.pending, from.sent) = (Vec::new(), 0);
                }
                self.extend(now);
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(_) => {
                (from.pending, from.sent, from.flow) = (Vec::new(), 0, Flow::Discard);
            }
        }
        Ok(())
    }

    /// Reads one piece and hands it on. An error on reading is a connection that broke: both ends are closed.
    fn read_from(&mut self, side: Side, buffer: &mut [u8], now: Instant) -> Result<(), Errno> {
        let (from, to) = self.ends(side);
        if !from.pending.is_empty() {
            return Ok(());
        }
        let piece = from.piece.min(buffer.len());
        let length = match recv(from.fd.as_raw_fd(), &mut buffer[..piece], MsgFlags::empty()) {
            Ok(length) => length,
            Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
            // What a Unix socket says when the other end closed without having read everything: an IDE that answers early.
            // All it wrote was read before that.
            Err(Errno::ECONNRESET) if side == Side::Ide => 0,
            Err(errno) => return Err(errno),
        };
        if length == 0 {
            let discarded = from.flow == Flow::Discard;
            from.flow = Flow::Done;
            if !discarded {
                // Passed on, so that the other end knows; it may go on talking.
                let _ = nix::sys::socket::shutdown(to.fd.as_raw_fd(), nix::sys::socket::Shutdown::Write);
                if side == Side::Proxy {
                    self.deadline = Some(now + HALF_CLOSED);
                }
            }
            return Ok(());
        }
        if from.flow == Flow::Discard {
            return Ok(());
        }
        match send(to.fd.as_raw_fd(), &buffer[..length], MsgFlags::MSG_NOSIGNAL) {
            Ok(sent) if sent == length => {
                if length == piece {
                    from.piece = (piece * 2).min(buffer.len());
                }
            }
            Ok(sent) => from.keep(&buffer[sent..length], sent),
            Err(Errno::EAGAIN | Errno::EINTR) => from.keep(&buffer[..length], 0),
            Err(_) => from.flow = Flow::Discard,
        }
        self.extend(now);
        Ok(())
    }

    /// Bytes moved: a half-closed connection is in use still.
    fn extend(&mut self, now: Instant) {
        if self.proxy.flow == Flow::Done && self.deadline.is_some() {
            self.deadline = Some(now + HALF_CLOSED);
        }
    }

    fn is_over(&mut self, now: Instant) -> bool {
        match (self.proxy.flow, self.ide.flow) {
            (Flow::Open, _) | (_, Flow::Open) => false,
            // The IDE has spoken and left, the proxy still talks.
            (Flow::Discard, Flow::Done) => {
                let until = *self.deadline.get_or_insert(now + LINGER);
                until <= now
            }
            (Flow::Done, _) | (_, Flow::Discard) => {
                self.ide.pending.is_empty() && self.proxy.pending.is_empty()
            }
        }
    }

    /// Waits for what can be used now: bytes where the last ones are delivered, room where some wait.
    fn watch(&mut self, poll: &Poll) -> Result<(), Errno> {
        for side in [Side::Proxy, Side::Ide] {
            let index = self.index;
            let (end, other) = self.ends(side);
            let mut wanted = EpollFlags::empty();
            wanted.set(EpollFlags::EPOLLIN, end.flow != Flow::Done && end.pending.is_empty());
            wanted.set(EpollFlags::EPOLLOUT, !other.pending.is_empty());
            // An end that hung up reports that for ever: while nothing is wanted of it, it is not waited for. Only where the
            // other still talks to one that is done, its hanging up is what tells us to close.
            let rest = end.flow != Flow::Done || other.flow == Flow::Discard;
            let wanted = if wanted.is_empty() && rest { None } else { Some(wanted) };
            let token = if side == Side::Proxy { Token::Proxy(index) } else { Token::Ide(index) };
            end.watch.set(poll, &end.fd, token, wanted)?;
        }
        Ok(())
    }
}

impl End {
    fn keep(&mut self, rest: &[u8], taken: usize) {
        self.pending = rest.to_vec();
        self.sent = 0;
        self.piece = taken.clamp(PIECE, self.piece.max(PIECE)); // as much as the other end takes at a time
    }
}
