//! Between PAM and the session process: files that the plan depends on, groups, recording, and what it is told.

use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_model::session::{State, Step};
use portcullis_policy::sandbox::Files as _;
use portcullis_wire::SessionSpec;

use super::patience::PATIENCE;
use super::talk::{Question, ToKeeper};
use super::{Entry, PamOpened};
use crate::launcher::Launcher;
use crate::log::chain;

/// What a start comes to.
struct Ready {
    spec: SessionSpec,
    /// See [`crate::recorder::talk::Watched::allowed`].
    allowed: Option<Vec<String>>,
    login: Option<u32>,
}

impl Launcher {
    /// PAM's session is open: the session process is told what to do, as soon as the keeper has looked at the files that this
    /// depends on.
    pub(super) fn pam_opened(&mut self, id: SessionId, opened: PamOpened, now: Instant) {
        let within = self.active.seconds(|conf| conf.session_start_timeout_seconds);
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(start) = &mut entry.start else { return };
        if start.opened.replace(opened).is_none() {
            entry.deadline = Some(now + within);
            self.prepare(id);
        }
    }

    /// The keeper found something.
    pub(super) fn looked(&mut self, id: SessionId, answers: Vec<(Question, Vec<String>)>, done: bool) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(start) = &mut entry.start else { return };
        for (question, found) in answers {
            start.looked.add(question, found);
        }
        if done && start.opened.is_some() {
            self.prepare(id);
        }
    }

    /// Asks what is not known yet; when nothing is missing, the session process is told what to do.
    fn prepare(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.kept.ending.is_some() {
            entry.start = None;
            entry.words = None; // told to end meanwhile: the keeper closes what it opened
            return;
        }
        if let Some(start) = &mut entry.start {
            start.looked.begin();
        }
        let Some(entry) = self.sessions.get(&id) else { return };
        let ready = self.ready(entry);
        let questions = entry.start.as_ref().map(|start| start.looked.questions()).unwrap_or_default();
        let sent = if questions.is_empty() {
            ready.and_then(|ready| self.tell(id, ready))
        } else {
            say_to(entry, &ToKeeper::Look(questions))
        };
        if let Err(why) = sent {
            self.start_failed(id, Step::StartIde, &why, &[]);
            if let Some(entry) = self.sessions.get_mut(&id) {
                entry.start = None;
                entry.words = None;
            }
        }
    }

    /// What the session process will be told, as far as files are known.
    fn ready(&self, entry: &Entry) -> Result<Ready, String> {
        let start = entry.start.as_ref().ok_or("its start is over")?;
        let opened = start.opened.as_ref().ok_or("PAM's session is not open")?;
        // Whether a plan depends on it or not: the session process would hang there, and have nobody to tell.
        let _ = start.looked.steps(&start.principal.home);
        let spec = self.spec(entry, &start.principal, opened, &start.looked)?;
        let allowed = self.would_be_allowed(entry, &spec, &start.principal, &start.looked);
        Ok(Ready { spec, allowed, login: opened.login })
    }

    /// Has the keeper told what to start, as soon as that is on disk.
    fn tell(&mut self, id: SessionId, ready: Ready) -> Result<(), String> {
        let Ready { spec, allowed, login } = ready;
        let spec = self.in_group(id, spec)?;
        // ORDER: the recorder knows whose it is before anything runs in it.
        self.recorded(login, &spec, allowed)?;
        let entry = self.sessions.get_mut(&id).ok_or("the session is gone")?;
        entry.start = None;
        entry.spec = Some(Box::new(spec));
        entry.kept.begun = true;
        self.dirty.at_once();
        Ok(())
    }

    /// The state is on disk: keepers are told what to start.
    pub(crate) fn tell_keepers(&mut self, now: Instant) {
        let told: Vec<SessionId> =
            self.sessions.iter().filter(|(_, entry)| entry.spec.is_some()).map(|(&id, _)| id).collect();
        for id in told {
            let Some(entry) = self.sessions.get_mut(&id) else { continue };
            let Some(spec) = entry.spec.take() else { continue };
            let within = u64::from(spec.answer_within) + u64::from(spec.end_within);
            // ORDER: after the state says so. A launcher that is killed right after this leaves a session of which it never
            // heard that it started; the next one ends it at once, because it may signal the keeper.
            if let Err(why) = say_to(entry, &ToKeeper::Spec(spec)) {
                entry.words = None;
                self.start_failed(id, Step::StartIde, &why, &[]);
                continue;
            }
            // The session process keeps the time itself; this is for one that doesn't.
            entry.deadline = Some(now + Duration::from_secs(within) + PATIENCE);
            self.set_state(id, State::Launching(Step::BecomeUser));
        }
    }
}

fn say_to(entry: &Entry, word: &ToKeeper) -> Result<(), String> {
    let words = entry.words.as_ref().ok_or("the keeper went away")?;
    words.send(word, &[]).map_err(|error| chain(&error))
}
