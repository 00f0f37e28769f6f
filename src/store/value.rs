//! What goes into a statement and comes out of it: four kinds of value, alike on both databases.

use crate::Error;

/// A value. Yes and no are 1 and 0, times are milliseconds since 1970.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
    Null,
}

// Values are what people typed and what is sealed: only their kind is printed.
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Int(_) => "number",
            Self::Text(_) => "text",
            Self::Blob(_) => "bytes",
            Self::Null => "nothing",
        })
    }
}

impl From<u64> for Value {
    /// Numbers above `i64::MAX` become it: they are times and counters that nobody reaches.
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Int(i64::from(yes))
    }
}

impl From<&str> for Value {
    /// PostgreSQL's text has no zero byte; what came from outside may have.
    fn from(text: &str) -> Self {
        Self::Text(text.replace('\0', "\u{fffd}"))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&[u8]> for Value {
    fn from(bytes: &[u8]) -> Self {
        Self::Blob(bytes.to_vec())
    }
}

impl<T> From<Option<T>> for Value
where
    Self: From<T>,
{
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::from)
    }
}

/// The text of something that has one: ids, roles, addresses.
pub(crate) fn text(value: impl std::fmt::Display) -> Value {
    Value::from(value.to_string())
}

/// The values of a statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// A row, read from left to right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    fn next(&mut self) -> Result<Value, Error> {
        self.0.next().ok_or_else(|| Error::Broken("a row has too few columns".to_owned()))
    }

    pub(crate) fn int(&mut self) -> Result<i64, Error> {
        self.maybe_int()?.ok_or_else(|| wrong("a number"))
    }

    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        u64::try_from(self.int()?).map_err(|_| wrong("a number that is not negative"))
    }

    pub(crate) fn yes(&mut self) -> Result<bool, Error> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn maybe_int(&mut self) -> Result<Option<i64>, Error> {
        match self.next()? {
            Value::Int(number) => Ok(Some(number)),
            Value::Null => Ok(None),
            _ => Err(wrong("a number")),
        }
    }

    pub(crate) fn maybe_number(&mut self) -> Result<Option<u64>, Error> {
        let number = self.maybe_int()?.map(u64::try_from).transpose();
        number.map_err(|_| wrong("a number that is not negative"))
    }

    pub(crate) fn text(&mut self) -> Result<String, Error> {
        self.maybe_text()?.ok_or_else(|| wrong("text"))
    }

    pub(crate) fn maybe_text(&mut self) -> Result<Option<String>, Error> {
        match self.next()? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            _ => Err(wrong("text")),
        }
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Error> {
        self.maybe_bytes()?.ok_or_else(|| wrong("bytes"))
    }

    pub(crate) fn maybe_bytes(&mut self) -> Result<Option<Vec<u8>>, Error> {
        match self.next()? {
            Value::Blob(bytes) => Ok(Some(bytes)),
            Value::Null => Ok(None),
            _ => Err(wrong("bytes")),
        }
    }

    /// A column whose text is read as something.
    pub(crate) fn parse<T: std::str::FromStr>(&mut self, what: &'static str) -> Result<T, Error> {
        self.text()?.parse().map_err(|_| wrong(what))
    }
}

pub(crate) fn wrong(what: &str) -> Error {
    Error::Broken(format!("a column is not {what}"))
}

/// What a statement did.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) rows: Vec<Row>,
    /// How many rows it wrote.
    pub(crate) changed: u64,
}

impl Done {
    /// The only row, if there is one.
    pub(crate) fn one(self) -> Option<Row> {
        self.rows.into_iter().next()
    }
}
