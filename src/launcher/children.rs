//! Children of the launcher: what became of each, and what its end means.

use std::time::Instant;

use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_sys::process::{Ended, reap};

use crate::launcher::{Launcher, Mode};
use crate::log::{chain, say};
use crate::server::ServerError;

/// A child of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Child {
    /// A server.
    Server,
    /// A server that was ended for what it did: its end is no news.
    Dropped,
    /// The PAM helper of a conversation.
    Helper(u64),
    /// The recorder.
    Recorder,
    /// The keeper of a session.
    Keeper(SessionId),
}

impl Launcher {
    /// Ends a server that broke the rules or went away, and everything that was under way with it.
    pub(crate) fn drop_server(&mut self, error: &ServerError, now: Instant) {
        if !error.is_closed() {
            if let Some(child) =
                self.server.up.as_ref().and_then(|up| self.children.get_mut(&up.process.pid()))
            {
                *child = Child::Dropped;
            }
            say!(Error, "the server is replaced: {}", chain(error));
            self.log.write(Event::ProcessLost { process: "server".into(), status: chain(error) });
        }
        self.server.kill(now);
        self.forget_conversations();
    }

    /// Every child that has ended, and orphans of lost keepers.
    pub(crate) fn on_child(&mut self, now: Instant) {
        for (pid, ended) in reap() {
            match self.children.remove(&pid) {
                Some(Child::Server) => self.server_ended(pid, ended, now),
                Some(Child::Helper(conversation)) => self.helper_ended(conversation, pid, ended, now),
                Some(Child::Keeper(session)) => self.keeper_ended(session, ended, now),
                Some(Child::Recorder) => self.recorder_ended(ended, now),
                Some(Child::Dropped) => say!(Debug, "a server that was replaced is gone pid={pid} {ended}"),
                None => say!(Debug, "an orphan was reaped pid={pid} {ended}"),
            }
        }
        self.end_orphans();
    }

    fn server_ended(&mut self, pid: i32, ended: Ended, now: Instant) {
        let current = self.server.up.as_ref().is_none_or(|up| up.process.pid() == pid);
        if matches!(self.mode, Mode::Serving) {
            say!(Warn, "the server ended: {ended}");
            self.log.write(Event::ProcessLost { process: "server".into(), status: ended.to_string() });
        }
        self.server.ended(pid, now);
        if current {
            self.forget_conversations();
        }
    }
}
