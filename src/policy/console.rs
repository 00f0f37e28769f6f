//! Console text made fit for a record: nothing that a terminal would obey, and lines out of keystrokes.
//!
//! Called by the inspectors of kernels and terminals, whatever the IDE.

use std::fmt::Write as _;

use crate::inspect::{Acts, Flow};

/// Text is handed on when so much of it was typed without an end of line: programs that take single keys never get one.
const LINE_MAX: usize = 4096;

/// Control characters, and marks that turn the direction of text, as visible escapes; line feeds and tabs stay.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut shown, c));
    shown
}

fn push(shown: &mut String, c: char) {
    let turns = matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match c {
        '\n' | '\t' => shown.push(c),
        c if c.is_ascii_control() => {
            // Writing to a string can't fail.
            let _ = write!(shown, "\\x{:02x}", u32::from(c));
        }
        c if c.is_control() || turns => {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
        c => shown.push(c),
    }
}

/// What a terminal would show, without colours and cursor movements.
pub(crate) fn shown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.peek() {
                // Control sequence: to its final byte.
                Some('[') => {
                    chars.next();
                    while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {}
                }
                // Title and the like: to BEL or ESC \.
                Some(']') => {
                    while let Some(c) = chars.next() {
                        if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                            break;
                        }
                    }
                }
                _ => {
                    chars.next();
                }
            },
            '\r' if chars.peek() == Some(&'\n') => {}
            c => push(&mut plain, c),
        }
    }
    plain
}

/// Keystrokes, put together to lines.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    line: String,
}

impl Typed {
    /// Takes what was typed; each line that is complete becomes a record.
    pub(crate) fn take(&mut self, text: &str, channel: &'static str, acts: &mut Acts) {
        for c in text.chars() {
            if matches!(c, '\r' | '\n') {
                self.end(channel, acts);
            } else {
                push(&mut self.line, c);
                if self.line.len() >= LINE_MAX {
                    self.end(channel, acts);
                }
            }
        }
    }

    /// What was typed since the last line ended.
    pub(crate) fn end(&mut self, channel: &'static str, acts: &mut Acts) {
        acts.console(channel, Flow::Input, std::mem::take(&mut self.line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Note;

    #[test]
    fn control_characters_are_visible() {
        assert_eq!(printable("a\u{1b}[31m\r\nb\u{202e}\u{85}\té"), "a\\x1b[31m\\x0d\nb\\u{202e}\\u{85}\té");
        assert_eq!(
            shown("\u{1b}[31mred\u{1b}[0m\r\n\u{1b}]0;title\u{7}x\u{8}\u{1b}]0;t\u{1b}\\y\u{1b}="),
            "red\nx\\x08y"
        );
        assert_eq!(shown("\u{1b}["), "");
    }

    #[test]
    fn keystrokes_become_lines() {
        let (mut typed, mut acts) = (Typed::default(), Acts::default());
        for key in ["l", "s", "\u{7f}", "\r", "\r", "cat <<E\nx", "y\r", "\u{3}"] {
            typed.take(key, "terminal", &mut acts);
        }
        typed.end("terminal", &mut acts);
        typed.take(&"k".repeat(LINE_MAX + 1), "terminal", &mut acts);
        let lines: Vec<_> = acts
            .notes
            .iter()
            .map(|note| match note {
                Note::Console { text, .. } => text.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lines[..4], ["ls\\x7f", "cat <<E", "xy", "\\x03"]);
        assert_eq!((lines.len(), lines[4].len(), typed.line.len()), (5, LINE_MAX, 1));
    }
}
