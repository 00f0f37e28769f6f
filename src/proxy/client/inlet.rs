//! What a client sends: its bytes as far as they were read, and where in a request they stand.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncReadExt as _;

use super::head::Search;
use crate::admit::{Refused, Sent};
use crate::client_io::ClientIo;
use crate::h1::chunks::{Chunks, Piece};
use crate::incoming::IncomingError;

/// First read: most heads fit several times.
const FIRST_READ: usize = 8 * 1024;
/// Largest read of a long body; two of them are in flight at most.
const LARGEST_READ: usize = 256 * 1024;
/// Reads to get past the rest of a body that nobody wanted.
const MOST_DRAINS: u32 = 4;

/// What of the current request's body is still to come.
#[derive(Debug)]
enum Left {
    Nothing,
    Length(u64),
    Chunked(Chunks),
    /// It broke off, or breaks HTTP: nothing behind it can be a request.
    Broken,
}

/// The reading side.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) read: BytesMut,
    size: usize,
    search: Search,
    left: Left,
}

impl Inlet {
    pub(super) fn new() -> Self {
        Self { read: BytesMut::new(), size: FIRST_READ, search: Search::default(), left: Left::Nothing }
    }

    /// Reads more, at most `want` bytes. `Ok(0)` is the end.
    pub(super) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut ClientIo,
        want: u64,
    ) -> Poll<io::Result<usize>> {
        let want = usize::try_from(want).unwrap_or(usize::MAX).min(self.size);
        // Less than half left of what a read should bring: take a new buffer (or the same one, if nobody
        // holds parts of it any more).
        if self.read.capacity() - self.read.len() < want.max(2) / 2 {
            self.read.reserve(want.max(512));
        }
        let room = self.read.capacity() - self.read.len();
        let result = pin!(io.read_buf(&mut self.read)).poll(cx);
        if let Poll::Ready(Ok(n)) = result {
            // A read that filled its buffer says that more is waiting: read more at once next time.
            if n == room && n >= self.size / 2 {
                self.size = (self.size * 2).min(LARGEST_READ);
            }
        }
        result
    }

    /// A whole head, if it has been read.
    pub(super) fn take_head(&mut self, longest: usize) -> Result<Option<Bytes>, Refused> {
        if self.read.is_empty() {
            return Ok(None);
        }
        let end = self.search.end(&mut self.read, longest)?;
        Ok(end.map(|end| self.read.split_to(end).freeze()))
    }

    /// A request begins, whose body is framed like this.
    pub(super) fn begin(&mut self, sent: Sent) {
        self.left = match sent {
            Sent::Nothing | Sent::Length(0) => Left::Nothing,
            Sent::Length(length) => Left::Length(length),
            Sent::Chunked => Left::Chunked(Chunks::of_client()),
        };
    }

    /// The next piece of the body; `None` at its end.
    pub(super) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        io: &mut ClientIo,
    ) -> Poll<Option<Result<Bytes, IncomingError>>> {
        loop {
            let want = match &mut self.left {
                Left::Nothing => return Poll::Ready(None),
                Left::Broken => return Poll::Ready(Some(Err(IncomingError::Over))),
                Left::Length(left) => {
                    if !self.read.is_empty() {
                        let all = self.read.len();
                        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(all);
                        let data = self.read.split_to(here).freeze();
                        *left -= u64::try_from(here).unwrap_or(*left);
                        if *left == 0 {
                            self.left = Left::Nothing;
                        }
                        return Poll::Ready(Some(Ok(data)));
                    }
                    *left
                }
                Left::Chunked(chunks) => match chunks.take(&mut self.read) {
                    Ok(Piece::Data(data)) => return Poll::Ready(Some(Ok(data))),
                    Ok(Piece::End(_)) => {
                        // Trailers of requests are dropped: no session needs them, and they can smuggle fields.
                        self.left = Left::Nothing;
                        return Poll::Ready(None);
                    }
                    Ok(Piece::More) => chunks.want(),
                    Err(what) => {
                        self.left = Left::Broken;
                        return Poll::Ready(Some(Err(IncomingError::Chunks(what))));
                    }
                },
            };
            match std::task::ready!(self.poll_fill(cx, io, want)) {
                Ok(1..) => {}
                Ok(0) => {
                    self.left = Left::Broken;
                    let error = io::ErrorKind::UnexpectedEof.into();
                    return Poll::Ready(Some(Err(IncomingError::Socket(error))));
                }
                Err(error) => {
                    self.left = Left::Broken;
                    return Poll::Ready(Some(Err(IncomingError::Socket(error))));
                }
            }
        }
    }

    /// Bytes of the body still to come, where that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.left {
            Left::Nothing => Some(0),
            Left::Length(left) => Some(*left),
            Left::Chunked(_) | Left::Broken => None,
        }
    }

    /// Whether the next byte belongs to another request.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.left, Left::Nothing)
    }

    /// Skips what nobody read of a body, if it is here or nearly so.
    pub(super) fn skip(&mut self, io: &mut ClientIo) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let mut drains = 0;
        while !self.is_whole() && drains < MOST_DRAINS {
            match self.poll_body(&mut cx, io) {
                Poll::Ready(Some(Ok(_))) => drains += 1,
                Poll::Ready(None) => {}
                Poll::Ready(Some(Err(_))) | Poll::Pending => return false,
            }
        }
        self.is_whole()
    }

    /// Prepares for the next request: no large buffer is kept.
    pub(super) fn rest(&mut self) {
        self.size = FIRST_READ;
        if self.read.capacity() > 2 * FIRST_READ && self.read.is_empty() {
            self.read = BytesMut::new();
        }
    }
}
