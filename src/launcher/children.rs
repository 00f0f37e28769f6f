//! Children of the launcher: what became of each, and what its end means.

use std::time::Instant;

use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_sys::process::{Ended, reap};

use crate::accounts::coming::Comer;
use crate::identity::Role;
use crate::launcher::{Launcher, Mode};
use crate::log::{chain, say};
use crate::server::{ServerError, ServerNo};
use crate::sign_in::Talk;
use crate::table::Phase;

/// A child of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    /// A server.
    Server,
    /// A server that was ended for what it did: its end is no news.
    Dropped,
    /// The PAM helper of a conversation.
    Helper(Talk),
    /// The PAM helper that looks somebody up again.
    Look(u64),
    /// The PAM helper about somebody who is signed in at another machine, or has a key of it.
    Known(Comer),
    /// The recorder.
    Recorder,
    /// A reader of the audit log.
    Reader,
    /// A role of the identity program.
    Identity(Role),
    /// The keeper of a session.
    Keeper(SessionId),
}

impl Launcher {
    /// Ends a server that broke the rules or went away, and everything that was under way with it.
    pub(crate) fn drop_server(&mut self, no: ServerNo, error: &ServerError, now: Instant) {
        let Some(up) = self.server.get(no) else { return };
        let (pid, finishing) = (up.process.pid(), up.phase == Phase::Draining);
        if !error.is_closed() {
            if let Some(child) = self.children.get_mut(&pid) {
                *child = Child::Dropped;
            }
            say!(Error, "the server is replaced: {}", chain(error));
            self.log.write(Event::ProcessLost { process: "server".into(), status: chain(error) });
        } else if !self.children.contains_key(&pid) && !finishing && matches!(self.mode, Mode::Serving) {
            // No child of this launcher's, so nobody else tells of its end.
            say!(Warn, "a server of before ended pid={pid}");
            self.log.write(Event::ProcessLost { process: "server".into(), status: chain(error) });
        }
        self.drop_server_now(no, now);
    }

    /// Ends a server at once.
    pub(crate) fn drop_server_now(&mut self, no: ServerNo, now: Instant) {
        if let Some(up) = self.server.remove(no, now) {
            up.kill();
        }
        self.server_lost(no);
    }

    /// A server is gone: nobody waits for its answers, and nobody for ours there.
    pub(crate) fn server_lost(&mut self, no: ServerNo) {
        self.forget_conversations(Some(no));
        self.server_gone_from_acts(no);
        self.dirty.soon();
    }

    /// Every child that has ended, and orphans of lost keepers.
    pub(crate) fn on_child(&mut self, now: Instant) {
        for (pid, ended) in reap() {
            match self.children.remove(&pid) {
                Some(Child::Server) => self.server_ended(pid, ended, now),
                Some(Child::Helper(conversation)) => self.helper_ended(conversation, pid, ended, now),
                Some(Child::Look(no)) => self.check_ended(no, pid, ended, now),
                Some(Child::Known(id)) => self.coming_ended(id, pid, ended, now),
                Some(Child::Keeper(session)) => self.keeper_ended(session, ended, now),
                Some(Child::Identity(role)) => self.identity_ended(role, pid, ended, now),
                Some(Child::Reader) => say!(Debug, "a reader ended pid={pid} {ended}"),
                Some(Child::Recorder) => self.recorder_ended(ended, now),
                Some(Child::Dropped) => say!(Debug, "a server that was replaced is gone pid={pid} {ended}"),
                None => say!(Debug, "an orphan was reaped pid={pid} {ended}"),
            }
        }
        self.end_orphans();
    }

    fn server_ended(&mut self, pid: i32, ended: Ended, now: Instant) {
        let no = self.server.of_process(pid);
        let finishing = no.and_then(|no| self.server.get(no)).is_some_and(|up| up.phase == Phase::Draining);
        if matches!(self.mode, Mode::Serving) && !finishing {
            say!(Warn, "the server ended: {ended}");
            self.log.write(Event::ProcessLost { process: "server".into(), status: ended.to_string() });
        }
        if let Some(no) = no {
            self.server.remove(no, now);
            self.server_lost(no);
        }
    }
}
