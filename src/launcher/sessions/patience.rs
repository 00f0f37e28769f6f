//! Losing patience: a start or an end that takes too long is ended, killed, and at last not waited for.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::SessionId;
use portcullis_model::session::State;
use portcullis_sys::process::Process;

use crate::launcher::Launcher;
use crate::log::say;

/// Beyond the time a session has to end, before its keeper is killed: for the keeper's own enforcing and PAM's closing.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Time for a process that was sent `SIGKILL`: one that takes longer hangs in the kernel.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

impl Launcher {
    /// Loses patience where it is time.
    pub(crate) fn tick_sessions(&mut self, now: Instant) {
        let late: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, entry)| entry.deadline.is_some_and(|deadline| now >= deadline))
            .map(|(&id, _)| id)
            .collect();
        for id in late {
            let patience = self.active.seconds(|conf| conf.session_end_seconds);
            let Some(entry) = self.sessions.get_mut(&id) else { continue };
            entry.deadline = None;
            if let State::Launching(step) = entry.kept.session.state {
                let why = entry.start.as_ref().and_then(|start| start.looked.waits_for()).map_or_else(
                    || "it took too long".to_owned(),
                    |path| format!("`{path}` does not answer: is the file system there that it is on?"),
                );
                say!(Info, "session start failed session={id} step={step:?} why={why:?}");
                entry.told.failed.get_or_insert((step, why));
                // Its process doesn't keep the time (its owner can stop it). The keeper can end it and close PAM's session,
                // unless it is in a module's hands.
                if entry.start.is_none() && entry.keeper.is_some() {
                    say!(Warn, "session {id} did not start in time and is ended");
                    self.end_again(id, now);
                    continue;
                }
            }
            if std::mem::replace(&mut entry.killed, true) {
                self.give_up(id);
                continue;
            }
            say!(Warn, "session {id} did not end in time and is killed");
            for process in [&entry.keeper, &entry.lost].into_iter().flatten() {
                let _ = process.signal(Signal::SIGKILL);
            }
            // Without a session process there is nothing that the keeper's end has to end.
            let gone = if entry.kept.process.is_some() { patience + PATIENCE } else { KILLED_WITHIN };
            self.ending(id, now);
            if let Some(entry) = self.sessions.get_mut(&id) {
                entry.deadline = Some(now + gone);
            }
        }
    }

    /// What hangs in the kernel, on a file system that doesn't answer, ends when that does: nobody waits for it.
    fn give_up(&mut self, id: SessionId) {
        say!(Error, "a process of session {id} can't be killed and is not waited for");
        let process = self.sessions.get(&id).and_then(|entry| entry.kept.process);
        if let Some(process) = process.and_then(|known| Process::open_started(known.pid, known.started).ok())
        {
            let _ = process.signal(Signal::SIGKILL);
        }
        self.over(id);
    }
}
