//! Writes an answer's head, with our own framing: what stands in the map about length and connection is not believed.

use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Method, Request, StatusCode, Version};

use super::date;
use crate::h1::question::write_number;

/// How the body that follows is framed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks; with those trailers that were announced to a client that takes some.
    Chunked { trailers: Vec<HeaderName> },
    /// It ends with the connection: the client knows no chunks.
    UntilClose,
}

/// What of a request its answer depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    pub(super) head_only: bool,
    pub(super) eleven: bool,
    /// It takes trailers.
    pub(super) trailers: bool,
}

impl Asker {
    pub(super) fn of(request: &Request<()>, trailers: bool) -> Self {
        let eleven = request.version() == Version::HTTP_11;
        Self { head_only: request.method() == Method::HEAD, eleven, trailers }
    }

    /// Of a request that could not be read.
    pub(super) fn unknown() -> Self {
        Self { head_only: false, eleven: true, trailers: false }
    }
}

/// Writes the head of an answer whose body is so long, if that is known. `last`: the connection closes behind it.
pub(super) fn write(
    out: &mut Vec<u8>,
    asker: Asker,
    status: StatusCode,
    headers: &HeaderMap,
    length: Option<u64>,
    last: bool,
) -> Framing {
    status_line(out, status);
    let tunnel = status == StatusCode::SWITCHING_PROTOCOLS;
    let bodiless = tunnel || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    let chunked = length.is_none() && asker.eleven && !bodiless && !asker.head_only;
    let mut dated = false;
    for (name, value) in headers {
        if *name == CONTENT_LENGTH {
            // Ours is written below. The length of a body that is left out is the session's word.
            if !(asker.head_only && length == Some(0)) || bodiless {
                continue;
            }
        } else if *name == CONNECTION || *name == UPGRADE {
            if !tunnel {
                continue;
            }
        } else if *name == TRANSFER_ENCODING || *name == TE || (*name == TRAILER && !chunked) {
            continue;
        }
        dated |= *name == DATE;
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let framing = if bodiless { Framing::None } else { frame(out, asker, headers, length) };
    if last && !tunnel {
        out.extend_from_slice(b"connection: close\r\n");
    }
    if !dated {
        out.extend_from_slice(b"date: ");
        date::write(out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    framing
}

fn frame(out: &mut Vec<u8>, asker: Asker, headers: &HeaderMap, length: Option<u64>) -> Framing {
    match length {
        Some(0) if asker.head_only => Framing::None,
        Some(length) => {
            out.extend_from_slice(b"content-length: ");
            write_number(out, length, 10);
            out.extend_from_slice(b"\r\n");
            if asker.head_only || length == 0 { Framing::None } else { Framing::Length(length) }
        }
        None if asker.head_only => Framing::None,
        None if asker.eleven => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            Framing::Chunked { trailers: if asker.trailers { announced(headers) } else { Vec::new() } }
        }
        None => Framing::UntilClose,
    }
}

/// Always in our own version (RFC 9110, 6.2): what follows fits older clients too.
fn status_line(out: &mut Vec<u8>, status: StatusCode) {
    if status == StatusCode::OK {
        return out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    // Some clients expect a reason, though none means anything.
    out.extend_from_slice(status.canonical_reason().unwrap_or("Unknown").as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn announced(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(TRAILER).iter();
    let names = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    names.filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const ELEVEN: Asker = Asker { head_only: false, eleven: true, trailers: false };

    fn written(
        asker: Asker,
        status: u16,
        fields: &[(&'static str, &'static str)],
        length: Option<u64>,
        last: bool,
    ) -> (String, Framing) {
        let mut headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        headers.insert(DATE, HeaderValue::from_static("D"));
        let mut out = Vec::new();
        let status = StatusCode::from_u16(status).expect("a status");
        let framing = write(&mut out, asker, status, &headers, length, last);
        (String::from_utf8(out).expect("ascii").replace("date: D\r\n", ""), framing)
    }

    #[test]
    fn framing_is_ours_whatever_the_map_says() {
        let lies = [
            ("content-length", "99"),
            ("transfer-encoding", "chunked"),
            ("connection", "x"),
            ("upgrade", "y"),
        ];
        let (text, framing) = written(ELEVEN, 200, &lies, Some(5), false);
        assert_eq!(
            (text.as_str(), framing),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", Framing::Length(5))
        );
        let (text, framing) = written(ELEVEN, 404, &lies, Some(0), true);
        assert_eq!(text, "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        assert_eq!(framing, Framing::None);
        let (text, framing) = written(ELEVEN, 200, &lies, None, false);
        assert_eq!(text, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        assert_eq!(framing, Framing::Chunked { trailers: vec![] });
        let old = Asker { eleven: false, ..ELEVEN };
        let (text, framing) = written(old, 200, &lies, None, true);
        assert_eq!(
            (text.as_str(), framing),
            ("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", Framing::UntilClose)
        );
    }

    #[test]
    fn answers_without_a_body_say_no_length_but_to_head() {
        for status in [204, 304] {
            for length in [Some(0), Some(5), None] {
                let (text, framing) = written(ELEVEN, status, &[("content-length", "9")], length, false);
                assert!(
                    !text.contains("length") && !text.contains("chunked") && framing == Framing::None,
                    "{text}"
                );
            }
        }
        let (text, framing) =
            written(ELEVEN, 101, &[("connection", "Upgrade"), ("upgrade", "websocket")], Some(0), true);
        assert_eq!(
            text,
            "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n"
        );
        assert_eq!(framing, Framing::None);
        let head = Asker { head_only: true, ..ELEVEN };
        // The session's word, our own page's length, nothing known.
        for (fields, length, says) in [
            (&[("content-length", "1234")][..], Some(0), "content-length: 1234\r\n"),
            (&[], Some(7), "content-length: 7\r\n"),
            (&[("content-length", "8")], Some(7), "content-length: 7\r\n"),
            (&[], Some(0), ""),
            (&[], None, ""),
        ] {
            let (text, framing) = written(head, 200, fields, length, false);
            assert_eq!((text, framing), (format!("HTTP/1.1 200 OK\r\n{says}\r\n"), Framing::None));
        }
    }

    #[test]
    fn trailers_only_where_announced_and_taken() {
        let takes = Asker { trailers: true, ..ELEVEN };
        let fields = [("trailer", "Server-Timing, bad name,x")];
        let names = ["server-timing", "x"].map(HeaderName::from_static).to_vec();
        assert_eq!(written(takes, 200, &fields, None, false).1, Framing::Chunked { trailers: names });
        assert_eq!(written(ELEVEN, 200, &fields, None, false).1, Framing::Chunked { trailers: vec![] });
        assert!(!written(takes, 200, &fields, Some(1), false).0.contains("trailer"));
    }
}
