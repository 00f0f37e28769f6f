//! Addresses of providers: `https://host[:port]/path[?query]`, and nothing that could be read in two ways.

use std::fmt;

use http::Uri;
use rustls_pki_types::ServerName;
use thiserror::Error;

/// Longest address, in bytes; browsers and providers take no longer ones either.
pub const ADDRESS_MAX: usize = 4 * 1024;
/// Port of `https`.
const PORT: u16 = 443;

/// Why a text is no address of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadAddress {
    /// Longer than [`ADDRESS_MAX`].
    #[error("the address is longer than {ADDRESS_MAX} bytes")]
    TooLong,
    /// Not of the form of an address.
    #[error("`{0}` is not an address")]
    Form(String),
    /// Another scheme. Also plain `http` on the loopback is refused: on a machine with many accounts anybody may listen there
    /// as soon as the provider doesn't.
    #[error("`{0}` is not an https address")]
    Scheme(String),
    /// A name and password, or a fragment, stands in it.
    #[error("`{0}` has a part that an address of a provider can't have")]
    Part(String),
}

/// An address that is asked by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    host: String,
    port: u16,
    target: String,
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    /// [`BadAddress`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, BadAddress> {
        if text.len() > ADDRESS_MAX {
            return Err(BadAddress::TooLong);
        }
        let shown = || text.chars().take(200).flat_map(char::escape_debug).collect::<String>();
        // `http::Uri` drops a fragment without a word.
        if text.contains('#') {
            return Err(BadAddress::Part(shown()));
        }
        if text.bytes().any(|byte| !byte.is_ascii_graphic()) || text.contains('\\') {
            return Err(BadAddress::Form(shown()));
        }
        let uri: Uri = text.parse().map_err(|_| BadAddress::Form(shown()))?;
        let scheme = uri.scheme_str().ok_or_else(|| BadAddress::Form(shown()))?;
        if scheme != "https" {
            return Err(BadAddress::Scheme(shown()));
        }
        let authority = uri.authority().ok_or_else(|| BadAddress::Form(shown()))?;
        if authority.as_str().contains('@') {
            return Err(BadAddress::Part(shown()));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(BadAddress::Form(shown()));
        }
        // A port that is no number is dropped by `Uri` too: what stands there must be what is used.
        let port = match authority
            .as_str()
            .rsplit_once("]")
            .map_or(authority.as_str(), |(_, rest)| rest)
            .split_once(':')
        {
            Some((_, port)) => {
                port.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(|| BadAddress::Form(shown()))?
            }
            None => PORT,
        };
        let target = uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
        Ok(Self { text: text.to_owned(), host, port, target })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Name or address of the machine, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query, as a request names them.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// Whether a query stands in it.
    pub fn has_query(&self) -> bool {
        self.target.contains('?')
    }

    /// The field `Host`.
    pub(crate) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == PORT { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_providers() {
        for (text, host, port, target, authority) in [
            ("https://idp.example", "idp.example", 443, "/", "idp.example"),
            ("https://IDP.Example/a/b?c=d", "idp.example", 443, "/a/b?c=d", "idp.example"),
            ("https://idp.example:8443/", "idp.example", 8443, "/", "idp.example:8443"),
            ("https://127.0.0.1:1/x", "127.0.0.1", 1, "/x", "127.0.0.1:1"),
            ("https://[2001:db8::1]:8443/x", "2001:db8::1", 8443, "/x", "[2001:db8::1]:8443"),
            ("https://[::1]", "::1", 443, "/", "[::1]"),
        ] {
            let address = Address::parse(text).expect(text);
            let read = (address.host(), address.port(), address.target(), address.authority());
            assert_eq!(read, (host, port, target, authority.to_owned()), "{text}");
            assert_eq!(address.as_str(), text);
        }
    }

    #[test]
    fn what_is_no_address_of_a_provider() {
        let form = |text: &str| matches!(Address::parse(text), Err(BadAddress::Form(_)));
        let part = |text: &str| matches!(Address::parse(text), Err(BadAddress::Part(_)));
        let scheme = |text: &str| matches!(Address::parse(text), Err(BadAddress::Scheme(_)));
        for text in [
            "",
            "idp.example",
            "/path",
            "https://",
            "https://a b/",
            "https://a\r\nb/",
            "https://a\\@b/",
            "https://ä/",
            "https://a:port/",
            "https://a:0/",
            "https://a:99999/",
            "https://a:/",
        ] {
            assert!(form(text), "{text:?}: {:?}", Address::parse(text));
        }
        for text in ["https://a@b/", "https://a:b@c/", "https://a/#b", "https://good.example#@evil.example/"]
        {
            assert!(part(text), "{text:?}: {:?}", Address::parse(text));
        }
        // The loopback is no exception.
        for text in
            ["http://idp.example/", "http://127.0.0.1:8080/", "http://localhost/", "ftp://idp.example/"]
        {
            assert!(scheme(text), "{text:?}: {:?}", Address::parse(text));
        }
        assert_eq!(
            Address::parse(&format!("https://a/{}", "x".repeat(ADDRESS_MAX))),
            Err(BadAddress::TooLong)
        );
    }
}
