//! `openid-client-secret`: our name and secret at an OpenID provider.
//!
//! A file of its own beside rserver.conf, because it is a secret: it is never part of the texts that the web server is given.
//! Who reads it (the launcher) sees to its owner and mode; here its text is read.

use portcullis_model::Secret;
use thiserror::Error;

/// Its name below the configuration directory, as RStudio Workbench has it.
pub const CLIENT_FILE: &str = "openid-client-secret";
/// Longest file that is read, in bytes: a name and a secret.
pub const CLIENT_FILE_MAX: u64 = 8 * 1024;

/// Why the file says no client. No text of it is repeated: it may be the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientError {
    /// Not UTF-8, or with control characters.
    #[error("it has bytes that are not text")]
    Text,
    /// A line that isn't `client-id=` or `client-secret=`.
    #[error("line {0} is neither `client-id=…` nor `client-secret=…`")]
    Line(usize),
    /// A line that stands there twice.
    #[error("line {0} says again what an earlier one says")]
    Twice(usize),
    /// No `client-id`.
    #[error("there is no `client-id`")]
    NoId,
}

/// Our name and secret at a provider.
#[derive(Debug, Clone)]
pub struct Client {
    /// The name; not a secret.
    pub id: String,
    /// The secret; none for a client that has none.
    pub secret: Option<Secret>,
}

impl Client {
    /// Reads the file's text.
    ///
    /// # Errors
    /// [`ClientError`] says which line is wrong.
    pub fn parse(text: &Secret) -> Result<Self, ClientError> {
        let text = std::str::from_utf8(text.expose()).map_err(|_| ClientError::Text)?;
        let (mut id, mut secret) = (None, None);
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').ok_or(ClientError::Line(number))?;
            let value = value.trim();
            if value.chars().any(char::is_control) {
                return Err(ClientError::Text);
            }
            let slot = match key.trim() {
                "client-id" => &mut id,
                "client-secret" => &mut secret,
                _ => return Err(ClientError::Line(number)),
            };
            if slot.replace(Secret::from(value.to_owned())).is_some() {
                return Err(ClientError::Twice(number));
            }
        }
        let id = id.filter(|id: &Secret| !id.is_empty()).ok_or(ClientError::NoId)?;
        let id = String::from_utf8(id.expose().to_vec()).map_err(|_| ClientError::Text)?;
        Ok(Self { id, secret: secret.filter(|secret| !secret.is_empty()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Option<String>), ClientError> {
        let client = Client::parse(&Secret::from(text.to_owned()))?;
        let secret = client.secret.map(|secret| String::from_utf8(secret.expose().to_vec()).expect("text"));
        Ok((client.id, secret))
    }

    #[test]
    fn a_client_has_a_name_and_perhaps_a_secret() {
        let both = Ok(("abc".to_owned(), Some("s=c#ret".to_owned())));
        assert_eq!(read("client-id=abc\nclient-secret=s=c#ret\n"), both);
        assert_eq!(read("# ours\n\n client-secret = s=c#ret \r\nclient-id=abc"), both);
        assert_eq!(read("client-id=abc\n"), Ok(("abc".to_owned(), None)));
        assert_eq!(read("client-id=abc\nclient-secret=\n"), Ok(("abc".to_owned(), None)));
    }

    #[test]
    fn files_that_say_no_client() {
        for (text, why) in [
            ("", ClientError::NoId),
            ("client-secret=x", ClientError::NoId),
            ("client-id=", ClientError::NoId),
            ("client-id=a\nsecret=x", ClientError::Line(2)),
            ("client-id=a\nhunter2", ClientError::Line(2)),
            ("client-id=a\nclient-id=b", ClientError::Twice(2)),
            ("client-id=a\u{7}b", ClientError::Text),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error, why, "{text}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(Client::parse(&Secret::new(vec![0xff])).err(), Some(ClientError::Text));
        let client =
            Client::parse(&Secret::from("client-id=a\nclient-secret=hunter2".to_owned())).expect("a client");
        assert!(!format!("{client:?}").contains("hunter2"));
    }
}
