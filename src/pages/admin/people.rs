//! Who is signed in, from where.

use askama::Template;
use portcullis_model::SignInId;

use super::{AdminFrame, RENEW_SECONDS};
use crate::{Frame, render, when, words};

/// A sign-in.
#[derive(Debug, Clone)]
pub struct SignInRow {
    /// Which.
    pub id: SignInId,
    /// From where.
    pub remote: String,
    /// Seconds since 1970.
    pub since: u64,
    /// Its end, unless they do something.
    pub until: u64,
    /// Whether it is the one that looks.
    pub own: bool,
}

/// Somebody who is signed in, or has sessions.
#[derive(Debug, Clone)]
pub struct PersonRow<'a> {
    /// The account.
    pub user: &'a str,
    /// Sign-ins, the newest first.
    pub sign_ins: Vec<SignInRow>,
    /// Sessions that have processes.
    pub sessions: u64,
}

/// Address `/admin/people`; `?live=1` when it renews itself.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/people.html")]
pub struct PeoplePage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// Everybody, by name.
    pub people: &'a [PersonRow<'a>],
}

impl PeoplePage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn ago(&self, at: &u64) -> String {
        when::ago(*at, self.admin.now)
    }

    fn ahead(&self, at: &u64) -> String {
        when::ahead(*at, self.admin.now)
    }

    fn summary(&self) -> String {
        let count: usize = self.people.iter().map(|person| person.sign_ins.len()).sum();
        match self.people.len() {
            0 => "Nobody is signed in.".to_owned(),
            1 => format!("One person with {}.", words::count(count as u64, "sign-in")),
            many => format!("{many} people with {}.", words::count(count as u64, "sign-in")),
        }
    }
}

impl PersonRow<'_> {
    fn sessions_words(&self) -> String {
        words::count(self.sessions, "session")
    }

    /// As it stands in an address: names have no other characters than these.
    fn address(&self) -> String {
        percent(self.user)
    }
}

impl SignInRow {
    fn since_at(&self) -> String {
        when::rfc3339(self.since)
    }

    fn until_at(&self) -> String {
        when::rfc3339(self.until)
    }
}

/// A text for a query: everything but letters, digits, `-`, `_` and `.` is escaped.
pub(super) fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_in_an_address_as_it_is() {
        assert_eq!(percent("a.b-c_1"), "a.b-c_1");
        assert_eq!(percent("a&b=c d\u{e9}"), "a%26b%3Dc%20d%C3%A9");
    }
}
