//! What answers to root's questions are made of: sessions, people, servers, and what became of an act.

use std::net::IpAddr;

use portcullis_model::session::{Ide, State};
use portcullis_model::{SessionId, Uid, UserName};
use serde::{Deserialize, Serialize};

use crate::launcher::Carried;

/// Whose sessions are meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// Everybody's.
    All,
    /// One.
    Session(SessionId),
    /// One person's.
    User(UserName),
    /// The one that this process belongs to.
    Process(i32),
}

/// A session, as a table shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its id.
    pub id: SessionId,
    /// Its owner.
    pub user: UserName,
    /// What it runs.
    pub ide: Ide,
    /// Where it is in its life.
    pub state: State,
    /// Seconds since 1970.
    pub started: u64,
    /// The last act of a person, in seconds since 1970.
    pub last_activity: u64,
    /// The session process; 0 while there is none.
    pub pid: i32,
    /// Its port; 0 where connections are handed over.
    pub port: u16,
    /// Processes in it; `None` where it has no control group.
    pub processes: Option<u32>,
    /// Bytes of memory in use; `None` where the kernel doesn't count them for it.
    pub memory: Option<u64>,
    /// Microseconds of processor time used; `None` likewise.
    pub processor: Option<u64>,
}

/// Somebody who is signed in or has a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Their name.
    pub user: UserName,
    /// Their number.
    pub uid: Uid,
    /// Their sign-ins, the latest first.
    pub sign_ins: Vec<SignInRow>,
    /// How many more there are.
    pub more_sign_ins: u32,
    /// Their live sessions.
    pub sessions: u32,
}

/// A sign-in, without what names it: that is the cookie's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInRow {
    /// From where.
    pub remote: IpAddr,
    /// When, in seconds since 1970.
    pub since: u64,
    /// Until when unless a person's act moves it.
    pub until: u64,
}

/// Sign-ins of one person in a [`PersonRow`]; a person has ten browsers at most, a script that forgets to sign out has more.
pub const SIGN_INS_SHOWN: usize = 10;

/// A server's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerState {
    /// Its process.
    pub pid: i32,
    /// What it does: `starting`, `serving`, or `draining` while another takes what is new.
    pub phase: String,
    /// Since when it is there, in seconds since 1970.
    pub since: u64,
    /// In how many seconds what is left is cut, of one that drains.
    pub ends_in: Option<u64>,
    /// What hangs on it.
    pub carried: Carried,
}

/// What became of a session that was to end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRow {
    /// Which.
    pub id: SessionId,
    /// Its owner.
    pub user: UserName,
    /// What it ran.
    pub ide: Ide,
    /// Processes that were in it.
    pub processes: u32,
    /// Whether it is over; when not, it is being ended, or goes on because something runs in it.
    pub over: bool,
    /// Whether its state was saved.
    pub suspended: bool,
}

/// What a revocation ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Sign-ins.
    pub sign_ins: u32,
    /// Sessions.
    pub sessions: u32,
    /// Processes in them.
    pub processes: u32,
    /// WebSockets that were open.
    pub websockets: u32,
    /// Other transfers that were under way: downloads, uploads.
    pub transfers: u32,
    /// WebSockets and transfers that are not closed yet: what was read of a session may still be on its way.
    pub connections_left: u32,
    /// Sessions that are not over yet.
    pub sessions_left: u32,
    /// Servers that have not said what they cut.
    pub servers_silent: u32,
    /// How long it took, in microseconds.
    pub micros: u64,
}

impl Revocation {
    /// Whether everything is gone.
    pub const fn is_whole(&self) -> bool {
        self.connections_left == 0 && self.sessions_left == 0 && self.servers_silent == 0
    }
}

/// How a reload went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reloaded {
    /// It is in force.
    InForce {
        /// Its number.
        generation: u64,
        /// What is odd in it.
        remarks: Vec<String>,
        /// Options that changed.
        changed: Vec<ChangedOption>,
    },
    /// It can't be used; the old one stays.
    Refused {
        /// Every problem, with file and line.
        problems: Vec<String>,
    },
    /// The server has not taken it up in time.
    Unanswered {
        /// Its number.
        generation: u64,
    },
}

/// An option with another value than before a reload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedOption {
    /// The file.
    pub file: String,
    /// The option; empty where the file is one text (`ip-rules`, `login.html`).
    pub option: String,
    /// When the change takes effect.
    pub takes_effect: TakesEffect,
}

/// When a change takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TakesEffect {
    /// It has.
    Now,
    /// With sessions that are started from now on.
    NewSessions,
    /// When the daemon is started again.
    Restart,
}
