//! The WebSocket of a kernel: each message from the browser is read, judged and recorded before it goes on.
//!
//! A message is kept back until its content is there; buffers behind it stream. What can't be read ends the socket; what can, but is
//! in no row or not allowed, is answered in Jupyter's own form and never reaches the kernel. Messages of the kernel's pass untouched;
//! they are read for prompts that hide what is typed, and for what is shown.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_conf::ConsoleAudit;
use portcullis_model::session::Ide;

use super::content::{Code, Debug, Execute, LOOKS, Reply, object};
use super::framing::{Framing, Parts, READ_MAX, Unreadable, needs, read};
use super::output::Output;
use super::{Channel, Kept, Message, answer, find};
use crate::console::printable;
use crate::flags::Denial;
use crate::inspect::{Acts, Close, Flow, HIDDEN, Inspect, Judgement, Note, Opcode, Place};
use crate::{Capability, Flags, Refusal};

/// Longest name of a message that is repeated in a record.
const NAME_MAX: usize = 64;

/// Where the message under way from the browser stands.
#[derive(Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Kept back.
    #[default]
    Reading,
    /// Judged: the rest goes on.
    Passing,
    /// Refused: the rest is dropped.
    Dropping,
}

/// A kernel's socket.
pub(crate) struct Kernel {
    ide: Ide,
    flags: Arc<Flags>,
    framing: Framing,
    stage: Stage,
    pub(super) kept: Vec<u8>,
    /// Answers given, to number them.
    answers: u64,
    /// The kernel's side; `None` while nothing of it is wanted.
    output: Option<Output>,
}

impl Kernel {
    pub(crate) fn new(ide: Ide, flags: Arc<Flags>) -> Self {
        let level = flags.console.value;
        let output = (level > ConsoleAudit::None).then(|| Output::new(level == ConsoleAudit::All));
        Self {
            ide,
            flags,
            framing: Framing::default(),
            stage: Stage::default(),
            kept: Vec::new(),
            answers: 0,
            output,
        }
    }

    fn recorded(&self) -> bool {
        self.flags.console.value > ConsoleAudit::None
    }

    /// Reads what is kept; true when the message may go on.
    fn judge(&mut self, text: bool, acts: &mut Acts) -> Result<bool, Unreadable> {
        let kept = std::mem::take(&mut self.kept);
        let judged = read(self.framing, text, &kept).and_then(|parts| self.weigh(&parts, acts));
        self.kept = kept;
        judged
    }

    fn weigh(&mut self, parts: &Parts<'_>, acts: &mut Acts) -> Result<bool, Unreadable> {
        let kind = parts.header.msg_type.0.as_ref();
        let row = Channel::named(parts.channel).and_then(|channel| find(channel, kind));
        let what = named(parts.channel, kind);
        let takes = row.map_or(Capability::Unknown, |row| row.takes);
        if let Some(refusal) = self.refused(takes, &what) {
            let why = refusal.text.replace('`', "");
            answer::refuse(self.framing, self.answers, parts.channel, kind, parts.quoted, &why, acts);
            self.answers += 1;
            acts.notes.push(Note::Refused { what, refusal, passed: false });
            return Ok(false);
        }
        if let Some(denial) = self.flags.audited().and_then(|strict| denied(self.ide, strict, takes)) {
            let refusal = Box::new(by(takes, &denial, &what));
            acts.notes.push(Note::Refused { what: what.clone(), refusal, passed: true });
        }
        if let Some(row) = row {
            if row.act {
                acts.act();
            }
            self.record(row, what, parts.content, acts)?;
        }
        Ok(true)
    }

    /// Why a message is refused: by a flag, or because nobody knows it and somebody relies on all being known.
    fn refused(&self, takes: Capability, what: &str) -> Option<Box<Refusal>> {
        if let Some(denial) = denied(self.ide, &self.flags, takes) {
            return Some(Box::new(by(takes, &denial, what)));
        }
        if takes != Capability::Unknown || !self.recorded() {
            return None;
        }
        let console = &self.flags.console;
        let word = if console.value == ConsoleAudit::All { "all" } else { "input" };
        let rule = format!("audit-r-console={word} ({})", console.origin);
        Some(Box::new(Refusal {
            capability: Capability::Unknown,
            status: 403,
            flag: Some("audit-r-console"),
            rule: format!("unknown message `{what}`; refused while {rule}"),
            text: format!(
                "`{what}` is none of the messages that are known of a kernel. Consoles are recorded here (`{rule}`), and what \
                 nobody can read can't be. If an extension of yours needs it, tell your administrator its name."
            ),
        }))
    }

    /// Reads a message's content, so that what can't be read is refused whether it is recorded or not, and records it.
    fn record(
        &mut self,
        row: &Message,
        what: String,
        content: &str,
        acts: &mut Acts,
    ) -> Result<(), Unreadable> {
        let on = self.recorded();
        let wrong = Unreadable("its content");
        let mut note = |channel: Cow<'static, str>, text: &str| {
            if on {
                acts.console(channel, Flow::Input, printable(text));
            }
        };
        match row.kept {
            Kept::Nothing => {
                object::<super::content::Anything>(content).ok_or(wrong)?;
            }
            Kept::Execute => {
                let request: Execute<'_> = object(content).ok_or(wrong)?;
                let silent = request.silent.is_some_and(|silent| silent != false && !silent.is_null());
                let what = if silent { format!("{what} silent") } else { what };
                note(what.clone().into(), &request.code.0);
                let expressions = request.user_expressions.map(|all| all.0).unwrap_or_default();
                let variables = request.user_variables.unwrap_or_default();
                let named = expressions.iter().map(|(name, value)| format!("{} = {}", name.0, value.0));
                let lines: Vec<_> = named.chain(variables.iter().map(|name| name.0.to_string())).collect();
                note(format!("{what} user_expressions").into(), &lines.join("\n"));
            }
            Kept::Code => {
                let request: Code<'_> = object(content).ok_or(wrong)?;
                let code = request.code.or(request.line).unwrap_or_default();
                note(what.into(), &code.0);
            }
            Kept::Reply => {
                let reply: Reply<'_> = object(content).ok_or(wrong)?;
                let hidden = self.output.as_mut().is_some_and(Output::answered);
                note(what.into(), if hidden { HIDDEN } else { &reply.value.0 });
            }
            Kept::Debug => {
                let request: Debug<'_> = object(content).ok_or(wrong)?;
                if !LOOKS.contains(&request.command.0.as_ref()) {
                    note(what.into(), content);
                }
            }
            Kept::Whole => {
                object::<super::content::Anything>(content).ok_or(wrong)?;
                note(what.into(), content);
            }
        }
        Ok(())
    }
}

fn denied<'f>(ide: Ide, flags: &'f Flags, takes: Capability) -> Option<Denial<'f>> {
    flags.denies_in(ide, takes)
}

fn by(takes: Capability, denial: &Denial<'_>, what: &str) -> Refusal {
    if takes == Capability::Unknown {
        Refusal::unknown_message(what, denial)
    } else {
        Refusal::by_flag(takes, denial)
    }
}

/// A message in words: its type and its channel, printable and cut.
fn named(channel: &str, kind: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(NAME_MAX).collect()
    };
    format!("{} {}", plain(channel), plain(kind))
}

fn unreadable(why: Unreadable) -> Close {
    let reason = format!("Portcullis can't read this message to the kernel: {}", why.0);
    Close { code: 1007, reason: reason.into() }
}

impl Inspect for Kernel {
    fn kept(&self) -> usize {
        self.kept.len()
    }

    fn opened(&mut self, subprotocol: Option<&str>) {
        self.framing = Framing::of(subprotocol);
        if let Some(output) = &mut self.output {
            output.framing = self.framing;
        }
    }

    fn wants_session(&self) -> bool {
        self.output.is_some()
    }

    fn from_client(
        &mut self,
        place: Place,
        piece: &mut Vec<u8>,
        acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        if place.first {
            self.stage = Stage::Reading;
        }
        match self.stage {
            Stage::Passing => {}
            Stage::Dropping => piece.clear(),
            Stage::Reading => {
                if self.kept.is_empty() {
                    std::mem::swap(&mut self.kept, piece);
                } else {
                    self.kept.append(piece);
                }
                let text = place.opcode == Opcode::Text;
                let needs = needs(self.framing, text, &self.kept).map_err(unreadable)?;
                if needs.unwrap_or(self.kept.len()) > READ_MAX {
                    return Err(Close::because(
                        1009,
                        "Portcullis can't read a message to the kernel of more than 8 MiB",
                    ));
                }
                if place.last || needs.is_some_and(|needs| self.kept.len() >= needs) {
                    let passes = self.judge(text, acts).map_err(unreadable)?;
                    let kept = std::mem::take(&mut self.kept);
                    self.stage = if passes { Stage::Passing } else { Stage::Dropping };
                    if passes {
                        *piece = kept;
                    }
                }
            }
        }
        Ok(Judgement::Pass)
    }

    fn from_session(
        &mut self,
        place: Place,
        piece: &mut Vec<u8>,
        acts: &mut Acts,
    ) -> Result<Judgement, Close> {
        if let Some(output) = &mut self.output {
            output.take(place, piece, acts);
        }
        Ok(Judgement::Pass)
    }
}
