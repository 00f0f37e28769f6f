//! Between PAM and the session process: groups, recording, and what it is told.

use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_model::session::{State, Step};

use super::follow::PATIENCE;
use super::talk::ToKeeper;
use crate::launcher::Launcher;
use crate::log::chain;

impl Launcher {
    /// PAM's session is open: the session process is told what to do.
    pub(super) fn pam_opened(
        &mut self,
        id: SessionId,
        (env, groups): (Vec<(String, String)>, Vec<portcullis_model::Gid>),
        login: Option<u32>,
        now: Instant,
    ) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let Some(start) = entry.start.take() else { return };
        if entry.kept.ending.is_some() {
            entry.words = None; // told to end meanwhile: the keeper closes what it opened
            return;
        }
        let Some(entry) = self.sessions.get(&id) else { return };
        let spec = self.spec(entry, &start.principal, env, groups);
        let spec = spec.and_then(|spec| self.in_group(id, spec));
        // ORDER: the recorder knows whose it is before anything runs in it.
        let spec = spec.and_then(|spec| self.recorded(login, &spec, &start.principal).map(|()| spec));
        let Some(entry) = self.sessions.get(&id) else { return };
        let sent = spec.and_then(|spec| {
            let words = entry.words.as_ref().ok_or("the keeper went away")?;
            let within = u64::from(spec.answer_within) + u64::from(spec.end_within);
            words.send(&ToKeeper::Spec(Box::new(spec)), &[]).map_err(|error| chain(&error))?;
            Ok(within)
        });
        match sent {
            Ok(within) => {
                if let Some(entry) = self.sessions.get_mut(&id) {
                    // The session process keeps the time itself; this is for one that doesn't.
                    entry.deadline = Some(now + Duration::from_secs(within) + PATIENCE);
                }
                self.set_state(id, State::Launching(Step::BecomeUser));
            }
            Err(why) => {
                self.start_failed(id, Step::StartIde, &why, &[]);
                if let Some(entry) = self.sessions.get_mut(&id) {
                    entry.words = None;
                }
            }
        }
    }
}
