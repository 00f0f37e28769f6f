//! The body of a request, whichever version of HTTP it came by; and the socket of one that becomes a tunnel.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;

use crate::admit::Sent;
use crate::client::{Rest, Shared};

/// A request's body as it comes in. It belongs to its request: when that is answered, it has ended.
#[derive(Debug)]
pub struct Incoming(Kind);

#[derive(Debug)]
enum Kind {
    /// None, and nothing to hold.
    Nothing,
    /// Of a client's HTTP/1 connection: the number says which of its requests.
    One(Shared, u64),
    Two(hyper::body::Incoming),
}

/// Why a request's body broke off.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IncomingError {
    /// The client's connection broke, or ended too early.
    #[error("the client's connection broke")]
    Socket(#[source] io::Error),
    /// Its chunks break HTTP; names what is wrong.
    #[error("the request's body is not valid HTTP: {0}")]
    Chunks(&'static str),
    /// The request was answered, or its body has broken off before.
    #[error("the request is over")]
    Over,
    /// The HTTP/2 stream broke.
    #[error("the client's stream broke")]
    Stream(#[source] hyper::Error),
}

impl Incoming {
    /// Of the request `turn` of an HTTP/1 connection. `tunnel`: its socket may be asked for.
    pub(crate) fn of_client(wire: &Shared, turn: u64, sent: Sent, tunnel: bool) -> Self {
        let bare = matches!(sent, Sent::Nothing | Sent::Length(0)) && !tunnel;
        Self(if bare { Kind::Nothing } else { Kind::One(wire.clone(), turn) })
    }

    pub(crate) fn of_stream(body: hyper::body::Incoming) -> Self {
        Self(Kind::Two(body))
    }
}

impl Default for Incoming {
    /// No body.
    fn default() -> Self {
        Self(Kind::Nothing)
    }
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = IncomingError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IncomingError>>> {
        match &mut self.get_mut().0 {
            Kind::Nothing => Poll::Ready(None),
            Kind::One(wire, turn) => {
                let piece = ready!(wire.borrow_mut().poll_body(*turn, cx));
                Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
            }
            Kind::Two(body) => {
                let frame = ready!(Pin::new(body).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(IncomingError::Stream)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Nothing => true,
            Kind::One(wire, turn) => wire.borrow().body_length(*turn) == Some(0),
            Kind::Two(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Nothing => SizeHint::with_exact(0),
            Kind::One(wire, turn) => {
                wire.borrow().body_length(*turn).map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Kind::Two(body) => body.size_hint(),
        }
    }
}

/// A client's side of a tunnel.
#[derive(Debug)]
pub(crate) enum Upgraded {
    /// A whole HTTP/1 connection, with what was read of it already.
    One(Rest),
    /// One stream of an HTTP/2 connection.
    Two(TokioIo<hyper::upgrade::Upgraded>),
}

/// Resolves when the client has been told that it has a tunnel; `None` if it never was.
#[derive(Debug)]
pub(crate) enum Upgrade {
    One(Option<oneshot::Receiver<Rest>>),
    Two(hyper::upgrade::OnUpgrade),
}

impl Upgrade {
    /// Of the request whose body this is.
    pub(crate) fn of(request: &mut Request<Incoming>) -> Self {
        match &request.body().0 {
            Kind::Nothing => Self::One(None),
            Kind::One(wire, turn) => Self::One(wire.borrow_mut().inherit(*turn)),
            Kind::Two(_) => Self::Two(hyper::upgrade::on(request)),
        }
    }

    pub(crate) async fn upgraded(self) -> Option<Upgraded> {
        match self {
            Self::One(None) => None,
            Self::One(Some(rest)) => rest.await.ok().map(Upgraded::One),
            Self::Two(upgrade) => upgrade.await.ok().map(|io| Upgraded::Two(TokioIo::new(io))),
        }
    }
}
