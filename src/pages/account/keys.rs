//! One's own API keys: what there is, a form for a new one, and a new one's text, shown once.

use askama::Template;
use portcullis_model::account::Role;
use portcullis_model::key::Scope;

use crate::{Frame, render, when};

/// A key in the list.
#[derive(Debug, Clone)]
pub struct KeyLine {
    /// Its public half.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it is good for.
    pub scopes: String,
    /// The role that it has at the most.
    pub role: Role,
    /// From where it may be used; empty for everywhere.
    pub sources: String,
    /// Made when, in seconds since 1970.
    pub created: u64,
    /// Until when, in seconds since 1970; none: for ever.
    pub until: Option<u64>,
    /// Last used when, in seconds since 1970, and from where.
    pub used: Option<(u64, String)>,
}

/// A key that was just made.
#[derive(Debug, Clone, Copy)]
pub struct MadeKey<'a> {
    /// What its owner calls it.
    pub name: &'a str,
    /// Its text: on this page and nowhere else.
    pub text: &'a str,
}

/// Address `/account/keys`. A new one is posted there, the end of one to `/account/keys/end`.
#[derive(Debug, Clone, Template)]
#[template(path = "account/keys.html")]
pub struct KeysPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// Seconds since 1970.
    pub now: u64,
    /// What was done or refused just now.
    pub said: Option<&'a str>,
    /// What its forms carry.
    pub token: &'a str,
    /// Keys that live.
    pub keys: &'a [KeyLine],
    /// One that was just made.
    pub made: Option<MadeKey<'a>>,
    /// Whether keys may be made and used here.
    pub enabled: bool,
    /// Days that a key may live; 0 for as long as one wants.
    pub max_days: u32,
    /// The roles that one may give a key.
    pub roles: &'a [Role],
}

impl KeysPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn scopes(&self) -> [(&'static str, &'static str); 6] {
        Scope::ALL.map(|scope| (scope.word(), meaning(scope)))
    }

    fn at(&self, at: &u64) -> String {
        when::rfc3339(*at)
    }

    fn ago(&self, at: &u64) -> String {
        when::ago(*at, self.now)
    }

    fn ahead(&self, at: &u64) -> String {
        when::ahead(*at, self.now)
    }
}

const fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::Sessions => "list, start and stop your sessions",
        Scope::Ide => "use what is inside of your sessions",
        Scope::AccountRead => "read your account",
        Scope::UsersRead => "read other people’s accounts, and groups",
        Scope::UsersWrite => "change accounts and groups, as far as your role may",
        Scope::AuditRead => "read the audit log, if your role may",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;

    #[test]
    fn a_key_is_listed_and_a_new_one_is_shown() {
        let root = Root::new("/");
        let line = KeyLine {
            id: "abcdefg234".into(),
            name: "a <b>".into(),
            scopes: "ide".into(),
            role: Role::Viewer,
            sources: String::new(),
            created: 1_700_000_000,
            until: None,
            used: Some((1_700_000_100, "192.0.2.1".into())),
        };
        let page = KeysPage {
            frame: Frame { root: &root, user: Some("alice") },
            now: 1_700_000_200,
            said: None,
            token: "t0ken",
            keys: &[line],
            made: Some(MadeKey { name: "ci", text: "ptk_abc" }),
            enabled: true,
            max_days: 365,
            roles: &[Role::Viewer],
        };
        let html = page.html();
        for part in ["abcdefg234", "ptk_abc", "192.0.2.1", "t0ken", "max=\"365\"", "users:write"] {
            assert!(html.contains(part), "{part} is not in {html}");
        }
        assert!(!html.contains("a <b>"), "{html}");
        let off = KeysPage { enabled: false, made: None, ..page }.html();
        assert!(!off.contains("name=\"scope\"") && off.contains("switched off"), "{off}");
    }
}
