//! The file in a JSON model of `api/contents`, found and decoded while the body passes: `content`, by `format`.
//!
//! Nothing is kept but the names of fields and the value of `format`. What it can't read it doesn't guess: the body as it
//! stands is hashed then. Whether the model is good is the IDE's question; a refused upload is no transfer.

use super::Digest;
use super::base64::Decoder;

/// Longest name and value that is of interest: `content`, `format`, `base64`, a number.
const WORD_MAX: usize = 24;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Content,
    Format,
    Chunk,
    Other,
}

/// A string being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    Backslash,
    /// Digits of `\u` so far and how many are missing.
    Unicode(u16, u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the object, between its fields, before a colon, before a value.
    Start,
    Name,
    Colon,
    Value,
    /// After a value.
    Comma,
    /// In a name or a value that is a string.
    InName,
    InString,
    /// In a number or a word.
    InScalar,
    /// In a list or an object, so deep; whether in a string, and behind a backslash.
    Nested(u32, bool, bool),
    End,
    Lost,
}

/// Reads one model.
#[derive(Debug)]
pub(super) struct Model {
    at: At,
    field: Field,
    escape: Escape,
    /// First half of a surrogate pair.
    high: Option<u16>,
    word: Vec<u8>,
    /// Said beforehand, or read.
    base64: Option<bool>,
    known: bool,
    chunk: Option<i64>,
    /// A string stood in `content`.
    found: bool,
    /// Something stood there that is no string.
    other: bool,
    body: Digest,
    text: Digest,
    binary: Digest,
    decoder: Decoder,
}

impl Model {
    /// `base64`: what `content` is, when it is known; `before`: the pieces that came before.
    pub(super) fn new(base64: Option<bool>, before: Digest) -> Self {
        Self {
            at: At::Start,
            field: Field::Other,
            escape: Escape::No,
            high: None,
            word: Vec::with_capacity(WORD_MAX),
            base64,
            known: base64.is_some(),
            chunk: None,
            found: false,
            other: false,
            body: Digest::new(),
            text: before.clone(),
            binary: before,
            decoder: Decoder::default(),
        }
    }

    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.body.update(bytes);
        // What is lost stays lost: a body that is no model is only hashed.
        while let Some(first) = bytes.first().filter(|_| self.at != At::Lost) {
            let used = if self.at == At::InString && self.escape == Escape::No {
                self.run(bytes)
            } else {
                self.step(*first);
                1
            };
            bytes = &bytes[used..];
        }
    }

    /// Takes what stands in a string up to its next quote or backslash, and that; returns how much.
    fn run(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\')).unwrap_or(bytes.len());
        if end > 0 {
            self.flush_surrogate();
        }
        self.put(&bytes[..end]);
        match bytes.get(end) {
            None => end,
            Some(b'\\') => {
                self.escape = Escape::Backslash;
                end + 1
            }
            Some(_) => {
                self.flush_surrogate();
                self.close();
                end + 1
            }
        }
    }

    fn step(&mut self, byte: u8) {
        let blank = matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        self.at = match self.at {
            At::Start | At::Name | At::Colon | At::Value | At::Comma if blank => self.at,
            At::Start if byte == b'{' => At::Name,
            At::Name if byte == b'"' => {
                self.word.clear();
                At::InName
            }
            At::Name | At::Comma if byte == b'}' => At::End,
            At::Colon if byte == b':' => At::Value,
            At::Value => self.begin(byte),
            At::Comma if byte == b',' => At::Name,
            At::InName | At::InString => return self.in_string(byte),
            At::InScalar => match byte {
                b',' | b'}' => {
                    self.scalar();
                    if byte == b',' { At::Name } else { At::End }
                }
                _ if blank => {
                    self.scalar();
                    At::Comma
                }
                byte => {
                    self.remember(&[byte]);
                    At::InScalar
                }
            },
            At::Nested(depth, true, true) => At::Nested(depth, true, false),
            At::Nested(depth, true, false) => At::Nested(depth, byte != b'"', byte == b'\\'),
            At::Nested(depth, false, _) => match byte {
                b'"' => At::Nested(depth, true, false),
                b'{' | b'[' => At::Nested(depth.saturating_add(1), false, false),
                b'}' | b']' if depth == 1 => At::Comma,
                b'}' | b']' => At::Nested(depth - 1, false, false),
                _ => self.at,
            },
            At::End if blank => At::End,
            _ => At::Lost,
        };
    }

    /// A value begins with this byte.
    fn begin(&mut self, byte: u8) -> At {
        self.word.clear();
        match byte {
            b'"' => {
                if self.field == Field::Content {
                    // Of two, the last would count; nobody sends two but to be misread.
                    self.other |= self.found;
                    self.found = true;
                }
                At::InString
            }
            b'{' | b'[' => {
                self.other |= self.field == Field::Content;
                At::Nested(1, false, false)
            }
            byte => {
                self.other |= self.field == Field::Content;
                self.remember(&[byte]);
                At::InScalar
            }
        }
    }

    fn in_string(&mut self, byte: u8) {
        match self.escape {
            Escape::No => match byte {
                b'\\' => self.escape = Escape::Backslash,
                b'"' => {
                    self.flush_surrogate();
                    self.close();
                }
                byte => {
                    self.flush_surrogate();
                    self.put(&[byte]);
                }
            },
            Escape::Backslash if byte == b'u' => self.escape = Escape::Unicode(0, 4),
            Escape::Backslash => {
                self.escape = Escape::No;
                self.flush_surrogate();
                let plain = match byte {
                    b'"' | b'\\' | b'/' => byte,
                    b'b' => 8,
                    b'f' => 12,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    _ => return self.at = At::Lost,
                };
                self.put(&[plain]);
            }
            Escape::Unicode(unit, left) => {
                let Some(digit) = char::from(byte).to_digit(16).and_then(|digit| u16::try_from(digit).ok())
                else {
                    return self.at = At::Lost;
                };
                let unit = unit << 4 | digit;
                self.escape = if left > 1 { Escape::Unicode(unit, left - 1) } else { Escape::No };
                if left == 1 {
                    self.unit(unit);
                }
            }
        }
    }

    /// A UTF-16 unit from an escape.
    fn unit(&mut self, unit: u16) {
        let pair = self.high.take().map_or([unit, 0], |high| [high, unit]);
        let count = if pair[0] == unit && pair[1] == 0 { 1 } else { 2 };
        if count == 1 && (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
            return;
        }
        for c in char::decode_utf16(pair.into_iter().take(count)) {
            let c = match c {
                Ok(c) => c,
                // The second of two may be the first of another pair.
                Err(error) if count == 2 && error.unpaired_surrogate() == unit && unit < 0xdc00 => {
                    self.high = Some(unit);
                    continue;
                }
                Err(_) => char::REPLACEMENT_CHARACTER,
            };
            let mut buffer = [0; 4];
            self.put(c.encode_utf8(&mut buffer).as_bytes());
        }
    }

    fn flush_surrogate(&mut self) {
        if self.high.take().is_some() {
            let mut buffer = [0; 4];
            self.put(char::REPLACEMENT_CHARACTER.encode_utf8(&mut buffer).as_bytes());
        }
    }

    /// Decoded bytes of the string at hand.
    fn put(&mut self, bytes: &[u8]) {
        if self.at == At::InString && self.field == Field::Content {
            if self.base64 != Some(true) {
                self.text.update(bytes);
            }
            if self.base64 != Some(false) {
                self.decoder.update(bytes, &mut self.binary);
            }
        } else {
            self.remember(bytes);
        }
    }

    fn remember(&mut self, bytes: &[u8]) {
        let room = WORD_MAX.saturating_sub(self.word.len());
        self.word.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// A string ends.
    fn close(&mut self) {
        if self.at == At::InName {
            self.field = match self.word.as_slice() {
                b"content" => Field::Content,
                b"format" => Field::Format,
                b"chunk" => Field::Chunk,
                _ => Field::Other,
            };
            self.at = At::Colon;
            return;
        }
        self.at = At::Comma;
        match self.field {
            Field::Content => self.decoder.finish(&mut self.binary),
            Field::Format if !self.known => {
                let said = match self.word.as_slice() {
                    b"base64" => Some(true),
                    b"text" => Some(false),
                    _ => None,
                };
                // The content before was decoded in the way that was said first.
                self.other |= self.base64.is_some() && self.base64 != said;
                self.base64 = said;
            }
            Field::Format | Field::Chunk | Field::Other => {}
        }
    }

    /// A number or a word ends.
    fn scalar(&mut self) {
        if self.field == Field::Chunk {
            self.chunk = std::str::from_utf8(&self.word).ok().and_then(|word| word.parse().ok());
        }
    }

    /// What the model said of itself.
    pub(super) const fn chunk(&self) -> Option<i64> {
        self.chunk
    }

    /// The file's digest, when all of it was read.
    pub(super) fn digest(&self) -> Option<Digest> {
        (self.is_file() && self.at == At::End).then(|| self.file().clone())
    }

    /// The file's digest, or else the body's; whether it is the file's.
    pub(super) fn finish(mut self) -> (Digest, bool) {
        if !self.is_file() || self.at == At::Lost {
            return (self.body, false);
        }
        if self.at == At::InString {
            self.decoder.finish(&mut self.binary);
        }
        (self.file().clone(), true)
    }

    const fn is_file(&self) -> bool {
        self.found && !self.other && self.base64.is_some()
    }

    const fn file(&self) -> &Digest {
        if matches!(self.base64, Some(true)) { &self.binary } else { &self.text }
    }
}
