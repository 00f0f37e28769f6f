//! The name of an application that an administrator declared: short, plain, and copied rather than shared.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::IdError;

/// Longest name of an application, in bytes: it stands in URLs, log lines and on buttons.
pub const APP_NAME_MAX: usize = 24;

/// Names that mean something else already.
const TAKEN: [&str; 4] = ["jupyter", "rstudio", "code-server", "generic"];

/// The name of a declared application: lower-case letters, digits and `-`, beginning with a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AppName {
    bytes: [u8; APP_NAME_MAX],
    length: u8,
}

impl AppName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl FromStr for AppName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let length = u8::try_from(text.len()).map_err(|_| IdError::TooLong(APP_NAME_MAX))?;
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > APP_NAME_MAX {
            return Err(IdError::TooLong(APP_NAME_MAX));
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !text.bytes().all(plain) {
            return Err(IdError::Character);
        }
        if !text.starts_with(|first: char| first.is_ascii_lowercase()) || TAKEN.contains(&text) {
            return Err(IdError::Reserved);
        }
        let mut bytes = [0; APP_NAME_MAX];
        for (slot, byte) in bytes.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        Ok(Self { bytes, length })
    }
}

impl TryFrom<String> for AppName {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<AppName> for String {
    fn from(name: AppName) -> Self {
        name.as_str().to_owned()
    }
}

impl fmt::Display for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AppName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppName({})", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_plain_and_not_taken() {
        for good in ["shiny", "my-app-2", "a", "abcdefghijklmnopqrstuvwx"] {
            assert_eq!(good.parse::<AppName>().map(|name| name.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "Shiny", "2x", "-x", "a b", "a/b", "a.b", "é", "jupyter", "rstudio", "code-server"] {
            assert!(bad.parse::<AppName>().is_err(), "{bad}");
        }
        assert_eq!("a".repeat(25).parse::<AppName>(), Err(IdError::TooLong(APP_NAME_MAX)));
        assert_eq!("a".repeat(300).parse::<AppName>(), Err(IdError::TooLong(APP_NAME_MAX)));
    }
}
