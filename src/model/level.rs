//! How strongly a flag holds, and what becomes of what it forbids: the one scale of pages, reports and decisions.

use serde::{Deserialize, Serialize};

/// How strongly a flag holds; the order is the strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It doesn't.
    None,
    /// The IDE's own switch is set; code of the person can undo it.
    Ide,
    /// No request passes the proxy; code in a kernel or terminal is not bound by it.
    Proxy,
    /// The kernel of the operating system holds it, for every process of the session.
    Kernel,
}

impl Level {
    /// The word of pages and reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ide => "ide",
            Self::Proxy => "proxy",
            Self::Kernel => "kernel",
        }
    }

    /// From the word of [`Level::word`].
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::None, Self::Ide, Self::Proxy, Self::Kernel].into_iter().find(|level| level.word() == word)
    }
}

/// What becomes of that which a flag forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is refused.
    Block,
    /// It passes, and is recorded as what would have been refused.
    Audit,
}

impl Effect {
    /// The word of the audit log, of pages and of reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Audit => "audit",
        }
    }
}
