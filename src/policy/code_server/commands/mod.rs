//! Every command and event of the management socket that the server registers, and what each takes.
//!
//! Read from `out/server-main.js` of Code 1.139.1 (each class that is registered with `registerChannel`). What is not here is
//! unknown, and refused while any flag takes something away.

mod editor;
mod files;
mod terminals;

use super::command::{Command, Way};
pub(super) use terminals::PTY;

/// Where the tables were read.
pub(crate) const SOURCE: &str = "Code 1.139.1 (code-server 4.139.1), out/server-main.js";

static TABLES: [&[Command]; 3] = [files::COMMANDS, terminals::COMMANDS, editor::COMMANDS];

/// All of them.
pub(crate) fn commands() -> impl Iterator<Item = &'static Command> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The row of a command.
pub(super) fn find(channel: &str, name: &str, way: Way) -> Option<&'static Command> {
    commands().find(|command| command.name == name && command.channel == channel && command.way == way)
}
