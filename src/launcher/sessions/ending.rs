//! Ending a session: by whom, why, and in which manner. Everything that ends one on purpose comes through
//! [`Launcher::end_session`]: its owner, a clock, an administrator, a revocation, the end of the daemon.

use std::time::Instant;

use nix::sys::signal::Signal;
use portcullis_model::session::{EndReason, Ide, Manner, State};
use portcullis_model::{SessionId, SignInId, Uid};
use portcullis_sys::process::Process;
use portcullis_wire::Order;

use super::Entry;
use super::keeper::{ENDS, KILLS};
use super::patience::PATIENCE;
use crate::clock;
use crate::launcher::Launcher;
use crate::log::{chain, say};

/// RStudio's session ended with its state saved because it was told to.
const FORCED: &str = "exit status 101";
/// The same or, when it was asked to, because nothing ran in it. Without being asked 0 is also the end of `q()`.
const SAVED: [&str; 2] = ["exit status 0", FORCED];

/// Seconds in which RStudio's session goes when it is at rest as it is asked. What a person does within them may have come too
/// late to keep it; once they are over, it went on.
const SUSPENDS_WITHIN: u64 = 5;

/// A session was asked to suspend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Why.
    reason: EndReason,
    /// When, in seconds since 1970.
    at: u64,
    /// Whether a person acted since.
    acted: bool,
}

impl Asked {
    fn now(reason: EndReason) -> Self {
        Self { reason, at: clock::seconds(), acted: false }
    }

    /// A person acted at this moment.
    pub(super) fn acted(&mut self, at: u64) {
        self.acted |= at >= self.at;
    }

    /// Whether an end at this moment with this status is what was asked for: 0 is also what `q()` leaves, of somebody who used it
    /// again since.
    fn explains(&self, status: &str, now: u64) -> bool {
        let went_on = self.acted && now.saturating_sub(self.at) > SUSPENDS_WITHIN;
        status == FORCED || (SAVED.contains(&status) && !went_on)
    }
}

impl Launcher {
    /// `StopSession`: of its owner only. The owner is an account's number, not a name.
    pub(crate) fn stop_session(&mut self, sign_in: SignInId, id: SessionId, now: Instant) {
        let asks = self.sign_ins.get(&sign_in).filter(|sign_in| !sign_in.is_limited());
        let owner = asks.map(|sign_in| sign_in.principal.uid);
        owner.into_iter().for_each(|owner| self.stop_session_of(owner, id, now));
    }

    /// Stops a session of this person; of another's it does nothing.
    pub(crate) fn stop_session_of(&mut self, owner: Uid, id: SessionId, now: Instant) {
        if self.sessions.get(&id).is_some_and(|entry| entry.kept.uid == owner) {
            self.end_session(id, EndReason::Stopped, Manner::Stop, now);
        }
    }

    /// Has a session ended in this manner; false when there is none, or its end has begun already (which a
    /// [`Manner::Kill`] still makes shorter).
    ///
    /// [`Manner::Suspend`] only asks: a session in which something runs goes on.
    pub(crate) fn end_session(
        &mut self,
        id: SessionId,
        reason: EndReason,
        manner: Manner,
        now: Instant,
    ) -> bool {
        let Some(entry) = self.sessions.get_mut(&id) else { return false };
        if !entry.kept.session.state.is_live() {
            return false;
        }
        if entry.kept.ending.is_some() {
            if manner == Manner::Kill {
                self.kill_processes(id);
            }
            return false;
        }
        let can_suspend =
            entry.kept.session.ide == Ide::Rstudio && entry.kept.session.state == State::Running;
        let forced = match manner {
            Manner::Suspend if can_suspend => return self.suspend(id, reason),
            // One that can't be told is stopped: RStudio's session saves its state then, too.
            Manner::ForceSuspend if can_suspend => self.order(id, &Order::Suspend { forced: true }),
            Manner::Suspend | Manner::ForceSuspend | Manner::Stop | Manner::Kill => false,
        };
        let Some(entry) = self.sessions.get_mut(&id) else { return false };
        say!(Info, "session is ended session={id} manner={manner:?} why={reason:?}");
        // Whatever it was asked before, it went on: that must not stand in for what ends it now.
        entry.asked = forced.then(|| Asked::now(reason.clone()));
        entry.kept.ending = Some(reason);
        self.dirty.at_once();
        if forced {
            // It ends by itself, or the session process has it stopped and then killed; when neither does, patience runs out.
            let patience = self.active.seconds(|conf| conf.session_end_seconds) * 2 + PATIENCE;
            self.ending(id, now);
            if let Some(entry) = self.sessions.get_mut(&id) {
                entry.deadline = Some(now + patience);
            }
            return true;
        }
        self.end_again(id, now);
        if manner == Manner::Kill {
            self.kill_processes(id);
        }
        true
    }

    /// Has a session end that is killed within the next moments, by [`Launcher::kill_now`]: from now on it is over for everybody, and
    /// for a next launcher too. What doesn't run yet is killed at once.
    pub(crate) fn end_soon(&mut self, id: SessionId, reason: EndReason, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.kept.session.state != State::Running || entry.kept.ending.is_some() {
            self.end_session(id, reason, Manner::Kill, now);
            return;
        }
        say!(Info, "session is ended session={id} manner=Kill why={reason:?}");
        entry.asked = None;
        entry.kept.ending = Some(reason);
        self.dirty.at_once();
        self.ending(id, now);
    }

    /// Kills one that ends.
    pub(crate) fn kill_now(&mut self, id: SessionId, now: Instant) {
        let ends = |entry: &Entry| entry.kept.session.state.is_live() && entry.kept.ending.is_some();
        if self.sessions.get(&id).is_some_and(ends) {
            self.end_again(id, now);
            self.kill_processes(id);
        }
    }

    /// Asks RStudio's session to save its state and to go.
    fn suspend(&mut self, id: SessionId, reason: EndReason) -> bool {
        let Some(entry) = self.sessions.get_mut(&id) else { return false };
        say!(Info, "session is asked to suspend session={id} why={reason:?}");
        entry.kept.seen.unsuspended = clock::seconds();
        let told = self.order(id, &Order::Suspend { forced: false });
        if let Some(entry) = self.sessions.get_mut(&id).filter(|_| told) {
            entry.asked = Some(Asked::now(reason));
        }
        told
    }

    /// RStudio's session ended with this status: whether it was suspended, as it was asked or by its own page.
    pub(super) fn suspended(&mut self, id: SessionId, status: &str) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let asked = entry.asked.take();
        let by_itself = entry.kept.session.ide == Ide::Rstudio && status == FORCED;
        let reason = match asked {
            Some(asked) if asked.explains(status, clock::seconds()) => asked.reason,
            None if by_itself => EndReason::Suspended,
            _ => return,
        };
        entry.told.suspended = true;
        entry.kept.ending.get_or_insert(reason);
        self.dirty.at_once();
    }

    /// Tells the session process something; false when it can't be told.
    fn order(&self, id: SessionId, order: &Order) -> bool {
        let Some(reports) = self.sessions.get(&id).and_then(|entry| entry.reports.as_ref()) else {
            say!(Warn, "session {id} can't be told {order:?}: there is no channel to it");
            return false;
        };
        match reports.send(order, &[]) {
            Ok(()) => true,
            Err(error) => {
                say!(Warn, "session {id} can't be told {order:?}: {}", chain(&error));
                false
            }
        }
    }

    /// Kills the session process. It is the first of its namespace, so that with it everything in there dies at once; its
    /// keeper sees that, ends what is outside of it, and closes PAM's session.
    fn kill_processes(&self, id: SessionId) {
        let Some(entry) = self.sessions.get(&id) else { return };
        let known = entry.kept.process.and_then(|known| Process::open_started(known.pid, known.started).ok());
        if let Some(process) = known {
            let _ = process.signal(Signal::SIGKILL);
        } else if let Some(keeper) = entry.keeper.as_ref().filter(|_| entry.takes_signals()) {
            // It has not said yet which process that is: it kills it, or starts none. The signal waits with the keeper, also
            // when this process ends now.
            let _ = keeper.signal(KILLS);
        }
    }

    /// Tells the keeper to end it (once more, after a restart).
    pub(super) fn end_again(&mut self, id: SessionId, now: Instant) {
        let patience = self.active.seconds(|conf| conf.session_end_seconds) + PATIENCE;
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.deadline = Some(now + patience);
        if entry.start.is_some() || entry.spec.take().is_some() {
            entry.words = None; // in PAM's hands still, perhaps: it closes as soon as they let go
        } else if let Some(keeper) = entry.keeper.as_ref().filter(|_| entry.takes_signals()) {
            let _ = keeper.signal(ENDS);
        }
        self.ending(id, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_a_suspension_unless_somebody_used_it_since() {
        let mut asked = Asked { reason: EndReason::Idle(10), at: 100, acted: false };
        assert!(asked.explains("exit status 0", 5000), "it was busy for an hour");
        assert!(!asked.explains("exit status 1", 101) && !asked.explains("killed by SIGKILL", 101));
        asked.acted(99);
        assert!(asked.explains("exit status 0", 5000), "that was before");
        asked.acted(101);
        assert!(asked.explains("exit status 0", 103), "too late to keep it");
        assert!(!asked.explains("exit status 0", 5000), "`q()`, most likely");
        assert!(asked.explains(FORCED, 5000));
    }
}
