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

/// Whether a request's field goes no further: it is of one hop, is answered by us (`Expect`, `Trailer`), or has `_` in its
/// name (some servers read `X_User` as `X-User`).
pub(crate) fn is_doomed(name: &HeaderName) -> bool {
    let text = name.as_str().as_bytes();
    // All names below begin with one of these; most of a browser's don't.
    let may = matches!(text.first(), Some(b'c' | b'e' | b'h' | b'k' | b'p' | b't' | b'u'));
    (may && (is_hop(name) || *name == EXPECT || *name == TRAILER)) || memchr::memchr(b'_', text).is_some()
}

/// The fields a `Connection` value lists and may list. Those of one hop go anyway.
pub(crate) fn listed(value: &HeaderValue) -> impl Iterator<Item = HeaderName> {
    tokens(value)
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !KEPT.contains(&name.as_str()) && !name.as_str().starts_with("sec-"))
        .filter(|name| !is_hop(name) && name.as_str() != "close")
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

    #[test]
    fn trailers_cannot_frame_or_route() {
        for name in ["content-length", "host", "set-cookie", "connection", "transfer-encoding"] {
            assert!(!is_trailer_allowed(&HeaderName::from_static(name)), "{name}");
        }
        assert!(is_trailer_allowed(&HeaderName::from_static("server-timing")));
    }
}
