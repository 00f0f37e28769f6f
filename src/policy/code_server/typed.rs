//! What is typed in the terminals of one editor and started by them, for the audit of consoles.
//!
//! While consoles are recorded, a call to a terminal that can't be recorded is refused.

use std::collections::HashMap;

use portcullis_conf::ConsoleAudit;

use super::command::Look;
use super::commands::PTY;
use super::facts::Facts;
use crate::inspect::{Acts, Flow};
use crate::{Capability, Flags, Refusal, console};

/// Most terminals that are followed at once.
const TERMINALS_MAX: usize = 64;
/// The channel of their records.
const TERMINAL: &str = "terminal";
/// That of the programs they start.
const START: &str = "terminal start";

/// Whether consoles are recorded.
pub(super) fn recorded(flags: &Flags) -> bool {
    flags.console.value > ConsoleAudit::None
}

/// The lines that are being typed, by terminal.
#[derive(Debug, Default)]
pub(super) struct Typed {
    lines: HashMap<u32, console::Typed>,
}

impl Typed {
    /// A call that the flags give.
    ///
    /// # Errors
    /// Why it can't go on: it could not be recorded.
    pub(super) fn hear(
        &mut self,
        flags: &Flags,
        facts: &Facts<'_>,
        acts: &mut Acts,
    ) -> Result<(), Box<Refusal>> {
        if !recorded(flags) || facts.call.channel != PTY {
            return Ok(());
        }
        match (facts.command.map(|command| command.look), facts.input, facts.launch) {
            (Some(Look::Input), Some((terminal, keys)), _) => self.add(flags, terminal, keys, acts),
            (Some(Look::Launch), _, Some(description)) => {
                acts.console(START, Flow::Input, console::printable(&String::from_utf8_lossy(description)));
            }
            (None | Some(Look::Input | Look::Launch | Look::Unrecorded), ..) => {
                return Err(unrecorded(flags, &facts.what()).into());
            }
            _ => {}
        }
        Ok(())
    }

    /// Keys of a terminal.
    fn add(&mut self, flags: &Flags, terminal: u32, keys: &str, acts: &mut Acts) {
        if self.lines.len() >= TERMINALS_MAX && !self.lines.contains_key(&terminal) {
            self.end(flags, acts);
        }
        self.lines.entry(terminal).or_default().take(keys, TERMINAL, acts);
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, flags: &Flags, acts: &mut Acts) {
        if recorded(flags) {
            self.lines.drain().for_each(|(_, mut line)| line.end(TERMINAL, acts));
        }
    }
}

/// What nobody can read can't be recorded.
fn unrecorded(flags: &Flags, what: &str) -> Refusal {
    let word = if flags.console.value == ConsoleAudit::All { "all" } else { "input" };
    let rule = format!("audit-r-console={word} ({})", flags.console.origin);
    let what: String =
        what.chars().map(|c| if c.is_control() || c == '`' { '?' } else { c }).take(200).collect();
    Refusal {
        capability: Capability::Shell,
        status: 403,
        flag: Some("audit-r-console"),
        rule: format!("`{what}` can't be recorded; refused while {rule}"),
        text: format!(
            "`{what}` is refused: consoles are recorded here (`{rule}`), and what it types or starts in a terminal would not be. \
             Open a terminal and type."
        ),
    }
}
