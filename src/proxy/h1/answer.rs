//! Reads an answer's head, strictly: a session is a user's program and may lie about its framing.

use std::mem::MaybeUninit;
use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use http::header::{
    CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, StatusCode};
use memchr::memmem;

use crate::hop;

/// Longest head of an answer. 128 KiB: twice what requests may have, for apps with many cookies.
pub(crate) const LONGEST_HEAD: usize = 128 * 1024;
/// Most fields in it.
const MOST_FIELDS: usize = 200;

/// The end of a head; the searcher is built once.
static END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));

/// How the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    None,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// A final answer's head.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) framing: Framing,
    /// The connection may be used again after the body.
    pub(crate) reusable: bool,
    /// `Keep-Alive: timeout=`.
    pub(crate) keep: Option<u32>,
}

/// What the buffer holds.
#[derive(Debug)]
pub(crate) enum Step {
    /// Not a whole head yet.
    More,
    /// An interim answer (100, 102, 103) was taken off; look again.
    Interim,
    /// The final head was taken off.
    Final(Answer),
}

/// Takes a head off `read`, its end-to-end fields into `headers` (cleared first).
///
/// `searched` is where the search for the end left off; start with 0. `upgrade`: 101 is welcome, and its
/// `Connection` and `Upgrade` stay in the map.
pub(crate) fn take(
    read: &mut BytesMut,
    searched: &mut usize,
    headers: &mut HeaderMap,
    method: &Method,
    upgrade: bool,
) -> Result<Step, &'static str> {
    let from = searched.saturating_sub(3);
    let Some(end) = END.find(&read[from..]) else {
        *searched = read.len();
        return if read.len() > LONGEST_HEAD { Err("the head is too long") } else { Ok(Step::More) };
    };
    *searched = 0;
    let head = read.split_to(from + end + 4).freeze();
    let mut fields = [const { MaybeUninit::<httparse::Header<'_>>::uninit() }; MOST_FIELDS];
    let mut parsed = httparse::Response::new(&mut []);
    let parser = httparse::ParserConfig::default();
    match parser.parse_response_with_uninit_headers(&mut parsed, &head, &mut fields) {
        // One that ends sooner has an empty line of a lone LF, and more behind it that would be lost.
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err("the head is broken"),
        Err(httparse::Error::TooManyHeaders) => return Err("too many header fields"),
        Err(_) => return Err("the head is broken"),
    }
    let status = StatusCode::from_u16(parsed.code.unwrap_or(0)).map_err(|_| "the status is not one")?;
    if status.is_informational() {
        match status {
            StatusCode::SWITCHING_PROTOCOLS if upgrade => {}
            StatusCode::SWITCHING_PROTOCOLS => return Err("101 that nobody asked for"),
            _ => return Ok(Step::Interim),
        }
    }
    headers.clear();
    let upgraded = status == StatusCode::SWITCHING_PROTOCOLS;
    let said = read_fields(&head, parsed.headers, headers, upgraded)?;
    let eleven = parsed.version == Some(1);
    let framing = framing(headers, status, method, &said, eleven)?;
    for name in said.listed {
        headers.remove(name);
    }
    let reusable = eleven && !said.closes && framing != Framing::UntilClose && !upgraded;
    Ok(Step::Final(Answer { status, framing, reusable, keep: said.keep }))
}

/// What the fields say about framing and the connection, before the status is considered.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    closes: bool,
    keep: Option<u32>,
    /// Fields that `Connection` names.
    listed: Vec<HeaderName>,
}

fn read_fields(
    head: &Bytes,
    fields: &[httparse::Header<'_>],
    headers: &mut HeaderMap,
    upgraded: bool,
) -> Result<Said, &'static str> {
    let mut said = Said::default();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| "a header name is broken")?;
        // No copy: the value is a part of the head's buffer.
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| "a header value is broken")?;
        if name == CONTENT_LENGTH {
            let length = length(value.as_bytes()).ok_or("the content length is not a number")?;
            if said.length.is_some() {
                return Err("two content lengths");
            }
            said.length = Some(length);
        } else if hop::is_hop(&name) {
            said.note_hop(&name, &value)?;
            // `Trailer` is not among them: trailers are passed on. A 101 keeps what makes it one.
            if !(upgraded && (name == CONNECTION || name == UPGRADE)) {
                continue;
            }
        }
        headers.append(name, value);
    }
    if said.chunked && said.length.is_some() {
        return Err("both a content length and a transfer encoding");
    }
    Ok(said)
}

impl Said {
    fn note_hop(&mut self, name: &HeaderName, value: &HeaderValue) -> Result<(), &'static str> {
        if *name == TRANSFER_ENCODING {
            if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err("a transfer encoding other than chunked");
            }
            self.chunked = true;
        } else if *name == CONNECTION {
            if !value.as_bytes().eq_ignore_ascii_case(b"keep-alive") {
                self.closes |= hop::has_token(value, "close");
                self.listed.extend(hop::listed(value));
            }
        } else if name.as_str() == "keep-alive" {
            self.keep = keep_seconds(value);
        }
        Ok(())
    }
}

fn framing(
    headers: &mut HeaderMap,
    status: StatusCode,
    method: &Method,
    said: &Said,
    eleven: bool,
) -> Result<Framing, &'static str> {
    if said.chunked && !eleven {
        return Err("a transfer encoding in HTTP/1.0");
    }
    let bodiless = status == StatusCode::NO_CONTENT || status == StatusCode::SWITCHING_PROTOCOLS;
    if bodiless {
        headers.remove(CONTENT_LENGTH); // a 204 must not have one (RFC 9110, 8.6)
    }
    if bodiless || status == StatusCode::NOT_MODIFIED || *method == Method::HEAD {
        return Ok(Framing::None);
    }
    Ok(match (said.chunked, said.length) {
        (true, _) => Framing::Chunked,
        (false, Some(0)) => Framing::None,
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::UntilClose,
    })
}

/// Digits only: no sign, no list, no space.
fn length(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.len() <= 19 && text.iter().all(u8::is_ascii_digit);
    digits.then(|| text.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn keep_seconds(value: &HeaderValue) -> Option<u32> {
    let text = value.to_str().ok()?;
    text.split(',').find_map(|item| item.trim().strip_prefix("timeout=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, method: Method, upgrade: bool) -> Result<(Option<Answer>, HeaderMap), &'static str> {
        let mut headers = HeaderMap::new();
        let mut bytes = BytesMut::from(text);
        match take(&mut bytes, &mut 0, &mut headers, &method, upgrade)? {
            Step::Final(answer) => Ok((Some(answer), headers)),
            Step::More | Step::Interim => Ok((None, headers)),
        }
    }

    fn framed(text: &str) -> Result<Framing, &'static str> {
        read(text, Method::GET, false).map(|(answer, _)| answer.expect("final").framing)
    }

    #[test]
    fn framing_of_answers() {
        let ok = |fields: &str| framed(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"));
        assert_eq!(ok("Content-Length: 5\r\n"), Ok(Framing::Length(5)));
        assert_eq!(ok("Content-Length: 0\r\n"), Ok(Framing::None));
        assert_eq!(ok("Transfer-Encoding: Chunked\r\n"), Ok(Framing::Chunked));
        assert_eq!(ok(""), Ok(Framing::UntilClose));
        for bad in [
            "Content-Length: 5\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 5, 5\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "Bad Name: 1\r\n",
            ": x\r\n",
        ] {
            assert!(ok(bad).is_err(), "{bad:?}");
        }
        assert!(framed("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
        assert!(framed("HTTP/2.0 200 OK\r\n\r\n").is_err());
        assert!(framed("garbage HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(framed("HTTP/1.1 200 OK\nContent-Length: 0\n\nHTTP/1.1 200 OK\r\n\r\n").is_err());
        assert_eq!(framed("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n"), Ok(Framing::None));
        assert_eq!(framed("HTTP/1.1 304 Not\r\nContent-Length: 5\r\n\r\n"), Ok(Framing::None));
        assert!(framed("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n").is_err());
    }

    #[test]
    fn heads_may_come_in_pieces() {
        let text = b"HTTP/1.1 200 OK\r\nConnection: close, x-own\r\nX-Own: 1\r\nKeep-Alive: timeout=5\r\nA: b\r\n\r\nrest";
        let (mut bytes, mut searched, mut headers) = (BytesMut::new(), 0, HeaderMap::new());
        for (at, byte) in text.iter().enumerate() {
            bytes.extend_from_slice(&[*byte]);
            match take(&mut bytes, &mut searched, &mut headers, &Method::GET, false).expect("valid") {
                Step::Final(answer) => {
                    assert_eq!(at, text.len() - 5);
                    assert!(!answer.reusable);
                    assert_eq!(answer.keep, Some(5));
                    assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["a"]);
                    return;
                }
                Step::More => {}
                Step::Interim => panic!("not interim"),
            }
        }
        panic!("no end found");
    }

    #[test]
    fn endless_heads_are_refused() {
        let mut bytes =
            BytesMut::from(format!("HTTP/1.1 200 OK\r\nA: {}", "x".repeat(LONGEST_HEAD)).as_str());
        assert!(take(&mut bytes, &mut 0, &mut HeaderMap::new(), &Method::GET, false).is_err());
    }
}
