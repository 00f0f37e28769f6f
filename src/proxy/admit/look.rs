//! What the fields of a request's head say about its message and its connection: one look at each, one place for all.

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};

use super::{Refused, bad};
use crate::hop;

/// How a request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// There is none.
    Nothing,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

/// What one pass over the fields tells.
#[derive(Debug, Default)]
pub(crate) struct Look {
    hosts: u32,
    host_is_host: bool,
    lengths: u32,
    length: Option<u64>,
    encodings: u32,
    chunked: bool,
    upgrade_websocket: bool,
    connection_upgrade: bool,
    closes: bool,
    expects: bool,
    trailers: bool,
    /// Fields that `Connection` names.
    listed: Vec<HeaderName>,
}

impl Look {
    /// Looks at a field; whether it goes further.
    pub(crate) fn note(&mut self, name: &HeaderName, value: &HeaderValue) -> bool {
        let bytes = value.as_bytes();
        match name.as_str().as_bytes()[0] {
            b'h' if *name == HOST => {
                self.hosts += 1;
                self.host_is_host = is_host(bytes);
                return true;
            }
            b'c' if *name == CONTENT_LENGTH => {
                self.lengths += 1;
                self.length = number(bytes);
                return true;
            }
            b'c' if *name == CONNECTION => self.note_connection(value),
            b't' if *name == TRANSFER_ENCODING => {
                self.encodings += 1;
                self.chunked = bytes.eq_ignore_ascii_case(b"chunked");
            }
            b't' if *name == TE => self.trailers |= hop::has_token(value, "trailers"),
            b'u' if *name == UPGRADE => self.upgrade_websocket |= hop::has_token(value, "websocket"),
            b'e' if *name == EXPECT => self.expects |= bytes.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        !hop::is_doomed(name)
    }

    fn note_connection(&mut self, value: &HeaderValue) {
        if value.as_bytes().eq_ignore_ascii_case(b"keep-alive") {
            return;
        }
        self.closes |= hop::has_token(value, "close");
        self.connection_upgrade |= hop::has_token(value, "upgrade");
        self.listed.extend(hop::listed(value));
    }

    /// Looks at a whole map and takes out what goes no further.
    pub(crate) fn strip(headers: &mut HeaderMap) -> Self {
        let mut look = Self::default();
        let mut doomed = false;
        for (name, value) in &*headers {
            doomed |= !look.note(name, value);
        }
        if doomed {
            // Usually one is there: remove by name, keep the map as it is.
            while let Some(name) = headers.keys().find(|name| hop::is_doomed(name)).cloned() {
                headers.remove(name);
            }
        }
        look.strip_listed(headers);
        look
    }

    /// Takes out the fields that `Connection` names, except those a message cannot do without.
    pub(crate) fn strip_listed(&self, headers: &mut HeaderMap) {
        for name in &self.listed {
            headers.remove(name);
        }
    }

    /// The one way to read where the body ends; refused if there are two, or none is sure.
    pub(crate) fn framing(&self, eleven: bool) -> Result<Sent, Refused> {
        match (self.encodings, self.lengths) {
            (0, 0) => Ok(Sent::Nothing),
            (0, 1) => self.length.map(Sent::Length).ok_or(bad("the Content-Length is not a number\n")),
            (0, _) => Err(bad("more than one Content-Length\n")),
            (1, 0) if !eleven => Err(bad("a Transfer-Encoding in an old version\n")),
            (1, 0) if self.chunked => Ok(Sent::Chunked),
            (_, 0) => Err(bad("a Transfer-Encoding other than one `chunked`\n")),
            (_, _) => Err(bad("both Content-Length and Transfer-Encoding\n")),
        }
    }

    /// Whether there is one host, and it is one.
    pub(crate) fn one_host(&self, needed: bool) -> Result<(), Refused> {
        match self.hosts {
            1 if self.host_is_host => Ok(()),
            1 => Err(bad("the Host is not a host\n")),
            0 if needed => Err(bad("no Host\n")),
            0 => Ok(()),
            _ => Err(bad("more than one Host\n")),
        }
    }

    /// `Upgrade: websocket`, meant: without `Connection: upgrade` it is one of the fields that go.
    pub(crate) fn asks_websocket(&self) -> bool {
        self.upgrade_websocket && self.connection_upgrade
    }

    /// Whether an HTTP/1.1 client keeps its connection open.
    pub(crate) fn stays(&self) -> bool {
        !self.closes
    }

    /// Whether the client waits to be told that it may send its body.
    pub(crate) fn expects(&self) -> bool {
        self.expects
    }

    /// Whether the client takes trailers.
    pub(crate) fn takes_trailers(&self) -> bool {
        self.trailers
    }
}

/// Digits only: no sign, no list, no space.
fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 19 && text.iter().all(u8::is_ascii_digit);
    digits.then(|| text.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// What a host may be made of.
const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let bytes = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-._:[]%~";
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
};

/// Letters, digits and what names, IPv6 literals and ports need.
fn is_host(host: &[u8]) -> bool {
    if host.is_empty() || host.len() > 255 || !host.iter().all(|byte| HOST_BYTES[usize::from(*byte)]) {
        return false;
    }
    // A port, if there is one, must be one.
    let after_address = host.iter().rposition(|byte| *byte == b']').map_or(0, |at| at + 1);
    let port = host[after_address..].splitn(2, |byte| *byte == b':').nth(1);
    port.is_none_or(|port| {
        let text = std::str::from_utf8(port).unwrap_or("x");
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text.is_empty() || text.parse::<u16>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(fields: &[(&'static str, &'static str)]) -> (Look, Vec<&'static str>) {
        let mut look = Look::default();
        let left = fields.iter().filter(|(name, value)| {
            look.note(&HeaderName::from_static(name), &HeaderValue::from_static(value))
        });
        let left = left.map(|(name, _)| *name).collect();
        (look, left)
    }

    #[test]
    fn a_body_ends_in_one_way_or_the_request_is_refused() {
        let framing = |fields: &[(&'static str, &'static str)], eleven| look(fields).0.framing(eleven);
        assert_eq!(framing(&[], true), Ok(Sent::Nothing));
        assert_eq!(framing(&[("content-length", "0")], true), Ok(Sent::Length(0)));
        assert_eq!(
            framing(&[("content-length", "9999999999999999999")], false),
            Ok(Sent::Length(9_999_999_999_999_999_999))
        );
        assert_eq!(framing(&[("transfer-encoding", "Chunked")], true), Ok(Sent::Chunked));
        for length in
            ["", "+5", "-1", "0x5", "5_0", "5 5", "5, 5", "5,5", "18446744073709551621", "1.0", "\u{665}"]
        {
            let value = HeaderValue::from_bytes(length.as_bytes()).expect("a value");
            let mut look = Look::default();
            assert!(look.note(&CONTENT_LENGTH, &value));
            assert!(look.framing(true).is_err(), "{length:?}");
        }
        for bad in [
            &[("content-length", "5"), ("content-length", "5")][..],
            &[("content-length", "5"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "chunked"), ("content-length", "5")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked, chunked")],
            &[("transfer-encoding", "identity")],
            &[("transfer-encoding", "")],
        ] {
            assert!(framing(bad, true).is_err(), "{bad:?}");
        }
        assert!(framing(&[("transfer-encoding", "chunked")], false).is_err());
    }

    #[test]
    fn fields_of_one_hop_go_and_are_understood() {
        let (seen, left) = look(&[
            ("host", "h"),
            ("connection", "keep-alive, Upgrade, X-Own, cookie"),
            ("upgrade", "h2c, WebSocket"),
            ("te", "trailers"),
            ("expect", "100-Continue"),
            ("trailer", "x"),
            ("keep-alive", "1"),
            ("proxy-connection", "x"),
            ("x_own", "1"),
            ("cookie", "a=b"),
        ]);
        assert_eq!(left, ["host", "cookie"]);
        assert!(seen.asks_websocket() && seen.stays() && seen.expects() && seen.takes_trailers());
        assert_eq!(seen.listed, ["x-own"]);
        assert!(seen.one_host(true).is_ok());
        assert!(!look(&[("connection", "Close")]).0.stays());
        assert!(!look(&[("connection", "close"), ("connection", "keep-alive")]).0.stays());
        assert!(!look(&[("upgrade", "websocket")]).0.asks_websocket());
        assert!(!look(&[("upgrade", "h2c"), ("connection", "upgrade")]).0.asks_websocket());
        for hosts in [&[("host", "a"), ("host", "a")][..], &[("host", "a b")], &[]] {
            assert!(look(hosts).0.one_host(true).is_err(), "{hosts:?}");
        }
        assert!(look(&[]).0.one_host(false).is_ok());
    }

    #[test]
    fn a_map_is_left_with_what_goes_further() {
        let fields = [
            ("connection", "close, X-Own , cookie, HOST"),
            ("x-own", "1"),
            ("cookie", "a=b"),
            ("host", "h"),
            ("te", "trailers"),
            ("proxy-authorization", "x"),
            ("http2-settings", "AA"),
            ("x_forwarded_user", "root"),
            ("accept", "*/*"),
        ];
        let pairs =
            fields.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers: HeaderMap = pairs.into_iter().collect();
        Look::strip(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "cookie", "host"]);
    }
    #[test]
    fn hosts() {
        for good in ["a", "a.example", "a:80", "A.Example.", "[::1]", "[::1]:8787", "127.0.0.1:1", "xn--a"] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in ["", "user@a", "a b", "a:99999", "a:b", "a/b", "[::1]x:y", "a\tb", "a,b", "a:80:80"] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
