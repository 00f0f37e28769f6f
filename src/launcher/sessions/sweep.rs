//! Looking after sessions without being asked: idle ones are ended, ended ones forgotten, what lost sessions left is ended.

use std::os::unix::fs::MetadataExt as _;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::session::State;
use portcullis_model::{SessionId, Uid};
use portcullis_sys::cgroup::Group;
use portcullis_sys::process::Process;
use portcullis_wire::ToServer;

use crate::clock;
use crate::launcher::Launcher;
use crate::log::say;

/// How long the port of a session that is over is kept from others: the server may be in the middle of a request to it.
const PORT_KEPT: Duration = Duration::from_secs(2);
/// How long after the start the control groups that were there already are left alone: another daemon of this machine may have
/// made one at that moment, whose first process is in it long before this is over.
const GROUPS_LEFT_ALONE: Duration = Duration::from_secs(60);
/// Ended sessions that one person is shown; older ones are forgotten first.
const ENDED_SHOWN: usize = 10;

impl Launcher {
    /// Lets go of the ports of sessions that are over for so long; says whether there were any.
    pub(super) fn free_ports(&mut self, since: Duration, now: Instant) -> bool {
        let mut any = false;
        for entry in self.sessions.values_mut() {
            if entry.over.is_some_and(|over| now.saturating_duration_since(over) >= since) {
                any |= entry.port.take().is_some();
            }
        }
        any
    }

    /// Sessions whose time is up are ended, ended ones forgotten after a while.
    pub(crate) fn sweep_sessions(&mut self, now: Instant) {
        self.free_ports(PORT_KEPT, now);
        self.remove_empty_groups(now);
        let seconds = clock::seconds();
        let keep = u64::from(self.active.settings.portcullis.session_ended_keep_minutes) * 60;
        self.look_at_work(now);
        self.judge_sessions(now);
        let mut ended = Vec::new();
        for (&id, entry) in &self.sessions {
            if let State::Ended(end) = &entry.kept.session.state {
                ended.push((entry.kept.uid, std::cmp::Reverse(end.at), id));
            }
        }
        ended.sort_unstable();
        let mut rank = 0;
        for (at, (uid, std::cmp::Reverse(when), id)) in ended.iter().enumerate() {
            rank = if at > 0 && ended[at - 1].0 == *uid { rank + 1 } else { 0 };
            let old = seconds.saturating_sub(*when) >= keep && !self.is_suspended(*id);
            if rank >= ENDED_SHOWN || old {
                self.sessions.remove(id);
                self.server.hold(ToServer::SessionForgotten(*id));
                self.dirty.soon();
            }
        }
    }

    /// Whether its state waits to be resumed: then it is shown until that.
    fn is_suspended(&self, id: SessionId) -> bool {
        self.sessions
            .get(&id)
            .is_some_and(|entry| matches!(&entry.kept.session.state, State::Ended(end) if end.suspended))
    }

    /// Forgets the suspended sessions of a person: another one has their state now.
    pub(super) fn resumed(&mut self, uid: Uid) {
        let theirs: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(id, entry)| entry.kept.uid == uid && self.is_suspended(**id))
            .map(|(&id, _)| id)
            .collect();
        for id in theirs {
            self.sessions.remove(&id);
            self.server.hold(ToServer::SessionForgotten(id));
        }
    }

    /// Removes control groups of sessions that went with their keeper, their remover and the launcher before, as when the machine
    /// ran out of memory: nobody else would. The kernel keeps every one that has a process.
    fn remove_empty_groups(&mut self, now: Instant) {
        if now.saturating_duration_since(self.began) < GROUPS_LEFT_ALONE {
            return;
        }
        let before = std::mem::take(&mut self.groups_before);
        let there = |group: &&Group| group.dirs().iter().any(|dir| dir.exists());
        let removed = before.iter().filter(there).filter(|group| group.remove().is_ok()).count();
        if removed > 0 {
            say!(Info, "{removed} empty control groups of earlier sessions are removed");
        }
    }

    /// Children that are nobody's: what a killed keeper left behind came to this process, its subreaper. Those that run as the
    /// owner of a session that lost its keeper are ended, except for the session process, which ends by itself.
    pub(crate) fn end_orphans(&mut self) {
        let lost: Vec<u32> = self.lost_owners();
        if lost.is_empty() {
            return;
        }
        let own = nix::unistd::getpid().as_raw();
        let known = |pid: i32| {
            self.children.contains_key(&pid)
                || self.sessions.values().any(|entry| entry.lost.as_ref().is_some_and(|p| p.pid() == pid))
        };
        let Ok(family) = portcullis_sys::tree::descendants(own) else { return };
        for stat in family.into_iter().filter(|stat| stat.parent == own && !known(stat.pid)) {
            let owner = std::fs::metadata(format!("/proc/{}", stat.pid));
            let is_lost = owner.is_ok_and(|meta| lost.contains(&meta.uid()));
            if let (true, Ok(process)) = (is_lost, Process::open_started(stat.pid, stat.started)) {
                say!(Warn, "a process that a session left behind is ended pid={}", stat.pid);
                let _ = process.signal(Signal::SIGKILL);
            }
        }
    }

    /// Owners of sessions that lost their keeper and have not been swept for long enough.
    fn lost_owners(&self) -> Vec<u32> {
        let recently = clock::seconds().saturating_sub(60);
        let lost = self.sessions.values().filter(|entry| match &entry.kept.session.state {
            State::Ended(end) => !entry.told.closed && end.at >= recently,
            _ => entry.lost.is_some(),
        });
        lost.map(|entry| entry.kept.uid.0).collect()
    }
}
