//! Taking over what an earlier launcher left: sessions live on when root's process is restarted or killed.
//!
//! A process is recognised by its number and its start time, within one boot. What can't be recognised is over, and what is
//! half is ended.

use std::path::Path;
use std::time::{Duration, Instant};

use portcullis_model::SessionId;
use portcullis_model::session::{EndReason, State, door_path};
use portcullis_sys::process::Process;
use portcullis_sys::socket::{connect_seqpacket, remove_socket};
use portcullis_wire::{Channel, Order};

use super::Entry;
use super::limits::group_name;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::state::{Kept, KeptSession, Known};

/// What is left of a session's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Alive {
    keeper: bool,
    process: bool,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is over already; kept for its owner to read.
    Shown,
    /// It runs on.
    Adopted,
    /// Its start or its end was under way: it is ended.
    Ended,
    /// Its keeper is gone: its process is waited for.
    Orphaned,
    /// Nothing of it is left.
    Gone,
}

/// Decides.
const fn fate(is_live: bool, was_ending: bool, alive: Alive) -> Fate {
    match (is_live, alive) {
        (false, _) => Fate::Shown,
        (true, Alive { keeper: true, process: true }) if !was_ending => Fate::Adopted,
        (true, Alive { keeper: true, .. }) => Fate::Ended,
        (true, Alive { keeper: false, process: true }) => Fate::Orphaned,
        (true, Alive { keeper: false, process: false }) => Fate::Gone,
    }
}

fn fate_of(kept: &KeptSession, alive: Alive) -> Fate {
    let was_ending = kept.ending.is_some() || kept.session.state == State::Ending;
    fate(kept.session.state.is_live(), was_ending, alive)
}

/// Takes hold of a process that is still the one that was meant.
fn held(known: Option<Known>, same_boot: bool) -> Option<Process> {
    known.filter(|_| same_boot).and_then(|known| Process::open_started(known.pid, known.started).ok())
}

/// How many sessions will run on.
pub(crate) fn adoptable(kept: &Kept, boot: &str) -> u32 {
    let same_boot = kept.boot == boot;
    let alive = |session: &KeptSession| Alive {
        keeper: held(session.keeper, same_boot).is_some(),
        process: held(session.process, same_boot).is_some(),
    };
    let adopted = |session: &&KeptSession| fate_of(session, alive(session)) == Fate::Adopted;
    u32::try_from(kept.sessions.iter().filter(adopted).count()).unwrap_or(u32::MAX)
}

impl Launcher {
    /// Takes over what is kept.
    pub(crate) fn adopt(&mut self, kept: Kept, now: Instant) {
        let same_boot = kept.boot == self.boot;
        for session in kept.sessions {
            self.adopt_one(session, same_boot, now);
        }
        self.adopt_exemptions(kept.exemptions, same_boot);
        self.offline = kept.offline;
        self.adopt_places(kept.usual, now);
        self.end_strangers();
        self.dirty.at_once();
    }

    fn adopt_one(&mut self, kept: KeptSession, same_boot: bool, now: Instant) {
        let (keeper, process) = (held(kept.keeper, same_boot), held(kept.process, same_boot));
        let alive = Alive { keeper: keeper.is_some(), process: process.is_some() };
        let fate = fate_of(&kept, alive);
        let id = kept.session.id;
        say!(Debug, "found session={id} {alive:?}: {fate:?}");
        let mut entry = Entry::new(kept);
        entry.keeper = keeper;
        if matches!(fate, Fate::Adopted) {
            match self.ask(id) {
                Ok(channel) => entry.reports = Some(channel),
                Err(why) => say!(Warn, "session {id} does not answer: {why}"),
            }
            if !entry.kept.proven {
                entry.told.proof = Some(seen(entry.kept.process));
            }
        }
        if matches!(entry.kept.session.state, State::Launching(_)) {
            let conf = &self.active.settings.portcullis;
            let within = u64::from(conf.session_start_timeout_seconds + conf.session_end_seconds);
            entry.deadline = Some(now + Duration::from_secs(within));
            if matches!(fate, Fate::Ended) && entry.kept.ending.is_none() {
                let why = "the daemon was restarted during the start";
                entry.kept.ending = Some(EndReason::StartFailed(why.into()));
            }
        }
        self.sessions.insert(id, entry);
        match fate {
            Fate::Shown => {}
            Fate::Adopted => self.prove(id),
            Fate::Ended => {
                self.end_again(id, now);
                // The launcher that was to kill it was killed in between: nothing that runs in it may put its end off.
                if self.sessions.get(&id).is_some_and(|e| e.kept.ending == Some(EndReason::Revoked)) {
                    self.kill_now(id, now);
                }
            }
            Fate::Orphaned => self.without_keeper(id, now),
            Fate::Gone => self.over(id),
        }
    }

    /// Connects to the session process and asks where it is; reports come here from now on.
    fn ask(&self, id: SessionId) -> Result<Channel, String> {
        let fd = connect_seqpacket(&door_path(&self.dirs.run, id)).map_err(|errno| errno.to_string())?;
        let channel = Channel::from_fd(fd);
        channel.send(&Order::Status, &[]).map_err(|error| chain(&error))?;
        Ok(channel)
    }

    /// Control sockets that no session of the state has: their sessions are told to end. A state file that was lost must not
    /// leave sessions that nobody knows of.
    ///
    /// Directories that no session of the state has, are of starts that nobody was told of.
    fn end_strangers(&self) {
        let is_known = |id: &SessionId| self.sessions.get(id).is_some_and(|e| e.kept.session.state.is_live());
        for entry in std::fs::read_dir(self.dirs.sessions()).into_iter().flatten().flatten() {
            let id = entry.file_name().to_str().and_then(|name| name.parse::<SessionId>().ok());
            if let Some(id) = id.filter(|id| !is_known(id)) {
                self.clear(id, &self.groups.left(&group_name(id)));
            }
        }
        let Ok(entries) = std::fs::read_dir(self.dirs.control()) else { return };
        for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
            let id = path.file_stem().and_then(|stem| stem.to_str()?.parse::<SessionId>().ok());
            if id.is_none_or(|id| !self.sessions.get(&id).is_some_and(|e| e.kept.session.state.is_live())) {
                end_stranger(&path);
            }
        }
    }
}

fn end_stranger(path: &Path) {
    if let Ok(fd) = connect_seqpacket(path) {
        say!(Warn, "a session that nobody knows is ended: `{}`", path.display());
        if let Err(error) = Channel::from_fd(fd).send(&Order::End, &[]) {
            say!(Warn, "it can't be told to: {}", chain(&error));
        }
    }
    if let Err(errno) = remove_socket(path) {
        say!(Warn, "cannot remove `{}`: {errno}", path.display());
    }
}

/// What the kernel says of a session process whose own proof was lost with the launcher that got it.
fn seen(known: Option<Known>) -> String {
    let status = known.and_then(|known| std::fs::read_to_string(format!("/proc/{}/status", known.pid)).ok());
    let status = portcullis_sys::proof::Status::parse(&status.unwrap_or_default());
    format!(
        "seen after a restart: uid={} gid={} groups={} caps={} nnp={} seccomp={}",
        status.uids, status.gids, status.groups, status.capabilities, status.no_new_privs, status.seccomp
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_combination_has_its_fate() {
        let alive = |keeper, process| Alive { keeper, process };
        for ending in [false, true] {
            for (keeper, process) in [(false, false), (false, true), (true, false), (true, true)] {
                assert_eq!(fate(false, ending, alive(keeper, process)), Fate::Shown);
            }
            assert_eq!(fate(true, ending, alive(false, false)), Fate::Gone);
            assert_eq!(fate(true, ending, alive(false, true)), Fate::Orphaned);
            assert_eq!(fate(true, ending, alive(true, false)), Fate::Ended);
        }
        assert_eq!(fate(true, false, alive(true, true)), Fate::Adopted);
        assert_eq!(fate(true, true, alive(true, true)), Fate::Ended);
    }
}
