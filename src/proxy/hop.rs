//! Header fields that belong to one connection and must not be passed on (RFC 9110, 7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Fields of one hop that `http` has no constants for.
const CUSTOM: [&str; 4] = ["keep-alive", "proxy-connection", "http2-settings", "proxy-authentication-info"];

/// Fields that `Connection: NAME` cannot remove: they belong to the message or carry decisions (cookies,
/// origin checks), and no honest client names them.
const KEPT: [&str; 8] =
    ["host", "cookie", "origin", "content-length", "content-type", "authorization", "range", "referer"];

/// Whether `name` belongs to one hop. `Trailer` counts only in requests, whose trailers are dropped.
pub(crate) fn is_hop(name: &HeaderName) -> bool {
    if *name == CONNECTION || *name == TRANSFER_ENCODING || *name == UPGRADE || *name == TE {
        return true;
    }
    if *name == PROXY_AUTHENTICATE || *name == PROXY_AUTHORIZATION {
        return true;
    }
    let text = name.as_str();
    matches!(text.len(), 10 | 14 | 16 | 25) && CUSTOM.contains(&text)
}

/// Whether the value's comma-separated list has `token`.
pub(crate) fn has_token(value: &HeaderValue, token: &str) -> bool {
    tokens(value).any(|item| item.eq_ignore_ascii_case(token.as_bytes()))
}

/// Whether any `Connection` field lists `token`.
pub(crate) fn connection_has(headers: &HeaderMap, token: &str) -> bool {
    headers.get_all(CONNECTION).iter().any(|value| has_token(value, token))
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether a request's field goes no further.
pub(crate) fn is_doomed(name: &HeaderName) -> bool {
    is_hop(name)
        || *name == EXPECT
        || *name == TRAILER
        || memchr::memchr(b'_', name.as_str().as_bytes()).is_some()
}

/// Removes the fields of one hop from a request, those its `Connection` names, those with `_` in their
/// name (some servers read `X_User` as `X-User`), and `Expect`, which hyper has answered.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        strip_listed(headers);
    }
    // Usually at most one is there: remove by name, keep the map as it is.
    while let Some(name) = headers.keys().find(|name| is_doomed(name)).cloned() {
        headers.remove(name);
    }
}

/// The fields a `Connection` value lists and may list. Those of one hop go anyway.
pub(crate) fn listed(value: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    tokens(value)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !KEPT.contains(&name.as_str()) && !name.as_str().starts_with("sec-"))
        .filter(|name| !is_hop(name) && name.as_str() != "close")
}

/// Removes the fields that `Connection` lists, except those a message cannot do without.
fn strip_listed(headers: &mut HeaderMap) {
    let plain = |value: &HeaderValue| {
        let bytes = value.as_bytes();
        bytes.eq_ignore_ascii_case(b"keep-alive")
            || bytes.eq_ignore_ascii_case(b"close")
            || bytes.eq_ignore_ascii_case(b"upgrade")
    };
    if headers.get_all(CONNECTION).iter().all(plain) {
        return;
    }
    let listed: Vec<HeaderName> = headers.get_all(CONNECTION).iter().flat_map(listed).collect();
    for name in listed {
        headers.remove(name);
    }
}

/// Whether a trailer field may be passed on: not framing, routing, cookies or anything of one hop
/// (RFC 9110, 6.5.1).
pub(crate) fn is_trailer_allowed(name: &HeaderName) -> bool {
    !is_hop(name)
        && *name != CONTENT_LENGTH
        && *name != HOST
        && *name != TRAILER
        && !matches!(
            name.as_str(),
            "set-cookie"
                | "cookie"
                | "authorization"
                | "cache-control"
                | "content-encoding"
                | "content-type"
                | "content-range"
                | "location"
                | "www-authenticate"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("name");
            headers.append(name, HeaderValue::from_str(value).expect("value"));
        }
        headers
    }

    #[test]
    fn removes_what_belongs_to_one_hop() {
        let mut headers = map(&[
            ("connection", "close, X-Own , cookie, HOST"),
            ("connection", "x-other"),
            ("x-own", "1"),
            ("x-other", "1"),
            ("cookie", "a=b"),
            ("host", "h"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("proxy-connection", "x"),
            ("proxy-authorization", "x"),
            ("upgrade", "h2c"),
            ("http2-settings", "AA"),
            ("expect", "100-continue"),
            ("x_forwarded_user", "root"),
            ("accept", "*/*"),
        ]);
        strip_request(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "cookie", "host"]);
    }

    #[test]
    fn trailers_cannot_frame_or_route() {
        for name in ["content-length", "host", "set-cookie", "connection", "transfer-encoding"] {
            assert!(!is_trailer_allowed(&HeaderName::from_static(name)), "{name}");
        }
        assert!(is_trailer_allowed(&HeaderName::from_static("server-timing")));
    }
}
