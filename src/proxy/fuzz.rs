//! What the proxy reads, for the fuzz targets alone. Each function panics when something does not hold.

use bytes::BytesMut;
use http::{HeaderMap, Method, Version};

use crate::client::head::{self, Search};
use crate::frames::Frames;
use crate::h1::answer::{self, Framing, Step};
use crate::h1::chunks::{Chunks, Piece};

/// WebSocket frames: following them and taking them apart agree on where messages begin, however the stream is cut; put
/// together again they carry the same.
pub fn frames(data: &[u8]) {
    let [masked, stream @ ..] = data else { return };
    let starts = |width: usize| {
        let (mut frames, mut seen) = (Frames::default(), Vec::new());
        for piece in stream.chunks(width) {
            frames.feed(piece, Some(&mut |opcode, start: &[u8]| seen.push((opcode, start.to_vec()))));
        }
        (seen, frames.at_boundary())
    };
    let whole = starts(stream.len().max(1));
    assert!(whole == starts(1) && whole == starts(3), "it depends on how the stream is cut");
    crate::tunnel::fuzz::unframe(stream, masked & 1 == 1);
}

/// The head of an answer: whatever it says, its body has one length, and no hop-by-hop field is left.
pub fn answer(data: &[u8]) {
    let [kind, stream @ ..] = data else { return };
    let method = if kind & 2 == 0 { Method::GET } else { Method::HEAD };
    let upgrade = kind & 1 == 1;
    let through = |width: usize| {
        let (mut read, mut headers, mut searched) = (BytesMut::new(), HeaderMap::new(), 0);
        let mut interim = 0;
        for piece in stream.chunks(width) {
            read.extend_from_slice(piece);
            loop {
                match answer::take(&mut read, &mut searched, &mut headers, &method, upgrade) {
                    Ok(Step::More) => break,
                    Ok(Step::Interim) => interim += 1,
                    Ok(Step::Final(answer)) => {
                        return Some((interim, answer.status, answer.framing, headers));
                    }
                    Err(_) => return None,
                }
            }
        }
        None
    };
    let whole = through(stream.len().max(1));
    assert_eq!(whole, through(7), "it depends on how the stream is cut");
    let Some((_, status, framing, headers)) = whole else { return };
    if !upgrade {
        for name in ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"] {
            assert!(!headers.contains_key(name), "{name} is handed on");
        }
        assert!(!status.is_informational());
    }
    let empty = method == Method::HEAD || matches!(status.as_u16(), 204 | 304);
    assert!(!empty || framing == Framing::None, "a body where there is none");
}

/// The head of a request: read the same however it is cut; what is let in has one host, one end of its body, and no field of a hop.
pub fn request(stream: &[u8]) {
    const LONGEST: usize = 4096;
    let through = |width: usize| {
        let (mut read, mut search) = (BytesMut::new(), Search::default());
        for piece in stream.chunks(width) {
            read.extend_from_slice(piece);
            if let Some(end) = search.end(&mut read, LONGEST).ok()? {
                // What is broken is refused as soon as that is seen, or when it is whole.
                let head = read.split_to(end).freeze();
                return head::read(&head, 100, HeaderMap::new()).is_ok().then_some(head);
            }
        }
        None
    };
    let whole = through(stream.len().max(1));
    // Bytes behind the longest head may be here already, or not yet.
    if stream.len() <= LONGEST {
        assert!(whole == through(1) && whole == through(7), "it depends on how the stream is cut");
    }
    let Some((request, look)) = whole.as_ref().and_then(|head| head::read(head, 100, HeaderMap::new()).ok())
    else {
        return;
    };
    let eleven = request.version() == Version::HTTP_11;
    if look.framing(eleven).is_err() || look.one_host(eleven).is_err() {
        return;
    }
    // Whoever reads lines instead of fields finds the same.
    let head = whole.as_deref().unwrap_or_default();
    let said = |name: &str| {
        let lines = head.split(|byte| *byte == b'\n').skip(1);
        lines.filter(|line| line.to_ascii_lowercase().starts_with(format!("{name}:").as_bytes())).count()
    };
    assert!(said("content-length") + said("transfer-encoding") <= 1, "two ways to read where the body ends");
    assert!(said("host") <= 1 && (!eleven || said("host") == 1), "not one host");
    for name in
        ["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer", "proxy-connection"]
    {
        assert!(!request.headers().contains_key(name), "{name} is handed on");
    }
}

/// Chunks: never more data than came, and the same however they are cut.
pub fn chunks(stream: &[u8]) {
    let through = |width: usize| {
        let (mut chunks, mut read, mut data) = (Chunks::new(), BytesMut::new(), Vec::new());
        for piece in stream.chunks(width) {
            read.extend_from_slice(piece);
            loop {
                match chunks.take(&mut read) {
                    Ok(Piece::Data(bytes)) => data.extend_from_slice(&bytes),
                    Ok(Piece::More) => break,
                    Ok(Piece::End(trailers)) => return (data, Some(trailers.is_some()), false),
                    Err(_) => return (data, None, true),
                }
            }
        }
        (data, None, false)
    };
    let whole = through(stream.len().max(1));
    assert!(whole.0.len() <= stream.len());
    assert_eq!(whole, through(1), "it depends on how the stream is cut");
}
