//! Kinds of values about the listening side: addresses, ports, paths, headers, origins, TLS.

use std::net::IpAddr;

use super::{Bad, Value, one_of};

/// An address to listen on.
#[derive(Debug)]
pub struct Address;

impl Value for Address {
    type Out = IpAddr;

    fn words() -> String {
        "IPv4 or IPv6 address".into()
    }

    // A name would be looked up at start, and mean another address tomorrow.
    fn parse(text: &str) -> Result<IpAddr, Bad> {
        let hint = if text == "localhost" {
            "write 127.0.0.1 or ::1"
        } else {
            "write an address such as 0.0.0.0, 127.0.0.1 or ::"
        };
        text.parse().map_err(|_| Bad::with(format!("`{text}` is not an address"), hint))
    }
}

/// A port, or nothing.
#[derive(Debug)]
pub struct OptionalPort;

impl Value for OptionalPort {
    type Out = Option<u16>;

    fn words() -> String {
        "port from 0 to 65535, or empty".into()
    }

    fn parse(text: &str) -> Result<Option<u16>, Bad> {
        if text.is_empty() {
            return Ok(None);
        }
        let port = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        port.map(Some).ok_or_else(|| {
            Bad::with(format!("`{text}` is not a port"), "write a whole number from 1 to 65535")
        })
    }
}

/// The path under which everything is served.
#[derive(Debug)]
pub struct RootPath;

impl Value for RootPath {
    type Out = String;

    fn words() -> String {
        "absolute URL path".into()
    }

    /// `/` or `/a/b`, without a slash at its end.
    fn parse(text: &str) -> Result<String, Bad> {
        let path = text.trim_end_matches('/');
        if path.is_empty() && text.starts_with('/') {
            return Ok("/".into());
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let good = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(plain);
        match path.strip_prefix('/') {
            Some(rest) if rest.split('/').all(good) => Ok(path.into()),
            _ => Err(Bad::with(
                format!("`{text}` is not a plain absolute URL path"),
                "begin it with `/` and use letters, digits, `-`, `.`, `_` and `~` between slashes",
            )),
        }
    }
}

/// A response header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// `Name: value`.
#[derive(Debug)]
pub struct HeaderLine;

/// Headers that say how a message is framed, or carry our cookie: setting them would break or forge answers.
const OURS: [&str; 7] =
    ["connection", "content-length", "keep-alive", "set-cookie", "trailer", "transfer-encoding", "upgrade"];

impl Value for HeaderLine {
    type Out = Header;

    fn words() -> String {
        "`Name: value`".into()
    }

    fn parse(text: &str) -> Result<Header, Bad> {
        let hint = "write `Name: value`";
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| Bad::with(format!("`{text}` has no colon after the header's name"), hint))?;
        let (name, value) = (name.trim(), value.trim());
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) {
            return Err(Bad::with(format!("`{name}` is not the name of a header"), hint));
        }
        if !value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Err(Bad::with(
                "the header's value has characters other than ASCII",
                "browsers read headers as ASCII; encode the rest",
            ));
        }
        if OURS.contains(&name.to_ascii_lowercase().as_str()) {
            return Err(Bad::with(
                format!("`{name}` is a header that the server itself decides"),
                "remove the line",
            ));
        }
        Ok(Header { name: name.into(), value: value.into() })
    }
}

/// The cookies' attribute `SameSite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Not said: the server takes `Lax`, which browsers assume as well.
    Unset,
    /// `Lax`.
    Lax,
    /// `None`: for pages framed by another site.
    None,
}

/// A word for [`SameSite`].
#[derive(Debug)]
pub struct SameSiteWord;

impl Value for SameSiteWord {
    type Out = SameSite;

    fn words() -> String {
        "`lax`, `none`, or empty".into()
    }

    fn parse(text: &str) -> Result<SameSite, Bad> {
        one_of(text, &[("", SameSite::Unset), ("lax", SameSite::Lax), ("none", SameSite::None)])
    }
}

/// Who may show our pages in a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FrameOrigin {
    /// Nobody.
    None,
    /// Pages of the same origin.
    Same,
    /// Everybody.
    Any,
    /// These hosts or origins.
    Hosts(Vec<String>),
}

/// Words for [`FrameOrigin`].
#[derive(Debug)]
pub struct FrameOriginWords;

impl Value for FrameOriginWords {
    type Out = FrameOrigin;

    fn words() -> String {
        "`none`, `same`, `any`, or hosts separated by spaces".into()
    }

    fn parse(text: &str) -> Result<FrameOrigin, Bad> {
        match text {
            "none" => return Ok(FrameOrigin::None),
            "same" => return Ok(FrameOrigin::Same),
            "any" => return Ok(FrameOrigin::Any),
            _ => {}
        }
        let hosts: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        if hosts.is_empty() {
            return Err(Bad::with("it is empty", "write none, same, any, or hosts separated by spaces"));
        }
        for host in &hosts {
            source(host)?;
        }
        Ok(FrameOrigin::Hosts(hosts))
    }
}

/// A further origin that may ask for changes.
#[derive(Debug)]
pub struct AllowedOrigin;

impl Value for AllowedOrigin {
    type Out = String;

    fn words() -> String {
        "host, `*` stands for any characters".into()
    }

    fn parse(text: &str) -> Result<String, Bad> {
        source(text)?;
        Ok(text.into())
    }
}

/// Whether a text can stand in a Content-Security-Policy as a source: anything else could end the directive.
fn source(text: &str) -> Result<(), Bad> {
    let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*:[]".contains(&byte);
    if bare.is_empty() || !bare.bytes().all(plain) {
        return Err(Bad::with(
            format!("`{text}` is not a host"),
            "write a host such as www.example.com or *.example.com, with a port where it is not the usual one",
        ));
    }
    Ok(())
}

/// Versions of TLS that are offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    /// TLS 1.2.
    pub tls12: bool,
    /// TLS 1.3.
    pub tls13: bool,
}

/// Words for [`Protocols`].
#[derive(Debug)]
pub struct ProtocolWords;

impl ProtocolWords {
    /// Words that Workbench takes and that nobody should offer any more (RFC 8996).
    pub const BROKEN: [&'static str; 4] = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1"];
}

impl Value for ProtocolWords {
    type Out = Protocols;

    fn words() -> String {
        "`TLSv1.2` and `TLSv1.3`, separated by a space".into()
    }

    fn parse(text: &str) -> Result<Protocols, Bad> {
        let mut found = Protocols { tls12: false, tls13: false };
        for word in text.split_whitespace() {
            match word {
                "TLSv1.2" => found.tls12 = true,
                "TLSv1.3" => found.tls13 = true,
                old if Self::BROKEN.contains(&old) => {}
                _ => {
                    return Err(Bad::with(
                        format!("`{word}` is not a version of TLS"),
                        "write TLSv1.2, TLSv1.3 or both",
                    ));
                }
            }
        }
        if !found.tls12 && !found.tls13 {
            return Err(Bad::with(
                "no version is left that can be offered",
                "write TLSv1.2, TLSv1.3 or both: older ones are broken (RFC 8996)",
            ));
        }
        Ok(found)
    }
}
