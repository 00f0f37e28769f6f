//! What is typed in the terminals of one editor, for the audit of consoles.

use std::collections::HashMap;

use portcullis_conf::ConsoleAudit;

use crate::inspect::Acts;
use crate::{Flags, console};

/// Most terminals that are followed at once.
const TERMINALS_MAX: usize = 64;
/// The channel of their records.
const TERMINAL: &str = "terminal";

/// The lines that are being typed, by terminal.
#[derive(Debug, Default)]
pub(super) struct Typed {
    lines: HashMap<u32, console::Typed>,
}

impl Typed {
    /// Keys of a terminal.
    pub(super) fn add(&mut self, flags: &Flags, terminal: u32, keys: &str, acts: &mut Acts) {
        if flags.console.value == ConsoleAudit::None {
            return;
        }
        if self.lines.len() >= TERMINALS_MAX && !self.lines.contains_key(&terminal) {
            self.end(flags, acts);
        }
        self.lines.entry(terminal).or_default().take(keys, TERMINAL, acts);
    }

    /// Nothing follows.
    pub(super) fn end(&mut self, flags: &Flags, acts: &mut Acts) {
        if flags.console.value != ConsoleAudit::None {
            self.lines.drain().for_each(|(_, mut line)| line.end(TERMINAL, acts));
        }
    }
}
