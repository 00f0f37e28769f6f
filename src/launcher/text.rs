//! Text from outside made fit for a log: one line, bounded, nothing that a terminal would obey.

/// Longest name kept in a record, in characters.
pub(crate) const NAME_MAX: usize = 64;
/// Longest name of a console's channel, in characters: two words of a message.
pub(crate) const LABEL_MAX: usize = 256;
/// Longest text of a console in a record, in bytes; the server cuts there and says so.
pub(crate) const CONSOLE_MAX: usize = 64 * 1024;
/// Longest other text kept in a record, in characters: a path (`PATH_MAX` is 4,096 bytes).
pub(crate) const TEXT_MAX: usize = 4096;

/// At most `most` characters; control characters, line separators and marks that turn the direction become U+FFFD.
pub(crate) fn printable(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect()
}

/// Text of a console: the same, but for line feeds and tabs, which JSON escapes; at most [`CONSOLE_MAX`] bytes.
pub(crate) fn console(text: &str) -> String {
    let end = (0..=CONSOLE_MAX.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let keep = |c: char| matches!(c, '\n' | '\t') || !is_obeyed(c);
    text[..end].chars().map(|c| if keep(c) { c } else { '\u{fffd}' }).collect()
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_terminal_obeys_is_left() {
        let shown = printable("a\u{1b}[31m\r\nb\u{202e}c\u{85}", 100);
        assert_eq!(shown, "a\u{fffd}[31m\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}");
        assert_eq!(console("a\u{1b}[31m\r\n\tb"), "a\u{fffd}[31m\u{fffd}\n\tb");
        assert!(console(&"é".repeat(CONSOLE_MAX)).len() <= CONSOLE_MAX);
        assert_eq!(printable(&"x".repeat(1_000_000), NAME_MAX).len(), NAME_MAX);
    }
}
