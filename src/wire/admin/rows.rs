//! What answers to root's questions are made of: sessions, people, servers, and what became of an act.

use std::net::IpAddr;

use portcullis_model::account::Role;
use portcullis_model::key::KeyId;
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

/// Another machine with the same database, and whether it has carried out a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineRow {
    /// What people call it.
    pub name: String,
    /// Whether it has.
    pub applied: bool,
    /// Seconds since it was last heard of.
    pub silent: u64,
}

/// How it stands with the machines that share the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OthersState {
    /// For how many seconds nothing is heard of them; none while all is.
    pub apart: Option<u64>,
    /// Whether nobody is answered therefore.
    pub cut_off: bool,
    /// Ends that the database has not heard of yet.
    pub owed: u32,
    /// The others, as they were seen last.
    pub machines: Vec<MachineState>,
}

/// Another machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineState {
    /// What people call it.
    pub name: String,
    /// Seconds since it was last heard of.
    pub silent: u64,
    /// Whether its cookie keys are this one's: without, neither honours the other's sign-ins.
    pub same_keys: bool,
    /// Whether its factor key is this one's: without, second factors that were enrolled on one can't be opened on the other.
    pub same_factor_key: bool,
    /// By how many milliseconds its clock is ahead, at least.
    pub ahead: u64,
}

/// Machines in one answer; there are seldom more than a handful.
pub const MACHINES_SHOWN: usize = 64;

/// What a revocation ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// Sign-ins.
    pub sign_ins: u32,
    /// API keys that ended, or open nothing while their owner is locked.
    pub keys: u32,
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
    /// Other machines with the same database; none where there are no others.
    pub machines: Vec<MachineRow>,
    /// Whether the database that they share has not heard of it yet; it will, however often that has to be tried.
    pub owed: bool,
}

impl Revocation {
    /// Whether everything is gone.
    pub fn is_whole(&self) -> bool {
        self.connections_left == 0
            && self.sessions_left == 0
            && self.servers_silent == 0
            && !self.owed
            && self.machines.iter().all(|one| one.applied)
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

/// What looking people up found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// Of whom nothing is otherwise.
    pub same: u32,
    /// Who is a member of other groups now.
    pub changed: u32,
    /// Of whom everything ends.
    pub ended: u32,
    /// Whom nobody could say anything about; nothing changed for them.
    pub unreachable: u32,
    /// Who is still to be looked up.
    pub left: u32,
}

/// API keys in one message: each is half a kilobyte, with as many ranges as it may have two.
pub const API_KEYS_AT_ONCE: usize = 48;

/// A key that signs cookies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingRow {
    /// Its id, which stands in each cookie.
    pub id: String,
    /// When its file was written, in seconds since 1970; none of one whose file is not known.
    pub written: Option<u64>,
    /// Sign-ins that began under it: since it was written, and before the next one was.
    pub sign_ins: u32,
}

/// An API key, without what is compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKeyRow {
    /// Its public half.
    pub id: KeyId,
    /// Whose it is.
    pub user: UserName,
    /// What its owner calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: String,
    /// The role that it has at the most.
    pub role: Role,
    /// From where it may be used; from everywhere when empty.
    pub sources: Vec<String>,
    /// Made when, in seconds since 1970.
    pub created: u64,
    /// Until when, in seconds since 1970; none: for ever.
    pub until: Option<u64>,
    /// Last used when, in seconds since 1970, and from where.
    pub used: Option<(u64, IpAddr)>,
    /// Why it opens nothing at the moment: `locked` or `waits`; else empty.
    pub barred: String,
}
