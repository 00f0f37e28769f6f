//! The methods of RStudio's JSON-RPC as data: what each takes, and where its parameters name files.
//!
//! The list is that of RStudio 2025.07: every name its session registers in C++ and in R, and those its listener knows by
//! themselves. What is not here is unknown, and refused while a flag takes something away. `testdata/rstudio-2025.07.methods`
//! is the real program's list; a test holds the two together.

mod code;
mod content;
mod files;
mod interface;
mod publish;
mod source;
mod tools;
mod vcs;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::Capability;

/// The release whose methods these are.
pub(crate) const SEEN: &str = "RStudio 2025.07";

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method {
    /// Its name, which is also the last part of its URL.
    pub(crate) name: &'static str,
    /// What it takes, all of it; the first names it.
    pub(crate) needs: &'static [Capability],
    /// Whether it is a person's act; an untouched page never sends it by itself.
    pub(crate) act: bool,
    /// Where its parameters name files, and what of a person's input they hold.
    pub(crate) args: &'static [Arg],
}

/// What is looked at in the parameters, by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arg {
    /// A path: `~`, below `~/`, or absolute.
    Path(u8),
    /// A path, or this word.
    PathBut(u8, &'static str),
    /// Paths, in a list.
    Each(u8),
    /// A path in a field of an object.
    In(u8, &'static str),
    /// A path in a field of each object of a list.
    InEach(u8, &'static str),
    /// Relative to a folder that was checked when it was opened (a project, the person's settings), or a path.
    Tree(u8),
    /// The same in a list.
    Trees(u8),
    /// The same in a list in a field of an object.
    TreesIn(u8, &'static str),
    /// An address, or a path; in a field where one is named.
    Place(u8, &'static str),
    /// The bare name of a file in a field, without any slash.
    Name(u8, &'static str),
    /// A field that names files the page keeps for itself: refused while directories are restricted, unless it is empty.
    Absent(u8, &'static str),
    /// An archive whose members nobody here can look at, when this field is true: refused while directories are restricted.
    Archive(u8, &'static str),
    /// Names files in a way that can't be checked here: refused while directories are restricted.
    Hidden,
    /// Paths of which the folder `Public` may not be one without its capability.
    Public(u8),
    /// Preferences by name, of which some have a capability of their own.
    Keys(u8),
    /// The server that something is published to: one outside has a capability of its own.
    Server(u8),
    /// A person's input, for the audit of consoles.
    Input(u8),
    /// The same in a field.
    InputIn(u8, &'static str),
    /// The same in `code` of each object of a list in a field.
    InputInEach(u8, &'static str),
    /// A file's bytes in base64, in a list: an upload by its size.
    Bytes(u8),
}

impl Arg {
    /// The parameter it is about.
    pub(crate) const fn index(self) -> Option<u8> {
        match self {
            Self::Path(at)
            | Self::PathBut(at, _)
            | Self::Each(at)
            | Self::In(at, _)
            | Self::InEach(at, _)
            | Self::Tree(at)
            | Self::Trees(at)
            | Self::TreesIn(at, _)
            | Self::Place(at, _)
            | Self::Name(at, _)
            | Self::Absent(at, _)
            | Self::Archive(at, _)
            | Self::Public(at)
            | Self::Keys(at)
            | Self::Server(at)
            | Self::Input(at)
            | Self::InputIn(at, _)
            | Self::InputInEach(at, _)
            | Self::Bytes(at) => Some(at),
            Self::Hidden => None,
        }
    }

    /// Whether it names files.
    pub(crate) const fn names_files(self) -> bool {
        !(self.is_input()
            || matches!(self, Self::Bytes(_) | Self::Public(_) | Self::Keys(_) | Self::Server(_)))
    }

    /// Whether it is what a person typed.
    pub(crate) const fn is_input(self) -> bool {
        matches!(self, Self::Input(_) | Self::InputIn(..) | Self::InputInEach(..))
    }
}

/// Methods of one source file of RStudio.
#[derive(Debug)]
pub(crate) struct Group {
    /// Where they were read.
    pub(crate) source: &'static str,
    /// Them.
    pub(crate) methods: &'static [Method],
}

/// `name [what it takes] act? (parameters)?;` for each method of a source file.
macro_rules! group {
    ($source:literal: $($name:ident [$($need:ident),+] $($act:ident)? $(($($arg:expr),+))?;)*) => {
        $crate::rstudio::rpc::Group {
            source: $source,
            methods: &[$($crate::rstudio::rpc::Method {
                name: stringify!($name),
                needs: &[$($crate::Capability::$need),+],
                act: group!(@act $($act)?),
                args: &[$($($arg),+)?],
            }),*],
        }
    };
    (@act act) => { true };
    (@act) => { false };
}
pub(crate) use group;

static GROUPS: [&[Group]; 8] = [
    interface::GROUPS,
    code::GROUPS,
    files::GROUPS,
    source::GROUPS,
    content::GROUPS,
    tools::GROUPS,
    vcs::GROUPS,
    publish::GROUPS,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Method>> =
    LazyLock::new(|| methods().map(|(_, method)| (method.name, method)).collect());

/// All methods, each with its source.
pub(crate) fn methods() -> impl Iterator<Item = (&'static str, &'static Method)> {
    GROUPS
        .iter()
        .flat_map(|groups| groups.iter())
        .flat_map(|group| group.methods.iter().map(|method| (group.source, method)))
}

/// The method of a name.
pub(crate) fn method(name: &str) -> Option<&'static Method> {
    BY_NAME.get(name).copied()
}
