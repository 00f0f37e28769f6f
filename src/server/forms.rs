//! Our own forms: small, `application/x-www-form-urlencoded`, each field once.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap};
use percent_encoding::percent_decode;
use portcullis_proxy::Incoming;
use portcullis_proxy::upload::{CollectError, collect};
use thiserror::Error;
use zeroize::Zeroizing;

/// Largest form: a password of PAM's 512 bytes, three times over when every byte is escaped, beside an address of 2,048 bytes
/// and a dozen prompts.
pub(crate) const FORM_MAX: u64 = 16 * 1024;

/// Time for one: a few kilobytes pass any line in a second.
const FORM_WITHIN: Duration = Duration::from_secs(30);

/// Why a form is not taken.
#[derive(Debug, Error)]
pub(crate) enum FormError {
    /// Not a form's type: another site can send others without asking.
    #[error("the request is not a form")]
    Kind,
    /// Larger than it may be: [`FORM_MAX`], or what the place takes.
    #[error("the form is larger than it may be")]
    TooLarge,
    /// It took too long.
    #[error("the form did not arrive within {FORM_WITHIN:?}")]
    Slow,
    /// It broke off.
    #[error("the form did not arrive whole")]
    Broken(#[source] CollectError),
    /// Escapes or bytes that are no text.
    #[error("the form is malformed")]
    Malformed,
}

/// A form's fields. Their memory is wiped: some are secrets.
#[derive(Debug)]
pub(crate) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Reads one.
    ///
    /// # Errors
    /// See [`FormError`].
    pub(crate) async fn read(headers: &HeaderMap, body: Incoming) -> Result<Self, FormError> {
        Self::read_up_to(headers, body, FORM_MAX).await
    }

    /// Reads one of at most so many bytes.
    ///
    /// # Errors
    /// See [`FormError`].
    pub(crate) async fn read_up_to(
        headers: &HeaderMap,
        body: Incoming,
        most: u64,
    ) -> Result<Self, FormError> {
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or_default();
        let end = kind.iter().position(|byte| *byte == b';').unwrap_or(kind.len());
        if !kind[..end].trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
            return Err(FormError::Kind);
        }
        match collect(body, most, FORM_WITHIN).await {
            Ok(bytes) => Self::parse(&bytes),
            Err(CollectError::TooLarge { .. }) => Err(FormError::TooLarge),
            Err(CollectError::Slow(_)) => Err(FormError::Slow),
            Err(error) => Err(FormError::Broken(error)),
        }
    }

    fn parse(bytes: &Bytes) -> Result<Self, FormError> {
        let pieces = bytes.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty());
        let field = |piece: &[u8]| {
            let at = piece.iter().position(|byte| *byte == b'=').unwrap_or(piece.len());
            let (name, value) = (&piece[..at], piece.get(at + 1..).unwrap_or_default());
            Ok((text(name)?.as_str().to_owned(), text(value)?))
        };
        pieces.map(field).collect::<Result<_, _>>().map(Self)
    }

    /// A field that is there once; empty when it isn't there or there twice.
    pub(crate) fn one<'a>(&'a self, name: &'a str) -> &'a str {
        let mut found = self.all(name);
        match (found.next(), found.next()) {
            (Some(value), None) => value,
            _ => "",
        }
    }

    /// All fields of one name, in order.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// One value of a query (`a=b&c=d`), decoded.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    let pair = query.split('&').find(|pair| pair.split('=').next() == Some(name))?;
    let value = pair.split_once('=').map_or("", |(_, value)| value);
    text(value.as_bytes()).ok().map(|value| value.as_str().to_owned())
}

fn text(raw: &[u8]) -> Result<Zeroizing<String>, FormError> {
    let spaced =
        Zeroizing::new(raw.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>());
    let decoded = percent_decode(&spaced).collect::<Vec<u8>>();
    match String::from_utf8(decoded) {
        Ok(text) if !text.contains('\0') => Ok(Zeroizing::new(text)),
        Ok(text) => {
            drop(Zeroizing::new(text));
            Err(FormError::Malformed)
        }
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(FormError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &'static str) -> Result<Form, FormError> {
        Form::parse(&Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn fields_are_decoded_once_and_must_be_single() {
        let form = form("username=a%2Bb&password=p+q%25&answer=1&answer=&x&username2=").expect("a form");
        assert_eq!((form.one("username"), form.one("password"), form.one("x")), ("a+b", "p q%", ""));
        assert_eq!((form.one("answer"), form.one("none")), ("", ""));
        assert_eq!(form.all("answer").collect::<Vec<_>>(), ["1", ""]);
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        for bad in ["a=%ff", "a=%00", "%c0%ae=1"] {
            assert!(matches!(form(bad), Err(FormError::Malformed)), "{bad}");
        }
    }

    #[test]
    fn a_query_value_is_found_by_its_whole_name() {
        assert_eq!(query_value("xappUri=1&appUri=%2Fs%2Fx%3Fa", "appUri").as_deref(), Some("/s/x?a"));
        assert_eq!(query_value("live=1", "live").as_deref(), Some("1"));
        assert_eq!(query_value("live", "live").as_deref(), Some(""));
        assert_eq!(query_value("alive=1", "live"), None);
    }
}
