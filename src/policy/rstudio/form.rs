//! The form of an upload, judged while it streams: which file, how large, and where it is to go.
//!
//! rsession finds the fields of the form by searching; it stands for what it was meant to be only when there is exactly one
//! `file` and one `targetDirectory`, in plain heads. Anything else is refused. Of the file nothing is kept: its bytes are
//! counted, and searched for the boundary. The directory comes last, so that refusing it keeps the end from rsession, which
//! then drops the file.

use super::place;
use crate::path::normalise;
use crate::{Capability, Flags, PathClaim, Refusal};

/// Longest boundary (RFC 2046, 5.1.1).
const BOUNDARY_MAX: usize = 70;
/// Longest head of a part, and longest directory: paths end at 4 KiB.
const SMALL_MAX: usize = 8 << 10;

/// What a piece brought to light.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormStep {
    /// It goes on.
    Pass,
    /// It goes on when this path leads into the allowed directories.
    Ask(PathClaim),
}

/// A form on its way.
#[derive(Debug)]
pub struct UploadForm {
    /// `CR LF -- boundary`.
    delimiter: Vec<u8>,
    /// The boundary, wherever it stands in a part's content: rsession might find it there.
    stray: Stray,
    at: At,
    /// Head or small field at hand.
    small: Vec<u8>,
    name: Option<String>,
    directory: Option<String>,
    /// Bytes of the file so far.
    pub(super) bytes: u64,
    limit: Option<(u64, Box<Refusal>)>,
    directories: Option<Box<Refusal>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// So many bytes of the first delimiter, which has no line break before it.
    Opening(usize),
    /// Behind a delimiter; the byte that stood there.
    Behind(Option<u8>),
    Head,
    /// In a part's content, with so many bytes of the delimiter just seen.
    Content {
        file: bool,
        seen: usize,
    },
    /// Behind the last delimiter; so many bytes of a line break.
    End(usize),
}

impl UploadForm {
    /// Of a request with this `Content-Type`.
    ///
    /// # Errors
    /// When it is no form that can be read in one way.
    pub fn new(flags: &Flags, content_type: &str) -> Result<Self, Box<Refusal>> {
        let boundary = boundary(content_type).ok_or_else(|| bad("it is no form with a plain boundary"))?;
        let limit = flags.size_denial().zip(flags.upload_limit());
        let outside = |denial| Box::new(Refusal::by_flag(Capability::Upload, &denial));
        Ok(Self {
            delimiter: [b"\r\n--", boundary.as_bytes()].concat(),
            stray: Stray::new(boundary.as_bytes()),
            at: At::Opening(2),
            small: Vec::new(),
            name: None,
            directory: None,
            bytes: 0,
            limit: limit.map(|(denial, limit)| (limit, Box::new(Refusal::too_large(&denial)))),
            directories: flags.directories_denial().map(outside),
        })
    }

    /// A piece of the body, before it goes on.
    ///
    /// # Errors
    /// Why nothing more may go on.
    pub fn feed(&mut self, piece: &[u8]) -> Result<FormStep, Box<Refusal>> {
        let mut rest = piece;
        let before = self.directory.is_some();
        while let Some(first) = rest.first() {
            let used = match self.at {
                At::Content { file: true, seen: 0 } => self.run(rest)?,
                At::Content { file, seen } => self.content(*first, file, seen)?,
                At::Opening(seen) => self.opening(*first, seen)?,
                At::Behind(one) => self.behind(one, *first)?,
                At::Head => self.head(*first)?,
                At::End(seen) => self.end(*first, seen)?,
            };
            if let Some((_, refusal)) = self.limit.as_ref().filter(|(limit, _)| self.bytes > *limit) {
                return Err(refusal.clone());
            }
            rest = &rest[used..];
        }
        if before || self.directory.is_none() || self.directories.is_none() {
            return Ok(FormStep::Pass);
        }
        self.claim()
    }

    /// The body is over.
    ///
    /// # Errors
    /// When it wasn't whole.
    pub fn over(&self) -> Result<(), Box<Refusal>> {
        match self.at {
            At::End(0 | 2) if self.name.is_some() && self.directory.is_some() => Ok(()),
            _ => Err(bad("it is no whole form with one file and one directory")),
        }
    }

    /// Where the file is to go, as far as it is known, for the audit log.
    pub fn path(&self) -> String {
        let (directory, name) = (self.directory.as_deref(), self.name.as_deref());
        match (directory, name) {
            (Some(directory), Some(name)) => format!("{}/{name}", directory.trim_end_matches('/')),
            (None, Some(name)) => name.to_owned(),
            _ => String::new(),
        }
    }

    fn claim(&self) -> Result<FormStep, Box<Refusal>> {
        let directory = self.directory.as_deref().unwrap_or_default();
        match place::claim(directory) {
            Ok(None) => Ok(FormStep::Pass),
            Ok(Some(claim)) => Ok(FormStep::Ask(claim)),
            Err(why) => {
                let refusal = self.directories.as_deref().cloned();
                let refusal = refusal.unwrap_or_else(|| *bad("its directory can't be checked"));
                Err(Refusal { rule: format!("{}: {why}", refusal.rule), ..refusal }.into())
            }
        }
    }

    fn opening(&mut self, byte: u8, seen: usize) -> Result<usize, Box<Refusal>> {
        if self.delimiter.get(seen) != Some(&byte) {
            return Err(bad("it does not begin with its boundary"));
        }
        let whole = seen + 1 == self.delimiter.len();
        self.at = if whole { At::Behind(None) } else { At::Opening(seen + 1) };
        Ok(1)
    }

    fn behind(&mut self, one: Option<u8>, byte: u8) -> Result<usize, Box<Refusal>> {
        self.at = match (one, byte) {
            (None, b'\r' | b'-') => At::Behind(Some(byte)),
            (Some(b'\r'), b'\n') => At::Head,
            (Some(b'-'), b'-') => At::End(0),
            _ => return Err(bad("something stands behind a boundary")),
        };
        Ok(1)
    }

    fn head(&mut self, byte: u8) -> Result<usize, Box<Refusal>> {
        self.small.push(byte);
        if self.small.len() > SMALL_MAX {
            return Err(bad("the head of a part is too long"));
        }
        if !self.small.ends_with(b"\r\n\r\n") {
            return Ok(1);
        }
        let head = std::mem::take(&mut self.small);
        let part = part(&head[..head.len() - 4]).ok_or_else(|| bad("the head of a part is not plain"))?;
        let file = match part {
            Part::File(name) if self.name.is_none() => {
                self.name = Some(name);
                true
            }
            Part::Directory if self.directory.is_none() => false,
            _ => return Err(bad("a part is there twice")),
        };
        self.at = At::Content { file, seen: 0 };
        self.stray.seen = 0;
        Ok(1)
    }

    /// The file's bytes up to the next carriage return: the delimiter holds no other.
    fn run(&mut self, bytes: &[u8]) -> Result<usize, Box<Refusal>> {
        let end = bytes.iter().position(|byte| *byte == b'\r');
        let run = end.unwrap_or(bytes.len());
        if bytes[..run].iter().any(|byte| self.stray.meets(*byte)) {
            return Err(bad(STRAY));
        }
        self.bytes = self.bytes.saturating_add(u64::try_from(run).unwrap_or(u64::MAX));
        if end.is_some() {
            self.stray.meets(b'\r');
            self.at = At::Content { file: true, seen: 1 };
            return Ok(run + 1);
        }
        Ok(run)
    }

    fn content(&mut self, byte: u8, file: bool, seen: usize) -> Result<usize, Box<Refusal>> {
        if self.delimiter.get(seen) == Some(&byte) {
            let whole = seen + 1 == self.delimiter.len();
            if self.stray.meets(byte) && !whole {
                return Err(bad(STRAY));
            }
            self.at = if whole { At::Behind(None) } else { At::Content { file, seen: seen + 1 } };
            if whole && !file {
                self.field()?;
            }
            return Ok(1);
        }
        // What looked like a delimiter was content after all.
        if file {
            self.bytes = self.bytes.saturating_add(u64::try_from(seen).unwrap_or(u64::MAX));
        } else {
            let (seen, delimiter) = (seen.min(self.delimiter.len()), &self.delimiter);
            self.small.extend_from_slice(&delimiter[..seen]);
            if self.small.len() > SMALL_MAX {
                return Err(bad("its directory is too long"));
            }
        }
        self.at = At::Content { file, seen: 0 };
        if seen > 0 {
            return Ok(0);
        }
        if self.stray.meets(byte) {
            return Err(bad(STRAY));
        }
        if !file {
            self.small.push(byte);
        }
        Ok(1)
    }

    /// The directory is whole.
    fn field(&mut self) -> Result<(), Box<Refusal>> {
        let text = String::from_utf8(std::mem::take(&mut self.small));
        let text = text.map_err(|_| bad("its directory is not UTF-8"))?;
        // rsession stops at a line break and drops what it can't read.
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(bad("its directory is not plain"));
        }
        normalise(&text).map_err(|why| bad(why.0))?;
        self.directory = Some(text);
        Ok(())
    }

    fn end(&mut self, byte: u8, seen: usize) -> Result<usize, Box<Refusal>> {
        if b"\r\n".get(seen) != Some(&byte) {
            return Err(bad("something stands behind its end"));
        }
        self.at = At::End(seen + 1);
        Ok(1)
    }
}

/// What a browser's random boundary never does.
const STRAY: &str = "its boundary stands inside of a part";

/// Looks for a boundary byte by byte, keeping nothing (Knuth, Morris, Pratt).
#[derive(Debug)]
struct Stray {
    boundary: Vec<u8>,
    /// For each start of the boundary, how long an end of it is a start as well.
    back: Vec<usize>,
    seen: usize,
}

impl Stray {
    fn new(boundary: &[u8]) -> Self {
        let mut back = vec![0; boundary.len()];
        let mut length = 0;
        for at in 1..boundary.len() {
            while length > 0 && boundary[at] != boundary[length] {
                length = back[length - 1];
            }
            length += usize::from(boundary[at] == boundary[length]);
            back[at] = length;
        }
        Self { boundary: boundary.to_owned(), back, seen: 0 }
    }

    /// Whether the boundary ends with this byte.
    fn meets(&mut self, byte: u8) -> bool {
        while self.seen > 0 && self.boundary[self.seen] != byte {
            self.seen = self.back[self.seen - 1];
        }
        self.seen += usize::from(self.boundary[self.seen] == byte);
        if self.seen < self.boundary.len() {
            return false;
        }
        self.seen = self.back[self.seen - 1];
        true
    }
}

fn bad(why: &str) -> Box<Refusal> {
    let why = format!("this upload can't be read as one file for one directory: {why}");
    Refusal::always(Capability::Upload, 400, &why, "Reload the page and upload it again.").into()
}

/// The boundary of a `Content-Type`, when rsession's search for `boundary=` finds the same.
fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameter) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter.trim().strip_prefix("boundary=")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=?".contains(&byte);
    let good = !boundary.is_empty()
        && boundary.len() <= BOUNDARY_MAX
        && boundary.bytes().all(plain)
        && !boundary.contains("boundary=");
    good.then_some(boundary)
}

enum Part {
    File(String),
    Directory,
}

/// What a head says: one `Content-Disposition`, and a `Content-Type` of a file's at most.
fn part(head: &[u8]) -> Option<Part> {
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split("\r\n");
    let mut disposition = None;
    for line in &mut lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("content-disposition") && disposition.is_none() {
            disposition = Some(value.trim());
        } else if !name.eq_ignore_ascii_case("content-type") || value.contains("form-data") {
            return None;
        }
    }
    let rest = disposition?.strip_prefix("form-data; name=\"")?;
    if rest == "targetDirectory\"" {
        return Some(Part::Directory);
    }
    let name = rest.strip_prefix("file\"; filename=\"")?.strip_suffix('"')?;
    // The name becomes a name in the directory; browsers that send whole paths are long gone.
    let good = place::is_name(name) && !name.contains('"') && !name.chars().any(char::is_control);
    good.then(|| Part::File(name.to_owned()))
}
