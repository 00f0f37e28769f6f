//! The calls of VS Code's editor, on the streams that its WebSockets carry.

use std::path::Path;

use anyhow::Result;
use portcullis_model::session::Ide;
use portcullis_policy::{Capability, Given, Said, Spoken, messages};
use portcullis_testing::editor::{called, framed};
use portcullis_testing::websocket;
use tungstenite::protocol::Message;

use crate::person::Person;
use crate::said::{self, Fate, Way};
use crate::sizes::LIMIT;
use crate::sockets::{FOREIGN, judge};
use crate::table::Rule;
use crate::{files, hand};

/// The ways of a stream's messages.
const WAYS: [Way; 4] = [
    Way::plain("message"),
    Way { two: true, ..Way::plain("message, HTTP/2") },
    Way { pieces: true, ..Way::plain("message in pieces") },
    Way { joined: true, ..Way::plain("messages joined") },
];
/// What a page opens its sockets with.
const QUERY: &str =
    "reconnectionToken=00000000-0000-4000-8000-000000000000&reconnection=false&skipWebSocketFrames=false";
/// The longest text that is a document of the editor's.
const TEXT: u32 = 8 << 20;
/// Kinds of sockets.
const CALLS: u8 = 1;
const HOST: u8 = 2;

/// All messages. Each has a file of its own: what was opened once is known as a document from then on.
fn spoken(home: &Path, name: impl Fn(usize) -> String) -> Vec<Spoken> {
    let count = messages(Ide::CodeServer, "/").len();
    let file = |at: usize| name(at).replace("HOME", &home.display().to_string());
    (0..count).filter_map(|at| messages(Ide::CodeServer, &file(at)).into_iter().nth(at)).collect()
}

/// Everything that is said to code-server.
pub(crate) fn all(rule: &Rule, shut: &Person<'_>, open: &Person<'_>) -> Result<()> {
    let inside = |at: usize| format!("HOME/inside/{at}.txt");
    let (own, free) = (spoken(&shut.opened.home, inside), spoken(&open.opened.home, inside));
    for way in WAYS {
        let (mut shut, mut open) = (Editor::new(shut, way), Editor::new(open, way));
        for (own, free) in own.iter().zip(&free) {
            let is_shut = rule.shuts_message(own);
            shut.judge(rule, own, !is_shut)?;
            if is_shut {
                open.judge(rule, free, true)?;
            }
        }
    }
    for one in &own {
        let at = format!("/s/{}/?{QUERY}", shut.other);
        Editor { at, ..Editor::new(shut, Way::plain(FOREIGN)) }.judge(rule, one, false)?;
    }
    if rule.is_about_files() {
        names(rule, shut, open)?;
    }
    if rule.is_about_sizes() {
        sizes(rule, shut, open)?;
    }
    if rule.about.unheld.is_none() {
        for raw in hand::calls() {
            let mut editor = Editor::new(shut, Way::plain("message by hand"));
            let fate = editor.call(CALLS, &raw)?;
            judge(shut, rule, "message by hand", &String::from_utf8_lossy(&raw), &fate, false, true);
        }
    }
    Ok(())
}

/// Files outside of the home, in every call that names one.
fn names(rule: &Rule, shut: &Person<'_>, open: &Person<'_>) -> Result<()> {
    let mut outside = files::outside(Ide::CodeServer, &shut.opened.home);
    outside.push(format!("{}/{}", shut.opened.home.display(), files::AWAY));
    let naming = |home: &Path, name: &str| -> Vec<Spoken> {
        spoken(home, |_| name.to_owned()).into_iter().filter(Spoken::names_files).collect()
    };
    for way in WAYS {
        let mut person = Editor::new(shut, Way { kind: "message, file outside", ..way });
        for name in &outside {
            for one in naming(&shut.opened.home, name) {
                person.judge(rule, &one, false)?;
            }
        }
        let mut person = Editor::new(open, Way { kind: "message, file outside", ..way });
        for one in naming(&open.opened.home, &format!("HOME/{}", files::AWAY)) {
            person.judge(rule, &one, true)?;
        }
    }
    Ok(())
}

/// Files of the largest size, and a byte more: whole, and the last piece of one.
fn sizes(rule: &Rule, shut: &Person<'_>, open: &Person<'_>) -> Result<()> {
    for over in [false, true] {
        for way in WAYS {
            let kind = if way.two { "message, size, HTTP/2" } else { "message, size" };
            for (person, passes) in [(shut, !over), (open, true)] {
                let mut editor = Editor::new(person, Way { kind, ..way });
                let all = spoken(&person.opened.home, |at| format!("HOME/inside/{over}{at}.bin"));
                for mut one in all {
                    let Said::Call { name, given, .. } = &mut one.said else { continue };
                    if !one.needs.contains(&Capability::Upload) {
                        continue;
                    }
                    match (*name, given.as_mut_slice()) {
                        ("writeFile", [_, Given::Bytes(bytes), ..]) => {
                            *bytes = vec![0; LIMIT + usize::from(over)];
                        }
                        // Nobody knows which file a piece is of: it may be a document that is saved.
                        ("write", [_, Given::Int(place), Given::Bytes(bytes)]) => {
                            *place = TEXT - 4 + u32::from(over);
                            *bytes = vec![0; 4];
                        }
                        _ => continue,
                    }
                    editor.judge(rule, &one, passes)?;
                }
            }
        }
    }
    Ok(())
}

/// A socket, made anew when it is gone.
struct Editor<'p> {
    person: &'p Person<'p>,
    at: String,
    way: Way,
    open: Option<Stream>,
}

/// An open one, of one kind.
struct Stream {
    socket: websocket::Socket,
    carries: u8,
    /// Calls so far; the first message says who calls.
    calls: u32,
    incoming: Vec<u8>,
}

impl<'p> Editor<'p> {
    fn new(person: &'p Person<'p>, way: Way) -> Self {
        Self { person, at: format!("/s/{}/?{QUERY}", person.opened.id), way, open: None }
    }

    fn judge(&mut self, rule: &Rule, spoken: &Spoken, open: bool) -> Result<()> {
        let (fate, may_close) = match &spoken.said {
            Said::Wish(kind) => {
                self.open = None;
                // What it is to be is decided before anything is said: there is nothing to go on.
                match self.stream(*kind)? {
                    Ok(_) => (Fate::Passed, true),
                    Err(fate) => (fate, true),
                }
            }
            said @ Said::Method { .. } => (self.call(HOST, &said::call(0, said))?, false),
            said => (self.call(CALLS, &said::call(0, said))?, false),
        };
        let given = match &spoken.said {
            Said::Call { given, .. } => given.first(),
            _ => None,
        };
        let file = given.map_or_else(String::new, |given| match given {
            Given::File(file) => format!(" {file}"),
            _ => String::new(),
        });
        judge(self.person, rule, self.way.kind, &format!("{}{file}", spoken.message), &fate, open, may_close);
        Ok(())
    }

    /// Says a call, and one behind it that is always taken.
    fn call(&mut self, carries: u8, body: &[u8]) -> Result<Fate> {
        let mut stream = match self.stream(carries)? {
            Ok(stream) => stream,
            Err(fate) => return Ok(fate),
        };
        let number = stream.calls + 1;
        stream.calls += 2;
        let last = if carries == CALLS {
            called(100, number + 1, "logger", "getRegisteredLoggers", &[], true)
        } else {
            said::method(number + 1, "$acceptModelSaved", "")
        };
        let (first, second) = (framed(1, number, 0, body), framed(1, number + 1, 0, &last));
        let all = [first, second].concat();
        let cut = all.len() - last.len() - 13;
        let pieces: Vec<&[u8]> = if self.way.joined {
            vec![&all]
        } else if self.way.pieces {
            vec![&all[..7], &all[7..cut - 1], &all[cut - 1..cut + 3], &all[cut + 3..]]
        } else {
            vec![&all[..cut], &all[cut..]]
        };
        for piece in pieces.into_iter().filter(|piece| !piece.is_empty()) {
            if let Err(error) = stream.socket.send(Message::binary(piece.to_vec())) {
                return Ok(Fate::Closed(error.to_string()));
            }
        }
        let mut fate = Fate::Refused("nothing came in its place".to_owned());
        loop {
            match stream.next() {
                Err(why) => return Ok(Fate::Closed(why)),
                Ok((1, id, came)) if id == number => {
                    fate = if came == body {
                        Fate::Passed
                    } else {
                        Fate::Refused(String::from_utf8_lossy(&came).into_owned())
                    };
                }
                Ok((1, id, came)) if id == number + 1 => {
                    if came != last {
                        fate = Fate::Closed("what is always taken was not".to_owned());
                    }
                    break;
                }
                Ok(_) => {}
            }
        }
        self.open = Some(stream);
        Ok(fate)
    }

    /// The stream of this kind that is open, or a new one.
    fn stream(&mut self, carries: u8) -> Result<Result<Stream, Fate>> {
        if let Some(stream) = self.open.take().filter(|stream| stream.carries == carries) {
            return Ok(Ok(stream));
        }
        let socket = match said::open(self.person, &self.at, self.way.two, &[])? {
            Ok(socket) => socket,
            Err(why) => return Ok(Err(Fate::Unopened(why))),
        };
        let mut stream = Stream { socket, carries, calls: 1, incoming: Vec::new() };
        let greeting = said::greeting(carries);
        let hello = framed(1, 1, 0, b"\x05\x02{}");
        for bytes in greeting.iter().chain([&hello]) {
            if let Err(error) = stream.socket.send(Message::binary(bytes.clone())) {
                return Ok(Err(Fate::Closed(error.to_string())));
            }
        }
        // The wish and what is said behind it reached the double.
        for _ in 0..3 {
            if let Err(why) = stream.next() {
                return Ok(Err(Fate::Closed(why)));
            }
        }
        Ok(Ok(stream))
    }
}

impl Stream {
    /// The next message: its kind, number and body.
    fn next(&mut self) -> Result<(u8, u32, Vec<u8>), String> {
        loop {
            let number = |at: usize| {
                let bytes: Option<[u8; 4]> = self.incoming.get(at..at + 4)?.try_into().ok();
                bytes.map(u32::from_be_bytes)
            };
            if let (Some(id), Some(length)) = (number(1), number(9)) {
                let end = 13 + usize::try_from(length).map_err(|error| error.to_string())?;
                if self.incoming.len() >= end {
                    let message: Vec<u8> = self.incoming.drain(..end).collect();
                    return Ok((message[0], id, message[13..].to_vec()));
                }
            }
            let bytes = said::heard(&mut self.socket)?;
            self.incoming.extend_from_slice(&bytes);
        }
    }
}
