//! What a session uses of what it may: for its owner to see before the kernel refuses or ends something.

use serde::{Deserialize, Serialize};

use crate::SessionId;
use crate::session::EndReason;

/// From so many hundredths of a limit its owner is warned: late enough not to be noise, early enough to save.
pub const WARN_PERCENT: u64 = 90;

/// At one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Of the session.
    pub session: Used,
    /// Of all sessions of its user together.
    pub user: Used,
    /// The last process of the session that the kernel ended for want of memory.
    pub killed: Option<Killed>,
}

/// What is used of each limit that there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Megabytes of memory.
    pub memory_mb: Option<Share>,
    /// Processes and threads.
    pub processes: Option<Share>,
}

/// So much of so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// In use.
    pub used: u64,
    /// The limit.
    pub limit: u64,
}

impl Share {
    /// In hundredths, at most 100.
    pub const fn percent(&self) -> u64 {
        if self.limit == 0 || self.used >= self.limit { 100 } else { self.used * 100 / self.limit }
    }

    /// Whether it is close to its limit.
    pub const fn is_near(&self) -> bool {
        self.percent() >= WARN_PERCENT
    }
}

/// A process that the kernel ended because memory was used up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Killed {
    /// Its name for itself; empty where the kernel's log can't be read.
    pub program: String,
    /// Its number on the machine; 0 where that is not known.
    pub pid: i32,
    /// When it was noticed, in seconds since 1970.
    pub at: u64,
    /// Whose memory was used up.
    pub whose: Whose,
    /// The limit in megabytes; 0 of the machine's.
    pub limit_mb: u64,
    /// How many processes of the session were ended so far.
    pub count: u64,
}

impl Killed {
    /// What was used up, as a part of a sentence.
    pub fn used_up(&self) -> String {
        match self.whose {
            Whose::Session => format!("the session used its {} MB of memory", self.limit_mb),
            Whose::User => format!("your sessions together used their {} MB of memory", self.limit_mb),
            Whose::Machine => "the machine had no memory left".to_owned(),
        }
    }
}

impl From<&Killed> for EndReason {
    fn from(killed: &Killed) -> Self {
        Self::OutOfMemory { whose: killed.whose, limit_mb: killed.limit_mb }
    }
}

/// Whose limit it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// The session's own.
    Session,
    /// Of all sessions of its user together.
    User,
    /// None of ours: the machine's memory, or that of what the daemon runs in.
    Machine,
}

impl Whose {
    /// The word in the audit log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::Machine => "machine",
        }
    }
}

impl Load {
    /// Whether any limit is set.
    pub fn is_limited(&self) -> bool {
        self.shares().next().is_some()
    }

    /// Each limit with what it limits, the session's first.
    pub fn shares(&self) -> impl Iterator<Item = (Whose, What, Share)> + '_ {
        [(Whose::Session, &self.session), (Whose::User, &self.user)].into_iter().flat_map(|(whose, used)| {
            let memory = used.memory_mb.map(|share| (whose, What::Memory, share));
            memory.into_iter().chain(used.processes.map(|share| (whose, What::Processes, share)))
        })
    }

    /// Whether a page would show something else now: a hundredth more or less, another end of a process.
    pub fn shows_as(&self, other: &Self) -> bool {
        let percents = |load: &Self| {
            load.shares()
                .map(|(whose, what, share)| (whose, what, share.percent(), share.limit))
                .collect::<Vec<_>>()
        };
        self.killed == other.killed && percents(self) == percents(other)
    }
}

/// What a limit limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// Memory, in megabytes.
    Memory,
    /// Processes and threads.
    Processes,
}

impl What {
    /// The word in the audit log and in classes of pages.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Processes => "processes",
        }
    }
}

/// A session's load with its name, for an administrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLoad {
    /// Which session.
    pub session: SessionId,
    /// Its owner.
    pub user: String,
    /// What it runs.
    pub ide: String,
    /// What it uses.
    pub load: Load,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_near_from_ninety_on() {
        for (used, limit, percent, near) in [
            (0, 100, 0, false),
            (899, 1000, 89, false),
            (900, 1000, 90, true),
            (7, 5, 100, true),
            (0, 0, 100, true),
        ] {
            let share = Share { used, limit };
            assert_eq!((share.percent(), share.is_near()), (percent, near), "{share:?}");
        }
    }

    #[test]
    fn small_changes_show_nothing_new() {
        let of = |used| Load {
            session: Used { memory_mb: Some(Share { used, limit: 1000 }), processes: None },
            ..Load::default()
        };
        assert!(of(100).shows_as(&of(109)) && !of(100).shows_as(&of(110)));
        assert!(of(1).is_limited() && !Load::default().is_limited());
        assert!(!Load::default().shows_as(&of(0)));
    }
}
