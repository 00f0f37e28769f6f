//! One row of the table: a call, when it is closed, what it answers then, and why.

use std::fmt;

/// A closed call.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The constant of its number, `SYS_…`.
    pub(super) constant: &'static str,
    /// Its number on this architecture.
    pub number: libc::c_long,
    /// When it is closed.
    pub when: When,
    /// What it answers then.
    pub answer: Answer,
    /// Why it is closed, and why nobody misses it.
    pub why: &'static str,
}

impl Row {
    /// The call's name.
    pub fn name(&self) -> &'static str {
        self.constant.strip_prefix("SYS_").unwrap_or(self.constant)
    }
}

/// A constant and its name, for the page.
pub(super) type Named = (&'static str, u32);

/// When a call is closed. Arguments count from 0; all of them are 32 bits wide here, as the kernel reads them, so that nothing
/// in the upper half makes a difference.
#[derive(Debug, Clone, Copy)]
pub enum When {
    /// Always.
    Always,
    /// One of these bits is set in the argument.
    AnyOf(u8, &'static [Named]),
    /// This bit is not set in the argument.
    Without(u8, Named),
    /// The argument, of which these bits count, is one of the values.
    Is(u8, u32, &'static [Named]),
    /// The argument is none of the values.
    IsNot(u8, &'static [Named]),
    /// Both hold.
    Both(&'static When, &'static When),
}

/// All bits of an argument count.
pub(super) const WHOLE: u32 = u32::MAX;

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |values: &[Named]| {
            values.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        match self {
            Self::Always => f.write_str("always"),
            Self::AnyOf(_, bits) => write!(f, "with {}", names(bits)),
            Self::Without(_, bit) => write!(f, "without {}", names(&[*bit])),
            Self::Is(arg, _, values) => write!(f, "argument {} is {}", arg + 1, names(values)),
            Self::IsNot(arg, values) => write!(f, "argument {} is none of {}", arg + 1, names(values)),
            Self::Both(first, second) => write!(f, "{first}; and {second}"),
        }
    }
}

/// What a closed call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// `EPERM`, and the kernel's audit system is told.
    Refused,
    /// `ENOSYS`, as on a kernel without it, where libraries take another way then. Nobody is told: some ask with every thread.
    Unknown,
    /// `EAFNOSUPPORT`: no such family of sockets. The audit system is told.
    NoFamily,
    /// `EPROTONOSUPPORT`: no such protocol. The audit system is told.
    NoProtocol,
}

impl Answer {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Refused, Self::Unknown, Self::NoFamily, Self::NoProtocol];

    /// The error number.
    pub const fn errno(self) -> i32 {
        match self {
            Self::Refused => libc::EPERM,
            Self::Unknown => libc::ENOSYS,
            Self::NoFamily => libc::EAFNOSUPPORT,
            Self::NoProtocol => libc::EPROTONOSUPPORT,
        }
    }

    /// The flags of the filter that gives this answer.
    pub(super) const fn flags(self) -> libc::c_ulong {
        match self {
            Self::Unknown => 0,
            Self::Refused | Self::NoFamily | Self::NoProtocol => libc::SECCOMP_FILTER_FLAG_LOG,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "EPERM",
            Self::Unknown => "ENOSYS",
            Self::NoFamily => "EAFNOSUPPORT",
            Self::NoProtocol => "EPROTONOSUPPORT",
        })
    }
}
