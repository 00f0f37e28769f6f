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
            self.prepare(id, now);
        }
    }

    /// The keeper found something.
    pub(super) fn looked(
        &mut self,
        id: SessionId,
        answers: Vec<(Question, Vec<String>)>,
        done: bool,
        now: Instant,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(start) = &mut entry.start else { return };
        for (question, found) in answers {
            start.looked.add(question, found);
        }
        if done && start.opened.is_some() {
            self.prepare(id, now);
        }
    }

    /// Asks what is not known yet; when nothing is missing, the session process is told what to do.
    fn prepare(&mut self, id: SessionId, now: Instant) {
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
            ready.and_then(|ready| self.tell(id, ready, now))
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

    fn tell(&mut self, id: SessionId, ready: Ready, now: Instant) -> Result<(), String> {
        let Ready { spec, allowed, login } = ready;
        let spec = self.in_group(id, spec)?;
        // ORDER: the recorder knows whose it is before anything runs in it.
        self.recorded(login, &spec, allowed)?;
        let within = u64::from(spec.answer_within) + u64::from(spec.end_within);
        let entry = self.sessions.get_mut(&id).ok_or("the session is gone")?;
        entry.start = None;
        say_to(entry, &ToKeeper::Spec(Box::new(spec)))?;
        // The session process keeps the time itself; this is for one that doesn't.
        entry.deadline = Some(now + Duration::from_secs(within) + PATIENCE);
        self.set_state(id, State::Launching(Step::BecomeUser));
        Ok(())
    }
}

fn say_to(entry: &Entry, word: &ToKeeper) -> Result<(), String> {
    let words = entry.words.as_ref().ok_or("the keeper went away")?;
    words.send(word, &[]).map_err(|error| chain(&error))
}
