//! Why a session was not opened: the launcher's answer to [`OpenSession`](crate::ToLauncher::OpenSession).

use portcullis_model::Level;
use serde::{Deserialize, Serialize};

/// Why a session was not opened. Its texts are for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpenError {
    /// Every port of `session-port-range` is taken.
    PortsExhausted {
        /// The range as configured.
        range: String,
    },
    /// `session-limit` or the daemon's own bound is reached.
    TooMany {
        /// How many there may be.
        limit: u32,
    },
    /// This IDE is not installed or not switched on.
    NotInstalled {
        /// The program that was looked for.
        program: String,
    },
    /// A flag that restricts the owner doesn't hold as strongly as `minimum-level` demands.
    Level {
        /// The flag.
        flag: String,
        /// What is demanded.
        wanted: Level,
        /// What there is.
        got: Level,
        /// Why there is no more.
        reason: String,
    },
    /// The configuration demands of the kernel what this machine hasn't got.
    NotConfined {
        /// The option, its value and its place.
        rule: String,
        /// What is missing.
        why: String,
    },
    /// It is not for this person, or can't be run so that nobody else reaches it.
    NotOffered {
        /// Which and why, a sentence without its end.
        why: String,
    },
    /// The sign-in is over.
    NotSignedIn,
    /// The launcher was replaced before it answered: nobody knows here what became of it.
    Restarted,
    /// The launcher couldn't; the id is in the log.
    System {
        /// Id in the log.
        id: String,
    },
}
