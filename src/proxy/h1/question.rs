//! Writes a request's head: what the caller left in the map, with our own framing.

use http::header::{CONTENT_LENGTH, HOST};
use http::request::Parts;

use crate::hop;

/// How the request's body is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// No body. Methods that usually have one get `Content-Length: 0`.
    None,
    /// So many bytes.
    Length(u64),
    /// Length unknown.
    Chunked,
}

/// Writes the head into `out`. `upgrade`: ask for a WebSocket.
pub(crate) fn write(out: &mut Vec<u8>, parts: &Parts, framing: Framing, upgrade: bool) {
    out.clear();
    out.extend_from_slice(parts.method.as_str().as_bytes());
    out.push(b' ');
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut host = false;
    for (name, value) in &parts.headers {
        // The caller cannot change framing by setting fields of a hop.
        if *name == CONTENT_LENGTH || hop::is_hop(name) {
            continue;
        }
        host |= *name == HOST;
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !host {
        // Only HTTP/1.0 clients may lack it; HTTP/1.1 needs one.
        out.extend_from_slice(b"host: localhost\r\n");
    }
    match framing {
        Framing::None if matches!(parts.method, http::Method::POST | http::Method::PUT) => {
            out.extend_from_slice(b"content-length: 0\r\n");
        }
        Framing::None => {}
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            write_number(out, length, 10);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    if upgrade {
        out.extend_from_slice(b"connection: Upgrade\r\nupgrade: websocket\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// Digits of `number` in base 10 or 16, without formatting machinery.
pub(crate) fn write_number(out: &mut Vec<u8>, mut number: u64, base: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        let digit = u8::try_from(number % base).expect("a remainder of 16 at most");
        digits[at] = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        number /= base;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_was_left_in_the_map() {
        let request = http::Request::post("/s/1/api?x=1")
            .header("host", "h")
            .header("content-length", "99")
            .header("transfer-encoding", "chunked")
            .header("x-own", "1")
            .body(())
            .expect("request");
        let (parts, ()) = request.into_parts();
        let mut out = Vec::new();
        write(&mut out, &parts, Framing::Length(12), false);
        let text = String::from_utf8(out).expect("ascii");
        assert_eq!(text, "POST /s/1/api?x=1 HTTP/1.1\r\nhost: h\r\nx-own: 1\r\ncontent-length: 12\r\n\r\n");
    }

    #[test]
    fn numbers() {
        for (number, base, text) in
            [(0, 10, "0"), (u64::MAX, 10, "18446744073709551615"), (0x1a2b, 16, "1a2b")]
        {
            let mut out = Vec::new();
            write_number(&mut out, number, base);
            assert_eq!(out, text.as_bytes());
        }
    }
}
