//! Typed values of VS Code's inter-process calls, read from the start of a message that may not be there whole.
//!
//! Strict: what the program behind would read in another way than this (a length beyond its message, a varint of too many
//! bytes, an unknown tag) is malformed, never repaired. Called by [`judge`](super::judge) and [`answers`](super::answers).

/// Why a value can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lack {
    /// So many bytes from the start of the message are needed.
    More(usize),
    /// It is no value.
    Malformed(&'static str),
    /// It is longer than is kept here.
    TooLong,
}

/// A value; texts and objects point into the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'b> {
    /// Nothing.
    Undefined,
    /// Text; the bytes as sent.
    Text(&'b [u8]),
    /// Bytes, of which only the length is read; what follows is at the reader's place.
    Buffer(usize),
    /// So many values follow.
    Array(usize),
    /// JSON.
    Object(&'b [u8]),
    /// A number, as its 32 bits.
    Int(u32),
}

/// Longest text or object that is kept.
pub(super) const VALUE_MAX: usize = 64 * 1024;

/// Reads values one after the other.
#[derive(Debug, Clone)]
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    total: usize,
}

impl<'b> Reader<'b> {
    /// Of a message of `total` bytes, of which `bytes` are there.
    pub(super) const fn new(bytes: &'b [u8], total: usize) -> Self {
        Self { bytes, at: 0, total }
    }

    /// Bytes of the message that were read.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    /// The next bytes, at most `most` and never beyond the message; they must be there.
    pub(super) fn peek(&self, most: usize) -> Result<&'b [u8], Lack> {
        let end = self.at.saturating_add(most).min(self.total);
        self.bytes.get(self.at..end).ok_or(Lack::More(end))
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], Lack> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.total);
        let end = end.ok_or(Lack::Malformed("a value is longer than its message"))?;
        let taken = self.bytes.get(self.at..end).ok_or(Lack::More(end))?;
        self.at = end;
        Ok(taken)
    }

    /// Seven bits a byte, the lowest first; 32 bits at most.
    pub(super) fn varint(&mut self) -> Result<u32, Lack> {
        let mut value = 0_u32;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.take(1)?[0];
            if shift == 28 && byte > 0x0f {
                break;
            }
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Lack::Malformed("a number has more than 32 bits"))
    }

    fn length(&mut self) -> Result<usize, Lack> {
        usize::try_from(self.varint()?).map_err(|_| Lack::Malformed("a length has more bits than memory"))
    }

    fn kept(&mut self) -> Result<&'b [u8], Lack> {
        let length = self.length()?;
        if self.at.saturating_add(length) > self.total {
            return Err(Lack::Malformed("a value is longer than its message"));
        }
        if length > VALUE_MAX { Err(Lack::TooLong) } else { self.take(length) }
    }

    /// The next value.
    pub(super) fn value(&mut self) -> Result<Value<'b>, Lack> {
        match self.take(1)?[0] {
            0 => Ok(Value::Undefined),
            1 => self.kept().map(Value::Text),
            2 | 3 => {
                let length = self.length()?;
                if self.at.saturating_add(length) > self.total {
                    return Err(Lack::Malformed("a value is longer than its message"));
                }
                Ok(Value::Buffer(length))
            }
            4 => self.length().map(Value::Array),
            5 => self.kept().map(Value::Object),
            6 => self.varint().map(Value::Int),
            _ => Err(Lack::Malformed("a value is of an unknown kind")),
        }
    }

    /// A number, and nothing else.
    pub(super) fn int(&mut self) -> Result<u32, Lack> {
        match self.value()? {
            Value::Int(number) => Ok(number),
            _ => Err(Lack::Malformed("a number is missing")),
        }
    }

    /// Text of UTF-8, and nothing else.
    pub(super) fn text(&mut self) -> Result<&'b str, Lack> {
        match self.value()? {
            Value::Text(text) => {
                std::str::from_utf8(text).map_err(|_| Lack::Malformed("a name is not UTF-8"))
            }
            _ => Err(Lack::Malformed("a name is missing")),
        }
    }
}

/// Writes values.
#[derive(Debug, Default)]
pub(super) struct Writer(pub(super) Vec<u8>);

impl Writer {
    /// A number of [`Reader::varint`].
    pub(super) fn varint(&mut self, number: usize) -> &mut Self {
        let mut rest = number;
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap_or_default();
            rest >>= 7;
            self.0.push(if rest == 0 { low } else { low | 0x80 });
            if rest == 0 {
                return self;
            }
        }
    }

    /// An array's head.
    pub(super) fn array(&mut self, count: usize) -> &mut Self {
        self.0.push(4);
        self.varint(count)
    }

    /// A number.
    pub(super) fn int(&mut self, number: u32) -> &mut Self {
        self.0.push(6);
        self.varint(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push(1);
        self.varint(text.len());
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// JSON.
    pub(super) fn object(&mut self, value: &serde_json::Value) -> &mut Self {
        let json = value.to_string();
        self.0.push(5);
        self.varint(json.len());
        self.0.extend_from_slice(json.as_bytes());
        self
    }

    /// Nothing.
    pub(super) fn undefined(&mut self) -> &mut Self {
        self.0.push(0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_32_bits_and_not_one_more() {
        for (bytes, number) in [
            (&[0x00][..], Ok(0)),
            (&[0x7f], Ok(127)),
            (&[0x80, 0x01], Ok(128)),
            (&[0xff, 0xff, 0xff, 0xff, 0x0f], Ok(u32::MAX)),
            (&[0xff, 0xff, 0xff, 0xff, 0x1f], Err(Lack::Malformed("a number has more than 32 bits"))),
            (&[0x80, 0x80, 0x80, 0x80, 0x80, 0x01], Err(Lack::Malformed("a number has more than 32 bits"))),
            (&[0x80], Err(Lack::Malformed("a value is longer than its message"))),
        ] {
            assert_eq!(Reader::new(bytes, bytes.len()).varint(), number, "{bytes:?}");
        }
        assert_eq!(Reader::new(&[0x80], 2).varint(), Err(Lack::More(2)));
    }

    #[test]
    fn a_length_beyond_the_message_is_malformed_before_it_is_waited_for() {
        for tag in [1, 2, 3, 5] {
            let bytes = [tag, 10, b'x'];
            assert!(matches!(Reader::new(&bytes, 3).value(), Err(Lack::Malformed(_))), "{tag}");
        }
        assert_eq!(Reader::new(&[1, 10], 40).value(), Err(Lack::More(12)));
        assert_eq!(Reader::new(&[5, 0xff, 0xff, 0x7f], 40_000_000).value(), Err(Lack::TooLong));
        assert!(matches!(Reader::new(&[7], 1).value(), Err(Lack::Malformed(_))));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::default();
        writer.array(3).int(300).text("né").object(&serde_json::json!({"a": 1})).undefined();
        let mut reader = Reader::new(&writer.0, writer.0.len());
        assert_eq!(reader.value(), Ok(Value::Array(3)));
        assert_eq!(reader.int(), Ok(300));
        assert_eq!(reader.text(), Ok("né"));
        assert_eq!(reader.value(), Ok(Value::Object(b"{\"a\":1}")));
        assert_eq!(reader.value(), Ok(Value::Undefined));
        assert!(reader.value().is_err());
    }
}
