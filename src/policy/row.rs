//! A row of an adapter: which requests it covers, what they take, and how they are sent on.
//!
//! Built-in rows are constants, an administrator's are made when the configuration is read; finding one allocates nothing. A row that is wrong is a hole, so each names the handler it was
//! read from and the release it was seen in, and the adapter's tests hold the list of routes of the real program.

use std::borrow::Cow;

use crate::{Capability, Direction, SocketRule};

/// A set of HTTP methods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Methods(u8);

impl Methods {
    /// None; to be added to.
    pub(crate) const NONE: Self = Self(0);
    /// `GET`, and `HEAD`, which is the same question.
    pub const GET: Self = Self(1);
    /// `POST`.
    pub const POST: Self = Self(2);
    /// `PUT`.
    pub const PUT: Self = Self(4);
    /// `PATCH`.
    pub const PATCH: Self = Self(8);
    /// `DELETE`.
    pub const DELETE: Self = Self(16);
    /// `OPTIONS`: in no row; it is decided like the strictest row of its path.
    pub const OPTIONS: Self = Self(32);
    /// All that change something.
    pub const UNSAFE: Self = Self(2 | 4 | 8 | 16);
    /// All but `OPTIONS`.
    pub const ANY: Self = Self(31);

    /// Both sets.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether they share a method.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The set of one method by its name; `None` for all that no IDE of ours uses (`TRACE`, `CONNECT`, `get` …).
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "GET" | "HEAD" => Some(Self::GET),
            "POST" => Some(Self::POST),
            "PUT" => Some(Self::PUT),
            "PATCH" => Some(Self::PATCH),
            "DELETE" => Some(Self::DELETE),
            "OPTIONS" => Some(Self::OPTIONS),
            _ => None,
        }
    }

    /// The names, for the reference.
    pub fn words(self) -> Vec<&'static str> {
        [
            (Self::GET, "GET"),
            (Self::POST, "POST"),
            (Self::PUT, "PUT"),
            (Self::PATCH, "PATCH"),
            (Self::DELETE, "DELETE"),
        ]
        .into_iter()
        .filter_map(|(method, word)| self.meets(method).then_some(word))
        .collect()
    }
}

/// What the part of a path matched by `**` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Part of the route: only its plain spelling passes while a flag is restrictive.
    Route,
    /// Names a file, but nothing of the file is read: decoded to be checked.
    Name,
    /// Names a file that is read or written: checked against the allowed directories too.
    File,
}

/// What is looked at beyond method and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Nothing.
    None,
    /// The query of `GET api/contents` says whether a folder is listed, a document opened or a file fetched.
    ContentsQuery,
    /// The JSON body of `api/contents` says whether a document is saved or a file uploaded.
    ContentsBody,
    /// The JSON body that starts a terminal may bring a command along: not while consoles are audited.
    TerminalBody,
    /// Only loopback ports from 1024 may be named, as plain decimal numbers.
    LoopbackPort,
    /// Served from a folder of the person: only the names the interface needs, while downloads are refused.
    KernelResource,
    /// Names paths where they can't be checked (query or body): refused while directories are restricted.
    HiddenPaths,
    /// code-server reads any file that the query names: files of extensions, while downloads are refused.
    RemoteResource,
    /// The query names the folder that a page opens.
    Folder,
    /// code-server takes the path in any case: no other spelling of a port may pass.
    AnyCase,
    /// What RStudio's adapter looks at.
    Rstudio(crate::rstudio::Look),
    /// Every WebSocket of code-server is its editor's: only one that can be read may be opened.
    EditorSocket,
}

/// A row of an adapter's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its methods.
    pub methods: Methods,
    /// Path: literal text, `*` for one segment, `**` for any number of segments (once), then a literal end if need be.
    pub path: Cow<'static, str>,
    /// What it takes, all of it; the first names the row.
    pub needs: Cow<'static, [Capability]>,
    /// Whether it is a person's act; an untouched tab never sends it by itself.
    pub act: bool,
    /// Whether bytes of a file pass.
    pub transfer: Option<Direction>,
    /// What `**` matches.
    pub tail: Tail,
    /// Whether it is a WebSocket, and how its frames count.
    pub socket: Option<SocketRule>,
    /// Whether it is a WebSocket or a plain request, as the program behind it likes.
    pub either: bool,
    /// What else is looked at.
    pub check: Check,
    /// The handler it was read from, or the line of `adapters.conf`.
    pub source: Cow<'static, str>,
    /// The release it was seen in.
    pub seen: Cow<'static, str>,
}

impl Row {
    /// A row with no attributes.
    pub(crate) const fn new(
        methods: Methods,
        path: &'static str,
        needs: &'static [Capability],
        seen: &'static str,
        source: &'static str,
    ) -> Self {
        Self {
            methods,
            path: Cow::Borrowed(path),
            needs: Cow::Borrowed(needs),
            act: false,
            transfer: None,
            tail: Tail::Route,
            socket: None,
            either: false,
            check: Check::None,
            source: Cow::Borrowed(source),
            seen: Cow::Borrowed(seen),
        }
    }

    pub(crate) const fn act(mut self) -> Self {
        self.act = true;
        self
    }

    pub(crate) const fn transfer(mut self, direction: Direction) -> Self {
        self.transfer = Some(direction);
        self
    }

    pub(crate) const fn tail(mut self, tail: Tail) -> Self {
        self.tail = tail;
        self
    }

    pub(crate) const fn socket(mut self, rule: SocketRule) -> Self {
        self.socket = Some(rule);
        self
    }

    pub(crate) const fn either(mut self, rule: SocketRule) -> Self {
        self.socket = Some(rule);
        self.either = true;
        self
    }

    pub(crate) const fn check(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// Whether its path names a port that the IDE will connect to.
    pub(crate) fn names_port(&self) -> bool {
        self.check == Check::LoopbackPort
    }

    /// What names the row.
    pub fn capability(&self) -> Capability {
        self.needs.first().copied().unwrap_or(Capability::Unknown)
    }

    /// Whether the raw path fits; the bytes that `**` matched.
    pub fn fits<'p>(&self, path: &'p str) -> Option<&'p str> {
        fits(&self.path, path)
    }

    /// Whether a literal end follows what `**` matches.
    pub(crate) fn has_end(&self) -> bool {
        !self.path.ends_with("**")
    }

    /// The path without what `**` matched: the part that chose this row.
    pub(crate) fn route_of<'p>(&self, path: &'p str, tail: &str) -> (&'p str, &'p str) {
        let head = at_stars(&self.path).map_or(path.len(), |_| {
            // The tail is a slice of the path: its place follows from the two lengths that remain.
            let literal = at_stars(&self.path).map_or("", |(_, end)| end);
            // As in `fits`: a slash at the end belongs to a literal end, else to the tail.
            let trimmed = if literal.is_empty() { path } else { path.strip_suffix('/').unwrap_or(path) };
            let end = suffix_len(literal, trimmed) + path.len() - trimmed.len();
            path.len() - end - tail.len()
        });
        (&path[..head], if head == path.len() { "" } else { &path[head + tail.len()..] })
    }
}

/// How many bytes of the end of `path` a literal end (with `*`) covers; it is known to fit.
fn suffix_len(literal: &str, path: &str) -> usize {
    if literal.is_empty() {
        return 0;
    }
    let segments = literal.matches('/').count();
    path.rmatch_indices('/').nth(segments - 1).map_or(0, |(at, _)| path.len() - at)
}

fn fits<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    // Nearly every row is out after its first different byte: the hot path tries them all.
    for (expected, found) in pattern.bytes().zip(path.bytes()) {
        if expected == b'*' {
            break;
        }
        if expected != found {
            return None;
        }
    }
    // The server behind answers a trailing slash with a redirect to the path without it: the same verdict for both.
    let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    // So is one whose end is literal, by its last byte.
    if pattern.as_bytes().last().is_some_and(|last| *last != b'*' && trimmed.as_bytes().last() != Some(last))
    {
        return None;
    }
    let Some((head, end)) = at_stars(pattern) else {
        return (literal(pattern, trimmed) == Some(trimmed.len())).then_some("");
    };
    // `/files/**` is written by whoever thinks of files, `/files**` by whoever thinks of segments: the same rows.
    let head = head.strip_suffix('/').unwrap_or(head);
    let at = literal(head, path)?;
    let rest = &path[at..];
    let tail = if end.is_empty() {
        rest
    } else {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let covered = suffix_len(end, rest);
        (covered > 0 && literal(end, &rest[rest.len() - covered..]) == Some(covered))
            .then(|| &rest[..rest.len() - covered])?
    };
    (tail.is_empty() || tail.starts_with('/')).then_some(tail)
}

/// What stands before and behind `**`. By bytes: a search for text prepares itself longer than a pattern is.
fn at_stars(pattern: &str) -> Option<(&str, &str)> {
    let at = pattern.as_bytes().windows(2).rposition(|pair| pair == b"**")?;
    Some((&pattern[..at], &pattern[at + 2..]))
}

/// Matches literal text with `*` against the start of a path; the bytes covered.
fn literal(pattern: &str, path: &str) -> Option<usize> {
    let bytes = path.as_bytes();
    let mut at = 0;
    for expected in pattern.bytes() {
        if expected == b'*' {
            let segment = bytes[at..].iter().position(|byte| *byte == b'/').unwrap_or(bytes.len() - at);
            if segment == 0 {
                return None;
            }
            at += segment;
        } else if bytes.get(at) == Some(&expected) {
            at += 1;
        } else {
            return None;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_segments_not_strings() {
        for (pattern, path, tail) in [
            ("/lab", "/lab", Some("")),
            ("/lab", "/lab/", Some("")),
            ("/lab", "/lab//", None),
            ("/lab", "/labx", None),
            ("/", "/", Some("")),
            ("/api/kernels/*", "/api/kernels/1", Some("")),
            ("/api/kernels/*", "/api/kernels/", None),
            ("/api/kernels/*", "/api/kernels/1/channels", None),
            ("/api/kernels/*/channels", "/api/kernels/1/channels", Some("")),
            ("/files**", "/files/a/b", Some("/a/b")),
            ("/files**", "/files", Some("")),
            ("/files**", "/filesx", None),
            ("/files**", "/files/a/", Some("/a/")),
            ("/files/**", "/files/a/b", Some("/a/b")),
            ("/files/**", "/files", Some("")),
            ("/files/**", "/files/", Some("/")),
            ("/files/**", "/filesx", None),
            ("/**", "/a", Some("/a")),
            ("/git**/push", "/git/push", Some("")),
            ("/git**/push", "/git/a/b/push", Some("/a/b")),
            ("/git**/push", "/git/a/push/", Some("/a")),
            ("/git**/push", "/gitx/push", None),
            ("/git**/push", "/git/apush", None),
            ("/git**/remote/add", "/git/a/remote/add", Some("/a")),
            ("/git**/remote/*", "/git/remote/origin", Some("")),
            ("/git**/remote/*", "/git/x/remote/", None),
            ("/c**/checkpoints/*", "/c/a/checkpoints/id", Some("/a")),
            ("/c**/checkpoints", "/c/checkpoints/checkpoints", Some("/checkpoints")),
        ] {
            assert_eq!(fits(pattern, path), tail, "{pattern} {path}");
        }
    }

    #[test]
    fn the_route_is_what_the_tail_leaves() {
        let row = Row::new(Methods::GET, "/git**/remote/*", &[], "", "");
        let tail = row.fits("/git/a%2fb/remote/x").expect("it fits");
        assert_eq!(row.route_of("/git/a%2fb/remote/x", tail), ("/git", "/remote/x"));
        let tail = row.fits("/git/a/remote/x/").expect("it fits");
        assert_eq!(row.route_of("/git/a/remote/x/", tail), ("/git", "/remote/x/"));
        let row = Row::new(Methods::GET, "/files**", &[], "", "");
        assert_eq!(row.route_of("/files/a", "/a"), ("/files", ""));
        let row = Row::new(Methods::GET, "/lab", &[], "", "");
        assert_eq!(row.route_of("/lab", ""), ("/lab", ""));
    }
}
