//! Ending a session: by whom, why, and in which manner. Everything that ends one on purpose comes through
//! [`Launcher::end_session`]: its owner, a clock, an administrator, a revocation, the end of the daemon.

use std::time::Instant;

use nix::sys::signal::Signal;
use portcullis_model::session::{EndReason, Ide, Manner, State};
use portcullis_model::{SessionId, SignInId};
use portcullis_sys::process::Process;
use portcullis_wire::Order;

use super::patience::PATIENCE;
use crate::clock;
use crate::launcher::Launcher;
use crate::log::{chain, say};

/// RStudio's session ended with its state saved because it was told to.
const FORCED: &str = "exit status 101";
/// The same or, when it was asked to, because nothing ran in it. Without being asked 0 is also the end of `q()`.
const SAVED: [&str; 2] = ["exit status 0", FORCED];

/// A session was asked to suspend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// Why.
    pub(super) reason: EndReason,
}

impl Launcher {
    /// `StopSession`: of its owner only. The owner is an account's number, not a name.
    pub(crate) fn stop_session(&mut self, sign_in: SignInId, id: SessionId, now: Instant) {
        let owner = self.sign_ins.get(&sign_in).map(|sign_in| sign_in.principal.uid);
        let whose = self.sessions.get(&id).map(|entry| entry.kept.uid);
        if owner.is_some() && owner == whose {
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
        match manner {
            Manner::Suspend if can_suspend => return self.suspend(id, reason),
            Manner::ForceSuspend if can_suspend => {
                entry.asked = Some(Asked { reason: reason.clone() });
                self.order(id, &Order::Suspend { forced: true });
            }
            Manner::Suspend | Manner::ForceSuspend | Manner::Stop | Manner::Kill => {}
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return false };
        say!(Info, "session is ended session={id} manner={manner:?} why={reason:?}");
        entry.kept.ending = Some(reason);
        self.dirty.at_once();
        if entry.asked.is_some() {
            // It ends by itself; when it doesn't, patience runs out.
            let patience = self.active.seconds(|conf| conf.session_end_seconds) + PATIENCE;
            entry.deadline = Some(now + patience);
            self.ending(id, now);
            return true;
        }
        self.end_again(id, now);
        if manner == Manner::Kill {
            self.kill_processes(id);
        }
        true
    }

    /// Asks RStudio's session to save its state and to go.
    fn suspend(&mut self, id: SessionId, reason: EndReason) -> bool {
        let Some(entry) = self.sessions.get_mut(&id) else { return false };
        say!(Info, "session is asked to suspend session={id} why={reason:?}");
        entry.asked = Some(Asked { reason });
        entry.kept.seen.unsuspended = clock::seconds();
        self.order(id, &Order::Suspend { forced: false })
    }

    /// RStudio's session ended with this status: whether it was suspended, as it was asked or by its own page.
    pub(super) fn suspended(&mut self, id: SessionId, status: &str) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let asked = entry.asked.take();
        let by_itself = entry.kept.session.ide == Ide::Rstudio && status == FORCED;
        let reason = match asked {
            Some(asked) if SAVED.contains(&status) => asked.reason,
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
        let known = self.sessions.get(&id).and_then(|entry| entry.kept.process);
        if let Some(process) = known.and_then(|known| Process::open_started(known.pid, known.started).ok()) {
            let _ = process.signal(Signal::SIGKILL);
        }
    }

    /// Tells the keeper to end it (once more, after a restart).
    pub(super) fn end_again(&mut self, id: SessionId, now: Instant) {
        let patience = self.active.seconds(|conf| conf.session_end_seconds) + PATIENCE;
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        entry.deadline = Some(now + patience);
        if entry.start.is_some() {
            entry.words = None; // in PAM's hands still: closed as soon as they let go
        } else if let Some(keeper) =
            entry.keeper.as_ref().filter(|_| entry.own_child || entry.kept.process.is_some())
        {
            // One that an earlier launcher left in PAM's hands closes by itself: its channel to that launcher is gone.
            let _ = keeper.signal(Signal::SIGTERM);
        }
        self.ending(id, now);
    }
}
