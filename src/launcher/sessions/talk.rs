//! What launcher and keeper say to each other over the keeper's descriptor 3. Descriptor 4 is the session's control socket,
//! 5 its TCP listener when it has one, 6 its report channel: the keeper hands them on and keeps none.

use portcullis_model::session::Step;
use portcullis_model::{Gid, Uid, UserName};
use portcullis_wire::{Message, SessionSpec};
use serde::{Deserialize, Serialize};

use crate::state::Known;

/// Launcher to keeper.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToKeeper {
    /// First and once: whose session to open.
    Job(Job),
    /// After [`FromKeeper::Opened`], as often as need be: what the launcher must know of files.
    Look(Vec<Question>),
    /// What to start in it: the last message.
    Spec(Box<SessionSpec>),
}

/// What a plan needs to know of files.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Question {
    /// The names by which a path is reached, the real one last; none where there is nothing.
    Steps(String),
    /// The names in a folder; none where there is no folder.
    Names(String),
    /// The one name to which root's links lead.
    Roots(String),
}

impl Question {
    /// What it is about.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Steps(path) | Self::Names(path) | Self::Roots(path) => path,
        }
    }
}

/// A session to keep.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// Its owner.
    pub(crate) user: UserName,
    /// The number the owner signed in with: another one by now is another account.
    pub(crate) uid: Uid,
    /// The owner's primary group.
    pub(crate) gid: Gid,
    /// PAM service.
    pub(crate) service: String,
    /// The address the owner signed in from.
    pub(crate) remote: String,
    /// Whether it needs a login session of its own.
    pub(crate) recorded: bool,
    /// `portcullis-session`.
    pub(crate) program: String,
    /// The session's control socket, to be removed at the end.
    pub(crate) control: String,
}

/// Keeper to launcher.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromKeeper {
    /// The PAM session is open.
    Opened {
        /// What PAM's modules want in the environment.
        env: Vec<(String, String)>,
        /// The groups after PAM.
        groups: Vec<Gid>,
        /// The login session by which the kernel's audit knows it; `None` where it has none of its own.
        login: Option<u32>,
    },
    /// Answers to [`ToKeeper::Look`]; a long one comes in several parts.
    Looked {
        /// What was asked, and what was found.
        answers: Vec<(Question, Vec<String>)>,
        /// Whether everything is answered.
        done: bool,
    },
    /// The session process runs.
    Started(Known),
    /// It could not be started.
    Failed {
        /// Where.
        step: Step,
        /// Why, for its owner.
        why: String,
    },
    /// Everything is gone and closed; the last message.
    Closed {
        /// How the session process ended.
        status: String,
        /// Processes that had to be ended after it.
        left_over: u32,
        /// Processes of the session that the kernel ended for want of memory in all.
        killed: u64,
        /// Processes that it did not make because of a limit, in all.
        forks: u64,
    },
}

// Both ends are the same program: a keeper's channel ends with the launcher that started it.
impl Message for ToKeeper {
    const VERSION: u8 = 1;
}

impl Message for FromKeeper {
    const VERSION: u8 = 1;
}
