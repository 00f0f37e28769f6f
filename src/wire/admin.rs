//! What root's own command and the launcher say to each other, over `<run directory>/admin.sock`.
//!
//! Each [`ToDaemon`] has a row in the launcher's table of these requests and is answered by any number of [`FromDaemon`]
//! messages, the last of which is [`FromDaemon::Done`] or [`FromDaemon::Refused`]. Version byte and length limit are those of
//! [`Channel`](crate::Channel).

use std::path::{Path, PathBuf};

use portcullis_model::account::{Account, Identity, Role, RoleReason};
use portcullis_model::exemption::Exemption;
use portcullis_model::key::KeyId;
use portcullis_model::lifetime::WhyAlive;
use portcullis_model::load::SessionLoad;
use portcullis_model::offline::Offline;
use portcullis_model::proof::{Failure, Step};
use portcullis_model::session::Manner;
use portcullis_model::{ExemptionId, Secret, SessionId, UserName};
use serde::{Deserialize, Serialize};

use crate::identity::{AccountAct, Select};

mod refusal;
mod rows;

pub use refusal::Refusal;
pub use rows::{
    API_KEYS_AT_ONCE, ApiKeyRow, ChangedOption, EndedRow, MACHINES_SHOWN, MachineRow, MachineState,
    OthersState, PersonRow, Reloaded, Revocation, RingRow, SIGN_INS_SHOWN, ServerState, SessionRow,
    SignInRow, Synced, TakesEffect, Which,
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
    /// Which accounts are there? Answered by [`FromDaemon::Accounts`], once.
    Accounts {
        /// Those behind this number; 0: from the first.
        after: u64,
        /// Locked ones too.
        locked: bool,
        /// A part of a name; empty: all.
        matching: String,
    },
    /// One account. Answered by [`FromDaemon::Account`].
    Account {
        /// Which.
        who: Select,
    },
    /// Change accounts. Answered by [`FromDaemon::AccountDone`], and where that takes something away, by [`FromDaemon::Revoked`] once it
    /// is gone.
    AccountAct {
        /// What.
        act: Box<AccountAct>,
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
    /// Would the directories let this person in? Answered by [`FromDaemon::Step`], any number of times, then by
    /// [`FromDaemon::Tested`]. Nobody is signed in by it.
    LdapTest {
        /// As it would be typed.
        user: String,
        /// As it would be typed.
        password: Typed,
    },
    /// Look up who is signed in or has a session: may they still, and what are they members of? Answered by [`FromDaemon::Synced`] when
    /// that is done, or has had its time; the rest goes on.
    SyncUsers {
        /// One person; none: everybody.
        user: Option<UserName>,
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
    /// Which keys are there? Answered by [`FromDaemon::Ring`], then [`FromDaemon::ApiKeys`], any number of times.
    Keys,
    /// An API key ends. Answered by [`FromDaemon::Revoked`] once what hangs on it is gone.
    EndKey {
        /// Which.
        key: KeyId,
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
    /// Another key signs cookies. Answered by [`FromDaemon::Rotated`], and where everybody is signed out, by [`FromDaemon::Revoked`].
    RotateKeys {
        /// Whether the keys of before are dropped, and everybody is signed out.
        revoke_old: bool,
        /// As in [`ToDaemon::EndSessions`].
        by: String,
    },
}

/// A password on its way to the daemon; it prints as `[secret]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Typed(pub Secret);

// For tests of messages alone: nothing is decided by it.
impl PartialEq for Typed {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

impl Eq for Typed {}

/// Whom the directories found, and what would become of them here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Who it is.
    pub identity: Identity,
    /// The name there.
    pub user: String,
    /// The Unix account's name, or why it can't be one. Whether that account may sign in is not asked here.
    pub unix: Result<UserName, String>,
    /// How many groups.
    pub groups: u32,
    /// The role that an account would have that is not the first.
    pub role: Role,
    /// Why it is that one.
    pub reason: RoleReason,
    /// Whether an account would be made where there is none.
    pub register: bool,
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
    /// To [`ToDaemon::Accounts`].
    Accounts {
        /// In the order of their numbers, without their groups.
        rows: Vec<Account>,
        /// Whether there are more behind the last.
        more: bool,
    },
    /// To [`ToDaemon::Account`].
    Account(Box<Account>),
    /// To [`ToDaemon::AccountAct`].
    AccountDone {
        /// As it was; none of one that was made.
        before: Option<Box<Account>>,
        /// As it is.
        after: Box<Account>,
        /// What was transferred, and how many of each.
        moved: Vec<(String, u64)>,
        /// What was asked for besides and was not done.
        but: Option<String>,
    },
    /// To [`ToDaemon::LdapTest`]: what was done, as it is done.
    Step(Box<Step>),
    /// To [`ToDaemon::LdapTest`]: the end.
    Tested(Result<Box<Found>, Failure>),
    /// To [`ToDaemon::Keys`]: the keys that sign cookies, the newest first.
    Ring(Vec<RingRow>),
    /// To [`ToDaemon::Keys`]: API keys that live, in the order of their ids; at most [`API_KEYS_AT_ONCE`].
    ApiKeys(Vec<ApiKeyRow>),
    /// It won't; the last message of an answer.
    Refused(Refusal),
    /// The last message of an answer.
    Done,
    /// To [`ToDaemon::SyncUsers`].
    Synced(Synced),
    /// To [`ToDaemon::RotateKeys`]: the ids of the keys, which stand in cookies.
    Rotated {
        /// The one that signs now.
        new: String,
        /// The one that signed before.
        old: String,
        /// Whether that one still verifies.
        kept: bool,
        /// Why the configuration as it stands in the files can't be used: the new key counts once it can.
        problems: Vec<String>,
    },
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
    /// How it stands with other machines; none where the database is this machine's own.
    pub others: Option<OthersState>,
}
