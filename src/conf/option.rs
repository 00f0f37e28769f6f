//! What an option is: the row that parser, defaults, reference, samples and `conf show` are all made of.
//!
//! The rows themselves stand in `options/`, declared with the macros at the end of this file.

use crate::problem::Severity;
use crate::value::Bad;

/// The files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// `rserver.conf`: the server.
    Rserver,
    /// `rsession.conf`: sessions and their flags.
    Rsession,
    /// `jupyter.conf`: JupyterLab.
    Jupyter,
    /// `vscode.conf`: VS Code.
    Vscode,
    /// `portcullis.conf`: what no other product has.
    Portcullis,
    /// `database.conf`: where accounts are kept.
    Database,
    /// `adapters.conf`: routes beyond the built-in ones, and declared applications.
    Adapters,
    /// `ldap.conf`: directories that check passwords.
    Ldap,
    /// `profiles`: session options by user and group.
    Profiles,
    /// `ip-rules`: who may connect.
    IpRules,
    /// `login.html`: text below the sign-in form.
    LoginHtml,
}

impl FileKind {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 11] = [
        Self::Rserver,
        Self::Rsession,
        Self::Jupyter,
        Self::Vscode,
        Self::Portcullis,
        Self::Database,
        Self::Adapters,
        Self::Ldap,
        Self::Profiles,
        Self::IpRules,
        Self::LoginHtml,
    ];

    /// The files that consist of `key=value` lines without sections.
    pub const FLAT: [Self; 6] =
        [Self::Rserver, Self::Rsession, Self::Jupyter, Self::Vscode, Self::Portcullis, Self::Database];

    /// Its name below the configuration directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rserver => "rserver.conf",
            Self::Rsession => "rsession.conf",
            Self::Jupyter => "jupyter.conf",
            Self::Vscode => "vscode.conf",
            Self::Portcullis => "portcullis.conf",
            Self::Database => "database.conf",
            Self::Adapters => "adapters.conf",
            Self::Ldap => "ldap.conf",
            Self::Profiles => "profiles",
            Self::IpRules => "ip-rules",
            Self::LoginHtml => "login.html",
        }
    }

    /// From its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The options it may hold, in groups; empty for files that have none.
    pub const fn groups(self) -> &'static [&'static Group] {
        match self {
            Self::Rserver => crate::options::RSERVER,
            Self::Rsession => crate::options::RSESSION,
            Self::Jupyter => crate::options::JUPYTER,
            Self::Vscode => crate::options::VSCODE,
            Self::Portcullis => crate::options::PORTCULLIS,
            Self::Database => crate::options::DATABASE,
            Self::Adapters => crate::options::ADAPTERS,
            Self::Ldap => crate::options::LDAP,
            Self::Profiles => crate::options::PROFILES,
            Self::IpRules | Self::LoginHtml => &[],
        }
    }

    /// All options it may hold.
    pub fn options(self) -> impl Iterator<Item = &'static Opt> {
        self.groups().iter().flat_map(|group| group.rows)
    }

    /// One option by its name.
    pub fn option(self, name: &str) -> Option<&'static Opt> {
        self.options().find(|opt| opt.name == name)
    }
}

/// Options that belong together, under one heading of the reference.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// The options.
    pub rows: &'static [Opt],
}

/// One option.
#[derive(Debug)]
pub struct Opt {
    /// As it is written in the file.
    pub name: &'static str,
    /// Lines of documentation; the first one alone says what it means.
    pub doc: &'static [&'static str],
    /// What kind of value it takes, in words.
    pub kind: fn() -> String,
    /// Whether it may be given several times.
    pub list: bool,
    /// The value when it is not given, read by the same parser.
    pub default: &'static str,
    /// Why that is the default.
    pub reason: &'static str,
    /// Whether it does anything.
    pub status: Status,
    /// When a change takes effect.
    pub reload: Reload,
    /// Whether a text is a value of it.
    pub check: fn(&str) -> Result<(), Bad>,
}

impl Opt {
    /// What it means, in one line.
    pub fn meaning(&self) -> &'static str {
        self.doc.first().map_or("", |line| line.trim())
    }

    /// Whether `text` says the same as the default.
    pub fn is_default(&self, text: &str) -> bool {
        let plain = |text: &str| match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => "1".to_owned(),
            "false" | "no" | "off" => "0".to_owned(),
            _ => text.trim().to_owned(),
        };
        plain(text) == plain(self.default)
    }
}

/// Whether an option does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It does what its documentation says.
    Implemented,
    /// It is known and its value is checked, but nothing follows from it.
    Recognised {
        /// What that means for the administrator.
        effect: &'static str,
        /// How loudly a value other than the default is answered.
        severity: Severity,
    },
    /// An old name.
    Retired {
        /// The option that took its place.
        successor: &'static str,
        /// Whether its value is a value of the successor, so that it can be carried over.
        carries_over: bool,
    },
}

/// When a change of an option takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// At `SIGHUP`, for everybody.
    Hup,
    /// At `SIGHUP`, for sessions started afterwards.
    NewSessions,
    /// When the daemon is started again.
    Restart,
}

impl Reload {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Hup => "at a reload (`SIGHUP`)",
            Self::NewSessions => "at a reload (`SIGHUP`), for sessions started afterwards",
            Self::Restart => "at a restart of the daemon",
        }
    }
}

/// Declares options with a typed field each; only the two macros below call it.
macro_rules! declared {
    ([$status:expr] $(#[doc = $about:literal])* $name:ident, $title:literal;
     $($(#[doc = $doc:literal])+ $key:literal $field:ident: $type:ty = $default:literal, $reload:ident, $reason:literal;)*) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name { $($(#[doc = $doc])+ pub $field: <$type as $crate::value::Value>::Out,)* }

        impl $name {
            /// From what the files say; what they don't say, or say wrongly, is the default.
            pub(crate) fn build(values: &$crate::values::Values) -> Self {
                Self { $($field: values.get::<$type>($key, $default),)* }
            }
        }

        pub(crate) static GROUP: $crate::option::Group = $crate::option::Group { title: $title, rows: &[$(
            $crate::option::row::<$type>($key, &[$($doc),+], $default, $reason,
                $status, $crate::option::Reload::$reload),)*] };
    };
}

/// Declares options that do something: a struct with a typed field each, and their rows.
macro_rules! options {
    ($($declaration:tt)*) => {
        $crate::option::declared! { [$crate::option::Status::Implemented] $($declaration)* }
    };
}

/// Declares options that are known but not implemented, grouped by what that means for the administrator.
macro_rules! recognised {
    ($table:ident, $title:literal;
     $($severity:ident $effect:literal { $($(#[doc = $doc:literal])+ $key:literal: $type:ty = $default:literal;)* })*) => {
        pub(crate) static $table: $crate::option::Group = $crate::option::Group { title: $title, rows: &[$($(
            $crate::option::row::<$type>($key, &[$($doc),+], $default, "as RStudio Workbench",
                $crate::option::Status::Recognised { effect: $effect, severity: $crate::problem::Severity::$severity },
                $crate::option::Reload::Restart),)*)*] };
    };
}

/// Declares old names.
macro_rules! retired {
    ($table:ident; $($(#[doc = $doc:literal])+ $key:literal: $type:ty => $successor:literal, $carries_over:literal;)*) => {
        pub(crate) static $table: $crate::option::Group = $crate::option::Group { title: "Old names", rows: &[$(
            $crate::option::row::<$type>($key, &[$($doc),+], "", "an old name has no default",
                $crate::option::Status::Retired { successor: $successor, carries_over: $carries_over },
                $crate::option::Reload::Restart),)*] };
    };
}

pub(crate) use {declared, options, recognised, retired};

/// Makes a row; only the macros call it.
pub(crate) const fn row<V: crate::value::Value>(
    name: &'static str,
    doc: &'static [&'static str],
    default: &'static str,
    reason: &'static str,
    status: Status,
    reload: Reload,
) -> Opt {
    Opt { name, doc, kind: V::words, list: V::LIST, default, reason, status, reload, check: check::<V> }
}

fn check<V: crate::value::Value>(text: &str) -> Result<(), Bad> {
    V::parse(text).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = (FileKind, &'static Opt)> {
        FileKind::ALL.into_iter().flat_map(|kind| kind.options().map(move |opt| (kind, opt)))
    }

    #[test]
    fn names_are_unique_and_kebab_case() {
        for kind in FileKind::ALL {
            let names: Vec<&str> = kind.options().map(|opt| opt.name).collect();
            for (at, name) in names.iter().enumerate() {
                assert!(!names[..at].contains(name), "{}: {name}", kind.name());
                let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                assert!(plain && !name.starts_with('-') && !name.ends_with('-'), "{name}");
            }
        }
    }

    #[test]
    fn every_option_is_documented_with_a_reason() {
        for (kind, opt) in all() {
            let meaning = opt.meaning();
            assert!(!meaning.is_empty() && meaning.chars().count() <= 100, "{}: {}", kind.name(), opt.name);
            assert!(meaning.ends_with('.'), "{}", opt.name);
            assert!(!opt.reason.is_empty() && !opt.reason.ends_with('.'), "{}", opt.name);
            assert!(!(opt.kind)().is_empty(), "{}", opt.name);
            if let Status::Recognised { effect, .. } = opt.status {
                assert!(effect.len() > 10 && !effect.ends_with('.'), "{}", opt.name);
            }
        }
    }

    #[test]
    fn every_default_parses() {
        for (kind, opt) in all().filter(|(_, opt)| !matches!(opt.status, Status::Retired { .. })) {
            let checked = (opt.check)(opt.default);
            assert_eq!(checked, Ok(()), "{}: {}", kind.name(), opt.name);
            assert!(opt.is_default(opt.default));
        }
    }

    #[test]
    fn successors_exist() {
        for (kind, opt) in all() {
            if let Status::Retired { successor, carries_over } = opt.status {
                let next = kind.option(successor).expect("a successor");
                assert!(!matches!(next.status, Status::Retired { .. }), "{}", opt.name);
                assert!(!carries_over || (next.kind)() == (opt.kind)(), "{}", opt.name);
            }
        }
    }

    #[test]
    fn options_that_restrict_are_implemented_or_warned_of() {
        let named = [
            "allow-shell",
            "allow-file-uploads",
            "allow-file-downloads",
            "allow-package-installation",
            "allow-publish",
            "allow-external-publish",
            "allow-vcs",
            "restrict-directory-view",
            "directory-view-allow-list",
            "limit-file-upload-size-mb",
            "session-port-range",
            "session-timeout-minutes",
        ];
        for name in named {
            let opt = FileKind::Rsession.option(name).expect("an option");
            assert_eq!(opt.status, Status::Implemented, "{name}");
        }
    }
}
