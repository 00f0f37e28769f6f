//! The recorder's one loop: records, words of the launcher, time.

use std::collections::{BTreeMap, HashMap};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_sys::audit::Act;
use portcullis_sys::process::Process;
use portcullis_sys::socket::accept;
use portcullis_wire::{Channel, WireError};

use super::calm::Calm;
use super::judge::{judge, login, traced};
use super::sources::{Repair, Sources};
use super::store::Store;
use super::talk::{FromRecorder, Seen, ToRecorder, Watched, Why};
use super::traced::Execution;
use crate::log::{chain, say};

/// How often the kernel is asked what it lost.
const LOOK: Duration = Duration::from_secs(5);
/// How often what waits is looked at.
const TURN: Duration = Duration::from_millis(250);
/// Who starts programs starts more of them: how long the first waits for the others, so that all are written at once and nobody is
/// kept from his work by being told of each.
const GATHER: Duration = Duration::from_millis(50);
/// How often it is looked meanwhile whether the ring fills: waking up costs more than a record does.
const GATHER_LOOK: Duration = Duration::from_millis(25);
/// After a session's end, for records that are on their way.
const FORGET_AFTER: Duration = Duration::from_secs(5);
/// Without a launcher and sessions, how long things that are not on disk wait for one.
const ORPHANED: Duration = Duration::from_secs(600);
/// Without anything at all: a restarted launcher finds its recorder.
const ALONE: Duration = Duration::from_secs(2);

/// Landlock domains whose session is known.
const DOMAINS_MAX: usize = 4096;

/// Runs until nobody needs it. `door` is the socket at which launchers knock; `note` keeps the way back.
pub(crate) fn run(door: OwnedFd, note: &Path, refusals: bool) -> bool {
    let sources = match Sources::begin(note, refusals) {
        Ok(sources) => sources,
        Err(why) => return tell_why(&door, why),
    };
    let now = Instant::now();
    let mut recorder = Recorder {
        sources,
        launcher: None,
        sessions: BTreeMap::new(),
        domains: HashMap::new(),
        store: Store::default(),
        starts_at: None,
        looked: now,
        alone_since: now,
        first: false,
        ended: false,
    };
    recorder.serve(&door);
    recorder.sources.undo();
    // ORDER: the door closes last: a launcher that knocks meanwhile is told by its closing that everything was set back.
    drop(door);
    true
}

/// Tells the launcher why nothing can be recorded.
fn tell_why(door: &OwnedFd, why: String) -> bool {
    let mut polled = [PollFd::new(door.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut polled, PollTimeout::from(10_000_u16));
    if let Ok(Some(fd)) = accept(door.as_fd()) {
        let _ = Channel::from_fd(fd).send(&state((Err(why), None)), &[]);
    }
    false
}

fn state((usable, no_refusals): (Result<(), String>, Option<String>)) -> FromRecorder {
    FromRecorder::State { usable, no_refusals, version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// A session that is watched.
struct Held {
    watched: Watched,
    keeper: Option<Process>,
    forget_at: Option<Instant>,
    calm: Calm,
}

struct Recorder {
    sources: Sources,
    launcher: Option<Channel>,
    /// By the kernel's number; a session has several where a process of it began a new one.
    sessions: BTreeMap<u32, Held>,
    /// Login sessions of Landlock's domains.
    domains: HashMap<u64, u32>,
    store: Store,
    /// When programs that were started meanwhile are read; none was where this is none.
    starts_at: Option<Instant>,
    looked: Instant,
    alone_since: Instant,
    /// Whether a launcher ever came.
    first: bool,
    ended: bool,
}

impl Recorder {
    fn serve(&mut self, door: &OwnedFd) {
        while !self.ended {
            self.wait(door);
            let now = Instant::now();
            while let Ok(Some(fd)) = accept(door.as_fd()) {
                self.welcome(fd);
            }
            // ORDER: records first, then words: a session is named before anything runs in it, so whoever's record was read is
            // known when the words were heard.
            let starts = self.starts_are_due(now);
            let (acts, started) = self.sources.read(now, starts);
            self.hear(now);
            started.into_iter().for_each(|one| self.started(one, now));
            acts.iter().for_each(|act| self.judge(act, now));
            self.tick(now);
            self.tell();
            self.end_if_alone(now);
        }
    }

    fn wait(&mut self, door: &OwnedFd) {
        let words = if self.store.next().is_some() {
            PollFlags::POLLIN | PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        };
        let mut polled = vec![PollFd::new(door.as_fd(), PollFlags::POLLIN)];
        polled.extend(self.sources.records().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        if let Some(launcher) = &self.launcher {
            polled.push(PollFd::new(launcher.as_fd(), words));
        }
        let others = polled.len();
        if self.starts_at.is_none() {
            polled.extend(self.sources.starts().map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
        }
        let pending = self.sources.waits()
            || self.sessions.values().any(|held| held.calm.waits() || held.forget_at.is_some());
        let timeout = match (pending || self.launcher.is_none(), self.sessions.is_empty()) {
            (true, _) => PollTimeout::try_from(TURN).unwrap_or(PollTimeout::MAX),
            (false, false) => PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX),
            (false, true) => PollTimeout::NONE,
        };
        let timeout = match self.starts_at {
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now()).min(GATHER_LOOK);
                // Rounded up: or it would be looked without end within the last millisecond.
                PollTimeout::try_from(left.as_micros().div_ceil(1000)).unwrap_or(PollTimeout::ZERO)
            }
            None => timeout,
        };
        let _ = poll(&mut polled, timeout);
        let began = polled[others..].iter().any(|starts| starts.any().unwrap_or(true));
        if began {
            self.starts_at = Some(Instant::now() + GATHER);
        }
    }

    /// Whether programs that were started have waited for others long enough.
    fn starts_are_due(&mut self, now: Instant) -> bool {
        let due = self.starts_at.is_some_and(|at| now >= at || self.sources.is_filling());
        if due {
            self.starts_at = None;
        }
        due
    }

    /// A new launcher takes the place of the one before, and is told again what that one has not written.
    fn welcome(&mut self, fd: OwnedFd) {
        let channel = Channel::from_fd(fd);
        if channel.set_nonblocking(true).is_ok() && channel.send(&state(self.sources.state()), &[]).is_ok() {
            self.launcher = Some(channel);
            self.first = true;
            self.store.tell_again();
        }
    }

    fn hear(&mut self, now: Instant) {
        loop {
            let Some(launcher) = &self.launcher else { return };
            match launcher.receive::<ToRecorder>() {
                Ok((ToRecorder::Watch(watched), _)) => self.watch(watched, now),
                Ok((ToRecorder::Forget(login), _)) => {
                    for held in self.sessions.values_mut().filter(|held| held.watched.login == login) {
                        held.forget_at = Some(now + FORGET_AFTER);
                    }
                    // The launcher may be about to end: what the session did last is told at once.
                    self.starts_at = Some(now);
                }
                Ok((ToRecorder::Written(last), _)) => self.store.written(last),
                Ok((ToRecorder::Refusals(refusals), _)) => {
                    self.sources.want_refusals(refusals);
                    self.say_state();
                }
                Ok((ToRecorder::End, _)) => self.ended = true,
                Err(WireError::WouldBlock) => return,
                Err(error) => {
                    if !matches!(error, WireError::Closed) {
                        say!(Error, "the launcher's channel: {}", chain(&error));
                    }
                    self.launcher = None;
                    self.alone_since = now;
                    return;
                }
            }
        }
    }

    fn watch(&mut self, watched: Watched, now: Instant) {
        let keeper = watched.keeper.and_then(|known| Process::open_started(known.pid, known.started).ok());
        let login = watched.login;
        match self.sessions.get_mut(&login) {
            // Said again by a new launcher: what was counted goes on.
            Some(held) => {
                held.watched = watched;
                held.keeper = keeper;
                held.forget_at = None;
            }
            None => {
                let calm = Calm::new(login, now);
                self.sessions.insert(login, Held { watched, keeper, forget_at: None, calm });
            }
        }
    }

    fn started(&mut self, one: Execution, now: Instant) {
        let Some(held) = self.sessions.get_mut(&one.session) else { return };
        if let Some(seen) = held.calm.pass(traced(one, &held.watched), now) {
            self.store.push(seen);
        }
    }

    fn judge(&mut self, act: &Act, now: Instant) {
        if let Some((old, new, _)) = act.moved {
            self.follow(old, new, now);
        }
        if act.reconfigured {
            self.repair();
        }
        if let Some((domain, maker)) = act.domain {
            self.learn(domain, maker);
        }
        let domain = act.landlock.as_ref().map(|denial| denial.domain);
        let login = login(act).or_else(|| self.domains.get(&domain?).copied());
        if let Some(held) = login.and_then(|login| self.sessions.get_mut(&login)) {
            let exists = |path: &str| std::fs::symlink_metadata(path).is_ok();
            let traced = self.sources.traces();
            for seen in judge(act, &held.watched, exists) {
                // Rules of others may ask for the same: told once.
                if traced && matches!(&seen, Seen::Executed(one) if one.error.is_empty()) {
                    continue;
                }
                if let Some(seen) = held.calm.pass(seen, now) {
                    self.store.push(seen);
                }
            }
        }
        if let Some(domain) = act.domain_gone {
            self.domains.remove(&domain);
        }
    }

    /// Whose a Landlock domain is: that of the process that made it, which mostly runs still.
    fn learn(&mut self, domain: u64, maker: i32) {
        let text = std::fs::read_to_string(format!("/proc/{maker}/sessionid")).unwrap_or_default();
        let login = text.trim().parse::<u32>().ok().filter(|login| self.sessions.contains_key(login));
        if let Some(login) = login.filter(|_| self.domains.len() < DOMAINS_MAX) {
            self.domains.insert(domain, login);
        }
    }

    /// A process that may (root's, by sudo) began another login session: it is of the same session of ours still.
    fn follow(&mut self, old: u32, new: u32, now: Instant) {
        let Some(held) = self.sessions.get(&old) else { return };
        let (watched, keeper) = (held.watched.clone(), held.watched.keeper);
        let keeper = keeper.and_then(|known| Process::open_started(known.pid, known.started).ok());
        let calm = Calm::new(watched.login, now);
        self.sessions.entry(new).or_insert(Held { watched, keeper, forget_at: None, calm });
    }

    /// Somebody changed rules or state: ours are put back, and the moment without them is told.
    fn repair(&mut self) {
        let came = self.sources.repair();
        if came != Repair::Nothing {
            self.lose(None, 0, Why::Rules);
        }
        if came == Repair::Changed {
            self.say_state();
        }
    }

    fn say_state(&self) {
        if let Some(launcher) = &self.launcher {
            let _ = launcher.send(&state(self.sources.state()), &[]);
        }
    }

    fn lose(&mut self, login: Option<u32>, count: u64, why: Why) {
        if !self.sessions.is_empty() {
            self.store.push(Seen::Lost { login, count, why });
        }
    }

    fn tick(&mut self, now: Instant) {
        let lost = self.sources.lost(now);
        if !lost.is_empty() {
            // That somebody changed rules may be among it.
            self.repair();
        }
        for (count, why) in lost {
            self.lose(None, count, why);
        }
        for held in self.sessions.values_mut() {
            let over = held.forget_at.is_some_and(|at| now >= at);
            held.calm.due(now, over).into_iter().for_each(|seen| self.store.push(seen));
        }
        let sessions = &mut self.sessions;
        sessions.retain(|_, held| held.forget_at.is_none_or(|at| now < at));
        self.domains.retain(|_, login| sessions.contains_key(login));
        if now.saturating_duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.look(now);
        }
    }

    fn look(&mut self, now: Instant) {
        let lost = self.sources.look();
        if lost > 0 {
            self.lose(None, lost, Why::Kernel);
        }
        if lost > 0 || self.sources.is_broken() {
            self.repair();
        }
        if self.launcher.is_none() {
            for held in self.sessions.values_mut().filter(|held| held.forget_at.is_none()) {
                if held.keeper.as_ref().is_none_or(Process::has_ended) {
                    held.forget_at = Some(now + FORGET_AFTER);
                }
            }
        }
    }

    fn tell(&mut self) {
        while let (Some(launcher), Some((last, seen))) = (&self.launcher, self.store.next()) {
            let count = seen.len();
            match launcher.send(&FromRecorder::Seen { last, seen }, &[]) {
                Ok(()) => self.store.told(count),
                Err(WireError::WouldBlock) => return,
                Err(error) => {
                    // One that is gone is noticed when it is heard.
                    if !matches!(error, WireError::Closed) {
                        say!(Error, "the launcher can't be told: {}", chain(&error));
                    }
                    return;
                }
            }
        }
    }

    fn end_if_alone(&mut self, now: Instant) {
        if self.launcher.is_some() || !self.sessions.is_empty() {
            return;
        }
        let patience = if self.first && self.store.is_empty() { ALONE } else { ORPHANED };
        if now.saturating_duration_since(self.alone_since) >= patience {
            if !self.store.is_empty() {
                say!(Error, "no launcher came to write what sessions did; it is lost");
            }
            self.ended = true;
        }
    }
}
