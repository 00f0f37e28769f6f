//! Sends a request: its head, then its body as the client sends it, counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http_body::Body as _;
use tokio::io::AsyncWrite as _;
use tokio::time::{Instant, Sleep};

use super::question::{Framing, write_number};
use crate::forward::OnPiece;
use crate::incoming::{Incoming, IncomingError};
use crate::stream::Stream;
use crate::upload::{Upload, Watched, WatchedError};

/// Why sending stopped.
#[derive(Debug)]
pub(crate) enum PumpError {
    TooLarge {
        limit: u64,
    },
    Client(IncomingError),
    /// Whoever looked at the body ended it.
    Stopped,
    Stalled(Duration),
    Session(io::Error),
}

/// Where the body comes from.
#[derive(Debug)]
enum Source {
    Plain(Incoming),
    Watched(Box<Watched>),
}

impl Source {
    /// The next piece, never an empty one.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PumpError>>> {
        let body = match self {
            Self::Plain(body) => body,
            Self::Watched(body) => {
                return body.poll_piece(cx).map(|piece| {
                    piece.map(|piece| {
                        piece.map_err(|error| match error {
                            WatchedError::Client(error) => PumpError::Client(error),
                            WatchedError::Stopped => PumpError::Stopped,
                        })
                    })
                });
            }
        };
        loop {
            match std::task::ready!(Pin::new(&mut *body).poll_frame(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(PumpError::Client(error)))),
                // Trailers of requests are dropped: no session needs them, and they can smuggle fields.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if !data.is_empty() => return Poll::Ready(Some(Ok(data))),
                    _ => {}
                },
            }
        }
    }
}

/// A request on its way out.
pub(crate) struct Pump {
    /// The request's head at first, later chunk heads.
    out: Vec<u8>,
    sent: usize,
    data: Bytes,
    tail: &'static [u8],
    body: Option<Source>,
    chunked: bool,
    /// Body bytes passed on.
    pub(crate) bytes: u64,
    limit: Option<u64>,
    pause: Duration,
    stall: Option<Pin<Box<Sleep>>>,
    /// Pieces taken of a streamed body.
    pieces: u32,
    /// Anything at all was written to this connection.
    pub(crate) touched: bool,
    /// The whole body, or its first piece while that is all that was taken: what sending again needs.
    first: Bytes,
    on_piece: Option<OnPiece>,
}

impl Pump {
    /// How `upload` is framed.
    pub(crate) fn framing(upload: &Upload) -> Framing {
        match upload {
            Upload::Empty => Framing::None,
            Upload::Full(bytes) => Framing::Length(bytes.len().try_into().unwrap_or(u64::MAX)),
            Upload::Stream(body) => body.size_hint().exact().map_or(Framing::Chunked, Framing::Length),
            Upload::Watched(body) => body.size().map_or(Framing::Chunked, Framing::Length),
        }
    }

    /// `out` holds the head.
    pub(crate) fn new(out: Vec<u8>, upload: Upload, limit: Option<u64>, pause: Duration) -> Self {
        let chunked = Self::framing(&upload) == Framing::Chunked;
        let (data, body) = match upload {
            Upload::Empty => (Bytes::new(), None),
            Upload::Full(bytes) => (bytes, None),
            Upload::Stream(body) => (Bytes::new(), Some(Source::Plain(body))),
            Upload::Watched(body) => (Bytes::new(), Some(Source::Watched(body))),
        };
        Self {
            out,
            sent: 0,
            bytes: data.len().try_into().unwrap_or(u64::MAX),
            first: data.clone(),
            on_piece: None,
            data,
            tail: b"",
            body,
            chunked,
            limit,
            pause,
            stall: None,
            pieces: 0,
            touched: false,
        }
    }

    /// Has each piece of the body seen as it is taken: once, also when it is sent again.
    pub(crate) fn seen_by(mut self, on_piece: Option<OnPiece>) -> Self {
        self.on_piece = on_piece;
        if let Some(on_piece) = self.on_piece.as_mut().filter(|_| !self.data.is_empty()) {
            on_piece(&self.data);
        }
        self
    }

    /// Whether the request can be sent again on another connection: nothing of it is gone.
    pub(crate) fn can_rewind(&self) -> bool {
        self.pieces == 0 || (self.pieces == 1 && !self.chunked)
    }

    /// Starts over for another connection. Only right while `can_rewind`.
    pub(crate) fn rewind(&mut self) {
        self.sent = 0;
        self.data = self.first.clone();
        self.touched = false;
    }

    /// Everything was sent.
    pub(crate) fn is_done(&self) -> bool {
        self.body.is_none() && !self.has_pending()
    }

    /// Gives the head's buffer back for the next request.
    pub(crate) fn take_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    fn has_pending(&self) -> bool {
        self.sent < self.out.len() || !self.data.is_empty() || !self.tail.is_empty()
    }

    /// Ready when all is sent.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<(), PumpError>> {
        loop {
            // The first piece of a body that is already here goes out with the head, in one write.
            let starving = self.body.is_some() && self.data.is_empty() && self.tail.is_empty();
            let waits = if starving { self.poll_piece(cx)?.is_pending() } else { false };
            if !self.has_pending() {
                return if waits { Poll::Pending } else { Poll::Ready(Ok(())) };
            }
            let parts =
                [IoSlice::new(&self.out[self.sent..]), IoSlice::new(&self.data), IoSlice::new(self.tail)];
            let written = if self.data.is_empty() && self.tail.is_empty() {
                Pin::new(&mut *stream).poll_write(cx, &self.out[self.sent..])
            } else {
                Pin::new(&mut *stream).poll_write_vectored(cx, &parts)
            };
            match written {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(PumpError::Session(io::ErrorKind::WriteZero.into())));
                }
                Poll::Ready(Ok(n)) => self.advance(n),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(PumpError::Session(error))),
            }
        }
    }

    fn advance(&mut self, mut n: usize) {
        self.touched = true;
        let head = n.min(self.out.len() - self.sent);
        self.sent += head;
        n -= head;
        let data = n.min(self.data.len());
        self.data.advance(data);
        self.tail = &self.tail[n - data..];
    }

    /// Takes the next piece of the client's body; pending with the client's pause being timed.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PumpError>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        match body.poll_piece(cx) {
            Poll::Pending => {}
            Poll::Ready(None) => {
                self.body = None;
                self.stall = None;
                if self.chunked {
                    self.pieces = self.pieces.max(1);
                    self.tail = b"0\r\n\r\n";
                }
                return Poll::Ready(Ok(()));
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(Some(Ok(data))) => {
                self.stall = None;
                self.bytes = self.bytes.saturating_add(data.len().try_into().unwrap_or(u64::MAX));
                if let Some(limit) = self.limit.filter(|limit| self.bytes > *limit) {
                    return Poll::Ready(Err(PumpError::TooLarge { limit }));
                }
                if self.chunked {
                    // The head goes out first; only then may its buffer be used for chunk heads.
                    if self.sent == self.out.len() {
                        self.out.clear();
                        self.sent = 0;
                    }
                    write_number(&mut self.out, data.len().try_into().unwrap_or(u64::MAX), 16);
                    self.out.extend_from_slice(b"\r\n");
                    self.tail = b"\r\n";
                }
                if let Some(on_piece) = &mut self.on_piece {
                    on_piece(&data);
                }
                self.pieces = self.pieces.saturating_add(1);
                self.first = if self.pieces == 1 { data.clone() } else { Bytes::new() };
                self.data = data;
                return Poll::Ready(Ok(()));
            }
        }
        let pause = self.pause;
        let stall =
            self.stall.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + pause)));
        if stall.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(PumpError::Stalled(pause)));
        }
        Poll::Pending
    }
}

impl std::fmt::Debug for Pump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pump")
            .field("bytes", &self.bytes)
            .field("pieces", &self.pieces)
            .finish_non_exhaustive()
    }
}
