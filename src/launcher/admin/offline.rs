//! Offline: nobody is let in for a while. Kept in the state, so that a restart opens nothing.

use std::time::Instant;

use portcullis_model::offline::Offline;
use portcullis_model::session::Manner;
use portcullis_wire::ToServer;
use portcullis_wire::admin::{FromDaemon, Refusal, Which};

use super::acts::By;
use super::number;
use crate::clock;
use crate::launcher::Launcher;

impl Launcher {
    /// Closes the door, or says something else at the closed one.
    pub(super) fn go_offline(
        &mut self,
        message: &str,
        suspend: bool,
        by: &By,
        now: Instant,
    ) -> Result<FromDaemon, Refusal> {
        let message = Offline::message(message).ok_or(Refusal::Message)?;
        let before = self.offline.take();
        let already = before.is_some();
        self.record_act("offline", String::new(), message.clone(), by);
        let offline = Offline {
            message,
            since: before.as_ref().map_or_else(clock::seconds, |before| before.since),
            suspended: suspend || before.is_some_and(|before| before.suspended),
        };
        self.offline = Some(offline.clone());
        self.server.hold(ToServer::Offline(Some(Box::new(offline))));
        let suspends = if suspend {
            self.end_sessions(&Which::All, Manner::Suspend, true, by, now)?
        } else {
            Vec::new()
        };
        self.dirty.at_once();
        Ok(FromDaemon::Offline { already, suspends: number(suspends.len()) })
    }

    /// Opens it again.
    pub(super) fn go_online(&mut self, by: &By) -> FromDaemon {
        let already = self.offline.take().is_none();
        if !already {
            self.record_act("online", String::new(), String::new(), by);
            self.server.hold(ToServer::Offline(None));
            self.dirty.at_once();
        }
        FromDaemon::Offline { already, suspends: 0 }
    }
}
