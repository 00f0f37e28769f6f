//! Everybody's sessions.

use askama::Template;
use portcullis_model::SessionId;
use portcullis_model::session::State;

use super::{AdminFrame, Bytes, RENEW_SECONDS};
use crate::{Frame, render, when, words};

/// A session, as an administrator sees it.
#[derive(Debug, Clone)]
pub struct SessionRow<'a> {
    /// Its id.
    pub id: SessionId,
    /// Its owner.
    pub user: &'a str,
    /// What it runs, as people call it.
    pub title: &'a str,
    /// Where it is in its life.
    pub state: &'a State,
    /// Seconds since 1970.
    pub started: u64,
    /// The last act of a person.
    pub last_activity: u64,
    /// Hundredths of a processor.
    pub processor: Option<u32>,
    /// Bytes of memory.
    pub memory: Option<u64>,
    /// Files that were uploaded and downloaded.
    pub transfers: [u32; 2],
    /// Their bytes.
    pub bytes: [u64; 2],
    /// Refused requests.
    pub refusals: u32,
}

/// Address `/admin/sessions`; `?live=1` when it renews itself.
#[derive(Debug, Clone, Template)]
#[template(path = "admin/sessions.html")]
pub struct AdminSessionsPage<'a> {
    /// Root path and who.
    pub frame: Frame<'a>,
    /// What all have.
    pub admin: AdminFrame<'a>,
    /// The sessions, in the order they are shown.
    pub sessions: &'a [SessionRow<'a>],
    /// Only this person's, when not empty.
    pub user: &'a str,
}

impl AdminSessionsPage<'_> {
    /// The page.
    pub fn html(&self) -> String {
        render(self)
    }

    fn summary(&self) -> String {
        match self.sessions.len() {
            0 => "No session runs.".to_owned(),
            number => {
                let people: std::collections::BTreeSet<_> =
                    self.sessions.iter().map(|one| one.user).collect();
                let whose = match people.len() {
                    1 => "one person".to_owned(),
                    many => format!("{many} people"),
                };
                format!("{} of {whose}.", words::count(number as u64, "session"))
            }
        }
    }

    fn ago(&self, at: &u64) -> String {
        when::ago(*at, self.admin.now)
    }
}

impl SessionRow<'_> {
    fn word(&self) -> &'static str {
        words::state(self.state)
    }

    fn state_title(&self) -> &'static str {
        words::state_title(self.state)
    }

    fn started_at(&self) -> String {
        when::rfc3339(self.started)
    }

    fn used_at(&self) -> String {
        when::rfc3339(self.last_activity)
    }

    fn processor_words(&self) -> String {
        self.processor.map_or_else(|| "not known".to_owned(), |percent| format!("{percent} %"))
    }

    fn memory_words(&self) -> String {
        self.memory.map_or_else(|| "not known".to_owned(), |bytes| Bytes(bytes).to_string())
    }

    fn transfer_words(&self) -> String {
        let one = |way: usize, word: &str| match self.transfers[way] {
            0 => None,
            files => Some(format!("{files} {word} ({})", Bytes(self.bytes[way]))),
        };
        let some: Vec<String> = [one(0, "up"), one(1, "down")].into_iter().flatten().collect();
        if some.is_empty() { "none".to_owned() } else { some.join(", ") }
    }

    fn ends(&self) -> bool {
        matches!(self.state, State::Running | State::Launching(_) | State::Ending)
    }
}
