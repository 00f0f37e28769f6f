//! One direction of an inspected tunnel: frames are taken apart, each piece is shown to the inspector, what it leaves is framed
//! anew.
//!
//! Only whole frames are written, so a close frame or an added message fits in at any time. Nothing is kept but what a reader
//! does not take, and the piece of a direction that stands still; an idle direction holds no buffer. Called by `inspected`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::lanes::{BUFFER, SCRATCH};
use super::reframe::Reframe;
use super::unframe::{CLOSE, Unframe, Unit, Violation};
use crate::cut::Reason;
use crate::inspect::{Answer, Close, Inspect, Outbox, Place, Side, Step};

thread_local! {
    /// Buffers for the piece that is shown and for the frames that come of it, shared by all tunnels of the thread.
    static WORK: RefCell<Work> = const { RefCell::new(Work { piece: Vec::new(), out: Vec::new() }) };
}

struct Work {
    piece: Vec<u8>,
    out: Vec<u8>,
}

impl Work {
    /// One long message must not cost its memory for ever.
    fn slim(&mut self) {
        for buffer in [&mut self.piece, &mut self.out] {
            buffer.clear();
            buffer.shrink_to(2 * SCRATCH);
        }
    }
}

/// Why it ends before its sides do.
pub(super) enum Stop {
    /// A side failed.
    Io,
    /// From afar.
    Cut(Reason),
    /// By the inspector, or because these are no frames.
    Close(Close),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Io
    }
}

impl From<Close> for Stop {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl From<Violation> for Stop {
    fn from(violation: Violation) -> Self {
        tracing::debug!(%violation, "a WebSocket breaks the rules of frames");
        Self::Close(Close { code: 1002, reason: Cow::Borrowed("these are not the frames of a WebSocket") })
    }
}

/// The inspector and what it wants to add.
pub(super) struct Seen {
    pub(super) inspect: Box<dyn Inspect>,
    pub(super) out: Outbox,
}

/// A piece that waits for an answer.
struct Held {
    place: Place,
    piece: Vec<u8>,
    answer: Answer,
}

/// One direction.
pub(super) struct Lane {
    from: Side,
    unframe: Unframe,
    reframe: Reframe,
    /// Of the message under way a piece was shown.
    started: bool,
    /// And it was not empty.
    had: bool,
    /// Read, but not looked at yet.
    waiting: Bytes,
    /// Framed, but not taken by the other side yet.
    out: Bytes,
    held: Option<Box<Held>>,
    pub(super) bytes: u64,
    /// Written since the last flush (TLS and HTTP/2 hold bytes back).
    dirty: bool,
    /// A close frame passed: nothing follows it.
    closed: bool,
    ended: bool,
    shut: bool,
}

impl Lane {
    pub(super) fn new(from: Side) -> Self {
        let masked = from == Side::Client;
        Self {
            from,
            unframe: Unframe::new(masked),
            reframe: Reframe::new(masked),
            started: false,
            had: false,
            waiting: Bytes::new(),
            out: Bytes::new(),
            held: None,
            bytes: 0,
            dirty: false,
            closed: false,
            ended: false,
            shut: false,
        }
    }

    /// Bytes that were read before the tunnel opened.
    pub(super) fn take_over(&mut self, bytes: Bytes) {
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        self.waiting = bytes;
    }

    /// Ready when the reader has ended and everything was passed on.
    pub(super) fn poll<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        seen: &mut Seen,
    ) -> Poll<Result<(), Stop>> {
        loop {
            ready!(self.poll_out(cx, writer))?;
            if let Some(held) = &mut self.held {
                if let Poll::Ready(answer) = held.answer.as_mut().poll(cx) {
                    self.resume(answer, seen)?;
                    continue;
                }
            }
            let mut added = Vec::new();
            self.add(seen, &mut added);
            if !added.is_empty() {
                self.out = added.into();
                continue;
            }
            if self.held.is_some() || seen.out.is_full() {
                return self.poll_rest(cx, writer);
            }
            if !self.waiting.is_empty() {
                let bytes = std::mem::take(&mut self.waiting);
                self.look_and_write(&bytes, cx, writer, seen)?;
                continue;
            }
            if self.ended {
                if !self.shut {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.shut = true;
                }
                return Poll::Ready(Ok(()));
            }
            let moved = BUFFER.with_borrow_mut(|buffer| {
                let mut buf = ReadBuf::new(buffer);
                ready!(Pin::new(&mut *reader).poll_read(cx, &mut buf))?;
                let bytes = buf.filled();
                self.ended = bytes.is_empty();
                self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
                Poll::Ready(self.look_and_write(bytes, cx, writer, seen))
            });
            match moved {
                Poll::Ready(result) => result?,
                Poll::Pending => return self.poll_rest(cx, writer),
            }
        }
    }

    /// Shows bytes to the inspector and passes on what it leaves; what can't be shown or passed on yet is kept.
    fn look_and_write<W: AsyncWrite + Unpin>(
        &mut self,
        bytes: &[u8],
        cx: &mut Context<'_>,
        writer: &mut W,
        seen: &mut Seen,
    ) -> Result<(), Stop> {
        WORK.with_borrow_mut(|work| {
            let (mut rest, mut taken) = (bytes, 0);
            let looked = self.look(&mut rest, seen, work);
            self.waiting = Bytes::copy_from_slice(rest);
            let out = &work.out;
            // What was shown goes on, even if what follows it ends the tunnel.
            while taken < out.len() {
                match Pin::new(&mut *writer).poll_write(cx, &out[taken..]) {
                    Poll::Ready(Ok(0)) => return Err(Stop::Io),
                    Poll::Ready(Ok(n)) => taken += n,
                    Poll::Ready(Err(error)) => return Err(error.into()),
                    Poll::Pending => break,
                }
                self.dirty = true;
            }
            self.out = Bytes::copy_from_slice(&out[taken..]);
            work.slim();
            looked
        })
    }

    fn look(&mut self, rest: &mut &[u8], seen: &mut Seen, work: &mut Work) -> Result<(), Stop> {
        let Work { piece, out } = work;
        while !rest.is_empty() && self.held.is_none() && !seen.out.is_full() {
            if self.closed {
                *rest = &[];
                break;
            }
            piece.clear();
            match self.unframe.next(rest, piece)? {
                None => break,
                Some(Unit::Control { opcode }) => {
                    self.reframe.control(out, opcode, piece);
                    self.closed = opcode == CLOSE;
                }
                Some(Unit::Data { kind, last }) => {
                    let place = Place { kind, first: !self.started, last };
                    self.started = !last;
                    self.had = !piece.is_empty() || (self.had && !place.first);
                    let step = match self.from {
                        Side::Client => seen.inspect.from_client(place, piece, &mut seen.out)?,
                        Side::Session if seen.inspect.wants_session() => {
                            seen.inspect.from_session(place, piece, &mut seen.out)?
                        }
                        Side::Session => Step::Pass,
                    };
                    self.settle(step, place, piece, out);
                    self.add(seen, out);
                }
            }
        }
        Ok(())
    }

    /// The answer to what was held is there.
    fn resume(&mut self, answer: bool, seen: &mut Seen) -> Result<(), Stop> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let Held { place, mut piece, .. } = *held;
        let step = seen.inspect.resolved(self.from, answer, place, &mut piece, &mut seen.out)?;
        let mut out = Vec::new();
        self.settle(step, place, &mut piece, &mut out);
        self.out = out.into();
        Ok(())
    }

    /// Frames what is left of a piece, or keeps it.
    fn settle(&mut self, step: Step, place: Place, piece: &mut Vec<u8>, out: &mut Vec<u8>) {
        match step {
            Step::Wait(answer) => {
                self.held = Some(Box::new(Held { place, piece: std::mem::take(piece), answer }));
            }
            // An end that was begun must come; a message that came empty is one, one that was emptied is none.
            Step::Pass if !piece.is_empty() || (place.last && (self.reframe.is_open() || !self.had)) => {
                self.reframe.data(out, place.kind, place.last, piece);
            }
            Step::Pass => {}
        }
    }

    /// Frames the messages that the inspector adds to this direction, between two others.
    fn add(&mut self, seen: &mut Seen, out: &mut Vec<u8>) {
        if self.reframe.is_open() || self.closed || self.shut {
            return;
        }
        let to = match self.from {
            Side::Client => Side::Session,
            Side::Session => Side::Client,
        };
        while let Some((kind, payload)) = seen.out.take(to) {
            self.reframe.data(out, kind, true, &payload);
        }
    }

    /// Nothing to do: gets out what the writer holds back.
    fn poll_rest<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<Result<(), Stop>> {
        if self.dirty {
            ready!(Pin::new(&mut *writer).poll_flush(cx))?;
            self.dirty = false;
        }
        Poll::Pending
    }

    fn poll_out<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while !self.out.is_empty() {
            match ready!(Pin::new(&mut *writer).poll_write(cx, &self.out))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.out.advance(n),
            }
            self.dirty = true;
        }
        self.out = Bytes::new();
        Poll::Ready(Ok(()))
    }

    pub(super) fn close(&mut self, code: u16, reason: &str) {
        if !self.closed && !self.shut {
            let mut out = self.out.to_vec();
            self.reframe.close(&mut out, code, reason);
            self.out = out.into();
            self.closed = true;
        }
    }

    pub(super) fn poll_end<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_out(cx, writer))?;
        ready!(Pin::new(&mut *writer).poll_flush(cx))?;
        Pin::new(&mut *writer).poll_shutdown(cx)
    }
}
