//! How an IDE is started: program, arguments, environment and files, made from the configuration.

use portcullis_model::session::{Ide, IdeCommand};
use portcullis_model::{Secret, SessionId, Uid, UserName};
use thiserror::Error;

use crate::Flags;

/// What is known of a session before its IDE is started.
#[derive(Debug, Clone)]
pub struct LaunchFacts {
    /// Which session.
    pub id: SessionId,
    /// Whose.
    pub user: UserName,
    /// Its number.
    pub uid: Uid,
    /// Its home directory.
    pub home: String,
    /// Its login shell.
    pub shell: String,
    /// `www-root-path` (`/` or `/rstudio`).
    pub root_path: String,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// The session's private directory.
    pub session_dir: String,
    /// Variables that PAM set.
    pub pam_env: Vec<(String, String)>,
    /// What only the proxy adds to a request.
    pub token: Secret,
}

/// Where an IDE's program was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdeProgram {
    /// Absolute path.
    pub path: String,
}

/// What the configuration says of the start, apart from the flags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StartOptions {
    /// `jupyter-exe`; empty for the usual places.
    pub jupyter_exe: String,
    /// `lab-args`, split at blanks.
    pub lab_args: Vec<String>,
}

/// Why an IDE can't be started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The program is in none of the places.
    #[error("{ide} is not installed: there is no program at {tried}")]
    NotFound {
        /// Which IDE.
        ide: &'static str,
        /// The places, in backquotes.
        tried: String,
    },
}

/// How to start an IDE. `exists` says whether a file can be executed; it is asked for each place in turn.
///
/// # Errors
/// When the program is nowhere.
pub fn command(
    ide: Ide,
    _options: &StartOptions,
    _flags: &Flags,
    _facts: &LaunchFacts,
    _exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    Err(CommandError::NotFound { ide: ide.title(), tried: String::new() })
}
