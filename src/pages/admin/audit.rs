//! The audit log: a form, and what was found.

use askama::Template;
use portcullis_model::audit::TABLE;

use super::AdminFrame;
use super::people::percent;
use crate::{Frame, render};

/// What is looked for, as it was typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchWords<'a> {
    /// A user's name.
    pub user: &'a str,
    /// An event.
    pub event: &'a str,
    /// A session's id.
    pub session: &'a str,
    /// From when.
    pub from: &'a str,
    /// Until when.
    pub until: &'a str,
    /// Anything.
    pub text: &'a str,
}

/// A record.
#[derive(Debug, Clone, Copy)]
pub struct AuditRow<'a> {
    /// Its number.
    pub seq: u64,
    /// Its time.
    pub time: &'a str,
    /// Its event.
    pub event: &'a str,
    /// Its user.
    pub user: &'a str,
    /// Its session.
    pub session: &'a str,
    /// The rest.
    pub text: &'a str,
}

/// Address `/admin/audit`; a search is its query.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/audit.html")]
pub struct AuditPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// What was looked for.
    pub words: SearchWords<'a>,
    /// What was found; `None` before a search.
    pub found: Option<&'a [AuditRow<'a>]>,
    /// Where older ones are.
    pub more: Option<u64>,
    /// Whether the search stopped before it had seen all.
    pub stopped: bool,
    /// Lines that could not be read.
    pub unreadable: u64,
    /// Why there is no answer.
    pub problem: Option<&'a str>,
}

impl AuditPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn events(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let chosen = self.words.event;
        TABLE.iter().map(move |row| (row.name, row.name == chosen))
    }

    /// The address of older records.
    fn older(&self) -> String {
        let SearchWords { user, event, session, from, until, text } = self.words;
        let words = [
            ("user", user),
            ("event", event),
            ("session", session),
            ("from", from),
            ("until", until),
            ("text", text),
        ];
        let said = words.into_iter().filter(|(_, word)| !word.is_empty());
        let mut query: String = said.map(|(name, word)| format!("{name}={}&", percent(word))).collect();
        query.push_str(&format!("before={}", self.more.unwrap_or(0)));
        format!("/admin/audit?{query}")
    }

    /// The same search for another word.
    fn only(&self, name: &str, word: &str) -> String {
        format!("/admin/audit?{name}={}", percent(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Root;
    use crate::admin::Tab;

    #[test]
    fn older_records_are_those_of_the_same_search() {
        let root = Root::default();
        let frame = Frame { root: &root, user: None };
        let admin = AdminFrame { tab: Tab::Audit, live: false, acts: false, said: None, now: 0 };
        let words = SearchWords { user: "a&b", text: "x y", ..SearchWords::default() };
        let page = AuditPage {
            frame,
            admin,
            words,
            found: None,
            more: Some(7),
            stopped: false,
            unreadable: 0,
            problem: None,
        };
        assert_eq!(page.older(), "/admin/audit?user=a%26b&text=x%20y&before=7");
    }
}
