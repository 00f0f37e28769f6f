//! The door for requests: refuses what is ambiguous and brings all versions of HTTP to one form.
//!
//! What the handler decides on is what is sent on: one host, one target, one framing. Pure but for the
//! request it edits; called by `connection` for every request before the handler.

use std::sync::Arc;

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, Uri};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;

use crate::body::Body;
use crate::conn::Busy;
use crate::cut::Cut;
use crate::gauges::Gauges;
use crate::{hop, scan};

mod handshake;

pub(crate) use handshake::accept_for;

/// Extension of a request that asks for a WebSocket, validated; see [`tunnel`](crate::tunnel()).
///
/// A request with it is a GET whether it came by HTTP/1.1 Upgrade or HTTP/2 extended CONNECT; its
/// `Sec-WebSocket-*` fields are in place, `Connection` and `Upgrade` are gone.
#[derive(Debug, Clone)]
pub struct WebSocketAsk {
    /// Over HTTP/2, where there is no key and the answer is 200.
    pub(crate) h2: bool,
    /// Keeps the connection from counting as idle.
    pub(crate) busy: Busy,
    /// Counts open tunnels.
    pub(crate) gauges: Arc<Gauges>,
    /// Ends the tunnel when its thread's listener has drained.
    pub(crate) going: Cut,
}

/// What a WebSocket will need of the connection it came on.
pub(crate) trait Tie {
    fn tie(&self, h2: bool) -> WebSocketAsk;
}

/// Why a request goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) what: &'static str,
}

const fn bad(what: &'static str) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, what }
}

impl Refused {
    /// The answer; closes the connection, since what follows on it may be part of the same confusion.
    pub(crate) fn response(self, version: Version) -> Response<Body> {
        let mut response = Response::new(Body::full(self.what));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if version < Version::HTTP_2 {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        response
    }
}

/// Lets a request in, in its one form. `seen` are the scanner's flags of an HTTP/1 head.
pub(crate) fn admit(request: &mut Request<Incoming>, seen: u8, tie: &impl Tie) -> Result<(), Refused> {
    match request.version() {
        Version::HTTP_11 | Version::HTTP_10 => admit_one(request, seen, tie),
        Version::HTTP_2 => admit_two(request, tie),
        _ => Err(Refused { status: StatusCode::HTTP_VERSION_NOT_SUPPORTED, what: "unknown HTTP version\n" }),
    }
}

fn admit_one(request: &mut Request<Incoming>, seen: u8, tie: &impl Tie) -> Result<(), Refused> {
    if seen & scan::BARE_LF != 0 {
        return Err(bad("a line of the request's head ends without a carriage return\n"));
    }
    if seen & scan::LENGTHS != 0 {
        return Err(bad("more than one Content-Length\n"));
    }
    if seen & scan::ENCODING != 0 && seen & scan::LENGTH != 0 {
        return Err(bad("both Content-Length and Transfer-Encoding\n"));
    }
    if request.method() == Method::CONNECT {
        return Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            what: "this is not a forward proxy\n",
        });
    }
    origin_form(request)?;
    let headers = request.headers();
    let look = Look::at(headers);
    look.one_host(request.version() == Version::HTTP_11)?;
    let chunked = look.encoded && one_encoding(headers)?;
    if look.upgrade && request.version() == Version::HTTP_11 && wants_websocket(headers) {
        let bodiless = !chunked && headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
        if request.method() != Method::GET || !bodiless {
            return Err(bad("a websocket handshake is a GET without a body\n"));
        }
        handshake::check(headers, false)?;
        request.extensions_mut().insert(tie.tie(false));
    }
    if look.doomed {
        hop::strip_request(request.headers_mut());
    }
    Ok(())
}

/// What one pass over the fields tells; most requests need nothing more.
#[derive(Default)]
struct Look {
    hosts: u32,
    host_is_host: bool,
    encoded: bool,
    upgrade: bool,
    /// Something must be removed.
    doomed: bool,
}

impl Look {
    fn at(headers: &HeaderMap) -> Self {
        let mut look = Self::default();
        for (name, value) in headers {
            if *name == HOST {
                look.hosts += 1;
                look.host_is_host = is_host(value.as_bytes());
            } else if hop::is_doomed(name) {
                look.doomed = true;
                look.encoded |= *name == TRANSFER_ENCODING;
                look.upgrade |= *name == UPGRADE;
            }
        }
        look
    }

    fn one_host(&self, needed: bool) -> Result<(), Refused> {
        match self.hosts {
            1 if self.host_is_host => Ok(()),
            1 => Err(bad("the Host is not a host\n")),
            0 if needed => Err(bad("no Host\n")),
            0 => Ok(()),
            _ => Err(bad("more than one Host\n")),
        }
    }
}

fn admit_two(request: &mut Request<Incoming>, tie: &impl Tie) -> Result<(), Refused> {
    if request.method() == Method::CONNECT {
        let websocket = request
            .extensions()
            .get::<hyper::ext::Protocol>()
            .is_some_and(|protocol| protocol.as_ref().eq_ignore_ascii_case(b"websocket"));
        if !websocket {
            let what = "this is not a forward proxy\n";
            return Err(Refused { status: StatusCode::METHOD_NOT_ALLOWED, what });
        }
        handshake::check(request.headers(), true)?;
        *request.method_mut() = Method::GET;
        request.extensions_mut().insert(tie.tie(true));
    }
    let authority = request.uri().authority().cloned();
    origin_form(request)?;
    let headers = request.headers_mut();
    if let Some(authority) = authority {
        agree(headers, &authority)?;
        let host =
            HeaderValue::from_str(authority.as_str()).map_err(|_| bad("the authority is not a host\n"))?;
        headers.insert(HOST, host);
    }
    let look = Look::at(headers);
    look.one_host(true)?;
    join_cookies(headers)?;
    if look.doomed {
        hop::strip_request(headers);
    }
    Ok(())
}

/// `http://host/path` and `/path` both become `/path`; everything else is no target of ours.
fn origin_form(request: &mut Request<Incoming>) -> Result<(), Refused> {
    let uri = request.uri();
    if uri.scheme().is_none() && uri.authority().is_none() {
        let fine = uri.path().starts_with('/') || (uri.path() == "*" && request.method() == Method::OPTIONS);
        return if fine { Ok(()) } else { Err(bad("the request's target is not a path\n")) };
    }
    if !uri.scheme_str().is_some_and(|scheme| matches!(scheme, "http" | "https")) {
        return Err(bad("the request's target is neither a path nor an http address\n"));
    }
    let target = uri.path_and_query().cloned().ok_or(bad("the request's target has no path\n"))?;
    if !target.as_str().starts_with('/') {
        return Err(bad("the request's target has no path\n"));
    }
    let authority = uri.authority().cloned();
    if let (Version::HTTP_10 | Version::HTTP_11, Some(authority)) = (request.version(), authority) {
        agree(request.headers(), &authority)?;
    }
    *request.uri_mut() = Uri::from(target);
    Ok(())
}

/// A `Host` beside an authority must say the same.
fn agree(headers: &HeaderMap, authority: &Authority) -> Result<(), Refused> {
    if authority.as_str().contains('@') {
        return Err(bad("the request's authority holds a user\n"));
    }
    let same = |host: &HeaderValue| host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes());
    if headers.get_all(HOST).iter().all(same) { Ok(()) } else { Err(bad("two different hosts\n")) }
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

/// Whether the body is chunked; any other encoding, or two, is refused.
fn one_encoding(headers: &HeaderMap) -> Result<bool, Refused> {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    match (encodings.next(), encodings.next()) {
        (None, _) => Ok(false),
        (Some(one), None) if one.as_bytes().eq_ignore_ascii_case(b"chunked") => Ok(true),
        _ => Err(bad("a Transfer-Encoding other than one `chunked`\n")),
    }
}

/// `Upgrade: websocket`, meant: without `Connection: upgrade` it is one of the fields that go.
fn wants_websocket(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().any(|value| hop::has_token(value, "websocket"))
        && hop::connection_has(headers, "upgrade")
}

/// HTTP/2 clients may split cookies; HTTP/1.1 knows one field (RFC 9113, 8.2.3).
fn join_cookies(headers: &mut HeaderMap) -> Result<(), Refused> {
    let mut cookies = headers.get_all(COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return Ok(());
    }
    let all: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    let joined =
        HeaderValue::from_bytes(&all.join(&b"; "[..])).map_err(|_| bad("the cookies are broken\n"))?;
    headers.insert(COOKIE, joined);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
