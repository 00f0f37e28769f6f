//! Lines of an ini file, each with its number and where its key and value stand.
//!
//! `serde_ini` gives one item per line when it is read at that level; we trim lines first (white space before a section or
//! comment is a syntax error to it), drop a byte-order mark, and take ` #` as the begin of a comment, as RStudio Server does.
//! A `#` inside a word stays: no colour or fragment is cut in half.

use std::convert::Infallible;
use std::ops::Range;

use serde_ini::parse::{Error, Item as Raw, SyntaxError};

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// Nothing, or a comment with its text.
    Empty { comment: Option<String> },
    /// `[name]`.
    Section { name: String },
    /// `key=value`.
    Pair { key: String, value: String },
    /// None of these.
    Wrong { why: &'static str, hint: &'static str },
}

/// A line with its place.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// From 1.
    pub number: u32,
    /// The line as it stands in the file, without its end.
    pub source: String,
    pub item: Item,
    /// Characters of `source` that are the key, or all that is not white space.
    pub key: Range<usize>,
    /// Characters of `source` that are the value.
    pub value: Range<usize>,
}

/// All lines of a text.
pub(crate) fn lines(text: &str) -> Vec<Line> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let bare = text.lines().map(|line| Ok::<_, Infallible>(without_comment(line).trim()));
    let items = serde_ini::Parser::new(bare);
    let mut numbers = 0_u32..;
    items
        .zip(text.lines())
        .map(|(item, source)| line(numbers.next().unwrap_or(u32::MAX), source, item))
        .collect()
}

fn line(index: u32, source: &str, item: Result<Raw, Error<Infallible>>) -> Line {
    let body = without_comment(source);
    let start = char_len(body) - char_len(body.trim_start());
    let whole = start..start.max(char_len(body.trim_end()));
    let (key, value) = match body.split_once('=') {
        Some((left, right)) => {
            let key = start..start.max(char_len(left.trim_end()));
            let from = char_len(left) + 1 + char_len(right) - char_len(right.trim_start());
            (key, from.min(whole.end.max(char_len(left) + 1))..whole.end.max(char_len(left) + 1))
        }
        None => (whole.clone(), whole.clone()),
    };
    let item = match item {
        Ok(Raw::Empty) => Item::Empty { comment: None },
        Ok(Raw::Comment { text }) => Item::Empty { comment: Some(text) },
        Ok(Raw::Section { name }) => Item::Section { name: name.trim().to_owned() },
        Ok(Raw::Value { key, .. }) if key.is_empty() => {
            Item::Wrong { why: "there is no option before the `=`", hint: "write `option=value`" }
        }
        Ok(Raw::Value { key, value }) => Item::Pair { key, value },
        Err(Error::Syntax(SyntaxError::SectionNotClosed)) => {
            Item::Wrong { why: "the section's name has no closing `]`", hint: "write `[name]`" }
        }
        Err(Error::Syntax(SyntaxError::SectionName)) => Item::Wrong {
            why: "the section's name has a `]` in it",
            hint: "write `[name]`, alone on its line",
        },
        Err(Error::Syntax(SyntaxError::MissingEquals)) => Item::Wrong {
            why: "this is neither `option=value` nor a comment",
            hint: "write `option=value`, or begin the line with `#`",
        },
        Err(Error::Inner(never)) => match never {},
    };
    // `serde_ini` never sees the comment that was cut off; a line that is nothing else keeps it.
    let item = match item {
        Item::Empty { comment: None } if source.trim_start().starts_with('#') => {
            Item::Empty { comment: Some(source.trim().to_owned()) }
        }
        other => other,
    };
    Line { number: index + 1, source: source.to_owned(), item, key, value }
}

/// The part of a line before a `#` that begins the line or follows white space.
pub(crate) fn without_comment(line: &str) -> &str {
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        if c == '#' && before.is_whitespace() {
            return &line[..at];
        }
        before = c;
    }
    line
}

/// Length in characters.
pub(crate) fn char_len(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &Line) -> (String, String) {
        let cut = |range: &Range<usize>| line.source.chars().skip(range.start).take(range.len()).collect();
        (cut(&line.key), cut(&line.value))
    }

    fn pair(key: &str, value: &str) -> Item {
        Item::Pair { key: key.into(), value: value.into() }
    }

    #[test]
    fn a_line_knows_where_its_parts_stand() {
        for (source, key, value) in [
            ("allow-shell=0", "allow-shell", "0"),
            ("\t allow-shell =  0  # no shells", "allow-shell", "0"),
            ("a=b=c#d", "a", "b=c#d"),
            ("größe=ä b", "größe", "ä b"),
            ("empty=", "empty", ""),
            ("empty=   ", "empty", ""),
        ] {
            let line = lines(source).remove(0);
            assert_eq!(line.item, pair(key, value), "{source}");
            assert_eq!(parts(&line), (key.into(), value.into()), "{source}");
        }
    }

    #[test]
    fn marks_ends_indents_and_comments_are_treated_on_purpose() {
        let text = "\u{feff}a=1\r\n  [s]  # here\r\n\r\n   # c\r\n; d\r\n \t\r\nb=2\r\n";
        let items: Vec<Item> = lines(text).into_iter().map(|line| line.item).collect();
        let comment = |text: &str| Item::Empty { comment: Some(text.into()) };
        assert_eq!(
            items,
            [
                pair("a", "1"),
                Item::Section { name: "s".into() },
                Item::Empty { comment: None },
                comment("# c"),
                comment("; d"),
                Item::Empty { comment: None },
                pair("b", "2"),
            ]
        );
        assert_eq!(lines(text).last().map(|line| line.number), Some(7));
    }

    #[test]
    fn what_is_no_line_says_why() {
        for source in ["allow-shell", "[open", "[a]b]", "=1", "[a] b"] {
            assert!(matches!(lines(source).remove(0).item, Item::Wrong { .. }), "{source}");
        }
    }
}
