//! What is read of a WebSocket's messages, as plain data: the policy's half of an inspected socket.
//!
//! An [`Inspector`] is a state machine over the pieces of messages; it opens nothing and waits for nothing. What happened it says
//! in [`Acts`], what must be found out first in [`Judgement::Ask`]. Each adapter brings its own by [`Inspect`]; the server carries
//! pieces in and acts out. Made by [`inspector`].

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use portcullis_conf::ConsoleAudit;
use portcullis_model::session::Ide;

use crate::{Adapters, Flags, Moved, PathClaim, Refusal, SocketRule, code_server, jupyter, rstudio};

/// What a message says it consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// Text; that it is UTF-8 was not checked.
    Text,
    /// Bytes.
    Binary,
}

/// Where a piece stands in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The message's kind.
    pub opcode: Opcode,
    /// Nothing of the message came before.
    pub first: bool,
    /// Nothing follows.
    pub last: bool,
}

/// What becomes of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It goes on as it is now; emptied, nothing goes on.
    Pass,
    /// It waits until this path was resolved and compared with the allowed directories; then [`Inspect::resolved`] is asked.
    Ask(PathClaim),
}

/// Ends the WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    /// The close code (RFC 6455, 7.4.1): 1003 for a kind of message that isn't taken, 1007 for one that can't be read, 1008 for
    /// what a rule forbids, 1009 for one that is too long.
    pub code: u16,
    /// For the person.
    pub reason: Cow<'static, str>,
}

impl Close {
    /// With a fixed reason.
    pub const fn because(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Cow::Borrowed(reason) }
    }
}

/// Which way console text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Typed or run by the person.
    Input,
    /// Shown to the person.
    Output,
}

impl Flow {
    /// The word of the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
        }
    }
}

/// What stands in place of a password.
pub const HIDDEN: &str = "«hidden»";

/// Something the server is to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A person acted: the session is not idle.
    Act,
    /// A message was refused.
    Refused {
        /// The message in words: `execute_request on control`.
        what: String,
        /// Why.
        refusal: Box<Refusal>,
        /// It went through all the same, because the flag's effect is `audit`.
        passed: bool,
    },
    /// Console text, for the audit of consoles. Only made when that is on.
    Console {
        /// Where: `shell execute_request`, `stdin input_reply`, `terminal`.
        channel: Cow<'static, str>,
        /// Which way.
        flow: Flow,
        /// What, printable but for line feeds and tabs.
        text: String,
    },
    /// A file went in or out.
    Moved(Box<Moved>),
}

/// What an inspector did beside judging the piece.
#[derive(Debug, Default)]
pub struct Acts {
    /// To be recorded.
    pub notes: Vec<Note>,
    /// Whole messages of ours for the browser.
    pub to_client: Vec<(Opcode, Vec<u8>)>,
    /// Whole messages of ours for the IDE.
    pub to_session: Vec<(Opcode, Vec<u8>)>,
}

impl Acts {
    /// A person acted.
    pub fn act(&mut self) {
        if !self.notes.contains(&Note::Act) {
            self.notes.push(Note::Act);
        }
    }

    /// Console text.
    pub fn console(&mut self, channel: impl Into<Cow<'static, str>>, flow: Flow, text: String) {
        if !text.is_empty() {
            self.notes.push(Note::Console { channel: channel.into(), flow, text });
        }
    }
}

/// Reads the messages of one kind of WebSocket.
///
/// A message comes in pieces of at most 64 KiB, cut anywhere. Whoever needs more of it at once keeps it, empties the piece, and
/// puts everything into a later one: nobody else keeps it. Implementors bound what they keep.
#[allow(clippy::wrong_self_convention)] // `from` is where a piece comes from, not what it is made of
pub trait Inspect {
    /// The IDE agreed to the WebSocket, with this subprotocol.
    fn opened(&mut self, _subprotocol: Option<&str>) {}

    /// Whether the IDE's messages are wanted as well.
    fn wants_session(&self) -> bool {
        false
    }

    /// A piece from the browser.
    ///
    /// # Errors
    /// To end the WebSocket.
    fn from_client(&mut self, place: Place, piece: &mut Vec<u8>, acts: &mut Acts)
    -> Result<Judgement, Close>;

    /// A piece from the IDE.
    ///
    /// # Errors
    /// To end the WebSocket.
    fn from_session(
        &mut self,
        _place: Place,
        _piece: &mut Vec<u8>,
        _acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        Ok(Judgement::Pass)
    }

    /// The answer to a [`Judgement::Ask`] of [`Inspect::from_client`], with the piece that waited: whether the path leads into the
    /// allowed directories. A path that can't be resolved does not.
    ///
    /// # Errors
    /// To end the WebSocket.
    fn resolved(
        &mut self,
        _allowed: bool,
        _place: Place,
        _piece: &mut Vec<u8>,
        _acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        Ok(Judgement::Pass)
    }

    /// Bytes of a message that are kept back now: whoever carries the pieces bounds what one person's WebSockets keep together.
    fn kept(&self) -> usize {
        0
    }

    /// The WebSocket is over: what was kept and is to be recorded.
    fn ended(&mut self, _acts: &mut Acts) {}
}

/// An inspector of one WebSocket.
pub struct Inspector(Box<dyn Inspect>);

impl Inspector {
    /// Of an adapter's own.
    pub(crate) fn new(inspect: impl Inspect + 'static) -> Self {
        Self(Box::new(inspect))
    }
}

impl std::ops::Deref for Inspector {
    type Target = dyn Inspect;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl std::ops::DerefMut for Inspector {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut *self.0
    }
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Inspector")
    }
}

/// The inspector of a WebSocket that was let through under `rule`; `None` where nothing of its messages is to be judged or
/// recorded, so that they pass untouched.
///
/// Messages are read when a flag takes something away, when a flag's effect is `audit`, and when consoles are audited. Of sockets
/// whose messages nobody knows nothing is read.
pub fn inspector(
    _adapters: &Adapters,
    ide: Ide,
    rule: SocketRule,
    flags: &Arc<Flags>,
    home: &str,
) -> Option<Inspector> {
    let recorded = flags.console.value > ConsoleAudit::None;
    let judged = flags.restriction_in(ide).is_some() || flags.audited().is_some();
    match rule {
        SocketRule::None | SocketRule::Opaque => None,
        SocketRule::JupyterKernel if recorded || judged => {
            Some(Inspector::new(jupyter::Kernel::new(ide, flags.clone())))
        }
        SocketRule::JupyterTerminal if recorded => Some(Inspector::new(jupyter::Terminal::new(flags))),
        SocketRule::JupyterKernel | SocketRule::JupyterTerminal => None,
        SocketRule::RstudioTerminal if recorded => Some(Inspector::new(rstudio::Terminal::new(flags))),
        SocketRule::RstudioTerminal => None,
        // Always: nothing else knows a person's act in this stream.
        SocketRule::CodeServer => Some(Inspector::new(code_server::Socket::new(flags, home))),
    }
}
