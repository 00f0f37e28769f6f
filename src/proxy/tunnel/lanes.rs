//! The two directions of an open tunnel, polled as one task.
//!
//! Bytes are read into one buffer per thread and written on at once; only what the other side does not take
//! is kept. So an idle tunnel holds no buffer at all, and a busy one moves 64 KiB at a time. Inspected tunnels are
//! in `inspected`.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::{Tap, TunnelEnd};
use crate::cut::{Cuts, Reason, Watch};
use crate::frames::{Frames, Observe, close_frame};
use crate::h1::link::Link;
use crate::incoming::Upgraded;
use crate::stream::Stream;

/// What is moved at once.
pub(super) const SCRATCH: usize = 64 * 1024;
/// Time for the other direction once one has ended: a close frame is answered at once or never.
pub(super) const GRACE: Duration = Duration::from_secs(10);
/// Time to get a goodbye out.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

thread_local! {
    pub(super) static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// One direction.
#[derive(Default)]
struct Lane {
    /// Read, but not taken by the other side yet.
    rest: Bytes,
    frames: Frames,
    bytes: u64,
    /// Written since the last flush (TLS and HTTP/2 hold bytes back).
    dirty: bool,
    ended: bool,
    shut: bool,
}

/// An open tunnel, but for the client's side.
pub(super) struct Lanes {
    session: Stream,
    up: Lane,
    down: Lane,
    tap: Option<Tap>,
    watch: Watch,
}

impl Lanes {
    /// What the session sent behind its 101 is first on the way down.
    pub(super) fn new(mut link: Link, tap: Option<Tap>, cuts: Cuts) -> Self {
        let mut down = Lane::default();
        if !link.read.is_empty() {
            down.take_over(link.read.split().freeze(), None);
        }
        Self { session: link.stream, up: Lane::default(), down, tap, watch: Watch::new(cuts) }
    }

    /// Runs until both sides have ended, one fails, or it is cut.
    pub(super) async fn run(mut self, upgraded: Upgraded) -> TunnelEnd {
        match upgraded {
            Upgraded::One((io, read)) => {
                if !read.is_empty() {
                    let Self { up, tap, .. } = &mut self;
                    up.take_over(read, tap.as_mut());
                }
                self.drive(io).await
            }
            Upgraded::Two(io) => self.drive(io).await,
        }
    }

    async fn drive<C: AsyncRead + AsyncWrite + Unpin>(mut self, mut client: C) -> TunnelEnd {
        let mut grace: Option<Pin<Box<Sleep>>> = None;
        let cut = poll_fn(|cx| {
            if let Poll::Ready(reason) = self.watch.poll(cx) {
                return Poll::Ready(Some(reason));
            }
            let Self { session, up, down, tap, .. } = &mut self;
            let up_ended = up.poll(cx, &mut client, session, tap.as_mut());
            let down_ended = down.poll(cx, session, &mut client, None);
            match (up_ended, down_ended) {
                (Poll::Ready(Err(_)), _) | (_, Poll::Ready(Err(_))) => return Poll::Ready(None),
                (Poll::Ready(Ok(())), Poll::Ready(Ok(()))) => return Poll::Ready(None),
                (Poll::Pending, Poll::Pending) => return Poll::Pending,
                (Poll::Ready(Ok(())), Poll::Pending) | (Poll::Pending, Poll::Ready(Ok(()))) => {}
            }
            let grace = grace.get_or_insert_with(|| Box::pin(tokio::time::sleep(GRACE)));
            grace.as_mut().poll(cx).map(|()| None)
        })
        .await;
        if let Some(reason) = cut {
            // The timeout is the end in any case; an error means that nobody listens any more.
            let _ = tokio::time::timeout(GOODBYE, self.say_goodbye(&mut client, reason)).await;
        }
        TunnelEnd { up: self.up.bytes, down: self.down.bytes, cut }
    }

    /// Sends each side a close frame, if its stream stands between two frames.
    async fn say_goodbye<C: AsyncWrite + Unpin>(&mut self, client: &mut C, reason: Reason) {
        let Self { session, up, down, .. } = self;
        up.close(reason, true);
        down.close(reason, false);
        poll_fn(|cx| {
            let upwards = up.poll_end(cx, session);
            let downwards = down.poll_end(cx, client);
            if upwards.is_ready() && downwards.is_ready() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

fn observe<'a>(tap: Option<&'a mut Tap>) -> Option<&'a mut Observe<'a>> {
    tap.map(|tap| &mut **tap as &mut Observe<'a>)
}

impl Lane {
    /// Bytes that were read before the tunnel opened.
    fn take_over(&mut self, bytes: Bytes, tap: Option<&mut Tap>) {
        self.frames.feed(&bytes, observe(tap));
        self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
        self.rest = bytes;
    }

    /// Ready when the reader has ended and everything was passed on.
    fn poll<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
        mut tap: Option<&mut Tap>,
    ) -> Poll<io::Result<()>> {
        loop {
            std::task::ready!(self.poll_rest(cx, writer))?;
            if self.ended {
                if !self.shut {
                    std::task::ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    self.shut = true;
                }
                return Poll::Ready(Ok(()));
            }
            let moved = BUFFER.with_borrow_mut(|buffer| {
                let mut buf = ReadBuf::new(buffer);
                std::task::ready!(Pin::new(&mut *reader).poll_read(cx, &mut buf))?;
                let bytes = buf.filled();
                self.ended = bytes.is_empty();
                self.frames.feed(bytes, observe(tap.as_deref_mut()));
                self.bytes += u64::try_from(bytes.len()).unwrap_or(0);
                let mut taken = 0;
                while taken < bytes.len() {
                    match Pin::new(&mut *writer).poll_write(cx, &bytes[taken..]) {
                        Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                        Poll::Ready(Ok(n)) => taken += n,
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                        Poll::Pending => {
                            self.rest = Bytes::copy_from_slice(&bytes[taken..]);
                            break;
                        }
                    }
                    self.dirty = true;
                }
                Poll::Ready(io::Result::Ok(()))
            });
            match moved {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    if self.dirty {
                        std::task::ready!(Pin::new(&mut *writer).poll_flush(cx))?;
                        self.dirty = false;
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn poll_rest<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut *writer).poll_write(cx, &self.rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                n => self.rest.advance(n),
            }
            self.dirty = true;
        }
        self.rest = Bytes::new();
        Poll::Ready(Ok(()))
    }

    fn close(&mut self, reason: Reason, masked: bool) {
        if self.frames.at_boundary() && !self.shut {
            let mut rest = self.rest.to_vec();
            rest.extend(close_frame(reason.close_code(), masked));
            self.rest = rest.into();
        }
    }

    fn poll_end<W: AsyncWrite + Unpin>(
        &mut self,
        cx: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_rest(cx, writer))?;
        std::task::ready!(Pin::new(&mut *writer).poll_flush(cx))?;
        Pin::new(&mut *writer).poll_shutdown(cx)
    }
}
