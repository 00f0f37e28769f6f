//! CBOR (RFC 8949) as authenticators write it: definite lengths, shortest numbers, no tags, no floats, little nesting.
//!
//! That is the canonical form of CTAP2 (section 8) but for the order of a map's keys, which says nothing; a key that stands
//! twice is refused. So a value has one spelling but for that order, and [`write()`] gives back what [`read()`] took.
//! Everything borrows from the input; the room taken is bounded by [`ITEMS_MAX`], the stack by [`DEPTH_MAX`].

use thiserror::Error;

/// Longest input in bytes: an attestation object with the longest id of a credential (1023), the largest RSA key taken (about
/// 530) and extensions takes less than 2 KiB.
pub const BYTES_MAX: usize = 4096;
/// Deepest nesting, counted in arrays and maps: CTAP2 allows four.
pub const DEPTH_MAX: u32 = 4;
/// Most values of all in one input. An attestation object and its key have about 20; a map's keys are compared each with each.
pub const ITEMS_MAX: u32 = 256;

/// Why bytes are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CborError {
    /// More than [`BYTES_MAX`].
    #[error("{0} bytes are more than {BYTES_MAX}")]
    TooLong(usize),
    /// The input ends within a value.
    #[error("it ends too early")]
    Truncated,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("it is nested deeper than {DEPTH_MAX}")]
    Depth,
    /// More values than [`ITEMS_MAX`].
    #[error("it has more than {ITEMS_MAX} values")]
    Items,
    /// A number or a length in more bytes than it needs: a second spelling.
    #[error("a number is not in its shortest form")]
    NotShortest,
    /// A length that is told by an end mark.
    #[error("a length is not given")]
    Indefinite,
    /// A tag, a float or a simple value that no authenticator writes; its first byte.
    #[error("a value begins with {0:#04x}, which has no place here")]
    Unsupported(u8),
    /// A text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// A key that stands in a map twice.
    #[error("a key stands in a map twice")]
    Duplicate,
    /// So many bytes after the value.
    #[error("{0} bytes follow")]
    Trailing(usize),
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number from 0.
    Unsigned(u64),
    /// -1 less this number.
    Negative(u64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// Values.
    Array(Vec<Value<'a>>),
    /// Keys and their values, in the order in which they stand.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
}

impl<'a> Value<'a> {
    /// The value of this number.
    pub const fn number(number: i64) -> Self {
        if number < 0 {
            Self::Negative((-1 - number).unsigned_abs())
        } else {
            Self::Unsigned(number.unsigned_abs())
        }
    }

    /// What stands under a key, if this is a map that has it.
    pub fn at(&self, key: &Self) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }

    /// Its bytes, if that is what it is.
    pub const fn bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// Its text, if that is what it is.
    pub const fn text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// Reads the first value and gives what follows it.
///
/// # Errors
/// See [`CborError`].
pub fn read(bytes: &[u8]) -> Result<(Value<'_>, &[u8]), CborError> {
    if bytes.len() > BYTES_MAX {
        return Err(CborError::TooLong(bytes.len()));
    }
    let mut reader = Reader { rest: bytes, items: ITEMS_MAX };
    let value = reader.value(DEPTH_MAX)?;
    Ok((value, reader.rest))
}

/// Reads a value and nothing after it.
///
/// # Errors
/// See [`CborError`].
pub fn read_whole(bytes: &[u8]) -> Result<Value<'_>, CborError> {
    match read(bytes)? {
        (value, []) => Ok(value),
        (_, rest) => Err(CborError::Trailing(rest.len())),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    items: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: u64) -> Result<&'a [u8], CborError> {
        let count = usize::try_from(count).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn value(&mut self, depth: u32) -> Result<Value<'a>, CborError> {
        self.items = self.items.checked_sub(1).ok_or(CborError::Items)?;
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        if major >= 6 {
            return match first {
                0xf4 => Ok(Value::Bool(false)),
                0xf5 => Ok(Value::Bool(true)),
                0xf6 => Ok(Value::Null),
                _ => Err(CborError::Unsupported(first)),
            };
        }
        let number = self.number(first, info)?;
        Ok(match major {
            0 => Value::Unsigned(number),
            1 => Value::Negative(number),
            2 => Value::Bytes(self.take(number)?),
            3 => Value::Text(std::str::from_utf8(self.take(number)?).map_err(|_| CborError::Utf8)?),
            4 => Value::Array(self.array(number, depth)?),
            _ => Value::Map(self.map(number, depth)?),
        })
    }

    /// The number in or after the first byte of a value.
    fn number(&mut self, first: u8, info: u8) -> Result<u64, CborError> {
        let (width, least) = match info {
            0..=23 => return Ok(u64::from(info)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Unsupported(first)),
        };
        let number = self.take(width)?.iter().fold(0, |number, &byte| (number << 8) | u64::from(byte));
        if number < least { Err(CborError::NotShortest) } else { Ok(number) }
    }

    // What a length claims is not believed: values are read one by one until the input or the count of items ends.
    fn array(&mut self, count: u64, depth: u32) -> Result<Vec<Value<'a>>, CborError> {
        let depth = depth.checked_sub(1).ok_or(CborError::Depth)?;
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(self.value(depth)?);
        }
        Ok(values)
    }

    fn map(&mut self, count: u64, depth: u32) -> Result<Vec<(Value<'a>, Value<'a>)>, CborError> {
        let depth = depth.checked_sub(1).ok_or(CborError::Depth)?;
        let mut pairs: Vec<(Value<'a>, Value<'a>)> = Vec::new();
        for _ in 0..count {
            let key = self.value(depth)?;
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(CborError::Duplicate);
            }
            pairs.push((key, self.value(depth)?));
        }
        Ok(pairs)
    }
}

/// The bytes of a value; the keys of a map stand in the order they have.
pub fn write(value: &Value<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    put(&mut bytes, value);
    bytes
}

fn put(bytes: &mut Vec<u8>, value: &Value<'_>) {
    match value {
        Value::Unsigned(number) => head(bytes, 0, *number),
        Value::Negative(number) => head(bytes, 1, *number),
        Value::Bytes(content) => {
            head(bytes, 2, content.len() as u64);
            bytes.extend_from_slice(content);
        }
        Value::Text(content) => {
            head(bytes, 3, content.len() as u64);
            bytes.extend_from_slice(content.as_bytes());
        }
        Value::Array(values) => {
            head(bytes, 4, values.len() as u64);
            values.iter().for_each(|value| put(bytes, value));
        }
        Value::Map(pairs) => {
            head(bytes, 5, pairs.len() as u64);
            for (key, value) in pairs {
                put(bytes, key);
                put(bytes, value);
            }
        }
        Value::Bool(value) => bytes.push(0xf4 | u8::from(*value)),
        Value::Null => bytes.push(0xf6),
    }
}

fn head(bytes: &mut Vec<u8>, major: u8, number: u64) {
    let [.., c3, c2, c1, c0] = number.to_be_bytes();
    let major = major << 5;
    match number {
        0..=23 => bytes.push(major | c0),
        24..=0xff => bytes.extend([major | 24, c0]),
        0x100..=0xffff => bytes.extend([major | 25, c1, c0]),
        0x1_0000..=0xffff_ffff => bytes.extend([major | 26, c3, c2, c1, c0]),
        _ => {
            bytes.push(major | 27);
            bytes.extend(number.to_be_bytes());
        }
    }
}
