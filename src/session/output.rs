//! The last lines of the IDE's output, for its owner to read when it does not start.
//!
//! Everything is read at once and forgotten but for the last lines: an IDE that writes without end is neither stopped nor
//! remembered. Nothing of it goes to the journal: it is the user's.

use std::collections::VecDeque;

use portcullis_model::session::OUTPUT_LINES;

/// Longest line kept, in bytes: twenty fit into one message with room to spare. The rest of the line is dropped.
const LINE_MAX: usize = 1000;

/// The ring.
#[derive(Debug, Default)]
pub(crate) struct Output {
    lines: VecDeque<String>,
    open: Vec<u8>,
}

impl Output {
    /// Takes what was read.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end]);
            self.end_line();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes);
    }

    /// The lines, oldest first, with an unfinished last one.
    pub(crate) fn lines(&self) -> Vec<String> {
        let open = (!self.open.is_empty()).then(|| readable(&self.open));
        let mut all: Vec<String> = self.lines.iter().cloned().chain(open).collect();
        all.drain(..all.len().saturating_sub(OUTPUT_LINES));
        all
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = LINE_MAX - self.open.len();
        self.open.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        if self.lines.len() == OUTPUT_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(readable(&self.open));
        self.open.clear();
    }
}

/// Control characters replaced: this is shown in a page and written to a log.
fn readable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let clean = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.trim_end_matches('\r').chars().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_kept_readable_and_short() {
        let mut output = Output::default();
        for number in 0..50 {
            output.take(format!("line {number}\r\n").as_bytes());
        }
        output.take(b"red: \x1b[31m\xff\tx");
        output.take(b" and more");
        let lines = output.lines();
        assert_eq!(lines.len(), OUTPUT_LINES);
        assert_eq!(lines[0], "line 31");
        assert_eq!(lines[OUTPUT_LINES - 1], "red: \u{fffd}[31m\u{fffd} x and more");
    }

    #[test]
    fn a_line_without_end_takes_no_more_room() {
        let mut output = Output::default();
        for _ in 0..1000 {
            output.take(&[b'x'; 4096]);
        }
        assert!(output.open.capacity() <= 2 * LINE_MAX);
        assert_eq!(output.lines(), ["x".repeat(LINE_MAX)]);
    }
}
