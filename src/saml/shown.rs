//! Text of a stranger in a message for a log: short, on one line, without characters that move a terminal's cursor.

use std::fmt;

/// Most characters shown: an address or a URN and what makes it differ; a message may be all of an answer's 96 KiB.
const SHOWN_MAX: usize = 200;

/// A text as it may stand in a log.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.chars();
        for c in rest.by_ref().take(SHOWN_MAX) {
            // Besides the control characters: those that turn the direction of what follows.
            let turning =
                matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || turning || matches!(c, '`' | '\u{2028}' | '\u{2029}') {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        if rest.next().is_some() { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_stays_on_its_line_and_within_its_length() {
        assert_eq!(Shown("urn:a é <b>").to_string(), "urn:a é <b>");
        assert_eq!(Shown("a\nb\u{1b}[2J`\u{202e}").to_string(), "a\\u{a}b\\u{1b}[2J\\u{60}\\u{202e}");
        assert_eq!(Shown(&"é".repeat(SHOWN_MAX)).to_string(), "é".repeat(SHOWN_MAX));
        assert_eq!(Shown(&"é".repeat(100_000)).to_string(), format!("{}…", "é".repeat(SHOWN_MAX)));
    }
}
