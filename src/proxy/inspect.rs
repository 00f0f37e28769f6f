//! What an inspector of a WebSocket sees and may do: each piece of each data message, before it goes on.
//!
//! The engine takes frames apart and puts them together; what messages mean is the caller's. A piece is at most
//! [`PIECE_MAX`] bytes and nothing is kept of it, so an inspector that needs a whole message collects it itself:
//! it empties the pieces and puts everything into the last one. Called by `tunnel`.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;

/// Most bytes of a message that are shown at once.
pub const PIECE_MAX: usize = 64 * 1024;

/// Bytes of added messages that may wait for their reader. Beyond it nothing more is read from either side: who
/// causes answers and doesn't read them must not fill memory with them.
const BACKLOG: usize = 256 * 1024;

/// One end of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The browser's.
    Client,
    /// The IDE's.
    Session,
}

/// What a message says it consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opcode 1. That it is UTF-8 is not checked here.
    Text,
    /// Opcode 2.
    Binary,
}

/// Where a piece stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The message's kind.
    pub kind: Kind,
    /// Nothing of the message came before.
    pub first: bool,
    /// Nothing follows.
    pub last: bool,
}

/// Ends the WebSocket, on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The close code (RFC 6455, 7.4.1).
    pub code: u16,
    /// For the person's console; cut to the 123 bytes that fit.
    pub reason: Cow<'static, str>,
}

/// What an inspector waits for; its answer is handed to [`Inspect::resolved`].
pub type Answer = Pin<Box<dyn Future<Output = bool>>>;

/// What becomes of a piece.
pub enum Step {
    /// It goes on as it is now; emptied, nothing goes on.
    Pass,
    /// This direction stands still, the piece too, until the answer is there.
    Wait(Answer),
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "Pass",
            Self::Wait(_) => "Wait",
        })
    }
}

/// Looks at the messages of one WebSocket. Must return quickly; what takes time is a [`Step::Wait`].
#[allow(clippy::wrong_self_convention)] // `from` is where a piece comes from, not what it is made of
pub trait Inspect {
    /// The session has agreed to the WebSocket, with this subprotocol.
    fn opened(&mut self, _subprotocol: Option<&str>) {}

    /// Whether the session's messages are to be shown as well.
    fn wants_session(&self) -> bool;

    /// A piece from the client. What is left in `piece` is sent on as a fragment of the message, whatever its length.
    ///
    /// # Errors
    /// To end the WebSocket.
    fn from_client(&mut self, place: Place, piece: &mut Vec<u8>, out: &mut Outbox) -> Result<Step, Close>;

    /// A piece from the session.
    ///
    /// # Errors
    /// To end the WebSocket.
    fn from_session(
        &mut self,
        _place: Place,
        _piece: &mut Vec<u8>,
        _out: &mut Outbox,
    ) -> Result<Step, Close> {
        Ok(Step::Pass)
    }

    /// The answer to a [`Step::Wait`], with the piece that waited for it.
    ///
    /// # Errors
    /// To end the WebSocket.
    fn resolved(
        &mut self,
        _from: Side,
        _answer: bool,
        _place: Place,
        _piece: &mut Vec<u8>,
        _out: &mut Outbox,
    ) -> Result<Step, Close> {
        Ok(Step::Pass)
    }
}

/// Messages an inspector adds; each goes out whole, as soon as no other message is under way in that direction.
#[derive(Debug, Default)]
pub struct Outbox {
    to_client: VecDeque<(Kind, Vec<u8>)>,
    to_session: VecDeque<(Kind, Vec<u8>)>,
    bytes: usize,
    /// Counts what was put in or taken out.
    moves: u64,
}

impl Outbox {
    /// Adds a message to the direction that ends at `to`.
    pub fn send(&mut self, to: Side, kind: Kind, payload: Vec<u8>) {
        self.bytes += payload.len();
        self.moves += 1;
        self.queue(to).push_back((kind, payload));
    }

    fn queue(&mut self, to: Side) -> &mut VecDeque<(Kind, Vec<u8>)> {
        match to {
            Side::Client => &mut self.to_client,
            Side::Session => &mut self.to_session,
        }
    }

    pub(crate) fn take(&mut self, to: Side) -> Option<(Kind, Vec<u8>)> {
        let message = self.queue(to).pop_front()?;
        self.bytes -= message.1.len();
        self.moves += 1;
        Some(message)
    }

    /// More wait than may.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > BACKLOG
    }

    pub(crate) fn moves(&self) -> u64 {
        self.moves
    }
}
