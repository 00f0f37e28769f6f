//! The file in a `multipart/form-data` body: the part with a file name, hashed while it passes.
//!
//! The first line of the body is the delimiter, as every browser writes it. Anything out of the ordinary (two files, a head
//! that doesn't end) and the body itself is hashed instead, and the record says so.

use super::Digest;

/// Longest delimiter: 70 characters (RFC 2046, 5.1.1) and its two dashes.
const DELIMITER_MAX: usize = 72;
/// Longest name of a file or folder that is remembered for the record.
const NAME_MAX: usize = 1024;
/// Longest head of a part.
const HEAD_MAX: usize = 8 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// In the first line.
    #[default]
    Opening,
    /// In a part's head.
    Head,
    /// In a part's content; so many bytes of `CR LF delimiter` were just seen.
    Content(usize),
    /// Behind a delimiter; what stood there so far.
    Behind(Option<u8>),
    End,
    Lost,
}

/// Reads one body.
#[derive(Debug, Default)]
pub(super) struct Multipart {
    at: At,
    /// `CR LF -- boundary`.
    delimiter: Vec<u8>,
    head: Vec<u8>,
    /// The part at hand is a file.
    in_file: bool,
    /// Its head has just ended: the line break in front of a delimiter that follows at once is the head's.
    fresh: bool,
    files: u32,
    /// The part at hand says into which folder.
    in_target: bool,
    name: Vec<u8>,
    target: Vec<u8>,
    file: Digest,
    body: Digest,
}

impl Multipart {
    pub(super) fn update(&mut self, mut bytes: &[u8]) {
        self.body.update(bytes);
        while let Some(first) = bytes.first() {
            let used = match self.at {
                At::Content(0) => self.run(bytes),
                At::Content(seen) => self.match_delimiter(*first, seen),
                At::Opening => self.opening(*first),
                At::Head => self.in_head(*first),
                At::Behind(before) => self.behind(*first, before),
                At::End | At::Lost => return,
            };
            bytes = &bytes[used..];
        }
    }

    fn opening(&mut self, byte: u8) -> usize {
        if self.delimiter.is_empty() {
            self.delimiter.extend_from_slice(b"\r\n");
        }
        if byte == b'\n' {
            let good = self.delimiter.len() > 5
                && self.delimiter.pop() == Some(b'\r')
                && self.delimiter.starts_with(b"\r\n--");
            self.at = if good { At::Head } else { At::Lost };
            return 1;
        }
        self.delimiter.push(byte);
        let inner = &self.delimiter[2..self.delimiter.len() - 1];
        if self.delimiter.len() > DELIMITER_MAX + 3 || inner.contains(&b'\r') {
            self.at = At::Lost;
        }
        1
    }

    fn in_head(&mut self, byte: u8) -> usize {
        self.head.push(byte);
        if self.head.ends_with(b"\r\n\r\n") || self.head == b"\r\n" {
            let given = std::mem::take(&mut self.head);
            let head = given.to_ascii_lowercase();
            let names = |name: &[u8]| head.windows(name.len()).any(|found| found == name);
            // Also `filename*=`, which browsers don't send and servers read all the same.
            self.in_file = names(b"filename=") || names(b"filename*=");
            self.files += u32::from(self.in_file);
            self.in_target = names(b"name=\"targetdirectory\"");
            let named = head.windows(10).position(|found| found == b"filename=\"");
            if let Some(rest) = named.and_then(|at| given.get(at + 10..)) {
                let end = rest.iter().position(|byte| *byte == b'"').unwrap_or(rest.len());
                self.name = rest[..end.min(NAME_MAX)].to_vec();
            }
            (self.fresh, self.at) = (true, At::Content(2));
        } else if self.head.len() > HEAD_MAX {
            self.at = At::Lost;
        }
        1
    }

    /// Takes content up to the next carriage return: the delimiter holds no other.
    fn run(&mut self, bytes: &[u8]) -> usize {
        let end = bytes.iter().position(|byte| *byte == b'\r').unwrap_or(bytes.len());
        self.content(&bytes[..end]);
        if end < bytes.len() {
            self.at = At::Content(1);
            return end + 1;
        }
        end
    }

    fn match_delimiter(&mut self, byte: u8, seen: usize) -> usize {
        if self.delimiter.get(seen) == Some(&byte) {
            self.at = if seen + 1 == self.delimiter.len() { At::Behind(None) } else { At::Content(seen + 1) };
            return 1;
        }
        // It was content after all, but for a line feed that ended the head.
        let from = if std::mem::take(&mut self.fresh) { 2 } else { 0 };
        let delimiter = std::mem::take(&mut self.delimiter);
        self.content(&delimiter[from..seen]);
        self.delimiter = delimiter;
        self.at = At::Content(0);
        0
    }

    fn behind(&mut self, byte: u8, before: Option<u8>) -> usize {
        self.at = match (before, byte) {
            (None, b'\r' | b'-') => At::Behind(Some(byte)),
            (Some(b'\r'), b'\n') => At::Head,
            (Some(b'-'), b'-') => At::End,
            _ => At::Lost,
        };
        1
    }

    fn content(&mut self, bytes: &[u8]) {
        if self.in_file {
            self.file.update(bytes);
        } else if self.in_target {
            let room = NAME_MAX.saturating_sub(self.target.len());
            self.target.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    /// Folder and name of the file, as the form says them.
    pub(super) fn place(&self) -> Option<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (target, name) = (text(&self.target), text(&self.name));
        let between = if target.is_empty() || target.ends_with('/') { "" } else { "/" };
        (!name.is_empty()).then(|| format!("{target}{between}{name}"))
    }

    /// The file's digest, or else the body's; whether it is the file's.
    pub(super) fn finish(self) -> (Digest, bool) {
        if self.files == 1 && self.at != At::Lost { (self.file, true) } else { (self.body, false) }
    }
}
