//! `portcullis keys`: those that sign cookies, and the API keys of all.

mod list;
mod revoke;
mod rotate;

use clap::Subcommand;

use crate::Answer;

/// `portcullis keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// List the keys that sign cookies, with the sign-ins that began under each, and everybody's API keys.
    List(list::List),
    /// End an API key, and what is open by it; only root may.
    ///
    /// Exits with 0 when everything is gone, with 1 when something is left after seven seconds.
    Revoke(revoke::Revoke),
    /// Sign cookies with another key from now on; only root may.
    ///
    /// The key of before verifies still, so that nobody is signed out. Machines that share a database need the same two files:
    /// copy them, and reload there. Exits with 0, with 1 when the key is written but not in force, or something is left after
    /// seven seconds.
    Rotate(rotate::Rotate),
}

impl Keys {
    /// Carries it out.
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        match self {
            Self::List(list) => list.run(),
            Self::Revoke(revoke) => revoke.run(),
            Self::Rotate(rotate) => rotate.run(),
        }
    }
}
