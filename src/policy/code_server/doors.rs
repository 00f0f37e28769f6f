//! The editor's commands and addresses as `portcullis explain` shows them.

use super::command::{Command, Look, Way};
use super::commands::{SOURCE, commands};
use super::methods::{self, Method};
use crate::Capability;
use crate::doors::{Given, Said, Spoken, encoded};
use crate::row::{Check, Row};

/// Where the editor's messages go.
const SOCKET: &str = "its management socket";

/// Bytes that are no text.
const BINARY: [u8; 4] = [0, 1, 2, 0xff];
/// Where the extension host's messages go.
const HOST: &str = "its extension host's socket";
/// Where any socket's first words go.
const ANY: &str = "any socket of its";

/// What commands take. One that takes more by what its arguments say stands twice.
pub(super) fn spoken(file: &str) -> Vec<Spoken> {
    let mut all: Vec<_> = commands().flat_map(|command| said(command, file)).collect();
    let unknown = |channel, name, listens| {
        let said = Said::Call { channel, name, listens, given: Vec::new(), listed: true };
        message(&[Capability::Unknown], format!("{channel}.{name}"), said)
    };
    // What no row knows: a channel, a command, and a known command asked for in the other way.
    all.push(unknown("newchannel", "do", false));
    all.push(unknown("remoteFilesystem", "newCommand", false));
    all.push(unknown("remoteterminal", "$createProcess", true));
    all.extend(methods::METHODS.iter().map(|method| hosted(method, method.name, "")));
    all.extend(methods::COMMANDS.iter().map(|command| hosted(command, methods::EXECUTE, command.name)));
    let wish = |needs, number, words: &str| Spoken {
        socket: ANY,
        ..message(needs, format!("connection type {number} ({words})"), Said::Wish(number))
    };
    all.push(wish(&[Capability::Ui], 1, "calls to the server"));
    all.push(wish(&[Capability::Ui], 2, "calls to the extension host"));
    all.push(wish(&[Capability::PortProxy], 3, "a port"));
    all.push(wish(&[Capability::Unknown], 4, "unknown"));
    all
}

fn message(needs: &'static [Capability], message: String, said: Said) -> Spoken {
    Spoken { needs, message, socket: SOCKET, source: SOURCE, said, hidden: false }
}

fn hosted(method: &'static Method, name: &'static str, first: &'static str) -> Spoken {
    let words = format!("extension host {}", method.name);
    Spoken { socket: HOST, ..message(method.needs, words, Said::Method { name, first }) }
}

/// A command, in each way that takes something of its own.
fn said(command: &'static Command, file: &str) -> Vec<Spoken> {
    let mut given: Vec<Given> = Vec::new();
    for at in 0..command.paths.iter().max().map_or(0, |last| last + 1) {
        given.push(if command.paths.contains(&at) {
            Given::File(file.to_owned())
        } else {
            Given::Int(u32::try_from(at).unwrap_or(0))
        });
    }
    let one = |needs, words: &str, more: &[Given]| {
        let name = named(command);
        let given = given.iter().chain(more).cloned().collect();
        let said = Said::Call {
            channel: command.channel,
            name: command.name,
            listens: command.way == Way::Listen,
            given,
            listed: command.look != Look::Launch,
        };
        let words = if words.is_empty() { name } else { format!("{name} ({words})") };
        Spoken { hidden: command.look == Look::HiddenPaths, ..message(needs, words, said) }
    };
    let piece = |bytes: &[u8]| [Given::Int(1), Given::Int(0), Given::Bytes(bytes.to_vec())];
    match command.look {
        Look::ReadWhole => vec![
            one(command.needs, "settings and documents", &[Given::Json(r#"{"atomic":true}"#)]),
            one(&[Capability::Read, Capability::Download], "any other file", &[Given::Json("{}")]),
        ],
        Look::Open => vec![
            one(&[Capability::Write, Capability::Download], "to read", &[Given::Json(r#"{"create":false}"#)]),
            one(&[Capability::Write, Capability::Upload], "to write", &[Given::Json(r#"{"create":true}"#)]),
        ],
        Look::WriteWhole => vec![
            one(
                command.needs,
                "the text of a document",
                &[Given::Bytes(b"text".to_vec()), Given::Json("{}")],
            ),
            one(
                &[Capability::Write, Capability::Upload],
                "any other bytes",
                &[Given::Bytes(BINARY.to_vec()), Given::Json("{}")],
            ),
        ],
        Look::WritePiece => vec![
            one(command.needs, "the text of a document", &piece(b"text")),
            one(&[Capability::Write, Capability::Upload], "any other bytes", &piece(&BINARY)),
        ],
        Look::Input => vec![one(command.needs, "", &[Given::Int(1), Given::Text("x")])],
        Look::Launch => vec![one(command.needs, "", &[Given::Json(r#"{"shellLaunchConfig":{}}"#)])],
        Look::ReadStream => vec![one(command.needs, "", &[Given::Json("{}")])],
        Look::Nothing | Look::Unrecorded | Look::HiddenPaths => vec![one(command.needs, "", &[])],
    }
}

fn named(command: &Command) -> String {
    let way = match command.way {
        Way::Call => "",
        Way::Listen => " (events)",
    };
    format!("{}.{}{way}", command.channel, command.name)
}

/// The query that names a file.
pub(super) fn query(row: &Row, file: &str) -> Option<String> {
    let place = format!("/{}", encoded(file.trim_start_matches('/')));
    match row.check {
        Check::RemoteResource => Some(format!("path={place}")),
        Check::Folder => Some(format!("folder={place}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_and_files_are_among_what_is_said() {
        let all = spoken("/home/a/x.txt");
        let of = |capability| all.iter().filter(move |spoken| spoken.needs.contains(&capability)).count();
        assert!(of(Capability::Shell) > 1 && of(Capability::Upload) > 0 && of(Capability::Download) > 0);
        assert!(all.iter().any(|spoken| spoken.message == "remoteterminal.$createProcess"), "{all:?}");
    }
}
