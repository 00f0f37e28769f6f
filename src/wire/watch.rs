//! What the server asks of the launcher for those who watch the daemon: figures, and what administrators see and do in their browser.
//!
//! An administrator is who the launcher says is one: each request of theirs names the sign-in of whoever asks, and the launcher looks at
//! its groups each time. Rows of the request table: `figures`, `admin-look`, `admin-act`, `admin-search`.

use portcullis_model::machine::{LoadSample, Machine};
use portcullis_model::metrics::{Histogrammed, Sample};
use portcullis_model::{SessionId, SignInId, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Sessions in one [`Look`]: each is some 60 bytes, a message 128 KiB.
pub const SESSIONS_MAX: usize = 1000;
/// Records on a page of a search.
pub const FOUND_MAX: usize = 50;
/// Longest text of a record that a search returns, in bytes; the whole is in the file.
pub const FOUND_TEXT_MAX: usize = 1200;
/// Longest word of a search, in characters.
pub const WORD_MAX: usize = 200;

/// What the launcher counts and knows, for metrics and health.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Whether audit log and state can be written.
    pub writable: bool,
    /// Whether an administrator has taken the daemon offline.
    pub offline: bool,
    /// The configuration in force as the launcher has it.
    pub generation: u64,
    /// The machine now.
    pub machine: Machine,
    /// Counters and gauges.
    pub samples: Vec<Sample>,
    /// Histograms.
    pub histograms: Vec<Histogrammed>,
}

/// How a session is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminManner {
    /// In order, as its owner would.
    Stop,
    /// So that it can go on later, where its IDE can.
    Suspend,
    /// At once.
    Kill,
}

impl AdminManner {
    /// All, in the order pages show them.
    pub const ALL: [Self; 3] = [Self::Stop, Self::Suspend, Self::Kill];

    /// The word in addresses and records.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Suspend => "suspend",
            Self::Kill => "kill",
        }
    }

    /// From its word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|manner| manner.word() == word)
    }
}

/// What a superuser does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminAct {
    /// End a session.
    EndSession {
        /// Which.
        session: SessionId,
        /// How.
        manner: AdminManner,
    },
    /// End one sign-in; its sessions stay.
    EndSignIn {
        /// Which.
        target: SignInId,
    },
    /// End everything of a person: sign-ins, connections, sessions.
    Revoke {
        /// Whose.
        user: UserName,
    },
}

/// Which records somebody looks for; an empty word is any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The whole name in `user`.
    pub user: String,
    /// The whole word in `event`.
    pub event: String,
    /// The whole id in `session`.
    pub session: String,
    /// At or after this time, as far as it is written: `2026-08-01`, `2026-08-01T12:30`.
    pub from: String,
    /// Before or at it.
    pub until: String,
    /// Anywhere in the record, capital or not.
    pub text: String,
    /// Only records with a smaller number: the next page of an answer.
    pub before: Option<u64>,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundRecord {
    /// Its number.
    pub seq: u64,
    /// Its time.
    pub time: String,
    /// Its event.
    pub event: String,
    /// Its user, where it has one.
    pub user: String,
    /// Its session, where it has one.
    pub session: String,
    /// Its other fields, cut to [`FOUND_TEXT_MAX`].
    pub text: String,
}

/// What a search found, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// At most [`FOUND_MAX`].
    pub records: Vec<FoundRecord>,
    /// Where to go on, when there may be more: as [`Search::before`].
    pub more: Option<u64>,
    /// Whether the search stopped because it had looked at enough, not because the page was full.
    pub stopped: bool,
    /// Lines that could not be read as a record.
    pub unreadable: u64,
}

/// What a session uses, beside what the server knows of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionUse {
    /// Hundredths of a processor over the last seconds; `None` where nothing counts it, or not yet.
    pub processor: Option<u32>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Files that were uploaded and downloaded since the launcher was started.
    pub transfers: [u32; 2],
    /// Their bytes.
    pub bytes: [u64; 2],
    /// Requests that were refused, since the same time.
    pub refusals: u32,
}

/// What an administrator sees.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Whether whoever looks may act too.
    pub acts: bool,
    /// Sessions that have processes; at most [`SESSIONS_MAX`].
    pub sessions: Vec<(SessionId, SessionUse)>,
    /// The machine over the last day, one a minute, oldest first; empty when it wasn't asked for.
    pub history: Vec<LoadSample>,
    /// The machine now.
    pub machine: Machine,
    /// Whether audit log and state can be written.
    pub writable: bool,
    /// Servers that were replaced and finish.
    pub draining: u32,
    /// Number of the audit log's last record.
    pub audit_seq: u64,
    /// Seconds since the launcher was started.
    pub uptime: u64,
    /// Why programs are not recorded, where they aren't.
    pub not_recorded: Option<String>,
}

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// The session ends.
    Session,
    /// The sign-in is over; it is on disk.
    SignIn,
    /// Everything of the person ends.
    Revoked {
        /// Sign-ins that ended.
        sign_ins: u32,
        /// Sessions that end.
        sessions: u32,
    },
}

/// An answer to an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminAnswer {
    /// To a look.
    Look(Box<Look>),
    /// To an act.
    Done(Done),
    /// To a search.
    Found(Box<Found>),
}

/// Why an administrator is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum AdminRefusal {
    /// There are no such pages, or not for this person: they are told the same.
    #[error("not an administrator")]
    NotAdministrator,
    /// They may look and not act.
    #[error("not in a group of `admin-superuser-group`")]
    NotSuperuser,
    /// It is over already.
    #[error("there is no such session, sign-in or person any more")]
    Gone,
    /// The IDE can't do that.
    #[error("sessions of this IDE can't be suspended")]
    NotSuspendable,
    /// The disk refuses.
    #[error("the audit log or the state can't be written, so nothing is changed")]
    NotWritable,
    /// Too many at once, or a second.
    #[error("too many such requests at once")]
    Busy,
    /// The log can't be read.
    #[error("the audit log can't be searched at the moment")]
    Unreadable,
}
