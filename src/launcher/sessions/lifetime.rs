//! The clocks of sessions at work: what is known of each is judged by `portcullis_model::lifetime`, and what that says is done.
//!
//! It must not decide when a session ends: the pure function does, and its table of facts is tested there.

use std::time::Instant;

use portcullis_model::SessionId;
use portcullis_model::lifetime::{
    Clocks, Facts, Seen, Sign, Verdict, Warning, WhyAlive, at_the_latest, clock_states, judge, signs,
};
use portcullis_model::session::{Manner, State};
use portcullis_wire::ToServer;

use super::Entry;
use crate::clock::{self, Moment};
use crate::launcher::Launcher;
use crate::log::say;

/// Seconds by which the wall clock may stray from the time since boot between two looks: what a time service corrects at once.
const JUMP: i64 = 30;

impl Launcher {
    /// Judges every running session; called with each sweep.
    pub(super) fn judge_sessions(&mut self, now: Instant) {
        self.follow_clock();
        let seconds = clock::seconds();
        let ids: Vec<SessionId> =
            self.sessions.iter().filter(|(_, entry)| running(entry)).map(|(&id, _)| id).collect();
        for id in ids {
            self.judge_session(id, seconds, now);
        }
    }

    /// Judges one now, and not with the next sweep.
    pub(super) fn judge_again(&mut self, id: SessionId, now: Instant) {
        if self.sessions.get(&id).is_some_and(running) {
            self.judge_session(id, clock::seconds(), now);
        }
    }

    /// Judges one of them.
    fn judge_session(&mut self, id: SessionId, seconds: u64, now: Instant) {
        let clocks = self.clocks(id);
        let Some(entry) = self.sessions.get(&id) else { return };
        match at_the_latest(judge(&clocks, &facts(entry, seconds)), entry.kept.ends_at, seconds) {
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

    /// `Activity`: never in the future, never backwards. Whoever was warned sees at once that it stays.
    pub(crate) fn activity(&mut self, id: SessionId, at: u64, by: Sign, now: Instant) {
        let seconds = clock::seconds();
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let last = &mut entry.kept.session.last_activity;
        let before = *last;
        if at.min(seconds) >= *last {
            *last = at.min(seconds);
            entry.kept.seen.act = by;
            // Somebody was told that it ends and has it stay: not even a launcher killed now forgets that. A button that is
            // pressed without end costs one write a second.
            if by == Sign::Stay && at.min(seconds) > before {
                self.dirty.at_once();
            }
        }
        if let Some(asked) = &mut entry.asked {
            asked.acted(at);
        }
        self.dirty.soon();
        if entry.kept.session.warning.is_some() && running(entry) {
            self.judge_session(id, seconds, now);
        }
    }

    /// `Seen`: the same of what is no person's act.
    pub(crate) fn seen(&mut self, all: &[(SessionId, Seen)]) {
        let now = clock::seconds();
        for (id, seen) in all {
            if let Some(entry) = self.sessions.get_mut(id) {
                entry.kept.seen.merge(&seen.until(now));
                self.dirty.soon();
            }
        }
    }

    /// Somebody set the machine's clock: what was seen moves with it, else a day forward would end everything at once, and a day
    /// back keep it a day longer.
    fn follow_clock(&mut self) {
        let moment = Moment::now();
        let before = std::mem::replace(&mut self.looked_at, moment);
        let by = jump(before, moment);
        if by == 0 {
            return;
        }
        say!(Warn, "the machine's clock was set by {by} seconds: the sessions' clocks move with it");
        for entry in self.sessions.values_mut().filter(|entry| entry.kept.session.state.is_live()) {
            let session = &mut entry.kept.session;
            session.last_activity = session.last_activity.saturating_add_signed(by);
            session.started = session.started.saturating_add_signed(by);
            entry.kept.seen.shift(by);
        }
        self.dirty.soon();
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
            verdict: at_the_latest(judge(&found.clocks, &facts), entry.kept.ends_at, facts.now),
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

fn running(entry: &Entry) -> bool {
    entry.kept.session.state == State::Running && entry.kept.ending.is_none()
}

/// By how many seconds the wall clock was set between two moments; 0 for what is only corrected.
fn jump(before: Moment, after: Moment) -> i64 {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let by = whole(after.wall)
        - whole(before.wall)
        - whole(after.since_boot.saturating_sub(before.since_boot) / 1000);
    if by.abs() >= JUMP { by } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_and_one_that_goes_is_not() {
        let moment = |wall, seconds: u64| Moment { wall, since_boot: seconds * 1000 };
        assert_eq!(jump(moment(1000, 10), moment(1005, 15)), 0);
        assert_eq!(jump(moment(1000, 10), moment(1016, 15)), 0, "corrected by eleven seconds");
        assert_eq!(jump(moment(1000, 10), moment(87_405, 15)), 86_400);
        assert_eq!(jump(moment(87_400, 10), moment(1005, 15)), -86_400);
        assert_eq!(jump(moment(1000, 10), moment(4600, 3610)), 0, "the machine slept");
    }
}
