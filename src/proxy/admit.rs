//! The door for requests: refuses what is ambiguous and brings all versions of HTTP to one form.
//!
//! What the handler decides on is what is sent on: one host, one target, one framing. Pure but for the
//! request it edits; called by `client` and `connection` for every request before the handler.

use std::sync::Arc;

use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use http::uri::{Authority, Uri};
use http::{Method, Request, Response, StatusCode, Version};

use crate::body::Body;
use crate::conn::Busy;
use crate::cut::Cut;
use crate::gauges::Gauges;

mod handshake;
mod look;

pub(crate) use handshake::accept_for;
pub(crate) use look::{Look, Sent};

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

pub(crate) const fn bad(what: &'static str) -> Refused {
    Refused { status: StatusCode::BAD_REQUEST, what }
}

impl Refused {
    /// The answer.
    pub(crate) fn response(self) -> Response<Body> {
        let mut response = Response::new(Body::full(self.what));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if self.status == StatusCode::UPGRADE_REQUIRED {
            headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
        response
    }
}

/// Lets an HTTP/1 request in, in its one form; how its body is framed. `look` has seen its fields, and those that go no
/// further are not in the map.
pub(crate) fn admit_one<B>(request: &mut Request<B>, look: &Look, tie: &impl Tie) -> Result<Sent, Refused> {
    let eleven = request.version() == Version::HTTP_11;
    let sent = look.framing(eleven)?;
    if request.method() == Method::CONNECT {
        return Err(Refused {
            status: StatusCode::METHOD_NOT_ALLOWED,
            what: "this is not a forward proxy\n",
        });
    }
    origin_form(request)?;
    look.one_host(eleven)?;
    if eleven && look.asks_websocket() {
        if request.method() != Method::GET || !matches!(sent, Sent::Nothing | Sent::Length(0)) {
            return Err(bad("a websocket handshake is a GET without a body\n"));
        }
        handshake::check(request.headers(), false)?;
        request.extensions_mut().insert(tie.tie(false));
    }
    look.strip_listed(request.headers_mut());
    Ok(sent)
}

/// Lets an HTTP/2 request in, in the same form. At most `most` names of fields: the bytes of its head, which are all that hyper
/// counts, are room for many more, and each rule looks at all of them.
pub(crate) fn admit_two<B>(request: &mut Request<B>, most: usize, tie: &impl Tie) -> Result<(), Refused> {
    if request.headers().keys_len() > most {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(Refused { status, what: "the request's head has too many fields\n" });
    }
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
    Look::strip(headers).one_host(true)?;
    join_cookies(headers)
}

/// `http://host/path` and `/path` both become `/path`; everything else is no target of ours.
fn origin_form<B>(request: &mut Request<B>) -> Result<(), Refused> {
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
    use http::HeaderName;

    use super::*;

    struct Untied;

    impl Tie for Untied {
        fn tie(&self, _: bool) -> WebSocketAsk {
            unreachable!("nobody asks for a WebSocket")
        }
    }

    #[test]
    fn a_request_of_http_2_has_no_more_fields_than_another() {
        let with = |fields: u32| {
            let mut request = Request::get("https://h/").body(()).expect("a request");
            for number in 0..fields {
                let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
                request.headers_mut().insert(name, HeaderValue::from_static("y"));
            }
            // Cookies come in as many fields as a browser likes.
            for _ in 0..100 {
                request.headers_mut().append(COOKIE, HeaderValue::from_static("a=b"));
            }
            admit_two(&mut request, 100, &Untied).map_err(|refused| refused.status)
        };
        assert_eq!(with(99), Ok(()));
        assert_eq!(with(100), Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE));
    }
}
