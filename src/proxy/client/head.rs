//! A request's head: where it ends, and what it says. Stricter than the parser beneath.
//!
//! Pure. Everything that could be read in two ways is refused here or in `admit`, before anybody acts on it.

use std::mem::MaybeUninit;

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, StatusCode, Uri, Version};

use crate::admit::{Look, Refused, bad};

/// Most fields that any limit may allow.
const MOST_FIELDS: usize = 256;
/// Longest target; `http` takes no longer one.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

const TOO_LARGE: Refused = Refused {
    status: StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    what: "the request's head is too large\n",
};

/// The search for a head's end, as its bytes come in.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Looked at so far.
    at: usize,
    /// Where the current line begins.
    line: usize,
}

impl Search {
    /// The head's length with its empty line, once it is there.
    ///
    /// Every line must end with CR LF: who takes a lone LF for an end, and who doesn't, see two different requests.
    pub(crate) fn end(&mut self, read: &mut BytesMut, longest: usize) -> Result<Option<usize>, Refused> {
        while let Some(found) = memchr::memchr(b'\n', &read[self.at..]) {
            let end = self.at + found;
            if end == self.line || read[end - 1] != b'\r' {
                return Err(bad("a line of the request's head ends without a carriage return\n"));
            }
            if end - self.line > 1 {
                (self.at, self.line) = (end + 1, end + 1);
            } else if self.line == 0 {
                // Empty lines before the request line are allowed (RFC 9112, 2.2).
                read.advance(2);
                self.at = 0;
            } else {
                *self = Self::default();
                return if end < longest { Ok(Some(end + 1)) } else { Err(TOO_LARGE) };
            }
        }
        if read.len() > longest {
            return Err(TOO_LARGE);
        }
        if self.at == 0 && self.line == 0 && !read.is_empty() {
            first_line(read)?;
        }
        self.at = read.len();
        Ok(None)
    }
}

/// Tells at once whoever speaks something else (TLS, SSH): it would wait for an answer as we for a line.
fn first_line(start: &[u8]) -> Result<(), Refused> {
    match httparse::Request::new(&mut []).parse(start) {
        // There is no room for fields here, nor any need of them.
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Ok(()),
        Err(error) => Err(broken(error)),
    }
}

fn broken(error: httparse::Error) -> Refused {
    match error {
        httparse::Error::TooManyHeaders => TOO_LARGE,
        httparse::Error::Version => bad("the request's HTTP version is not known here\n"),
        _ => bad("the request's head is broken\n"),
    }
}

/// Reads a whole head. `headers` is an empty map to fill; at most `most` fields.
pub(crate) fn read(
    head: &Bytes,
    most: usize,
    mut headers: HeaderMap,
) -> Result<(Request<()>, Look), Refused> {
    let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Request::new(&mut []);
    let room = &mut fields[..most.min(MOST_FIELDS)];
    match httparse::ParserConfig::default().parse_request_with_uninit_headers(&mut parsed, head, room) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(bad("the request's head is broken\n")),
        Err(error) => return Err(broken(error)),
    }
    let (method, target) = (parsed.method.unwrap_or(""), parsed.path.unwrap_or(""));
    if target.len() > LONGEST_TARGET {
        let what = "the request's target is too long\n";
        return Err(Refused { status: StatusCode::URI_TOO_LONG, what });
    }
    if target.contains('#') {
        // `http` would drop it and what follows.
        return Err(bad("the request's target has a fragment\n"));
    }
    let method =
        Method::from_bytes(method.as_bytes()).map_err(|_| bad("the request's method is broken\n"))?;
    let uri = Uri::from_maybe_shared(head.slice_ref(target.as_bytes()))
        .map_err(|_| bad("the request's target is broken\n"))?;
    let mut look = Look::default();
    for field in &*parsed.headers {
        let name =
            HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| bad("a header name is broken\n"))?;
        // No copy: the value is a part of the head's buffer.
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| bad("a header value is broken\n"))?;
        if look.note(&name, &value) {
            headers.append(name, value);
        }
    }
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.uri_mut() = uri;
    *request.version_mut() = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    *request.headers_mut() = headers;
    Ok((request, look))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` in steps; the head and what is left behind it.
    fn cut(text: &[u8], step: usize, longest: usize) -> Result<Option<(Bytes, BytesMut)>, Refused> {
        let (mut read, mut search) = (BytesMut::new(), Search::default());
        for part in text.chunks(step) {
            read.extend_from_slice(part);
            if let Some(end) = search.end(&mut read, longest)? {
                return Ok(Some((read.split_to(end).freeze(), read)));
            }
        }
        Ok(None)
    }

    fn parse(text: &str) -> Result<Request<()>, Refused> {
        read(&Bytes::copy_from_slice(text.as_bytes()), 100, HeaderMap::new()).map(|(request, _)| request)
    }

    #[test]
    fn the_end_is_the_same_however_it_is_cut() {
        let text = b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET";
        for step in 1..=text.len() {
            let (head, rest) = cut(text, step, 100).expect("valid").expect("whole");
            assert_eq!(&head[..], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "by {step}");
            assert!(b"GET".starts_with(&rest[..]));
        }
        for part in ["GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r", "\r\n\r\n", "\r", ""]
        {
            assert!(matches!(cut(part.as_bytes(), 1000, 100), Ok(None)), "{part:?}");
        }
    }

    #[test]
    fn lone_line_feeds_long_heads_and_other_protocols_are_refused_before_they_end() {
        for bad in [
            &b"GET / HTTP/1.1\nHost: a"[..],
            b"\nGET / HTTP/1.1\r\n",
            b"GET / HTTP/1.1\r\nHost: a\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        ] {
            for step in [1, 3, bad.len()] {
                assert_eq!(cut(bad, step, 100).expect_err("refused").status, 400, "{bad:?} by {step}");
            }
        }
        for bad in [&b"\x16\x03\x01\x02\x00\x01"[..], b"(GET /"] {
            assert_eq!(cut(bad, bad.len(), 100).expect_err("refused").status, 400);
        }
        let long = format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(100));
        for step in [1, 50, long.len()] {
            assert_eq!(cut(long.as_bytes(), step, 100).expect_err("refused").status, 431);
            assert_eq!(cut(long.as_bytes(), step, long.len() - 1).expect_err("refused").status, 431);
            assert!(cut(long.as_bytes(), step, long.len()).expect("allowed").is_some());
        }
    }

    #[test]
    fn heads_are_read_as_they_stand() {
        let request = parse("PUT /a%20b?c HTTP/1.0\r\nHost: h\r\nX-A:  b \r\nX-A: \u{c3}\r\nX-E:\r\n\r\n")
            .expect("valid");
        assert_eq!((request.method(), request.version()), (&Method::PUT, Version::HTTP_10));
        assert_eq!(request.uri(), "/a%20b?c");
        let values: Vec<&[u8]> = request.headers().get_all("x-a").iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [&b"b"[..], "\u{c3}".as_bytes()]);
        assert_eq!(request.headers()["x-e"], "");
    }

    #[test]
    fn broken_heads_are_refused() {
        for bad in [
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost\r\n\r\n",
            "GET / HTTP/1.1\r\nH(st: a\r\n\r\n",
            "GET / HTTP/1.1\r\nH\u{e9}st: a\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\0b\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\u{7f}b\r\n\r\n",
            "GET / HTTP/1.1\r\nX: a\u{1}b\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "GET /  HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "GET\t/ HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.2\r\n\r\n",
            "GET / HTTP/2.0\r\n\r\n",
            "GET / http/1.1\r\n\r\n",
            "GET / HTTP/1.10\r\n\r\n",
            "GET /\r\n\r\n",
            "GET\r\n\r\n",
            "G@T / HTTP/1.1\r\n\r\n",
            "GET /a\u{1}b HTTP/1.1\r\n\r\n",
            "GET /a<b HTTP/1.1\r\n\r\n",
            "GET /a#b HTTP/1.1\r\n\r\n",
            "GET http://a#b/ HTTP/1.1\r\n\r\n",
            "GET http:// HTTP/1.1\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\n",
        ] {
            assert_eq!(parse(bad).expect_err(bad).status, 400, "{bad:?}");
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101));
        assert_eq!(parse(&many).expect_err("refused").status, 431);
        let most = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
        assert!(parse(&most).is_ok());
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(LONGEST_TARGET));
        assert_eq!(parse(&long).expect_err("refused").status, 414);
    }
}
