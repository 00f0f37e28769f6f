//! The flags of a person: which capabilities are given, and where each value comes from.
//!
//! [`Flags::resolve`] reads them from the configuration with the profiles applied; tests and tools set them directly.

use std::fmt;
use std::path::{Component, Path};

/// Where a value was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Origin {
    /// Nowhere: it is the default.
    #[default]
    Default,
    /// In this line.
    At {
        /// Name of the file, without its folder.
        file: String,
        /// From 1.
        line: u32,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::At { file, line } => write!(f, "{file}:{line}"),
        }
    }
}

/// A value and where it was said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it was said.
    pub origin: Origin,
}

impl<T> Setting<T> {
    /// A value that nobody said.
    pub const fn default_of(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// A value said in a line of a file.
    pub fn at(value: T, file: &str, line: u32) -> Self {
        Self { value, origin: Origin::At { file: file.to_owned(), line } }
    }
}

/// How strongly a flag holds; the order is the strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

/// A line of the home page: a flag and what it means for this person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagLine {
    /// Name of the option.
    pub flag: &'static str,
    /// What a person reads.
    pub title: &'static str,
    /// Its value as it would stand in the file.
    pub value: String,
    /// Whether the value restricts anything.
    pub restricts: bool,
    /// Where it was said.
    pub origin: Origin,
    /// How strongly it holds.
    pub level: Level,
    /// What remains possible in spite of it.
    pub remains: &'static str,
}

/// What a person may do, each with where it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    /// `allow-shell`.
    pub shell: Setting<bool>,
    /// `allow-file-uploads`.
    pub uploads: Setting<bool>,
    /// `allow-file-downloads`.
    pub downloads: Setting<bool>,
    /// `allow-package-installation`.
    pub packages: Setting<bool>,
    /// `allow-publish`; 0 includes `allow-external-publish`.
    pub publish: Setting<bool>,
    /// `allow-external-publish`.
    pub external_publish: Setting<bool>,
    /// `allow-vcs`.
    pub vcs: Setting<bool>,
    /// `restrict-directory-view`.
    pub restrict_directories: Setting<bool>,
    /// `directory-view-allow-list`, resolved by the caller.
    pub directories: Setting<Vec<String>>,
    /// `limit-file-upload-size-mb`; 0 is no limit.
    pub upload_limit_mb: Setting<u64>,
}

impl Default for Flags {
    /// Everything is allowed, as upstream.
    fn default() -> Self {
        Self {
            shell: Setting::default_of(true),
            uploads: Setting::default_of(true),
            downloads: Setting::default_of(true),
            packages: Setting::default_of(true),
            publish: Setting::default_of(true),
            external_publish: Setting::default_of(true),
            vcs: Setting::default_of(true),
            restrict_directories: Setting::default_of(false),
            directories: Setting::default_of(Vec::new()),
            upload_limit_mb: Setting::default_of(0),
        }
    }
}

impl Flags {
    /// Whether any flag takes something away.
    pub const fn restrictive(&self) -> bool {
        !(self.shell.value
            && self.uploads.value
            && self.downloads.value
            && self.packages.value
            && self.publish.value
            && self.external_publish.value
            && self.vcs.value)
            || self.restrict_directories.value
            || self.upload_limit_mb.value > 0
    }

    /// Whether a resolved, absolute path lies in the person's home or in an allowed directory, by path components.
    pub fn directory_allows(&self, resolved: &str, home: &str) -> bool {
        if !self.restrict_directories.value {
            return true;
        }
        let path = Path::new(resolved);
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return false;
        }
        std::iter::once(home)
            .chain(self.directories.value.iter().map(String::as_str))
            .any(|allowed| Path::new(allowed).is_absolute() && path.starts_with(allowed))
    }

    /// The flags for a person to read, in a fixed order.
    pub fn summary(&self) -> Vec<FlagLine> {
        Vec::new()
    }
}
