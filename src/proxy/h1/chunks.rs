//! Takes the body out of chunks (RFC 9112, 7.1), strictly: CRLF only, hexadecimal only, everything capped.

use bytes::{Buf as _, Bytes, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::hop;

/// Longest line with a chunk's size and its extensions, which are ignored.
const LONGEST_LINE: usize = 1024;
/// Longest trailer section.
const LONGEST_TRAILERS: usize = 16 * 1024;
/// Largest data piece handed on at once; larger chunks come in parts anyway.
const LARGEST_PIECE: usize = 256 * 1024;

/// Where in the body the reader stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size,
    Data(u64),
    AfterData,
    Trailers,
    End,
}

/// Most bytes of extensions in all, from a client: they cost us work and mean nothing.
const MOST_EXTENSIONS: usize = 16 * 1024;

/// A chunked body being read.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: At,
    /// Bytes of extensions that may still come.
    extensions: usize,
}

/// What came out.
#[derive(Debug)]
pub(crate) enum Piece {
    /// More must be read first.
    More,
    /// A part of the body.
    Data(Bytes),
    /// The end, with the trailers that may be passed on.
    End(Option<HeaderMap>),
}

impl Chunks {
    pub(crate) fn new() -> Self {
        Self { at: At::Size, extensions: usize::MAX }
    }

    /// From somebody nobody knows.
    pub(crate) fn of_client() -> Self {
        Self { at: At::Size, extensions: MOST_EXTENSIONS }
    }

    /// How much more to read at once would be of use.
    pub(crate) fn want(&self) -> u64 {
        match self.at {
            At::Data(left) => left.saturating_add(512),
            At::Size | At::AfterData | At::Trailers | At::End => u64::MAX,
        }
    }

    pub(crate) fn take(&mut self, read: &mut BytesMut) -> Result<Piece, &'static str> {
        loop {
            match self.at {
                At::Size => match line(read, LONGEST_LINE, "a chunk's size line is too long")? {
                    None => return Ok(Piece::More),
                    Some(line) => {
                        let (size, extension) = size(&line)?;
                        let left = self.extensions.checked_sub(extension);
                        self.extensions = left.ok_or("more chunk extensions than anyone needs")?;
                        self.at = if size == 0 { At::Trailers } else { At::Data(size) };
                    }
                },
                At::Data(left) => {
                    if read.is_empty() {
                        return Ok(Piece::More);
                    }
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(read.len()).min(LARGEST_PIECE);
                    let data = read.split_to(here).freeze();
                    let left = left - u64::try_from(here).unwrap_or(left);
                    self.at = if left == 0 { At::AfterData } else { At::Data(left) };
                    return Ok(Piece::Data(data));
                }
                At::AfterData => {
                    if read.len() < 2 {
                        return Ok(Piece::More);
                    }
                    if !read.starts_with(b"\r\n") {
                        return Err("a chunk does not end where its size says");
                    }
                    read.advance(2);
                    self.at = At::Size;
                }
                At::Trailers => {
                    let Some(trailers) = trailers(read)? else { return Ok(Piece::More) };
                    self.at = At::End;
                    return Ok(Piece::End(trailers));
                }
                At::End => return Ok(Piece::End(None)),
            }
        }
    }
}

/// A line without its CRLF.
fn line(
    read: &mut BytesMut,
    longest: usize,
    too_long: &'static str,
) -> Result<Option<BytesMut>, &'static str> {
    match memchr::memchr(b'\n', read) {
        Some(end) if end <= longest => {
            let mut line = read.split_to(end + 1);
            if !line.ends_with(b"\r\n") {
                return Err("a line ends without a carriage return");
            }
            line.truncate(end - 1);
            Ok(Some(line))
        }
        None if read.len() <= longest => Ok(None),
        Some(_) | None => Err(too_long),
    }
}

/// A chunk's size, and how long its extensions are.
fn size(line: &[u8]) -> Result<(u64, usize), &'static str> {
    let (digits, extension) = match memchr::memchr(b';', line) {
        Some(at) => line.split_at(at),
        None => (line, &[][..]),
    };
    // RFC 9112 tolerates space before `;`. A carriage return is none: to some it ends the line.
    let end = digits.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |at| at + 1);
    let digits = &digits[..end];
    if digits.is_empty() || digits.len() > 16 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err("a chunk's size is not a number");
    }
    if extension.iter().any(|byte| *byte < b' ' && *byte != b'\t') {
        return Err("a chunk's extension has control characters");
    }
    let text = std::str::from_utf8(digits).map_err(|_| "a chunk's size is not a number")?;
    let size = u64::from_str_radix(text, 16).map_err(|_| "a chunk's size is not a number")?;
    Ok((size, extension.len()))
}

fn trailers(read: &mut BytesMut) -> Result<Option<Option<HeaderMap>>, &'static str> {
    if read.starts_with(b"\r\n") {
        read.advance(2);
        return Ok(Some(None));
    }
    let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else {
        return if read.len() > LONGEST_TRAILERS { Err("the trailers are too long") } else { Ok(None) };
    };
    let section = read.split_to(end + 4).freeze();
    // The parser beneath takes an empty line without one for the end, and what follows would be lost, be it a request.
    if memchr::memchr_iter(b'\n', &section).any(|at| at == 0 || section[at - 1] != b'\r') {
        return Err("a line ends without a carriage return");
    }
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let parsed = match httparse::parse_headers(&section, &mut fields) {
        Ok(httparse::Status::Complete((length, parsed))) if length == section.len() => parsed,
        Ok(_) | Err(_) => return Err("the trailers are broken"),
    };
    let mut headers = HeaderMap::new();
    for field in parsed {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| "a trailer is broken")?;
        let value = HeaderValue::from_bytes(field.value).map_err(|_| "a trailer is broken")?;
        if hop::is_trailer_allowed(&name) {
            headers.append(name, value);
        }
    }
    Ok(Some((!headers.is_empty()).then_some(headers)))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = (Vec<u8>, Vec<String>, Vec<u8>);

    /// Feeds `text` in steps of `step` bytes; the body, the trailers' names, what is left over.
    fn read(text: &[u8], step: usize) -> Result<Read, &'static str> {
        let (mut chunks, mut buf, mut body) = (Chunks::new(), BytesMut::new(), Vec::new());
        let mut parts = text.chunks(step);
        loop {
            match chunks.take(&mut buf)? {
                Piece::More => buf.extend_from_slice(parts.next().ok_or("unfinished")?),
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End(trailers) => {
                    let names = trailers.unwrap_or_default().keys().map(ToString::to_string).collect();
                    parts.for_each(|part| buf.extend_from_slice(part));
                    return Ok((body, names, buf.to_vec()));
                }
            }
        }
    }

    #[test]
    fn same_body_however_it_is_cut() {
        let text =
            b"5;a=b\r\nhello\r\n1\r\n \r\n00005\r\nworld\r\n0\r\nX-T: 1\r\nContent-Length: 3\r\n\r\nnext";
        for step in 1..text.len() {
            let (body, trailers, rest) = read(text, step).expect("valid");
            assert_eq!(body, b"hello world");
            assert_eq!(trailers, ["x-t"]);
            assert_eq!(rest, b"next");
        }
    }

    #[test]
    fn odd_chunks_are_refused() {
        for bad in [
            &b"0x5\r\nhello\r\n0\r\n\r\n"[..],
            b"+5\r\nhello\r\n0\r\n\r\n",
            b"-0\r\n\r\n",
            b"5_0\r\n",
            b"\r\n5\r\nhello",
            b"ffffffffffffffff1\r\n",
            b" 5\r\nhello\r\n0\r\n\r\n",
            b"5\nhello\r\n0\r\n\r\n",
            b"5;a=b\nX\r\n",
            b"5;\r\rX\r\nhello\r\n0\r\n\r\n",
            b"5\r\nhelloX\r\n0\r\n\r\n",
            b"0\r\nbad header\r\n\r\n",
            b"5\r\r\nhello\r\n0\r\n\r\n",
            b"5\r;a\r\nhello\r\n0\r\n\r\n",
            b"5\x0c\r\nhello\r\n0\r\n\r\n",
            b"0\r\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"0\r\nA: b\n\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"0\r\nA: b\nC: d\r\n\r\n",
            b"0\r\nA: b\n\r\n\r\n",
        ] {
            for step in [1, 3, bad.len()] {
                assert!(read(bad, step).is_err(), "{:?}", String::from_utf8_lossy(bad));
            }
        }
        assert!(read(&[b'0'; 4096], 100).is_err());
    }

    #[test]
    fn extensions_of_clients_are_bounded_in_all() {
        let one = format!("1;{}\r\nx\r\n", "e".repeat(1000));
        for (count, fine) in [(16, true), (17, false)] {
            let mut buf = BytesMut::from(one.repeat(count).as_str());
            let mut chunks = Chunks::of_client();
            let end = loop {
                match chunks.take(&mut buf) {
                    Ok(Piece::Data(_)) => {}
                    other => break other,
                }
            };
            assert_eq!(end.is_ok(), fine, "{count}");
        }
        assert!(read(format!("{}0\r\n\r\n", one.repeat(100)).as_bytes(), 5000).is_ok());
    }
}
