//! What a client is sent: a head, pieces of a body in their framing, all that is ready in one write.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::header::HeaderMap;
use tokio::io::AsyncWrite as _;

use super::reply::Framing;
use crate::client_io::ClientIo;
use crate::h1::question::write_number;

/// A piece of a body that is copied behind its head: one plain write is cheaper than gathering so little.
const SMALL: usize = 4096;
/// Largest buffer that is kept for the next answer.
const KEPT: usize = 32 * 1024;
/// Most buffers that are kept. Answers wait for each other for one turn of the thread; more than so many at once are rare.
const SPARES: usize = 64;
/// Of a new buffer: most heads fit, with small bodies behind them.
const FIRST: usize = 1024;

thread_local! {
    /// Answers are nearly always written within a turn, so a thread needs some buffers, not each connection one.
    static SPARE: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The writing side.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    /// Heads and chunk heads, and small pieces.
    pub(super) out: Vec<u8>,
    sent: usize,
    data: Bytes,
    tail: &'static [u8],
    /// Written since the last flush (TLS holds bytes back).
    dirty: bool,
}

impl Outlet {
    /// Makes sure there is a buffer to write a head to.
    pub(super) fn open(&mut self) {
        if self.out.capacity() == 0 {
            let spare = SPARE.with_borrow_mut(Vec::pop);
            self.out = spare.unwrap_or_else(|| Vec::with_capacity(FIRST));
        }
    }

    /// Puts a piece behind what is there. Only right while no other piece waits.
    pub(super) fn put(&mut self, piece: Bytes, chunked: bool, last: bool) {
        debug_assert!(self.data.is_empty() && self.tail.is_empty(), "one piece at a time");
        self.open();
        if chunked {
            write_number(&mut self.out, piece.len().try_into().unwrap_or(u64::MAX), 16);
            self.out.extend_from_slice(b"\r\n");
        }
        self.tail = match (chunked, last) {
            (true, true) => b"\r\n0\r\n\r\n",
            (true, false) => b"\r\n",
            (false, _) => b"",
        };
        if piece.len() <= SMALL {
            self.out.extend_from_slice(&piece);
            self.out.extend_from_slice(std::mem::take(&mut self.tail));
        } else {
            self.data = piece;
        }
    }

    /// Ends a body that was streamed.
    pub(super) fn end(&mut self, framing: &Framing, trailers: Option<&HeaderMap>) {
        let Framing::Chunked { trailers: allowed } = framing else { return };
        self.open();
        self.out.extend_from_slice(b"0\r\n");
        for (name, value) in trailers.into_iter().flatten() {
            if allowed.contains(name) {
                self.out.extend_from_slice(name.as_str().as_bytes());
                self.out.extend_from_slice(b": ");
                self.out.extend_from_slice(value.as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn has_pending(&self) -> bool {
        self.sent < self.out.len() || !self.data.is_empty() || !self.tail.is_empty()
    }

    /// Ready when everything is with the kernel.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>, io: &mut ClientIo) -> Poll<io::Result<()>> {
        while self.has_pending() {
            let head = &self.out[self.sent..];
            let written = if self.data.is_empty() && self.tail.is_empty() {
                Pin::new(&mut *io).poll_write(cx, head)
            } else {
                let parts = [IoSlice::new(head), IoSlice::new(&self.data), IoSlice::new(self.tail)];
                Pin::new(&mut *io).poll_write_vectored(cx, &parts)
            };
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.advance(n),
            }
            self.dirty = true;
        }
        if self.out.capacity() > 0 {
            self.out.clear();
            self.sent = 0;
            let out = std::mem::take(&mut self.out);
            SPARE.with_borrow_mut(|spare| {
                if out.capacity() <= KEPT && spare.len() < SPARES {
                    spare.push(out);
                }
            });
        }
        if self.dirty {
            ready!(Pin::new(io).poll_flush(cx))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, mut n: usize) {
        let head = n.min(self.out.len() - self.sent);
        self.sent += head;
        n -= head;
        let data = n.min(self.data.len());
        self.data.advance(data);
        self.tail = &self.tail[n - data..];
    }
}
