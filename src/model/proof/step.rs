//! What a method did, step by step: for verbose logging and `portcullis ldap test`.
//!
//! A step is typed, and its texts are [`Shown`]: made from names, filters and addresses, never from a [`crate::Secret`],
//! which has neither `Display` nor a way into `&str` that is not searched for by its name (`expose`).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Failure, MethodName};

/// Longest shown text in characters; a filter with a few DNs in it fits.
pub const SHOWN_MAX: usize = 1000;

/// A text that may be shown: what doesn't print is escaped, what is too long is cut with `…`.
///
/// ```compile_fail
/// // A secret has no way into it.
/// portcullis_model::proof::Shown::from(&portcullis_model::Secret::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Shown(String);

/// A character as it is shown: control characters and the invisible ones that turn text around are escaped.
pub(super) fn escaped(c: char) -> impl Iterator<Item = char> {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    let hidden = c.is_control() || turns;
    let plain = (!hidden).then_some(c);
    plain.into_iter().chain(hidden.then(|| c.escape_unicode()).into_iter().flatten())
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        let mut shown: String = text.chars().take(SHOWN_MAX).flat_map(escaped).collect();
        if text.chars().nth(SHOWN_MAX).is_some() {
            shown.push('…');
        }
        Self(shown)
    }
}

// What arrives from another process is escaped again: it may be a process that was taken over.
impl From<String> for Shown {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<Shown> for String {
    fn from(shown: Shown) -> Self {
        shown.0
    }
}

impl Shown {
    /// The escaped text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As whom a directory is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BindAs {
    /// The configured service account.
    Service,
    /// The person who signs in.
    User,
    /// Nobody.
    Anonymous,
}

/// One thing that was done or found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A provider is tried.
    Provider {
        /// The method.
        method: MethodName,
        /// Section or issuer.
        name: Shown,
        /// Host and port, or URL.
        address: Shown,
    },
    /// It was connected to.
    Connected {
        /// How long that took, in milliseconds.
        ms: u64,
    },
    /// TLS holds.
    Tls {
        /// `StartTLS`, `ldaps` or `https`.
        how: Shown,
        /// Subject of the certificate, where it was read; empty otherwise.
        subject: Shown,
        /// Its issuer.
        issuer: Shown,
        /// Whether it was checked.
        checked: bool,
    },
    /// A bind was sent.
    Bind {
        /// As whom.
        who: BindAs,
        /// The DN, or the name that the directory makes one of.
        dn: Shown,
    },
    /// It succeeded.
    Bound {
        /// As whom.
        who: BindAs,
    },
    /// A search was sent.
    Search {
        /// What for: `user`, `groups`.
        what: Shown,
        /// Base DN.
        base: Shown,
        /// The filter with everything in it escaped.
        filter: Shown,
    },
    /// What it found.
    Found {
        /// How many entries.
        entries: u32,
    },
    /// An entry that is used.
    Entry {
        /// Its DN.
        dn: Shown,
    },
    /// A value that is used.
    Value {
        /// Attribute or claim.
        name: Shown,
        /// The value; of a unique id in base64.
        value: Shown,
    },
    /// A group of the person.
    Group {
        /// Its name.
        name: Shown,
        /// Its DN or id.
        id: Shown,
    },
    /// An HTTP request was answered.
    Fetched {
        /// What for: `discovery`, `keys`, `token`, `userinfo`.
        what: Shown,
        /// Where.
        url: Shown,
        /// The status.
        status: u16,
    },
    /// A rule was applied.
    Rule {
        /// Which.
        rule: Shown,
        /// Whether it was kept.
        kept: bool,
    },
    /// This provider or entry did not prove it; the next one is tried.
    Next {
        /// Why.
        why: Failure,
    },
    /// The end: who it is.
    Proven {
        /// Whose word.
        provider: Shown,
        /// The unique id in base64.
        unique: Shown,
        /// The name there.
        user: Shown,
    },
    /// The end: nobody.
    Failed {
        /// Why.
        why: Failure,
    },
    /// Steps that were not kept, because there were too many.
    Dropped {
        /// How many.
        count: u32,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Provider { method, name, address } => write!(f, "{method} `{name}` at {address}"),
            Self::Connected { ms } => write!(f, "connected after {ms} ms"),
            Self::Tls { how, checked: false, .. } => write!(f, "{how}: the certificate is NOT checked"),
            Self::Tls { how, subject, issuer, .. } if !subject.as_str().is_empty() => {
                write!(f, "{how}: certificate of `{subject}`, issued by `{issuer}`")
            }
            Self::Tls { how, .. } => write!(f, "{how}: the certificate holds"),
            Self::Bind { who: BindAs::Anonymous, .. } => f.write_str("bind as nobody"),
            Self::Bind { who: BindAs::Service, dn } => write!(f, "bind as the service account `{dn}`"),
            Self::Bind { who: BindAs::User, dn } => write!(f, "bind as the person, `{dn}`"),
            Self::Bound { .. } => f.write_str("bound"),
            Self::Search { what, base, filter } => write!(f, "search for {what} below `{base}`: {filter}"),
            Self::Found { entries } => write!(f, "entries found: {entries}"),
            Self::Entry { dn } => write!(f, "entry `{dn}`"),
            Self::Value { name, value } => write!(f, "{name} = `{value}`"),
            Self::Group { name, id } => write!(f, "group `{name}` ({id})"),
            Self::Fetched { what, url, status } => write!(f, "{what}: {url} answered {status}"),
            Self::Rule { rule, kept } => write!(f, "{rule}: {}", if *kept { "yes" } else { "no" }),
            Self::Next { why } => write!(f, "not here: {why}"),
            Self::Proven { provider, unique, user } => {
                write!(f, "proven: `{user}` of {provider}, id {unique}")
            }
            Self::Failed { why } => write!(f, "refused: {why}"),
            Self::Dropped { count } => write!(f, "{count} more steps"),
        }
    }
}
