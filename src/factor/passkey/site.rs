//! Who asks: the origin of our pages, and the relying party's id that follows from it.

use thiserror::Error;

/// Why passkeys can't be had at an origin. Browsers would refuse too, with less to go by.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SiteError {
    /// Not `https://host` or `https://host:port`, in lower case and without anything after it.
    #[error("`{0}` is not an origin")]
    Form(String),
    /// No TLS, and not the machine's own name for itself.
    #[error("`{0}` has no TLS, which passkeys need")]
    Plain(String),
    /// An address instead of a name: no relying party's id can be made of it.
    #[error("`{0}` is an address; passkeys need a host's name")]
    Address(String),
}

/// The origin people see in the browser, and the host in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    origin: String,
    host: usize,
    name: String,
}

impl Site {
    /// The site at an origin as browsers write it: `https://rstudio.example.test`, `https://rstudio.example.test:8443`. The
    /// usual port is left out as browsers do. `http` only for `localhost`, which browsers trust. `name` is what is shown
    /// beside the request for the key.
    ///
    /// The relying party's id is the whole host, never a parent domain: a page of a neighbour can't ask for our keys.
    ///
    /// # Errors
    /// See [`SiteError`].
    pub fn new(origin: &str, name: &str) -> Result<Self, SiteError> {
        let form = || SiteError::Form(origin.chars().take(128).collect());
        let (scheme, rest) = origin.split_once("://").ok_or_else(form)?;
        let usual = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return Err(form()),
        };
        let rest = rest.strip_suffix(usual).unwrap_or(rest);
        if rest.starts_with('[') {
            return Err(SiteError::Address(rest.to_owned()));
        }
        let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
        if port.is_some_and(|port| {
            port.starts_with('0') || port.starts_with('+') || port.parse::<u16>().is_err()
        }) {
            return Err(form());
        }
        let label = |label: &str| {
            let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len())
                && label.bytes().all(good)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if host.len() > 253 || !host.split('.').all(label) {
            return Err(form());
        }
        // The last label of a name is never a number (RFC 1123, section 2.1; the URL standard's host parser).
        if host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(SiteError::Address(host.to_owned()));
        }
        if scheme == "http" && host != "localhost" {
            return Err(SiteError::Plain(format!("http://{rest}")));
        }
        Ok(Self { origin: format!("{scheme}://{rest}"), host: host.len(), name: name.to_owned() })
    }

    /// The origin, as client data must name it.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The relying party's id: the host.
    pub fn id(&self) -> &str {
        let start = self.origin.find("://").map_or(0, |at| at + 3);
        &self.origin[start..start + self.host]
    }

    /// What is shown beside the request for the key.
    pub fn name(&self) -> &str {
        &self.name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_writes_and_its_host_is_the_id() {
        for (given, origin, id) in [
            ("https://rstudio.example.test", "https://rstudio.example.test", "rstudio.example.test"),
            ("https://rstudio.example.test:443", "https://rstudio.example.test", "rstudio.example.test"),
            (
                "https://rstudio.example.test:8443",
                "https://rstudio.example.test:8443",
                "rstudio.example.test",
            ),
            ("http://localhost:8787", "http://localhost:8787", "localhost"),
            ("http://localhost:80", "http://localhost", "localhost"),
            ("https://xn--jrgen-kva.example", "https://xn--jrgen-kva.example", "xn--jrgen-kva.example"),
        ] {
            let site = Site::new(given, "Portcullis").expect(given);
            assert_eq!((site.origin(), site.id(), site.name()), (origin, id, "Portcullis"));
        }
    }

    #[test]
    fn what_browsers_would_not_take_is_refused_with_the_reason() {
        let refused = |origin: &str| Site::new(origin, "x").map(|_| ()).expect_err(origin);
        for bad in [
            "",
            "https://",
            "rstudio.example.test",
            "https://Rstudio.example.test",
            "https://a.test/",
            "https://a.test/x",
            "https://u@a.test",
            "https://a..test",
            "https://-a.test",
            "https://a.test:",
            "https://a.test:+1",
            "https://a.test:080",
            "https://a.test:65536",
            "https://jürgen.test",
            "ftp://a.test",
            "https://a.test?x",
            "https://a.test.",
            "https://a test",
        ] {
            assert_eq!(refused(bad), SiteError::Form(bad.to_owned()));
        }
        for bad in ["https://192.0.2.1", "https://[::1]:8787", "http://127.0.0.1:8787", "https://1"] {
            assert!(matches!(refused(bad), SiteError::Address(_)), "{bad}");
        }
        for bad in ["http://a.test", "http://localhost.evil.test"] {
            assert_eq!(refused(bad), SiteError::Plain(bad.to_owned()));
        }
    }
}
