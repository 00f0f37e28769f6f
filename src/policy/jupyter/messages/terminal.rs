//! The WebSocket of a terminal, while consoles are audited: what is typed is recorded line by line.
//!
//! Messages are JSON arrays whose first element says what they are (terminado 0.18 `websocket.py`). Whether the terminal shows what
//! is typed can't be seen here: a password typed at `sudo` is recorded like anything else.

use std::fmt;

use portcullis_conf::ConsoleAudit;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::content::Text;
use super::framing::READ_MAX;
use crate::Flags;
use crate::console::{Typed, shown};
use crate::inspect::{Acts, Close, Flow, Inspect, Judgement, Opcode, Place};

/// The channel of its records.
const TERMINAL: &str = "terminal";
/// Most that is copied of a message of the terminal's: more than a record takes.
const COPY_MAX: usize = 256 * 1024;

/// A terminal's socket.
#[derive(Debug)]
pub(crate) struct Terminal {
    all: bool,
    kept: Vec<u8>,
    copy: Vec<u8>,
    typed: Typed,
}

impl Terminal {
    pub(crate) fn new(flags: &Flags) -> Self {
        let all = flags.console.value == ConsoleAudit::All;
        Self { all, kept: Vec::new(), copy: Vec::new(), typed: Typed::default() }
    }
}

/// A message: its word and its text, where it has one.
struct Said<'m> {
    word: Text<'m>,
    text: Option<Text<'m>>,
}

impl<'de: 'm, 'm> Deserialize<'de> for Said<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Said<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array that begins with a word")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said<'de>, A::Error> {
                let word: Text<'de> =
                    seq.next_element()?.ok_or_else(|| serde::de::Error::invalid_length(0, &self))?;
                let speaks = matches!(word.0.as_ref(), "stdin" | "stdout");
                let text = if speaks { seq.next_element()? } else { None };
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Said { word, text })
            }
        }

        deserializer.deserialize_seq(Reader)
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
            return Err(Close::because(
                1009,
                "Portcullis can't read a message to the terminal of more than 8 MiB",
            ));
        }
        if !place.last {
            return Ok(Judgement::Pass);
        }
        *piece = std::mem::take(&mut self.kept);
        let unreadable = Close::because(1007, "Portcullis can't read this message to the terminal");
        let said = serde_json::from_slice::<Said<'_>>(piece).map_err(|_| unreadable.clone())?;
        match (said.word.0.as_ref(), said.text) {
            ("stdin", Some(text)) => {
                acts.act();
                self.typed.take(&text.0, TERMINAL, acts);
            }
            ("set_size", _) => {}
            _ => return Err(unreadable),
        }
        Ok(Judgement::Pass)
    }

    fn from_session(
        &mut self,
        place: Place,
        piece: &mut Vec<u8>,
        acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        let room = COPY_MAX.saturating_sub(self.copy.len()).min(piece.len());
        self.copy.extend_from_slice(&piece[..room]);
        if place.last {
            let copy = std::mem::take(&mut self.copy);
            match serde_json::from_slice::<Said<'_>>(&copy) {
                Ok(Said { word, text: Some(text) }) if word.0 == "stdout" => {
                    acts.console(TERMINAL, Flow::Output, shown(&text.0));
                }
                Ok(_) => {}
                // Longer than what was copied.
                Err(_) => acts.console(TERMINAL, Flow::Output, shown(&String::from_utf8_lossy(&copy))),
            }
        }
        Ok(Judgement::Pass)
    }

    fn ended(&mut self, acts: &mut Acts) {
        self.typed.end(TERMINAL, acts);
    }
}
