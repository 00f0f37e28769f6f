//! What a command of a channel takes, as data: the row of the tables in [`commands`](super::commands).

use crate::Capability;

/// How a command is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// One question, one answer.
    Call,
    /// Answers keep coming until it is ended.
    Listen,
}

/// When a command is a person's act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// An untouched tab sends it too.
    Never,
    /// Always.
    Always,
    /// When its first path lies outside of the editor's own data, where an untouched tab writes as well.
    OutsideData,
}

/// What is looked at beyond the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing.
    Nothing,
    /// `readFile`: settings are read like this, and files that are taken out.
    ReadWhole,
    /// `readFileStream`: a document is opened.
    ReadStream,
    /// `open`: for writing, or for reading piece by piece.
    Open,
    /// `writeFile`: a document is saved, or a file brought in.
    WriteWhole,
    /// `write`: a piece of one.
    WritePiece,
    /// `$input`: what is typed in a terminal.
    Input,
    /// `$createProcess`: which program a terminal starts, with which arguments and environment.
    Launch,
    /// Types into a terminal, or starts one, by what is kept elsewhere: refused while consoles are recorded.
    Unrecorded,
    /// Names files where they can't be checked: refused while directories are restricted.
    HiddenPaths,
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Command {
    /// The channel.
    pub(crate) channel: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// How it is asked for.
    pub(crate) way: Way,
    /// What it takes, all of it; the first names the row.
    pub(crate) needs: &'static [Capability],
    /// Which arguments are addresses of files.
    pub(crate) paths: &'static [usize],
    /// When it is a person's act.
    pub(crate) act: Act,
    /// What else is looked at.
    pub(crate) look: Look,
}

/// A command with no attributes.
pub(super) const fn call(channel: &'static str, name: &'static str, needs: &'static [Capability]) -> Command {
    Command { channel, name, way: Way::Call, needs, paths: &[], act: Act::Never, look: Look::Nothing }
}

/// An event with no attributes.
pub(super) const fn listen(
    channel: &'static str,
    name: &'static str,
    needs: &'static [Capability],
) -> Command {
    Command { way: Way::Listen, ..call(channel, name, needs) }
}

impl Command {
    pub(super) const fn act(mut self) -> Self {
        self.act = Act::Always;
        self
    }

    pub(super) const fn paths(mut self, paths: &'static [usize]) -> Self {
        self.paths = paths;
        self
    }

    /// An act where it reaches outside of the editor's own data.
    pub(super) const fn outside(mut self) -> Self {
        self.act = Act::OutsideData;
        self
    }

    pub(super) const fn look(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    /// What names the row.
    pub(crate) fn capability(&self) -> Capability {
        self.needs.first().copied().unwrap_or(Capability::Unknown)
    }
}
