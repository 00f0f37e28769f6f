//! Header and content of a kernel's message, as far as they are read.
//!
//! A name that stands twice is refused: kernels differ in which of the two they take (R the first, Python the last). So is anything
//! but an object where an object belongs.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Reads an object; an array, which `serde` would take for one, is none.
pub(super) fn object<'m, T: Deserialize<'m>>(text: &'m str) -> Option<T> {
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Text as JavaScript has it: half a surrogate pair, which is no Unicode, becomes U+FFFD.
#[derive(Debug, Default)]
pub(super) struct Text<'m>(pub(super) Cow<'m, str>);

impl<'de: 'm, 'm> Deserialize<'de> for Text<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_borrowed_bytes<E>(self, bytes: &'de [u8]) -> Result<Text<'de>, E> {
                Ok(Text(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(String::from_utf8_lossy(bytes).into_owned())))
            }
        }

        // Asked for bytes, `serde_json` takes only a string (or an array, which the reader refuses).
        deserializer.deserialize_bytes(Reader)
    }
}

/// Any object, of which nothing is kept.
#[derive(Debug)]
pub(super) struct Anything;

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// What of a header counts.
#[derive(Debug, Deserialize)]
pub(super) struct Header<'m> {
    #[serde(borrow)]
    pub(super) msg_type: Text<'m>,
}

/// `execute_request`. A request without `code` is none: R would take any name that begins alike.
#[derive(Debug, Deserialize)]
pub(super) struct Execute<'m> {
    #[serde(borrow)]
    pub(super) code: Text<'m>,
    #[serde(default)]
    pub(super) silent: Option<serde_json::Value>,
    #[serde(default, borrow)]
    pub(super) user_expressions: Option<Expressions<'m>>,
    /// Of clients that speak version 4: evaluated like expressions.
    #[serde(default, borrow)]
    pub(super) user_variables: Option<Vec<Text<'m>>>,
}

/// `complete_request`, `inspect_request`.
#[derive(Debug, Deserialize)]
pub(super) struct Code<'m> {
    #[serde(borrow, default)]
    pub(super) code: Option<Text<'m>>,
    /// Of clients that speak version 4.
    #[serde(borrow, default)]
    pub(super) line: Option<Text<'m>>,
}

/// `input_reply`.
#[derive(Debug, Deserialize)]
pub(super) struct Reply<'m> {
    #[serde(borrow)]
    pub(super) value: Text<'m>,
}

/// `debug_request`.
#[derive(Debug, Deserialize)]
pub(super) struct Debug<'m> {
    #[serde(borrow)]
    pub(super) command: Text<'m>,
}

/// Commands of a debugger that evaluate and change nothing; the interface sends them by itself.
pub(super) const LOOKS: [&str; 8] = [
    "debugInfo",
    "initialize",
    "threads",
    "stackTrace",
    "scopes",
    "variables",
    "modules",
    "inspectVariables",
];

/// `user_expressions`: names and what is evaluated.
#[derive(Debug)]
pub(super) struct Expressions<'m>(pub(super) Vec<(Text<'m>, Text<'m>)>);

impl<'de: 'm, 'm> Deserialize<'de> for Expressions<'m> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Expressions<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("names and expressions")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Expressions<'de>, A::Error> {
                // Whichever of two with one name is evaluated: both are kept.
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    all.push(entry);
                }
                Ok(Expressions(all))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}
