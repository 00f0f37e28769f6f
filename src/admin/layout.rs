//! Text for terminals: labels with wrapped text beside them, and tables. Called by the commands that print reports.

/// Columns that reports are made for.
pub(crate) const WIDTH: usize = 100;
/// Columns of a label.
const LABEL: usize = 12;

/// `label` and text beside it, wrapped at words; a line feed of the text begins a new line.
pub(crate) fn field(out: &mut String, label: &str, text: &str) {
    let mut label = label;
    for line in text.lines().flat_map(|line| wrapped(line, WIDTH - LABEL)) {
        out.push_str(format!("{label:LABEL$}{line}").trim_end());
        out.push('\n');
        label = "";
    }
}

/// A text in lines of at most so many columns; a word that is longer has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let longer = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && longer > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// Rows of cells in columns as wide as their widest cell; the last column runs on. The first row is the head.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let blanks = width - cell.chars().count();
            format!("{cell}{}", " ".repeat(blanks))
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// A text from a log or a configuration, fit for a terminal: on one line, nothing that it would obey, cut.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut shown: String = text.chars().take(most).map(|c| if bad(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().count() > most {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_wrapped_beside_their_label() {
        let mut out = String::new();
        field(&mut out, "rule", &"word ".repeat(40));
        assert!(out.lines().count() == 3 && out.lines().all(|line| line.chars().count() <= WIDTH), "{out}");
        assert!(out.starts_with("rule        word word") && out.contains("\n            word"), "{out}");
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
        assert_eq!(wrapped("abcdefgh i", 4), ["abcdefgh", "i"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let rows = [["A", "B"], ["long", "ü"], ["x", "yy"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&rows), "A     B\nlong  ü\nx     yy\n");
    }

    #[test]
    fn a_terminal_obeys_nothing_that_is_printed() {
        assert_eq!(printable("a\u{1b}[31m\nb", 100), "a\u{fffd}[31m\u{fffd}b");
        assert_eq!(printable("abcdef", 4), "abc…");
    }
}
