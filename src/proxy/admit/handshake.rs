//! The WebSocket handshake (RFC 6455, 4.2): checked before a session hears of it, and its proof after.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::header::HeaderMap;

use super::{Refused, bad};

/// Refuses a handshake that no server may accept.
pub(super) fn check(headers: &HeaderMap, h2: bool) -> Result<(), Refused> {
    let mut versions = headers.get_all("sec-websocket-version").iter();
    let version = match (versions.next(), versions.next()) {
        (one, None) => one,
        (_, Some(_)) => return Err(bad("more than one Sec-WebSocket-Version\n")),
    };
    if version.is_none_or(|version| version != "13") {
        return Err(Refused {
            status: StatusCode::UPGRADE_REQUIRED,
            what: "websocket version 13 is needed\n",
        });
    }
    if h2 {
        return Ok(()); // the key belongs to HTTP/1.1 only (RFC 8441, 5)
    }
    let mut keys = headers.get_all("sec-websocket-key").iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key.as_bytes()) => Ok(()),
        _ => Err(bad("the Sec-WebSocket-Key is not one\n")),
    }
}

/// 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    key.len() == 24 && STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// What a server that understood the handshake answers in `Sec-WebSocket-Accept`.
pub(crate) fn accept_for(key: &[u8]) -> String {
    let mut text = key.to_vec();
    text.extend_from_slice(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proof_of_rfc_6455() {
        assert_eq!(accept_for(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_key(b"dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!is_key(b"dGhlIHNhbXBsZSBub25jZQ"));
        assert!(!is_key(b"777"));
    }
}
