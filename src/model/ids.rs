//! Names and numbers that cross a crate border: each is a type, so that a uid is never mistaken for a port.
//!
//! Untrusted text becomes one of these at the border or is refused there; there is no `validate()` later.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest user name accepted, in bytes: `LOGIN_NAME_MAX` of Linux (256) less its terminating zero.
pub const USER_NAME_MAX: usize = 255;

/// Why a text is not a name or an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// More bytes than the limit beside the type.
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    /// A character that would mean something else in a path, a shell, a log line or a passwd file.
    #[error("it has a character that a name can't have")]
    Character,
    /// `.`, `..` or a leading `-`: a path or an option, not a name.
    #[error("it reads as a path or an option")]
    Reserved,
    /// Not of the fixed form (so many hexadecimal digits).
    #[error("it is not of the form of an id")]
    Form,
}

/// The name of an account, as typed or as the name service gives it.
///
/// Excluded are separators of paths and passwd lines, white space, control characters, quotes and `%`; letters of any script,
/// `@`, `\`, `+` and `$` are allowed, because directory services use them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserName {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        if text.is_empty() {
            return Err(IdError::Empty);
        }
        if text.len() > USER_NAME_MAX {
            return Err(IdError::TooLong(USER_NAME_MAX));
        }
        let bad = |c: char| c.is_control() || c.is_whitespace() || "/:,;|&<>()[]{}*?!'\"`%#=~^".contains(c);
        if text.chars().any(bad) {
            return Err(IdError::Character);
        }
        if text.starts_with('-') || text == "." || text == ".." {
            return Err(IdError::Reserved);
        }
        Ok(Self(text))
    }
}

impl FromStr for UserName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::try_from(text.to_owned())
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A user's number (`uid_t`).
    Uid(u32)
}
number! {
    /// A group's number (`gid_t`).
    Gid(u32)
}
number! {
    /// A process number (`pid_t`), always positive here.
    Pid(i32)
}
number! {
    /// A TCP port.
    Port(u16)
}

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; $bytes]);

        impl $name {
            /// How many hexadecimal digits its text has.
            pub const TEXT_LEN: usize = $bytes * 2;

            /// A fresh one from the kernel's random source.
            ///
            /// # Errors
            /// When the kernel's random source can't be read; nothing may go on without it.
            pub fn random() -> Result<Self, getrandom::Error> {
                let mut bytes = [0; $bytes];
                getrandom::fill(&mut bytes)?;
                Ok(Self(bytes))
            }

            /// From its bytes, for tests and for decoding.
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let digits = text.as_bytes();
                if digits.len() != Self::TEXT_LEN {
                    return Err(IdError::Form);
                }
                let mut bytes = [0; $bytes];
                for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                    *byte = (hex(pair[0])? << 4) | hex(pair[1])?;
                }
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

random_id! {
    /// A session: 64 random bits, 16 lower-case hexadecimal digits in `/s/<id>/`. Not a secret: the cookie is what counts.
    SessionId, 8
}
random_id! {
    /// An exemption: 8 lower-case hexadecimal digits, few enough to be typed. Not a secret; the launcher sees to it that none is
    /// given twice at a time.
    ExemptionId, 4
}
random_id! {
    /// A sign-in: 128 random bits. It stands inside the signed cookie and is what a revocation names.
    SignInId, 16
}

random_id! {
    /// An account: 128 random bits, given once and to nobody else after the account is removed.
    AccountId, 16
}
random_id! {
    /// A group: 128 random bits.
    GroupId, 16
}
random_id! {
    /// An enrolled second factor: 128 random bits.
    FactorId, 16
}
random_id! {
    /// A machine among those that share a database: 128 random bits, made once by its launcher.
    NodeId, 16
}

/// One lower-case hexadecimal digit; upper case is refused so that an id has one spelling only.
fn hex(digit: u8) -> Result<u8, IdError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(IdError::Form),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_directory_services_pass_and_paths_do_not() {
        for good in ["alice", "DOM\\alice", "alice@example.test", "jürgen", "svc-1.$"] {
            assert_eq!(good.parse::<UserName>().expect("a name").as_str(), good);
        }
        for (bad, why) in [
            ("", IdError::Empty),
            ("..", IdError::Reserved),
            ("-oProxy", IdError::Reserved),
            ("a/b", IdError::Character),
            ("a:b", IdError::Character),
            ("a b", IdError::Character),
            ("a\0", IdError::Character),
            ("a\u{85}b", IdError::Character),
        ] {
            assert_eq!(bad.parse::<UserName>(), Err(why), "{bad:?}");
        }
        assert_eq!("x".repeat(256).parse::<UserName>(), Err(IdError::TooLong(255)));
    }

    #[test]
    fn an_id_has_one_spelling() {
        let id = SessionId::from_bytes([0, 1, 2, 3, 0xab, 0xcd, 0xef, 0xff]);
        assert_eq!(id.to_string(), "00010203abcdefff");
        assert_eq!("00010203abcdefff".parse(), Ok(id));
        for bad in ["00010203ABCDEFFF", "00010203abcdeff", "00010203abcdefff0", "0001020 abcdefff"] {
            assert_eq!(bad.parse::<SessionId>(), Err(IdError::Form), "{bad}");
        }
    }
}
