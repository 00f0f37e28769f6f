//! Text from outside made fit for a log: one line, bounded, nothing that a terminal would obey.

/// Longest name kept in a record, in characters.
pub(crate) const NAME_MAX: usize = 64;
/// Longest other text kept in a record, in characters: a path (`PATH_MAX` is 4,096 bytes).
pub(crate) const TEXT_MAX: usize = 4096;

/// At most `most` characters; control characters, line separators and marks that turn the direction become U+FFFD.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().take(most).map(|c| if bad(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        let shown = printable("a\u{1b}[31m\r\nb\u{202e}c\u{85}", 100);
        assert_eq!(shown, "a\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(printable(&"x".repeat(1_000_000), NAME_MAX).len(), NAME_MAX);
    }
}
