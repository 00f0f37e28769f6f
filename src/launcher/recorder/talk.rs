//! What launcher and recorder say to each other, over a Unix socket in the run directory that only root can open.

use portcullis_wire::Message;
use serde::{Deserialize, Serialize};

use crate::state::Known;

/// Counts up when a message changes: a recorder outlives its launcher, and the next one may be of another version.
const VERSION: u8 = 1;

impl Message for ToRecorder {
    const VERSION: u8 = VERSION;
}

impl Message for FromRecorder {
    const VERSION: u8 = VERSION;
}

/// Launcher to recorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ToRecorder {
    /// A session to record. Said before anything runs in it, and again by every new launcher.
    Watch(Watched),
    /// This login session's processes are gone.
    Forget(u32),
    /// Everything up to this number is on disk.
    Written(u64),
    /// Whether what permissions and limits refuse is recorded too (`audit-refusals`).
    Refusals(bool),
    /// Undo what was set in the kernel and end.
    End,
}

/// A session as the kernel's records know it, and what is to be known to judge them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Watched {
    /// The kernel's login session.
    pub(crate) login: u32,
    /// Its keeper: when that is gone too, there is nothing to record.
    pub(crate) keeper: Option<Known>,
    /// Folders whose programs are hidden from it.
    pub(crate) hidden: Vec<String>,
    /// Whether rules on connections tell by themselves what they refuse.
    pub(crate) ruled: bool,
    /// Programs that are allowed, where others are not refused but recorded as such; `None` where that isn't so. By all
    /// their names, the real ones too.
    pub(crate) allowed: Option<Vec<String>>,
}

/// Recorder to launcher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FromRecorder {
    /// The first message on every connection.
    State {
        /// Whether it records programs; else why not. A recorder that can't, ends.
        usable: Result<(), String>,
        /// Why it can't record what is refused; `None` where it does.
        no_refusals: Option<String>,
        /// Its version.
        version: String,
    },
    /// What happened, in order.
    Seen {
        /// Number of the last of them; they count up.
        last: u64,
        /// The things.
        seen: Vec<Seen>,
    },
}

/// Something that the kernel recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Seen {
    /// A program was started, or not.
    Executed(Executed),
    /// Something was refused.
    Refused(Refused),
    /// Records are missing.
    Lost {
        /// Of which login session; `None` where it can't be told.
        login: Option<u32>,
        /// How many; 0 where nobody knows.
        count: u64,
        /// Why.
        why: Why,
    },
}

/// A start of a program. See the audit log's `executed`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Executed {
    /// Login session.
    pub(crate) login: u32,
    /// Process.
    pub(crate) pid: i32,
    /// Parent.
    pub(crate) ppid: i32,
    /// Effective user.
    pub(crate) uid: u32,
    /// The program that runs, or the path that was tried.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) argv: Vec<String>,
    /// Whether there were more.
    pub(crate) cut: bool,
    /// Working directory.
    pub(crate) cwd: String,
    /// The error's name; empty where it was started.
    pub(crate) error: String,
    /// What `allow-shell=0` has to do with it.
    pub(crate) verdict: Verdict,
}

/// What `allow-shell=0` has to do with a program that was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// Nothing.
    #[default]
    None,
    /// It is only recorded that it would be refused (`audit-only`).
    WouldBeRefused,
    /// A program stands in its place that says that there is none.
    StandIn,
}

impl Verdict {
    /// The word of the audit log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::None => "",
            Self::WouldBeRefused => "would be refused",
            Self::StandIn => "refused: what stands in its place says so",
        }
    }
}

/// A refusal. See the audit log's `denied`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    /// Login session.
    pub(crate) login: u32,
    /// Process.
    pub(crate) pid: i32,
    /// Its program.
    pub(crate) program: String,
    /// What it tried.
    pub(crate) what: String,
    /// On what.
    pub(crate) target: String,
    /// What refused.
    pub(crate) by: By,
    /// How many alike.
    pub(crate) count: u64,
}

/// What refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum By {
    /// Landlock.
    Landlock,
    /// A filter of system calls.
    Seccomp,
    /// The program is not there for this session.
    Hidden,
    /// Rules on connections.
    Network,
    /// Owner, mode, privilege.
    Permissions,
    /// A limit.
    Limit,
}

impl By {
    /// The word of the audit log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Hidden => "hidden",
            Self::Network => "network",
            Self::Permissions => "permissions",
            Self::Limit => "limit",
        }
    }
}

/// Why records are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Why {
    /// One session's came too fast.
    Rate,
    /// They waited too long for a launcher.
    Memory,
    /// The kernel dropped some.
    Kernel,
    /// The recorder was replaced.
    Recorder,
    /// Somebody changed the kernel's rules.
    Rules,
}

impl Why {
    /// The word of the audit log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Memory => "memory",
            Self::Kernel => "kernel",
            Self::Recorder => "recorder",
            Self::Rules => "rules",
        }
    }
}

impl Seen {
    /// Of which login session.
    pub(crate) const fn login(&self) -> Option<u32> {
        match self {
            Self::Executed(executed) => Some(executed.login),
            Self::Refused(refused) => Some(refused.login),
            Self::Lost { login, .. } => *login,
        }
    }

    /// Roughly the memory it takes.
    pub(crate) fn size(&self) -> usize {
        const FRAME: usize = 256;
        match self {
            Self::Executed(one) => {
                let argv: usize = one.argv.iter().map(|arg| arg.len() + 24).sum();
                FRAME + argv + one.program.len() + one.cwd.len()
            }
            Self::Refused(one) => FRAME + one.program.len() + one.what.len() + one.target.len(),
            Self::Lost { .. } => FRAME,
        }
    }
}
