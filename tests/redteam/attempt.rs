//! What an attempt is, as data: a row of the table says how it is tried and how it must be held and named.

use serde::Serialize;

/// One way out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// What it does, as a line of the table.
    pub(crate) title: &'static str,
    /// What it is written in.
    pub(crate) language: Language,
    /// Its source below `attempts/`.
    pub(crate) source: &'static str,
    /// Its name in there.
    pub(crate) name: &'static str,
    /// Which flags the session has in which it must fail.
    pub(crate) flags: Flags,
    /// What holds it, for the page.
    pub(crate) held_by: &'static str,
    /// The record that must name it: one of these.
    pub(crate) evidence: &'static [Evidence],
    /// Whether its control is a plain sign-in, because a session without a sandbox holds it too.
    pub(crate) plain: bool,
}

impl Attempt {
    /// The same with a plain sign-in as its control.
    pub(crate) const fn plainly(mut self) -> Self {
        self.plain = true;
        self
    }

    /// How it is called: source, name, and flags where the same is tried under several.
    pub(crate) fn id(&self) -> String {
        let stem = self.source.rsplit_once('.').map_or(self.source, |(stem, _)| stem);
        let more = if self.flags == Flags::Privileged { " (allow-sudo)" } else { "" };
        format!("{stem} {}{more}", self.name)
    }
}

/// What an attempt is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// Python, in a process of its own.
    Python,
    /// R, without the scripts around it.
    R,
    /// C, linked statically, uploaded as a program.
    C,
    /// A script for `sh`.
    Shell,
    /// A cell or request in the real JupyterLab.
    Notebook,
}

impl Language {
    /// As it is written in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::R => "R",
            Self::C => "C",
            Self::Shell => "shell",
            Self::Notebook => "notebook",
        }
    }
}

/// Flags of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Flags {
    /// `allow-shell=0`, `allow-package-installation=0`, restricted directories, no network.
    Shut,
    /// Shells and programs of one's own are allowed; directories are restricted, the network is this machine.
    Open,
    /// As open, and with limits.
    Limited,
    /// As open, and set-user-ID programs keep their effect.
    Privileged,
}

impl Flags {
    /// All, in the order in which they are tried.
    pub(crate) const ALL: [Self; 4] = [Self::Shut, Self::Open, Self::Limited, Self::Privileged];

    /// The word in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Shut => "shut",
            Self::Open => "open",
            Self::Limited => "limited",
            Self::Privileged => "sudo",
        }
    }

    /// Which options these are.
    pub(crate) const fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Shut => SHUT,
            Self::Open => OPEN,
            Self::Limited => LIMITED,
            Self::Privileged => PRIVILEGED,
        }
    }
}

const SHUT: &[(&str, &str)] = &[
    ("rsession.conf", "allow-shell=0\nallow-package-installation=0\nrestrict-directory-view=1"),
    ("portcullis.conf", "session-network=none\nsession-tmp-mb=64"),
];
const OPEN: &[(&str, &str)] = &[
    ("rsession.conf", "allow-shell=1\nallow-package-installation=1\nrestrict-directory-view=1"),
    ("portcullis.conf", "session-network=loopback\nsession-tmp-mb=64"),
];
const LIMITED: &[(&str, &str)] = &[
    ("rsession.conf", "allow-shell=1\nallow-package-installation=1\nrestrict-directory-view=1"),
    ("portcullis.conf", "session-network=loopback\nsession-tmp-mb=64"),
    (
        "profiles",
        "max-memory-mb=400\nmax-processes=100\nmax-open-files=512\nmax-processor-percent=50\nnice=5\ncpu-affinity=1",
    ),
];
const PRIVILEGED: &[(&str, &str)] = &[
    ("rsession.conf", "allow-shell=1\nallow-package-installation=1\nrestrict-directory-view=1"),
    ("portcullis.conf", "session-network=loopback\nsession-tmp-mb=64\nallow-sudo=1"),
];

/// The record that names an attempt. Its text is a part of the record: of a path, an argument, the name of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence {
    /// `denied`: the kernel refused it.
    Denied(&'static str),
    /// `executed` without success or with the verdict that it was refused, or `denied` of an execution.
    Executed(&'static str),
    /// `executed` with success: what was started is named, and what it ran was the stand-in.
    Ran(&'static str),
    /// `limit-reached`.
    Limit(&'static str),
    /// `refused` by the proxy.
    Refused(&'static str),
    /// `session-ended` with processes that had to be ended.
    LeftOver,
    /// It gets out here, and the documentation says so: with the reason. Never counted as held.
    Known(&'static str),
    /// There is nothing to be refused: the session has no such thing. With the reason; counted apart.
    NotThere(&'static str),
}
