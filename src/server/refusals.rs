//! Refusals for the audit log: the first of a kind at once, its repetitions counted and written once a minute.
//!
//! An IDE that polls a refused route would otherwise fill the log. All of a kind within the minute carry one id, the one the
//! log has, so that whatever a person reads off the screen is found there. Called by `ide`; flushed by `serve` once a minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use portcullis_model::audit::Event;
use portcullis_model::{Effect, SessionId};

/// How long alike refusals are counted together, in seconds.
const WINDOW: u64 = 60;
/// Kinds kept at once: 8 shapes of each of 128 users' refusals. Beyond it, all are written and counting starts anew.
const KINDS: usize = 1024;
/// Kinds of one person kept apart; of all strangers together too. Whoever asks for ever new refused addresses gets one record of
/// the rest, with their number, instead of a record each: the log is not theirs to fill.
const KINDS_EACH: usize = 48;
/// What stands in such a record.
const REST: &str = "further requests of other kinds";
/// Longest `what`, in bytes: enough to recognise a request.
const WHAT_MAX: usize = 256;

/// A refusal to be recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Who asked.
    pub(crate) user: String,
    /// In which session.
    pub(crate) session: String,
    /// From where.
    pub(crate) remote: IpAddr,
    /// The capability asked for.
    pub(crate) capability: String,
    /// Method and path.
    pub(crate) what: String,
    /// The rule.
    pub(crate) rule: String,
    /// What the session runs.
    pub(crate) ide: String,
    /// The method.
    pub(crate) method: String,
    /// The IDE's own path.
    pub(crate) path: String,
    /// Whether it was refused, or only recorded.
    pub(crate) effect: Effect,
}

impl Refused {
    fn event(self, id: String, count: u32) -> Event {
        let Self { user, session, remote, capability, what, rule, ide, method, path, effect } = self;
        let effect = effect.word().to_owned();
        Event::Refused { user, session, remote, capability, what, rule, id, count, ide, method, path, effect }
    }
}

struct Counted {
    refused: Refused,
    id: String,
    since: u64,
    more: u32,
}

/// What makes refusals alike: user, session, rule, request, effect.
type Key = (String, String, String, String, Effect);

/// Counts alike refusals.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashMap<Key, Counted>>);

impl std::fmt::Debug for Refusals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Refusals")
    }
}

impl Refusals {
    /// Notes one; returns the id to show and what to write now.
    pub(crate) fn note(&self, mut refused: Refused, now: u64) -> (String, Vec<Event>) {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |refused: &Refused| {
            let Refused { user, session, rule, what, effect, .. } = refused.clone();
            (user, session, rule, what, effect)
        };
        let mut key = of(&refused);
        let theirs = || kinds.keys().filter(|(user, ..)| *user == refused.user).count();
        if !kinds.contains_key(&key) && theirs() >= KINDS_EACH {
            refused.session.clear();
            refused.rule = REST.to_owned();
            refused.what = REST.to_owned();
            for field in [&mut refused.ide, &mut refused.method, &mut refused.path] {
                field.clear();
            }
            key = of(&refused);
        }
        let mut events = Vec::new();
        if let Some(counted) = kinds.get_mut(&key) {
            if now < counted.since.saturating_add(WINDOW) {
                counted.more = counted.more.saturating_add(1);
                return (counted.id.clone(), events);
            }
            events.extend(kinds.remove(&key).and_then(repeated));
        } else if kinds.len() >= KINDS {
            events.extend(kinds.drain().filter_map(|(_, counted)| repeated(counted)));
        }
        let id = fresh_id();
        events.push(refused.clone().event(id.clone(), 1));
        kinds.insert(key, Counted { refused, id: id.clone(), since: now, more: 0 });
        (id, events)
    }

    /// What is over its minute, or everything at the end.
    pub(crate) fn flush(&self, now: u64, all: bool) -> Vec<Event> {
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut events = Vec::new();
        let over = |counted: &Counted| all || now >= counted.since.saturating_add(WINDOW);
        let keys: Vec<_> =
            kinds.iter().filter(|(_, counted)| over(counted)).map(|(key, _)| key.clone()).collect();
        for key in keys {
            events.extend(kinds.remove(&key).and_then(repeated));
        }
        events
    }
}

fn repeated(counted: Counted) -> Option<Event> {
    (counted.more > 0).then(|| counted.refused.event(counted.id, counted.more))
}

/// Method and path as one text, cut, without control characters.
pub(crate) fn what(method: &str, path: &str) -> String {
    let mut text: String = format!("{method} {path}").chars().filter(|c| !c.is_control()).collect();
    if text.len() > WHAT_MAX {
        let end = (0..=WHAT_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}

/// An id that a page shows and the log has.
pub(crate) fn fresh_id() -> String {
    // Without randomness two ids might be alike; nothing is decided by them.
    SessionId::random().map_or_else(|_| "no-random-source".to_owned(), |id| id.to_string()[..12].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(what: &str) -> Refused {
        Refused {
            user: "alice".into(),
            session: "0011223344556677".into(),
            remote: IpAddr::from([127, 0, 0, 1]),
            capability: "shell".into(),
            what: what.into(),
            rule: "allow-shell=0 (rsession.conf:3)".into(),
            ide: "jupyter".into(),
            method: "GET".into(),
            path: "/api/terminals".into(),
            effect: Effect::Block,
        }
    }

    fn counts(events: &[Event]) -> Vec<(u32, &str)> {
        let counted = |event| match event {
            &Event::Refused { count, ref id, .. } => Some((count, id.as_str())),
            _ => None,
        };
        events.iter().filter_map(counted).collect()
    }

    #[test]
    fn the_first_is_written_at_once_and_the_rest_counted() {
        let refusals = Refusals::default();
        let (id, events) = refusals.note(refused("GET /api/terminals"), 100);
        assert_eq!(counts(&events), [(1, id.as_str())]);
        for at in 101..110 {
            assert_eq!(refusals.note(refused("GET /api/terminals"), at), (id.clone(), vec![]));
        }
        let (other, events) = refusals.note(refused("POST /api/terminals"), 110);
        assert_ne!(other, id);
        assert_eq!(counts(&events), [(1, other.as_str())]);
        assert_eq!(refusals.flush(159, false), []);
        assert_eq!(counts(&refusals.flush(160, false)), [(9, id.as_str())]);
        assert_eq!(refusals.flush(999, true), []);
    }

    #[test]
    fn what_was_only_recorded_is_not_counted_as_refused() {
        let refusals = Refusals::default();
        refusals.note(refused("x"), 100);
        let (_, events) = refusals.note(Refused { effect: Effect::Audit, ..refused("x") }, 101);
        let Some(Event::Refused { effect, ide, method, path, .. }) = events.first() else {
            panic!("no record of its own: {events:?}");
        };
        assert_eq!(
            [effect.as_str(), ide.as_str(), method.as_str(), path.as_str()],
            ["audit", "jupyter", "GET", "/api/terminals"]
        );
    }

    #[test]
    fn a_new_minute_writes_what_was_counted_first() {
        let refusals = Refusals::default();
        let (first, _) = refusals.note(refused("x"), 100);
        refusals.note(refused("x"), 101);
        let (second, events) = refusals.note(refused("x"), 161);
        assert_eq!(counts(&events), [(1, first.as_str()), (1, second.as_str())]);
    }

    #[test]
    fn one_person_cannot_fill_the_log() {
        let refusals = Refusals::default();
        let (mut records, mut counted) = (0, 0);
        let mut note = |user: &str, what: &str| {
            let user = user.to_owned();
            let (id, events) = refusals.note(Refused { user, ..refused(what) }, 100);
            records += events.len();
            counted += counts(&events).iter().map(|(count, _)| count).sum::<u32>();
            id
        };
        let ids: Vec<_> = (0..1000).map(|number| note("alice", &format!("GET /{number}"))).collect();
        assert_eq!(ids[500], ids[999], "what is counted together has one id");
        assert_ne!(note("bob", "GET /1"), ids[999]);
        (0..1000).for_each(|number| drop(note("", &format!("POST /{number}"))));
        assert_eq!(records, 2 * (KINDS_EACH + 1) + 1);
        counted += counts(&refusals.flush(0, true)).iter().map(|(count, _)| count).sum::<u32>();
        assert_eq!(counted, 2001, "and none is lost");
    }

    #[test]
    fn the_table_is_bounded_and_loses_nothing() {
        let refusals = Refusals::default();
        let mut written = 0;
        for round in 0..2 {
            for number in 0..3 * KINDS {
                let user = format!("u{}", number / 64);
                let (_, events) =
                    refusals.note(Refused { user, ..refused(&format!("{}", number / 2)) }, 100 + round);
                written += counts(&events).iter().map(|(count, _)| count).sum::<u32>();
            }
        }
        written += counts(&refusals.flush(0, true)).iter().map(|(count, _)| count).sum::<u32>();
        assert_eq!(usize::try_from(written).expect("small"), 6 * KINDS);
        assert!(what("GET", &"é".repeat(1000)).len() <= WHAT_MAX + 4);
        assert_eq!(what("GET", "/a\u{1b}[2J"), "GET /a[2J");
    }
}
