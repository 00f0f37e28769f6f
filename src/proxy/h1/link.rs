//! A connection to a session with its read buffer.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use crate::clock;
use crate::stream::Stream;

/// First read of an answer: most heads with their bodies fit. Given up when the connection rests.
pub(crate) const FIRST_READ: usize = 32 * 1024;
/// Largest read of a long body; two of them are in flight at most.
const LARGEST_READ: usize = 256 * 1024;

/// A connection and what was read from it but not used yet.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) stream: Stream,
    pub(crate) read: BytesMut,
    /// Request heads are written here; kept for its capacity.
    pub(crate) out: Vec<u8>,
    /// Taken from the pool, so the session may have closed it.
    pub(crate) reused: bool,
    /// When it became idle.
    pub(crate) idle_since: u32,
    /// Seconds the session said it keeps an idle connection (`Keep-Alive: timeout=`).
    pub(crate) keep: Option<u32>,
    size: usize,
}

impl Link {
    pub(crate) fn new(stream: Stream) -> Self {
        Self {
            stream,
            read: BytesMut::new(),
            out: Vec::new(),
            reused: false,
            idle_since: clock::now(),
            keep: None,
            size: FIRST_READ,
        }
    }

    /// Reads more, at most `want` bytes beyond what is buffered. `Ok(0)` is the end.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>, want: u64) -> Poll<io::Result<usize>> {
        let want = usize::try_from(want).unwrap_or(usize::MAX).min(self.size);
        // Less than half left of what a read should bring: take a new buffer (or the same one, if nobody
        // holds parts of it any more).
        if self.read.capacity() - self.read.len() < want.max(2) / 2 {
            self.read.reserve(want.max(512));
        }
        let room = self.read.capacity() - self.read.len();
        let result = pin!(self.stream.read_buf(&mut self.read)).poll(cx);
        if let Poll::Ready(Ok(n)) = result {
            // A read that filled its buffer says that more is waiting: read more at once next time.
            if n == room && n >= self.size / 2 {
                self.size = (self.size * 2).min(LARGEST_READ);
            }
        }
        result
    }

    /// Whether the session closed it, or sent something nobody asked for. Costs no system call unless the
    /// driver has seen an event.
    pub(crate) fn is_stale(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        let mut byte = [0_u8; 1];
        let mut buf = tokio::io::ReadBuf::new(&mut byte);
        let polled = tokio::io::AsyncRead::poll_read(Pin::new(&mut self.stream), &mut cx, &mut buf);
        polled.is_ready()
    }

    /// Gives up its buffers when it has not been used for a while.
    pub(crate) fn slim(&mut self) {
        if self.read.capacity() > 0 && clock::now().saturating_sub(self.idle_since) > 1 {
            self.read = BytesMut::new();
            self.out = Vec::new();
        }
    }

    /// Prepares it for the pool: nothing unread, no large buffer kept.
    pub(crate) fn rest(&mut self) {
        self.reused = true;
        self.idle_since = clock::now();
        self.size = FIRST_READ;
        if self.read.capacity() > FIRST_READ {
            self.read = BytesMut::new();
        }
        if self.out.capacity() > FIRST_READ {
            self.out = Vec::new();
        }
    }
}
