//! Writes a request's head: what the caller left in the map, with our own framing.

use http::Request;
use http::header::{CONTENT_LENGTH, HOST};

use crate::hop;
use crate::lines::Lines;

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

/// Writes the head into `out`. `lines` stand for the map's fields of their names. `upgrade`: ask for a WebSocket.
pub(crate) fn write<B>(
    out: &mut Vec<u8>,
    request: &Request<B>,
    lines: Option<&Lines>,
    framing: Framing,
    upgrade: bool,
) {
    out.clear();
    out.extend_from_slice(request.method().as_str().as_bytes());
    out.push(b' ');
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    out.extend_from_slice(target.as_bytes());
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut host = lines.is_some_and(Lines::name_host);
    if let Some(lines) = lines {
        out.extend_from_slice(lines.bytes());
    }
    for (name, value) in request.headers() {
        // The caller cannot change framing by setting fields of a hop.
        let ours = lines.is_some_and(|lines| lines.stand_for(name));
        if ours || *name == CONTENT_LENGTH || hop::is_hop(name) {
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
        Framing::None if matches!(*request.method(), http::Method::POST | http::Method::PUT) => {
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
        let mut out = Vec::new();
        write(&mut out, &request, None, Framing::Length(12), false);
        let text = String::from_utf8(out).expect("ascii");
        assert_eq!(text, "POST /s/1/api?x=1 HTTP/1.1\r\nhost: h\r\nx-own: 1\r\ncontent-length: 12\r\n\r\n");
    }

    #[test]
    fn lines_stand_for_the_maps_fields_of_their_names() {
        let request = http::Request::get("/")
            .header("host", "theirs")
            .header("cookie", "a=b")
            .header("cookie", "c=d")
            .header("x-user", "root")
            .header("x-own", "1")
            .body(())
            .expect("request");
        let value = http::HeaderValue::from_static;
        let lines = Lines::new([
            (HOST, Some(&value("ours"))),
            (http::header::COOKIE, None),
            (http::HeaderName::from_static("x-user"), Some(&value("alice"))),
        ]);
        let mut out = Vec::new();
        write(&mut out, &request, Some(&lines), Framing::None, false);
        let text = String::from_utf8(out).expect("ascii");
        assert_eq!(text, "GET / HTTP/1.1\r\nhost: ours\r\nx-user: alice\r\nx-own: 1\r\n\r\n");
        assert_eq!(format!("{lines:?}"), r#"Lines { names: ["host", "cookie", "x-user"], .. }"#);
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
