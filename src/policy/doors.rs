//! The doors of an IDE for people to look at: which row covers a request, and which requests take a capability.
//!
//! A door is a request made up from a row, as short as the row allows. Nothing is decided here: whoever shows doors asks
//! [`decide`](crate::decide) about each. Called by `portcullis explain` and by the measurements of the policy.

use std::fmt::Write as _;

use portcullis_model::session::Ide;

use crate::adapter::{Weighing, of};
use crate::row::{Methods, Row, Tail};
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
    let examples = of(ide).examples(capability, file).into_iter().map(|example| {
        let Example { method, path, query, body } = example;
        Door { method, path, query, upgrade: false, body }
    });
    made.chain(examples).collect()
}

/// What an IDE's WebSockets are told that takes a capability.
pub fn spoken(ide: Ide, capability: Capability) -> Vec<Spoken> {
    of(ide).spoken().into_iter().filter(|spoken| spoken.needs.contains(&capability)).collect()
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
        Tail::File | Tail::Name if row.path.contains("/**") => encoded(file),
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
mod tests {
    use super::*;
    use crate::{Verdict, decide};

    #[test]
    fn each_row_has_a_door_that_leads_to_its_capability() {
        let adapters = Adapters::default();
        let mut counted = 0;
        for ide in Ide::BUILT_IN {
            for row in rows_of(&adapters, ide) {
                let door = door(row, "a b/ü.txt");
                assert!(row.fits(&door.path).is_some(), "{ide}: {} is not of {}", door.path, row.path);
                let found = row_of(&adapters, ide, &door.ask()).expect("a row");
                // A narrower row stands before a wider one, and takes its example.
                let same = found == row || found.fits(&door.path).is_some();
                assert!(same, "{ide}: {} is covered by {}", door.request(), found.path);
                counted += 1;
            }
        }
        assert!(counted > 100, "{counted}");
    }

    #[test]
    fn a_capability_that_is_taken_away_closes_each_of_its_doors() {
        let adapters = Adapters::default();
        let open = Flags { presentation_commands: crate::Setting::default_of(true), ..Flags::default() };
        for (capability, flags) in [
            (Capability::Shell, Flags { shell: crate::Setting::at(false, "f", 1), ..open.clone() }),
            (Capability::Download, Flags { downloads: crate::Setting::at(false, "f", 1), ..open.clone() }),
            (Capability::Upload, Flags { uploads: crate::Setting::at(false, "f", 1), ..open.clone() }),
            (Capability::Vcs, Flags { vcs: crate::Setting::at(false, "f", 1), ..open.clone() }),
        ] {
            let doors = doors(&adapters, Ide::Jupyter, capability, Some("a.bin"));
            assert!(!doors.is_empty());
            for door in doors {
                let judged = |flags: &Flags| match &door.body {
                    Some(body) => {
                        crate::judge_body(&adapters, Ide::Jupyter, flags, &door.ask(), body.as_bytes())
                    }
                    None => decide(&adapters, Ide::Jupyter, flags, &door.ask()),
                };
                assert!(judged(&open).is_forward(), "{}", door.request());
                assert!(matches!(judged(&flags), Verdict::Refuse(_)), "{} {capability:?}", door.request());
            }
        }
    }

    #[test]
    fn names_are_encoded_for_a_url() {
        assert_eq!(encoded("a b/ü%?#.txt"), "a%20b/%C3%BC%25%3F%23.txt");
    }

    #[test]
    fn a_request_without_a_row_has_none() {
        let adapters = Adapters::default();
        let door =
            Door { method: "GET", path: "/no/such/route".into(), query: None, upgrade: false, body: None };
        assert!(row_of(&adapters, Ide::Jupyter, &door.ask()).is_none());
        let odd =
            Door { method: "TRACE", path: "/api/terminals".into(), query: None, upgrade: false, body: None };
        assert!(row_of(&adapters, Ide::Jupyter, &odd.ask()).is_none());
    }
}
