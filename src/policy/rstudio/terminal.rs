//! The WebSocket of a terminal of RStudio: `a` and text, `b` to keep it alive. What is typed is recorded line by line.
//!
//! Seen on the wire of RStudio 2025.07: text messages both ways, the first letter says what they are. A terminal is a person's
//! shell: nothing of its messages is judged.

use std::sync::Arc;

use portcullis_conf::ConsoleAudit;

use crate::Flags;
use crate::console::{Typed, shown};
use crate::inspect::{Acts, Close, Flow, Inspect, Judgement, Opcode, Place};

/// The channel of its records.
const TERMINAL: &str = "terminal";
/// Most that is read of one message: more than anybody pastes.
const READ_MAX: usize = 8 << 20;

/// A terminal's socket.
#[derive(Debug)]
pub(crate) struct Terminal {
    all: bool,
    kept: Vec<u8>,
    typed: Typed,
}

impl Terminal {
    pub(crate) fn new(flags: &Arc<Flags>) -> Self {
        let all = flags.console.value == ConsoleAudit::All;
        Self { all, kept: Vec::new(), typed: Typed::default() }
    }
}

impl Inspect for Terminal {
    fn kept(&self) -> usize {
        self.kept.len()
    }

    fn wants_session(&self) -> bool {
        self.all
    }

    fn from_client(
        &mut self,
        place: Place,
        piece: &mut Vec<u8>,
        acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        if place.opcode != Opcode::Text {
            return Err(Close::because(1003, "Portcullis can't read binary messages to a terminal"));
        }
        self.kept.append(piece);
        if self.kept.len() > READ_MAX {
            return Err(Close::because(1009, "Portcullis can't read a message of more than 8 MiB"));
        }
        if !place.last {
            return Ok(Judgement::Pass);
        }
        *piece = std::mem::take(&mut self.kept);
        let unreadable = Close::because(1007, "Portcullis can't read this message to the terminal");
        let text = std::str::from_utf8(piece).map_err(|_| unreadable.clone())?;
        match text.split_at_checked(1) {
            Some(("a", typed)) => {
                acts.act();
                self.typed.take(typed, TERMINAL, acts);
            }
            Some(("b", _)) | None => {}
            Some(_) => return Err(unreadable),
        }
        Ok(Judgement::Pass)
    }

    fn from_session(
        &mut self,
        place: Place,
        piece: &mut Vec<u8>,
        acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        let text = String::from_utf8_lossy(piece);
        let text = if place.first { text.strip_prefix('a').unwrap_or_default() } else { &text };
        acts.console(TERMINAL, Flow::Output, shown(text));
        Ok(Judgement::Pass)
    }

    fn ended(&mut self, acts: &mut Acts) {
        self.typed.end(TERMINAL, acts);
    }
}
