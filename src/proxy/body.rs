//! The body of an answer: one enum, so that concrete types are polled and nothing is boxed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

use crate::conn::Busy;
use crate::cut::Reason;
use crate::download::Download;

/// Answer body. Make one with `Body::empty()`, `Body::full(…)`, [`Body::channel`]; [`forward`](crate::forward())
/// makes the streamed one.
#[derive(Debug, Default)]
pub struct Body {
    kind: Kind,
    /// Tells an HTTP/2 connection when this answer is done with.
    busy: Option<Busy>,
}

#[derive(Debug, Default)]
enum Kind {
    #[default]
    Empty,
    Full(Bytes),
    Channel(mpsc::Receiver<Bytes>),
    /// None, and the connection or stream becomes a tunnel.
    Tunnel,
    /// Boxed: only long bodies are streamed, and answers are moved several times.
    Session(Box<Download>),
}

/// Why an answer's body broke off; the client sees its connection or stream closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// The session's side broke.
    #[error("the session's answer broke off")]
    Broken(#[source] std::io::Error),
    /// The session's chunks break HTTP; names what is wrong.
    #[error("the session's answer is not valid HTTP: {0}")]
    BadAnswer(&'static str),
    /// A [`Cut`](crate::Cut) was pulled.
    #[error("ended on purpose ({0:?})")]
    Cut(Reason),
    /// The rest of the request's body could not be passed on.
    #[error("the request's body broke off")]
    Upload,
}

/// How a forwarded exchange ended; passed once to [`ForwardOptions::on_end`](crate::ForwardOptions).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes of request body passed to the session.
    pub up: u64,
    /// Bytes of answer body passed to the client.
    pub down: u64,
    /// Whether both bodies came to their end.
    pub complete: bool,
}

/// Sends pieces of a body made by [`Body::channel`]; dropping it ends the body.
#[derive(Debug)]
pub struct BodySender(mpsc::Sender<Bytes>);

impl BodySender {
    /// Passes a piece on; waits while eight are unread. `false`: nobody reads any more.
    pub async fn send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.send(piece.into()).await.is_ok()
    }

    /// Passes a piece on if there is room at once.
    pub fn try_send(&self, piece: impl Into<Bytes>) -> bool {
        self.0.try_send(piece.into()).is_ok()
    }

    /// Waits until nobody reads any more.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

impl Body {
    fn of(kind: Kind) -> Self {
        Self { kind, busy: None }
    }

    pub(crate) fn streamed(download: Download) -> Self {
        Self::of(Kind::Session(Box::new(download)))
    }

    pub(crate) fn tunnel() -> Self {
        Self::of(Kind::Tunnel)
    }

    pub(crate) fn is_tunnel(&self) -> bool {
        matches!(self.kind, Kind::Tunnel)
    }

    /// Whether all of it is known.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.kind, Kind::Empty | Kind::Full(_))
    }

    /// All of it, if that is known; it is empty then.
    pub(crate) fn take_whole(&mut self) -> Option<Bytes> {
        match &mut self.kind {
            Kind::Empty => Some(Bytes::new()),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.kind = Kind::Empty;
                Some(bytes)
            }
            Kind::Channel(_) | Kind::Tunnel | Kind::Session(_) => None,
        }
    }

    /// Ready when it was cut: for whoever can't be sent the next piece, and so asks for none.
    pub(crate) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.kind {
            Kind::Session(download) => download.poll_cut(cx),
            Kind::Empty | Kind::Full(_) | Kind::Channel(_) | Kind::Tunnel => Poll::Pending,
        }
    }

    /// Ties it to the connection it goes out on.
    pub(crate) fn tied(mut self, busy: Busy) -> Self {
        self.busy = Some(busy);
        self
    }

    /// No body.
    pub fn empty() -> Self {
        Self::of(Kind::Empty)
    }

    /// A body known whole.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::of(if bytes.is_empty() { Kind::Empty } else { Kind::Full(bytes) })
    }

    /// A body that comes in pieces, e.g. server-sent events; each is sent on at once. The sender may be
    /// used from any thread.
    pub fn channel() -> (BodySender, Self) {
        let (tx, rx) = mpsc::channel(8);
        (BodySender(tx), Self::of(Kind::Channel(rx)))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::full(bytes)
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self::full(text)
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::full(text)
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let body = self.get_mut();
        match &mut body.kind {
            Kind::Empty | Kind::Tunnel => Poll::Ready(None),
            Kind::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                body.kind = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Session(download) => download.poll(cx),
            Kind::Channel(pieces) => {
                pieces.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Empty | Kind::Tunnel => true,
            Kind::Session(download) => download.is_end(),
            Kind::Full(_) | Kind::Channel(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Empty | Kind::Tunnel => SizeHint::with_exact(0),
            Kind::Full(bytes) => SizeHint::with_exact(bytes.len().try_into().unwrap_or(u64::MAX)),
            Kind::Session(download) => download.size_hint(),
            Kind::Channel(_) => SizeHint::default(),
        }
    }
}
