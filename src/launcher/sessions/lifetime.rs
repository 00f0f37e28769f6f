//! The clocks of sessions at work: what is known of each is judged by `portcullis_model::lifetime`, and what that says is done.
//!
//! It must not decide when a session ends: the pure function does, and its table of facts is tested there.

use std::time::Instant;

use portcullis_model::SessionId;
use portcullis_model::lifetime::{Clocks, Facts, Verdict, Warning, WhyAlive, clock_states, judge, signs};
use portcullis_model::session::{Manner, State};
use portcullis_wire::ToServer;

use super::Entry;
use crate::clock;
use crate::launcher::Launcher;

impl Launcher {
    /// Judges every running session; called with each sweep.
    pub(super) fn judge_sessions(&mut self, now: Instant) {
        let seconds = clock::seconds();
        let running =
            |entry: &Entry| entry.kept.session.state == State::Running && entry.kept.ending.is_none();
        let ids: Vec<SessionId> =
            self.sessions.iter().filter(|(_, entry)| running(entry)).map(|(&id, _)| id).collect();
        for id in ids {
            let clocks = self.clocks(id);
            let Some(entry) = self.sessions.get(&id) else { continue };
            let verdict = judge(&clocks, &facts(entry, seconds));
            match verdict {
                Verdict::Keep { .. } => self.warn(id, None),
                Verdict::Warn(warning) => self.warn(id, Some(warning)),
                Verdict::Suspend(reason) => {
                    self.end_session(id, reason, Manner::Suspend, now);
                }
                Verdict::End(reason) => {
                    self.end_session(id, reason, Manner::Stop, now);
                }
            }
        }
    }

    /// Tells whoever looks at the session that it will end, or that it won't.
    pub(super) fn warn(&mut self, id: SessionId, warning: Option<Warning>) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.kept.session.warning != warning {
            entry.kept.session.warning = warning;
            self.server.hold(ToServer::Session(Box::new(entry.kept.session.clone())));
        }
    }

    /// The clocks of a session, worked out once for each configuration.
    fn clocks(&mut self, id: SessionId) -> Clocks {
        let generation = self.active.generation;
        let Some(entry) = self.sessions.get_mut(&id) else { return Clocks::default() };
        match entry.clocks {
            Some((of, clocks)) if of == generation => clocks,
            _ => {
                let session = &entry.kept.session;
                let found = self.active.settings.clocks_for(&session.user, &entry.kept.groups, session.ide);
                entry.clocks = Some((generation, found.clocks));
                found.clocks
            }
        }
    }

    /// Why a session is there still; `None` when it isn't.
    pub(crate) fn why_alive(&self, id: SessionId) -> Option<WhyAlive> {
        let entry = self.sessions.get(&id).filter(|entry| entry.kept.session.state.is_live())?;
        let session = &entry.kept.session;
        let found = self.active.settings.clocks_for(&session.user, &entry.kept.groups, session.ide);
        let facts = facts(entry, clock::seconds());
        let origin = |clock| found.origin(clock).to_string();
        Some(WhyAlive {
            session: id,
            user: session.user.to_string(),
            ide: session.ide.to_string(),
            state: session.state.word().to_owned(),
            now: facts.now,
            started: facts.started,
            verdict: judge(&found.clocks, &facts),
            clocks: clock_states(&found.clocks, &facts, origin),
            signs: signs(&facts),
        })
    }
}

/// What is known of a session at this moment.
fn facts(entry: &Entry, now: u64) -> Facts {
    let session = &entry.kept.session;
    Facts { now, started: session.started, acted: session.last_activity, seen: entry.kept.seen }
}
