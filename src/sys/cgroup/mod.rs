//! Control groups: one per session below one per user. What is in a session's group can be ended at once, whatever it forks,
//! and uses no more memory, processes and processor time than it may.
//!
//! Both versions, and both at once (version 1 for the controllers, version 2 beside it for `cgroup.kill`): [`Hierarchies`] is
//! what there is, [`Group`] a group with a directory in each of them that it needs. Nothing here decides how much somebody may
//! use. Called by the launcher (makes groups, watches them), the keeper and the remover (end and remove them), the session
//! (looks for strangers at its end) and the administrator's command (says which controllers there are).

mod base;
mod group;
mod hierarchies;
mod kill;
mod mounts;
mod quota;
mod usage;

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use self::group::Group;
pub use self::hierarchies::{Controllers, Hierarchies};
pub use self::quota::Quota;
pub use self::usage::{Refusals, Usage};

/// Why there is no group, or why it can't be used.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// No hierarchy is mounted, or we are in none.
    #[error("no cgroup hierarchy is mounted")]
    NotMounted,
    /// A name that is no single path component.
    #[error("`{0}` is no name for a cgroup")]
    Name(String),
    /// A limit without the controller that holds it.
    #[error("there is no cgroup controller for {}", .0.title())]
    NoController(Controller),
    /// All sessions of the user use more than they may from now on.
    #[error("the user's sessions use {used_mb} MB of memory already, and {limit_mb} MB are allowed")]
    Used {
        /// What they use.
        used_mb: u64,
        /// What they may.
        limit_mb: u64,
    },
    /// A file of it could not be used.
    #[error("can't use `{path}`")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl CgroupError {
    fn kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::File { source, .. } => Some(source.kind()),
            Self::NotMounted | Self::Name(_) | Self::NoController(_) | Self::Used { .. } => None,
        }
    }
}

/// The version of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One hierarchy per controller, or a few of them together.
    V1,
    /// One for all.
    V2,
}

/// What limits something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// `memory`.
    Memory,
    /// `pids`: processes and threads.
    Processes,
    /// `cpu`: time of the processors.
    Processors,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Memory, Self::Processes, Self::Processors];

    /// The kernel's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "pids",
            Self::Processors => "cpu",
        }
    }

    /// What a person reads.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "processes",
            Self::Processors => "processor time",
        }
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> CgroupError {
    let path = path.to_owned();
    move |source| CgroupError::File { path, source }
}

fn read(path: &Path) -> Result<String, CgroupError> {
    fs::read_to_string(path).map_err(failed(path))
}

/// Writes to a file that is there: asked to make one, the kernel would say that it isn't allowed, not that there is none.
fn write(path: &Path, text: &str) -> Result<(), CgroupError> {
    let file = OpenOptions::new().write(true).truncate(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed(path))
}
