//! Console text becomes records: cut, and bounded for each person and day.
//!
//! What counts is the text. When a person's share of a day is used up, one record says so; until midnight (UTC) there are no more
//! of theirs. A server that is replaced counts anew. Called by `inspecting` and by whoever reads console text out of requests.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_policy::inspect::Flow;

/// Longest text of a record, in bytes: with its escapes it fits a message to the launcher.
pub(crate) const TEXT_MAX: usize = 64 * 1024;
/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// Console text and where it was heard.
#[derive(Debug)]
pub(crate) struct Heard<'a> {
    /// Whose.
    pub(crate) user: &'a str,
    /// In which session.
    pub(crate) session: SessionId,
    /// What it runs.
    pub(crate) ide: &'a str,
    /// The IDE's own path.
    pub(crate) path: &'a str,
    /// Where in it.
    pub(crate) channel: &'a str,
    /// Which way.
    pub(crate) flow: Flow,
    /// What.
    pub(crate) text: String,
}

#[derive(Debug, Default)]
struct Spent {
    day: u64,
    bytes: u64,
    /// The record that there are no more was made.
    told: bool,
}

/// What each person has used of this day's records.
#[derive(Debug, Default)]
pub(crate) struct Consoles(Mutex<HashMap<String, Spent>>);

impl Consoles {
    /// What to write of it at `now`; `megabytes` is a person's share of a day, 0 for any.
    pub(crate) fn note(&self, heard: Heard<'_>, megabytes: u64, now: u64) -> Option<Event> {
        let Heard { user, session, ide, path, channel, flow, mut text } = heard;
        let cut = text.len() > TEXT_MAX;
        if cut {
            let end = (0..=TEXT_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            text.truncate(end);
        }
        let day = now / DAY;
        let mut people = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !people.contains_key(user) {
            // Those of other days are swept here, so that the table holds who was there today.
            people.retain(|_, spent| spent.day == day);
        }
        let spent = people.entry(user.to_owned()).or_default();
        if spent.day != day {
            *spent = Spent { day, ..Spent::default() };
        }
        let bytes = spent.bytes.saturating_add(u64::try_from(text.len()).unwrap_or(u64::MAX));
        if megabytes > 0 && bytes > megabytes.saturating_mul(crate::generation::MEGABYTE) {
            let first = !std::mem::replace(&mut spent.told, true);
            return first.then(|| Event::ConsoleLimit { user: user.to_owned(), session, megabytes });
        }
        // What comes after the record that there is no more is not recorded, however short.
        if spent.told {
            return None;
        }
        spent.bytes = bytes;
        Some(Event::Console {
            user: user.to_owned(),
            session,
            ide: ide.to_owned(),
            path: path.to_owned(),
            channel: channel.to_owned(),
            direction: flow.word().to_owned(),
            text,
            cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(consoles: &Consoles, user: &str, text: String, now: u64) -> Option<Event> {
        let session = SessionId::from_bytes([7; 8]);
        let flow = Flow::Input;
        let heard = Heard { user, session, ide: "jupyter", path: "/x", channel: "terminal", flow, text };
        consoles.note(heard, 1, now)
    }

    #[test]
    fn a_day_has_its_share_and_its_end_is_said_once() {
        let consoles = Consoles::default();
        let piece = || "x".repeat(TEXT_MAX);
        for _ in 0..16 {
            assert!(matches!(
                note(&consoles, "alice", piece(), DAY),
                Some(Event::Console { cut: false, .. })
            ));
        }
        assert!(matches!(
            note(&consoles, "alice", "y".into(), DAY),
            Some(Event::ConsoleLimit { megabytes: 1, .. })
        ));
        assert_eq!(note(&consoles, "alice", "y".into(), 2 * DAY - 1), None);
        assert!(matches!(note(&consoles, "bob", "y".into(), DAY), Some(Event::Console { .. })));
        assert!(matches!(note(&consoles, "alice", "y".into(), 2 * DAY), Some(Event::Console { .. })));
        assert!(matches!(note(&consoles, "carol", "y".into(), 2 * DAY), Some(Event::Console { .. })));
        assert_eq!(consoles.0.lock().expect("unpoisoned").len(), 2, "those of yesterday are gone");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let event = note(&Consoles::default(), "alice", "é".repeat(TEXT_MAX), 0);
        let Some(Event::Console { text, cut: true, .. }) = event else { panic!("{event:?}") };
        assert_eq!(text.len(), TEXT_MAX);
    }
}
