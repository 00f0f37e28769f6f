//! A client's connection, shared by its task and whoever reads the current request's body.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::inlet::Inlet;
use super::outlet::Outlet;
use crate::admit::{Refused, Sent};
use crate::client_io::ClientIo;
use crate::conn::State;
use crate::incoming::IncomingError;

/// One thread, one task at a time.
pub(crate) type Shared = Rc<RefCell<Wire>>;

/// What a tunnel takes over: the socket, and what was read behind the handshake.
pub(crate) type Rest = (ClientIo, Bytes);

/// A connection.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(super) io: ClientIo,
    pub(super) inlet: Inlet,
    pub(super) outlet: Outlet,
    state: Arc<State>,
    /// Which request this is: a body that outlived its own must not read the next one's.
    turn: u64,
    /// The client waits to be told that it may send its body.
    continues: bool,
    /// Who wants the socket when the client has its 101.
    pub(super) heir: Option<oneshot::Sender<Rest>>,
}

/// What came instead of a head, or it.
#[derive(Debug)]
pub(super) enum Asked {
    Head(Bytes),
    Refused(Refused),
    /// The client has left.
    Nothing,
}

impl Wire {
    pub(super) fn new(io: ClientIo, state: Arc<State>) -> Self {
        let (inlet, outlet) = (Inlet::new(), Outlet::default());
        Self { io, inlet, outlet, state, turn: 0, continues: false, heir: None }
    }

    /// Whether nothing of a next request is here.
    pub(super) fn is_idle(&self) -> bool {
        self.inlet.read.is_empty()
    }

    /// Reads until a head is whole.
    pub(super) fn poll_head(&mut self, cx: &mut Context<'_>, longest: usize) -> Poll<Asked> {
        if !self.inlet.read.is_empty() {
            self.state.came();
        }
        loop {
            match self.inlet.take_head(longest) {
                Ok(Some(head)) => return Poll::Ready(Asked::Head(head)),
                Ok(None) => {}
                Err(refused) => return Poll::Ready(Asked::Refused(refused)),
            }
            match ready!(self.inlet.poll_fill(cx, &mut self.io, u64::MAX)) {
                Ok(1..) => self.state.came(),
                Ok(0) | Err(_) => return Poll::Ready(Asked::Nothing),
            }
        }
    }

    /// A request begins. The number its body needs.
    pub(super) fn begin(&mut self, sent: Sent, continues: bool) -> u64 {
        self.turn += 1;
        self.inlet.begin(sent);
        self.continues = continues && !self.inlet.is_whole();
        self.turn
    }

    /// Its answer begins: from here on nobody is told to go on sending.
    ///
    /// Whether another request may follow: not if the client may or may not send a body now, as it likes.
    pub(super) fn answering(&mut self) -> bool {
        self.outlet.open();
        !std::mem::take(&mut self.continues)
    }

    /// Its answer is out; whether another request may follow.
    pub(super) fn done(&mut self) -> bool {
        self.turn += 1;
        let whole = self.inlet.is_whole() || self.skip();
        self.inlet.rest();
        whole
    }

    /// Whether the client has left, looked at only where the next bytes would belong to another request.
    pub(super) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.inlet.is_whole() || !self.inlet.read.is_empty() {
            return Poll::Pending;
        }
        match ready!(self.inlet.poll_fill(cx, &mut self.io, u64::MAX)) {
            Ok(1..) => Poll::Pending,
            Ok(0) | Err(_) => Poll::Ready(()),
        }
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.outlet.poll_flush(cx, &mut self.io)
    }

    /// Gets past what nobody read of the body; whether that was possible.
    pub(super) fn skip(&mut self) -> bool {
        self.inlet.skip(&mut self.io)
    }

    /// The next piece of the body of request `turn`; `None` at its end.
    pub(crate) fn poll_body(
        &mut self,
        turn: u64,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, IncomingError>>> {
        if turn != self.turn {
            return Poll::Ready(Some(Err(IncomingError::Over)));
        }
        if self.continues {
            self.continues = false;
            self.outlet.open();
            self.outlet.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            // What does not go out now goes out with the answer.
            if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
                return Poll::Ready(Some(Err(IncomingError::Socket(error))));
            }
        }
        self.inlet.poll_body(cx, &mut self.io)
    }

    /// What is left of the body of request `turn`, where that is known.
    pub(crate) fn body_length(&self, turn: u64) -> Option<u64> {
        if turn == self.turn { self.inlet.length() } else { Some(0) }
    }

    /// The socket of request `turn`, once the client has been told that it is a tunnel.
    pub(crate) fn inherit(&mut self, turn: u64) -> Option<oneshot::Receiver<Rest>> {
        if turn != self.turn {
            return None;
        }
        let (heir, wait) = oneshot::channel();
        self.heir = Some(heir);
        Some(wait)
    }
}
