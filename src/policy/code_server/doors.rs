//! The editor's commands and addresses as `portcullis explain` shows them.

use super::command::{Command, Look, Way};
use super::commands::{SOURCE, commands};
use crate::Capability;
use crate::doors::{Spoken, encoded};
use crate::row::{Check, Row};

/// Where the editor's messages go.
const SOCKET: &str = "its management socket";

/// What commands take. One that takes more by what its arguments say stands twice.
pub(super) fn spoken() -> Vec<Spoken> {
    let one = |needs, message| Spoken { needs, message, socket: SOCKET, source: SOURCE };
    let both = |command: &Command, first: &str, needs, second: &str| {
        let name = named(command);
        vec![one(command.needs, format!("{name} ({first})")), one(needs, format!("{name} ({second})"))]
    };
    let of = |command: &Command| match command.look {
        Look::ReadWhole => both(command, "settings and documents", &[Capability::Download], "any other file"),
        Look::WriteWhole | Look::WritePiece => {
            both(command, "the text of a document", &[Capability::Upload], "any other bytes")
        }
        _ => vec![one(command.needs, named(command))],
    };
    commands().flat_map(of).collect()
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
        let all = spoken();
        let of = |capability| all.iter().filter(move |spoken| spoken.needs.contains(&capability)).count();
        assert!(of(Capability::Shell) > 1 && of(Capability::Upload) > 0 && of(Capability::Download) > 0);
        assert!(all.iter().any(|spoken| spoken.message == "remoteterminal.$createProcess"), "{all:?}");
    }
}
