//! Looks at the bytes of a request's head as they come in, for what hyper forgives and we don't.
//!
//! hyper drops a `Content-Length` beside a `Transfer-Encoding` and folds equal lengths into one before a
//! handler can see them; a request that needs such mending is refused instead. It reads, never changes.
//! Heads that arrive behind another request's in the same packet are not scanned: hyper's own mending,
//! which is unambiguous towards the session, holds for them.

/// A head was scanned to its end.
pub(crate) const WHOLE: u8 = 1;
/// It had a `Content-Length`.
pub(crate) const LENGTH: u8 = 2;
/// It had several.
pub(crate) const LENGTHS: u8 = 4;
/// It had a `Transfer-Encoding`.
pub(crate) const ENCODING: u8 = 8;
/// A line ended without a carriage return.
pub(crate) const BARE_LF: u8 = 16;

/// Longest start of a line that matters: `transfer-encoding` and what follows it.
const START: usize = 18;

/// State across reads.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    seen: u8,
    /// The current line's start, if a read ended within it.
    start: [u8; START],
    /// Bytes of the current line so far.
    length: usize,
    last: u8,
    /// The request line has passed.
    fields: bool,
}

impl Scan {
    /// Begins with a new head.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes the next bytes; the flags so far.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> u8 {
        while self.seen & WHOLE == 0 {
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.keep(bytes);
                break;
            };
            let (line, rest) = bytes.split_at(end);
            bytes = &rest[1..];
            if self.length == 0 {
                self.line(line, line.len(), line.last().copied());
            } else {
                self.keep(line);
                let (start, length, last) = (self.start, self.length, self.last);
                self.line(&start[..length.min(START)], length, Some(last));
            }
            self.length = 0;
        }
        self.seen
    }

    fn keep(&mut self, bytes: &[u8]) {
        for (slot, byte) in self.start.iter_mut().skip(self.length).zip(bytes) {
            *slot = *byte;
        }
        self.length += bytes.len();
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    fn line(&mut self, start: &[u8], length: usize, last: Option<u8>) {
        if last != Some(b'\r') {
            self.seen |= BARE_LF;
        }
        if length == 0 || (length == 1 && last == Some(b'\r')) {
            // Empty lines before the request line are allowed (RFC 9112, 2.2).
            if self.fields {
                self.seen |= WHOLE;
            }
            return;
        }
        self.fields = true;
        let is = |name: &[u8]| start.get(..name.len()).is_some_and(|part| part.eq_ignore_ascii_case(name));
        match start.first().map(|byte| byte | 0x20) {
            Some(b'c') if is(b"content-length") => {
                self.seen |= if self.seen & LENGTH == 0 { LENGTH } else { LENGTHS };
            }
            Some(b't') if is(b"transfer-encoding") => self.seen |= ENCODING,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &[u8], step: usize) -> u8 {
        let mut scan = Scan::default();
        text.chunks(step).map(|part| scan.feed(part)).last().expect("not empty")
    }

    #[test]
    fn sees_the_same_however_it_is_cut() {
        for (text, seen) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..], WHOLE),
            (b"\r\nPOST / HTTP/1.1\r\nCONTENT-Length: 1\r\n\r\nContent-Length: 1\r\n", WHOLE | LENGTH),
            (
                b"POST / HTTP/1.1\r\nContent-Length: 1\r\nX: y\r\ncontent-length: 1\r\n\r\n",
                WHOLE | LENGTH | LENGTHS,
            ),
            (
                b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
                WHOLE | LENGTH | ENCODING,
            ),
            (b"GET / HTTP/1.1\nHost: a\n\n", WHOLE | BARE_LF),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", 0),
        ] {
            for step in 1..=text.len() {
                assert_eq!(scan(text, step), seen, "{:?} by {step}", String::from_utf8_lossy(text));
            }
        }
    }
}
