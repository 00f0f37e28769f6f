//! The table: rows by topic.

pub(super) mod identity;
mod kernel;
mod machine;
mod sandbox;
pub(super) mod server;
mod sockets;

use super::Sets;
use super::row::Row;

/// A row: constant of the number, when, answer, why.
macro_rules! row {
    ($constant:ident, $when:expr, $answer:ident, $why:literal) => {
        Row {
            constant: stringify!($constant),
            number: libc::$constant,
            when: $when,
            answer: Answer::$answer,
            why: $why,
        }
    };
    ($constant:ident, $answer:ident, $why:literal) => {
        row!($constant, When::Always, $answer, $why)
    };
}
use row;

/// A part of the table, and what it is closed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// In every session.
    Always,
    /// [`Sets::truncation`].
    Truncation,
    /// [`Sets::memory_programs`].
    MemoryPrograms,
    /// [`Sets::tracing`].
    Tracing,
    /// [`Sets::processors`].
    Processors,
}

impl Set {
    pub(super) const fn is_in(self, sets: Sets) -> bool {
        match self {
            Self::Always => true,
            Self::Truncation => sets.truncation,
            Self::MemoryPrograms => sets.memory_programs,
            Self::Tracing => sets.tracing,
            Self::Processors => sets.processors,
        }
    }

    /// When it is closed, for the page.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Always => "Closed in every session",
            Self::Truncation => {
                "Closed where Landlock knows no truncation (before version 3), with `restrict-directory-view=1`"
            }
            Self::MemoryPrograms => {
                "Closed with `allow-shell=0` where the kernel can't be told to make no programs in memory"
            }
            Self::Tracing => {
                "Closed where neither Landlock nor a process namespace keeps other processes out of reach"
            }
            Self::Processors => "Closed with `cpu-affinity`",
        }
    }
}

/// What namespaces are closed by: of sessions, and of the server.
pub(super) const NAMESPACES: &[Row] = sandbox::NAMESPACES;

/// The whole table of sessions.
pub fn rows() -> impl Iterator<Item = (Set, &'static [Row])> {
    [
        (Set::Always, sandbox::NAMESPACES),
        (Set::Always, sandbox::MOUNTS),
        (Set::Always, sockets::SOCKETS),
        (Set::Always, kernel::INTERFACES),
        (Set::Always, kernel::OLD),
        (Set::Always, kernel::OF_X86),
        (Set::Always, machine::MACHINE),
        (Set::Always, machine::TERMINALS),
        (Set::Truncation, sandbox::TRUNCATION),
        (Set::Truncation, sandbox::TRUNCATION_OF_X86),
        (Set::MemoryPrograms, sandbox::MEMORY_PROGRAMS),
        (Set::Tracing, sandbox::TRACING),
        (Set::Processors, machine::PROCESSORS),
    ]
    .into_iter()
}
