//! The doors of an IDE for people to look at: which row covers a request, and which requests take a capability.
//!
//! A door is a request made up from a row, as short as the row allows. Nothing is decided here: whoever shows doors asks
//! [`decide`](crate::decide) about each. Called by `portcullis explain`, by the measurements of the policy, and by the tests that try every
//! door.

use std::fmt::Write as _;

use portcullis_model::session::Ide;

use crate::adapter::{Weighing, of};
use crate::row::{Check, Methods, Row, Tail};
use crate::{Adapters, Ask, Capability, Flags};

/// A request that takes a capability.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// Its method.
    pub method: &'static str,
    /// The path below the session.
    pub path: String,
    /// The query without its `?`.
    pub query: Option<String>,
    /// Whether it asks for a WebSocket.
    pub upgrade: bool,
    /// A body, where only the body tells.
    pub body: Option<String>,
}

/// A request that an adapter gives as an example: method, path, query, body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its method.
    pub method: &'static str,
    /// The path below the session.
    pub path: String,
    /// The query without its `?`.
    pub query: Option<String>,
    /// The body.
    pub body: Option<String>,
}

/// What covers a request beyond its row: the method of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finer {
    /// Its name.
    pub name: &'static str,
    /// What it takes, all of it.
    pub needs: &'static [Capability],
    /// Where it was read.
    pub source: &'static str,
}

/// Something that is done by a message of a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// What it takes, all of it.
    pub needs: &'static [Capability],
    /// The message in words: `remoteterminal.$createProcess`.
    pub message: String,
    /// Path of the WebSocket's row.
    pub socket: &'static str,
    /// Where it was read.
    pub source: &'static str,
    /// The message itself.
    pub said: Said,
    /// It names files where they can't be checked.
    pub hidden: bool,
}

/// A message as a program would say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// To a Jupyter kernel.
    Kernel {
        /// On which channel.
        channel: &'static str,
        /// `msg_type` of its header.
        kind: &'static str,
        /// Its content, as JSON.
        content: &'static str,
    },
    /// To code-server's management socket.
    Call {
        /// Who is asked.
        channel: &'static str,
        /// For what.
        name: &'static str,
        /// Whether answers keep coming.
        listens: bool,
        /// With what; a call that takes one thing alone has no list.
        given: Vec<Given>,
        /// Whether they stand in a list.
        listed: bool,
    },
    /// To code-server's extension host.
    Method {
        /// The method.
        name: &'static str,
        /// Its first argument, as text.
        first: &'static str,
    },
    /// What a socket of code-server's is to be: `desiredConnectionType` of its first words.
    Wish(u8),
}

/// An argument of a [`Said::Call`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// The address of this file.
    File(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A number.
    Int(u32),
    /// Text.
    Text(&'static str),
    /// JSON.
    Json(&'static str),
}

impl Spoken {
    /// Whether it names a file.
    pub fn names_files(&self) -> bool {
        let Said::Call { given, .. } = &self.said else { return false };
        given.iter().any(|given| matches!(given, Given::File(_)))
    }
}

impl Door {
    /// As a question to the policy.
    pub fn ask(&self) -> Ask<'_> {
        Ask {
            method: self.method,
            path: &self.path,
            query: self.query.as_deref(),
            upgrade: self.upgrade,
            subprotocol: None,
            content_length: self.body.as_ref().and_then(|body| u64::try_from(body.len()).ok()),
            wants_html: false,
            port_token: None,
        }
    }

    /// Method, path and query, as a person writes them.
    pub fn request(&self) -> String {
        let query = self.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
        let socket = if self.upgrade { " (WebSocket)" } else { "" };
        format!("{} {}{query}{socket}", self.method, self.path)
    }
}

/// All rows of an IDE in the order they are tried: an administrator's first.
pub fn rows_of(adapters: &Adapters, ide: Ide) -> impl Iterator<Item = &Row> {
    adapters.rows(ide).iter().chain(of(ide).tables().iter().flat_map(|table| table.iter()))
}

/// The row that covers a request, where one does.
pub fn row_of<'a>(adapters: &'a Adapters, ide: Ide, ask: &Ask<'_>) -> Option<&'a Row> {
    let name = if ask.upgrade && ask.method == "CONNECT" { "GET" } else { ask.method };
    let method = Methods::named(name)?;
    if method == Methods::OPTIONS {
        return rows_of(adapters, ide).find(|row| row.fits(ask.path).is_some());
    }
    let flags = Flags::default();
    let found =
        Weighing::new(adapters, ide, &flags, ask).find(method).map(|(row, _)| std::ptr::from_ref(row));
    // Found among these very rows: looked up again, so that it lives as long as they do and not as the question.
    rows_of(adapters, ide).find(|row| found == Some(std::ptr::from_ref(*row)))
}

/// The requests that take a capability, one for each row, then those that only query or body tells.
///
/// `file` takes the place of a name; absolute, or below the IDE's root.
pub fn doors(adapters: &Adapters, ide: Ide, capability: Capability, file: Option<&str>) -> Vec<Door> {
    let file = file.unwrap_or("example.txt");
    let taken = rows_of(adapters, ide).filter(|row| row.needs.contains(&capability));
    let made = taken.map(|row| Door { query: of(ide).query_of(row, file), ..door(row, file) });
    made.chain(of(ide).examples(capability, file).into_iter().map(door_of)).collect()
}

fn door_of(example: Example) -> Door {
    let Example { method, path, query, body } = example;
    Door { method, path, query, upgrade: false, body }
}

/// What an IDE's WebSockets are told that takes a capability.
pub fn spoken(ide: Ide, capability: Capability) -> Vec<Spoken> {
    messages(ide, "/example.txt").into_iter().filter(|spoken| spoken.needs.contains(&capability)).collect()
}

/// All that an IDE's WebSockets are told; `file`, absolute, takes the place of a name.
pub fn messages(ide: Ide, file: &str) -> Vec<Spoken> {
    of(ide).spoken(file)
}

/// The requests that name a file in address, query or body: a door for each place where one can stand.
pub fn naming(adapters: &Adapters, ide: Ide, file: &str) -> Vec<Door> {
    let all = |file: &str| {
        let doors = Capability::ALL.iter().flat_map(|one| doors(adapters, ide, *one, Some(file)));
        doors.collect::<Vec<_>>()
    };
    let (named, other) = (all(file), all("/no/such/name.of.a-file"));
    let mut naming: Vec<Door> = Vec::new();
    // A page in whose address a name stands reads nothing of the file: what it shows it asks for by other doors.
    let shown = |door: &Door| {
        row_of(adapters, ide, &door.ask())
            .is_some_and(|row| row.tail == Tail::Name && row.check == Check::None)
    };
    let differ = named.into_iter().zip(other).filter(|(named, other)| named != other && !shown(named));
    for door in differ.map(|(named, _)| named).chain(of(ide).naming(file).into_iter().map(door_of)) {
        if !naming.contains(&door) {
            naming.push(door);
        }
    }
    naming
}

/// The requests that bring in a file of so many bytes.
pub fn bringing(adapters: &Adapters, ide: Ide, bytes: usize) -> Vec<Door> {
    let rows = adapters.rows(ide).iter().filter(|row| row.needs.contains(&Capability::Upload));
    let raw = rows.map(|row| Door { body: Some("x".repeat(bytes)), ..door(row, "example.txt") });
    raw.chain(of(ide).bringing(bytes).into_iter().map(door_of)).collect()
}

/// Whether a request names files where they can't be checked: refused while directories are restricted, whichever they are.
pub fn names_hidden(adapters: &Adapters, ide: Ide, ask: &Ask<'_>) -> bool {
    row_of(adapters, ide, ask).is_some_and(|row| row.check == Check::HiddenPaths) || of(ide).hides(ask)
}

/// What covers a request beyond its row, where its IDE knows such a thing.
pub fn finer(ide: Ide, ask: &Ask<'_>) -> Option<Finer> {
    of(ide).finer(ask)
}

/// The path of a short request that a row covers.
pub(crate) fn example(row: &Row) -> String {
    door(row, "example.txt").path
}

/// The shortest request that a row covers.
fn door(row: &Row, file: &str) -> Door {
    let tail = match row.tail {
        // Below a slash of the row an absolute path keeps its own.
        Tail::File | Tail::Name
            if row.path.rsplit_once("**").is_some_and(|(head, _)| head.ends_with('/')) =>
        {
            encoded(file)
        }
        Tail::File | Tail::Name => format!("/{}", encoded(file.trim_start_matches('/'))),
        Tail::Route if row.names_port() => "/8123/".to_owned(),
        Tail::Route => String::new(),
    };
    let segment = if row.names_port() && !row.path.contains("**") { "8123" } else { "1" };
    // `/nbconvert/***` is one segment and then any number: the last two stars are the tail's.
    let path = match row.path.rfind("**") {
        Some(at) => {
            let (head, end) = (&row.path[..at], &row.path[at + 2..]);
            format!("{}{tail}{}", head.replace('*', segment), end.replace('*', segment))
        }
        None => row.path.replace('*', segment),
    };
    let upgrade = row.socket.is_some() && !row.either;
    let method = row.methods.words().first().copied().unwrap_or("GET");
    Door { method, path, query: None, upgrade, body: None }
}

/// Base64 of so many zero bytes.
pub(crate) fn zeros(bytes: usize) -> String {
    format!("{}{}", "AAAA".repeat(bytes / 3), ["", "AA==", "AAA="][bytes % 3])
}

/// A path as it stands in a URL: what is no letter, digit or `-._~/` is encoded.
pub(crate) fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests;
