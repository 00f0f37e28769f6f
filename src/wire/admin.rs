//! What root's own command and the launcher say to each other, over `<run directory>/admin.sock`.
//!
//! Each [`ToDaemon`] has a row in the launcher's table of these requests and is answered by any number of [`FromDaemon`]
//! messages, the last of which is [`FromDaemon::Done`] or [`FromDaemon::Refused`]. Version byte and length limit are those of
//! [`Channel`](crate::Channel).

use std::path::{Path, PathBuf};

use portcullis_model::exemption::{Exemption, REASON_MAX};
use portcullis_model::lifetime::WhyAlive;
use portcullis_model::load::SessionLoad;
use portcullis_model::offline::{MESSAGE_MAX, Offline};
use portcullis_model::session::Manner;
use portcullis_model::{ExemptionId, SessionId, UserName};
use serde::{Deserialize, Serialize};
use thiserror::Error;

mod rows;

pub use rows::{
    ChangedOption, EndedRow, PersonRow, Reloaded, Revocation, SIGN_INS_SHOWN, ServerState, SessionRow,
    SignInRow, TakesEffect, Which,
};

/// Where the launcher listens for root.
pub fn socket_path(run_dir: &Path) -> PathBuf {
    run_dir.join("admin.sock")
}

/// Exemptions in one message: each is a kilobyte at most, a message 128.
pub const EXEMPTIONS_AT_ONCE: usize = 64;

/// Sessions with their use in one message: each is 200 bytes at most.
pub const LOADS_AT_ONCE: usize = 256;

/// Sessions in one message: each is some 200 bytes, one that ended a few hundred more (its output is left out).
pub const SESSIONS_AT_ONCE: usize = 64;

/// People in one message: each is a kilobyte at most.
pub const PEOPLE_AT_ONCE: usize = 64;

/// Lines of a reload's answer, and their length in characters: the log has all of it.
pub const LINES_MAX: usize = 64;

/// Root to launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToDaemon {
    /// How are you? Answered by [`FromDaemon::Status`], then [`FromDaemon::Loads`].
    Status,
    /// Lift a flag for a person. Answered by [`FromDaemon::Exempted`], once that is on disk.
    Exempt {
        /// For whom.
        user: UserName,
        /// Which flag.
        flag: String,
        /// For how long.
        seconds: u64,
        /// Why.
        reason: String,
        /// In this session only.
        session: Option<SessionId>,
    },
    /// Which exemptions are in force? Answered by [`FromDaemon::Exemptions`], any number of times.
    Exemptions,
    /// End one. Answered by [`FromDaemon::Ended`], once that is on disk.
    EndExemption {
        /// Which.
        id: ExemptionId,
    },
    /// Why is this session there still? Answered by [`FromDaemon::WhyAlive`].
    WhyAlive {
        /// Which.
        session: SessionId,
    },
    /// Which sessions are there? Answered by [`FromDaemon::Sessions`], any number of times.
    Sessions {
        /// Whose.
        which: Which,
        /// Those that ended and are remembered, too.
        ended: bool,
    },
    /// Who is signed in or has a session? Answered by [`FromDaemon::People`], any number of times.
    People,
    /// End sessions. Answered by [`FromDaemon::EndedSessions`] when they are over, or have had time for it.
    EndSessions {
        /// Which.
        which: Which,
        /// How.
        manner: Manner,
        /// Whether several may be meant by a person's name.
        several: bool,
        /// Who asks, as the command says it: the person reads it.
        by: String,
    },
    /// End everything of a person: sign-ins, connections, sessions. Answered by [`FromDaemon::Revoked`], once it is on disk and
    /// gone, or has had time for it.
    Revoke {
        /// Whose.
        user: UserName,
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
    /// Let nobody in. Answered by [`FromDaemon::Offline`], once that is on disk.
    GoOffline {
        /// What people read.
        message: String,
        /// Whether sessions are suspended.
        suspend: bool,
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
    /// Let people in again. Answered by [`FromDaemon::Offline`].
    GoOnline {
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
    /// Read the configuration again. Answered by [`FromDaemon::Reloaded`], once the server decides by it.
    Reload {
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
}

/// Launcher to root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromDaemon {
    /// To [`ToDaemon::Status`].
    Status(Box<Status>),
    /// The same: live sessions that have limits, any number of times after [`FromDaemon::Status`]; at most [`LOADS_AT_ONCE`].
    Loads(Vec<SessionLoad>),
    /// To [`ToDaemon::Exempt`].
    Exempted {
        /// What is in force now.
        exemption: Box<Exemption>,
        /// Sessions of that person that run already: what their IDE's own switches or the kernel hold stays as it was.
        running: u32,
    },
    /// To [`ToDaemon::Exemptions`]; at most [`EXEMPTIONS_AT_ONCE`].
    Exemptions(Vec<Exemption>),
    /// To [`ToDaemon::EndExemption`].
    Ended(Box<Exemption>),
    /// To [`ToDaemon::WhyAlive`].
    WhyAlive(Box<WhyAlive>),
    /// To [`ToDaemon::Sessions`]; at most [`SESSIONS_AT_ONCE`].
    Sessions(Vec<SessionRow>),
    /// To [`ToDaemon::People`]; at most [`PEOPLE_AT_ONCE`].
    People(Vec<PersonRow>),
    /// To [`ToDaemon::EndSessions`]; at most [`LOADS_AT_ONCE`].
    EndedSessions(Vec<EndedRow>),
    /// To [`ToDaemon::Revoke`].
    Revoked(Box<Revocation>),
    /// To [`ToDaemon::GoOffline`] and [`ToDaemon::GoOnline`].
    Offline {
        /// Whether it was so already; the message is the new one then.
        already: bool,
        /// Sessions that are being suspended.
        suspends: u32,
    },
    /// To [`ToDaemon::Reload`].
    Reloaded(Box<Reloaded>),
    /// It won't; the last message of an answer.
    Refused(Refusal),
    /// The last message of an answer.
    Done,
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: i32,
    /// Seconds since it was started; sessions may be older.
    pub uptime: u64,
    /// Where browsers reach it.
    pub address: String,
    /// Whether a server serves.
    pub serving: bool,
    /// Whether audit log and state can be written; when not, nobody is let in and nothing is started.
    pub writable: bool,
    /// The configuration in force, counting from 1.
    pub generation: u64,
    /// Live sign-ins.
    pub sign_ins: u32,
    /// Live sessions.
    pub sessions: u32,
    /// Exemptions in force.
    pub exemptions: u32,
    /// Why programs that are started in sessions are not recorded; `None` where they are.
    pub not_recorded: Option<String>,
    /// Since when nobody is let in, and why; `None` while people are.
    pub offline: Option<Offline>,
    /// The servers: one that serves, and those of before that finish what they began.
    pub servers: Vec<ServerState>,
}

/// Why the launcher won't.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Refusal {
    /// Not root.
    #[error("only root is answered here")]
    NotRoot,
    /// Too many requests within a second.
    #[error("there are more than {0} such requests a second")]
    TooMany(u32),
    /// The disk refuses.
    #[error("the audit log or the state can't be written, so nothing is changed")]
    NotWritable,
    /// The daemon is ending.
    #[error("the daemon is ending")]
    Ending,
    /// No flag that can be lifted.
    #[error("`{0}` is no flag that can be lifted")]
    Flag(String),
    /// Too long, or no time at all.
    #[error("an exemption lasts from one second to {hours} hours (`exemption-max-hours`)")]
    Length {
        /// The most.
        hours: u32,
    },
    /// None, or too much.
    #[error("a reason has from 1 to {REASON_MAX} printable characters")]
    Reason,
    /// Of nobody, of somebody else, or over.
    #[error("there is no running session `{0}` of that person")]
    Session(SessionId),
    /// Not there.
    #[error("there is no exemption `{0}`")]
    Exemption(ExemptionId),
    /// Over, or never there.
    #[error("there is no running session `{0}`")]
    NoSession(SessionId),
    /// Nothing of theirs runs.
    #[error("there is no running session of `{0}`")]
    NoSessionOf(UserName),
    /// It is in none.
    #[error("process {0} belongs to no session")]
    NoProcess(i32),
    /// One was meant.
    #[error("`{user}` has {count} sessions")]
    Several {
        /// Whose.
        user: UserName,
        /// How many.
        count: u32,
    },
    /// Too long, or not printable.
    #[error("a message has at most {MESSAGE_MAX} printable characters in one line")]
    Message,
    /// As many as there may be.
    #[error("there are {0} exemptions already")]
    Full(u32),
    /// The kernel's random source failed.
    #[error("the kernel gives no random number")]
    Random,
}
