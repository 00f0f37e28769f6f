//! What moves the end of a session, and when it was seen.

use serde::{Deserialize, Serialize};

/// What moves the end of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// It began.
    #[default]
    Start,
    /// A person's request.
    Request,
    /// What a person typed or sent through a WebSocket.
    Input,
    /// The button that keeps it.
    Stay,
    /// A browser is there, even if nobody sits before it.
    Browser,
    /// A file is on its way.
    Transfer,
    /// A kernel of Jupyter's computes.
    Kernel,
    /// Its processes compute.
    Processor,
    /// Its processes read or write.
    Disk,
    /// The IDE would not be suspended: it says that something runs.
    Unsuspended,
}

impl Sign {
    /// In words, to follow "by".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Start => "its start",
            Self::Request => "a person's request",
            Self::Input => "a person's input",
            Self::Stay => "the button to stay",
            Self::Browser => "an open page",
            Self::Transfer => "a file on its way",
            Self::Kernel => "a busy kernel",
            Self::Processor => "processor time",
            Self::Disk => "reading and writing",
            Self::Unsuspended => "an IDE that would not be suspended",
        }
    }
}

/// A sign and when it was seen last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Seconds since 1970.
    pub at: u64,
    /// What was seen.
    pub by: Sign,
}

impl Mark {
    /// The later of two.
    pub(super) const fn or(self, other: Self) -> Self {
        if other.at > self.at { other } else { self }
    }
}

/// What was seen of a session beside a person's last act; 0 is never. In seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// What kind of act the last one was.
    pub act: Sign,
    /// A browser sent something, a poll perhaps.
    pub browser: u64,
    /// A file was on its way.
    pub transfer: u64,
    /// A kernel was busy.
    pub kernel: u64,
    /// Its processes computed.
    pub processor: u64,
    /// Its processes read or wrote.
    pub disk: u64,
    /// It was asked to suspend and is here still.
    pub unsuspended: u64,
}

impl Seen {
    /// Later looks of the same; never backwards.
    pub fn merge(&mut self, later: &Self) {
        self.browser = self.browser.max(later.browser);
        self.transfer = self.transfer.max(later.transfer);
        self.kernel = self.kernel.max(later.kernel);
        self.processor = self.processor.max(later.processor);
        self.disk = self.disk.max(later.disk);
    }

    /// Without what is later than `now`: nothing was seen in the future.
    #[must_use]
    pub fn until(&self, now: u64) -> Self {
        Self {
            act: self.act,
            browser: self.browser.min(now),
            transfer: self.transfer.min(now),
            kernel: self.kernel.min(now),
            processor: self.processor.min(now),
            disk: self.disk.min(now),
            unsuspended: self.unsuspended.min(now),
        }
    }

    /// Moves everything: somebody set the machine's clock.
    pub fn shift(&mut self, by: i64) {
        let all = [
            &mut self.browser,
            &mut self.transfer,
            &mut self.kernel,
            &mut self.processor,
            &mut self.disk,
            &mut self.unsuspended,
        ];
        all.into_iter().filter(|at| **at > 0).for_each(|at| *at = at.saturating_add_signed(by));
    }
}
