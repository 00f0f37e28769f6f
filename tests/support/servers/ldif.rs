//! Entries of a directory as text (RFC 2849), and values that stand in names of entries (RFC 4514) and in filters (RFC 4515).
//!
//! Written apart from the product's own escapes, which are proven against this.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// One line of an entry. What isn't plain ASCII goes as base64.
pub fn line(attribute: &str, value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ');
    if plain {
        format!("{attribute}: {value}\n")
    } else {
        format!("{attribute}:: {}\n", STANDARD.encode(value))
    }
}

/// An entry: its name, then its attributes.
pub fn entry(name: &str, attributes: &[(&str, &str)]) -> String {
    let mut text = line("dn", name);
    for (attribute, value) in attributes {
        text.push_str(&line(attribute, value));
    }
    text.push('\n');
    text
}

/// A value inside an entry's name.
pub fn in_name(value: &str) -> String {
    let mut text = String::new();
    for (at, character) in value.char_indices() {
        let edge = (at == 0 && matches!(character, ' ' | '#'))
            || (at + character.len_utf8() == value.len() && character == ' ');
        if edge || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// A value inside a filter.
pub fn in_filter(value: &str) -> String {
    let mut text = String::new();
    for character in value.chars() {
        match character {
            '*' | '(' | ')' | '\\' | '\0' => text.push_str(&format!("\\{:02x}", u32::from(character))),
            other => text.push(other),
        }
    }
    text
}
