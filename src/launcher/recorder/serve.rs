//! The recorder's one loop: records, words of the launcher, time.

use std::collections::BTreeMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_sys::audit::{Act, Assembler, Heard, Record};
use portcullis_sys::process::Process;
use portcullis_sys::socket::accept;
use portcullis_wire::{Channel, WireError};

use super::calm::Calm;
use super::judge::{judge, login};
use super::setup::Prepared;
use super::store::Store;
use super::talk::{FromRecorder, Seen, ToRecorder, Watched, Why};
use crate::log::{chain, say};

/// Records read in one turn, so that the launcher is heard in between.
const RECORDS_AT_ONCE: usize = 4096;
/// How often the kernel is asked what it lost.
const LOOK: Duration = Duration::from_secs(5);
/// How often what waits is looked at.
const TURN: Duration = Duration::from_millis(500);
/// After a session's end, for records that are on their way.
const FORGET_AFTER: Duration = Duration::from_secs(5);
/// Without a launcher and sessions, how long things that are not on disk wait for one.
const ORPHANED: Duration = Duration::from_secs(600);
/// Without anything at all: a restarted launcher finds its recorder.
const ALONE: Duration = Duration::from_secs(2);
/// After the socket overflowed, for the numbers that tell how much was lost.
const COUNTED_WITHIN: Duration = Duration::from_secs(4);

/// Runs until nobody needs it. `door` is the socket at which launchers knock; `note` keeps the way back.
pub(crate) fn run(door: OwnedFd, note: &Path) -> bool {
    let prepared = match Prepared::begin(note) {
        Ok(prepared) => prepared,
        Err(error) => return tell_why(&door, &chain(&error)),
    };
    let now = Instant::now();
    let mut recorder = Recorder {
        kernel: prepared,
        launcher: None,
        sessions: BTreeMap::new(),
        store: Store::default(),
        assembler: Assembler::default(),
        lost_before: None,
        overrun: None,
        nobodys: 0,
        broken: None,
        looked: now,
        alone_since: now,
        first: false,
        ended: false,
    };
    recorder.serve(&door);
    recorder.kernel.undo();
    // ORDER: the door closes last: a launcher that knocks meanwhile is told by its closing that everything was set back.
    drop(door);
    true
}

/// Tells the launcher why nothing can be recorded.
fn tell_why(door: &OwnedFd, why: &str) -> bool {
    let mut polled = [PollFd::new(door.as_fd(), PollFlags::POLLIN)];
    let _ = poll(&mut polled, PollTimeout::from(10_000_u16));
    if let Ok(Some(fd)) = accept(door.as_fd()) {
        let _ = Channel::from_fd(fd).send(&state(Err(why.to_owned())), &[]);
    }
    false
}

fn state(usable: Result<(), String>) -> FromRecorder {
    FromRecorder::State { usable, version: env!("CARGO_PKG_VERSION").to_owned() }
}

/// A session that is watched.
struct Held {
    watched: Watched,
    keeper: Option<Process>,
    forget_at: Option<Instant>,
    calm: Calm,
}

struct Recorder {
    kernel: Prepared,
    launcher: Option<Channel>,
    /// By the kernel's number; a session has several where a process of it began a new one.
    sessions: BTreeMap<u32, Held>,
    store: Store,
    assembler: Assembler,
    /// What the kernel had lost at the last look.
    lost_before: Option<u32>,
    overrun: Option<Instant>,
    /// Events whose own record of the call is missing.
    nobodys: u64,
    /// Why rules can't be kept in force, while they can't.
    broken: Option<String>,
    looked: Instant,
    alone_since: Instant,
    /// Whether a launcher ever came.
    first: bool,
    ended: bool,
}

impl Recorder {
    fn serve(&mut self, door: &OwnedFd) {
        self.lost_before = self.kernel.lost();
        while !self.ended {
            self.wait(door);
            let now = Instant::now();
            while let Ok(Some(fd)) = accept(door.as_fd()) {
                self.welcome(fd);
            }
            // ORDER: records first, then words: a session is named before anything runs in it, so whoever's record was read is
            // known when the words were heard.
            let acts = self.read(now);
            self.hear(now);
            for act in &acts {
                self.judge(act, now);
            }
            self.tick(now);
            self.tell();
            self.end_if_alone(now);
        }
    }

    fn wait(&self, door: &OwnedFd) {
        let words = if self.store.next().is_some() {
            PollFlags::POLLIN | PollFlags::POLLOUT
        } else {
            PollFlags::POLLIN
        };
        let mut polled = vec![
            PollFd::new(self.kernel.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(door.as_fd(), PollFlags::POLLIN),
        ];
        if let Some(launcher) = &self.launcher {
            polled.push(PollFd::new(launcher.as_fd(), words));
        }
        let pending = !self.assembler.is_idle()
            || self.overrun.is_some()
            || self.sessions.values().any(|held| held.calm.waits() || held.forget_at.is_some());
        let timeout = match (pending || self.launcher.is_none(), self.sessions.is_empty()) {
            (true, _) => PollTimeout::try_from(TURN).unwrap_or(PollTimeout::MAX),
            (false, false) => PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX),
            (false, true) => PollTimeout::NONE,
        };
        let _ = poll(&mut polled, timeout);
    }

    /// A new launcher takes the place of the one before, and is told again what that one has not written.
    fn welcome(&mut self, fd: OwnedFd) {
        let channel = Channel::from_fd(fd);
        let usable = self.broken.clone().map_or(Ok(()), Err);
        if channel.set_nonblocking(true).is_ok() && channel.send(&state(usable), &[]).is_ok() {
            self.launcher = Some(channel);
            self.first = true;
            self.store.tell_again();
        }
    }

    fn read(&mut self, now: Instant) -> Vec<Act> {
        let mut acts = Vec::new();
        for _ in 0..RECORDS_AT_ONCE {
            match self.kernel.listener.hear() {
                Ok(Heard::Record(kind, text)) => {
                    let record = Record::parse(kind, text);
                    acts.extend(record.and_then(|record| self.assembler.take(&record, now)));
                }
                Ok(Heard::Overrun) => self.overrun = Some(now),
                Ok(Heard::Nothing) => break,
                Err(errno) => {
                    say!(Error, "records can't be read: {errno}");
                    break;
                }
            }
        }
        acts
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
                }
                Ok((ToRecorder::Written(last), _)) => self.store.written(last),
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

    fn watch(&mut self, mut watched: Watched, now: Instant) {
        // Records name programs by where they are, the configuration perhaps by a link.
        for program in watched.allowed.iter_mut().flatten() {
            if let Some(real) =
                std::fs::canonicalize(&*program).ok().and_then(|path| path.to_str().map(str::to_owned))
            {
                *program = real;
            }
        }
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

    fn judge(&mut self, act: &Act, now: Instant) {
        if let Some((old, new)) = act.moved {
            self.follow(old, new, now);
        }
        if act.reconfigured {
            self.repair();
        }
        self.nobodys += u64::from(act.is_nobodys());
        let Some(held) = login(act).and_then(|login| self.sessions.get_mut(&login)) else { return };
        let exists = |path: &str| std::fs::symlink_metadata(path).is_ok();
        for seen in judge(act, &held.watched, exists) {
            if let Some(seen) = held.calm.pass(seen, now) {
                self.store.push(seen);
            }
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
        let broken = match self.kernel.repair() {
            Ok(false) => None,
            Ok(true) => {
                say!(
                    Warn,
                    "somebody removed rules of the kernel's audit or switched it off; they are set again"
                );
                self.lose(None, 0, Why::Rules);
                None
            }
            Err(error) => Some(chain(&error)),
        };
        if broken != self.broken {
            if let Some(why) = &broken {
                say!(Error, "programs that are started can't be recorded any more: {why}");
                self.lose(None, 0, Why::Rules);
            }
            self.broken = broken;
            let usable = self.broken.clone().map_or(Ok(()), Err);
            if let Some(launcher) = &self.launcher {
                let _ = launcher.send(&state(usable), &[]);
            }
        }
    }

    fn lose(&mut self, login: Option<u32>, count: u64, why: Why) {
        if !self.sessions.is_empty() {
            self.store.push(Seen::Lost { login, count, why });
        }
    }

    fn tick(&mut self, now: Instant) {
        for act in self.assembler.expired(now) {
            self.judge(&act, now);
        }
        let lost = self.assembler.lost(now) + std::mem::take(&mut self.nobodys);
        if lost > 0 {
            self.overrun = None;
            self.lose(None, lost, Why::Kernel);
        }
        if self.overrun.is_some_and(|since| now.saturating_duration_since(since) >= COUNTED_WITHIN) {
            self.overrun = None;
            self.lose(None, 0, Why::Kernel);
        }
        for held in self.sessions.values_mut() {
            let over = held.forget_at.is_some_and(|at| now >= at);
            held.calm.due(now, over).into_iter().for_each(|seen| self.store.push(seen));
        }
        self.sessions.retain(|_, held| held.forget_at.is_none_or(|at| now < at));
        if now.saturating_duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.look(now);
        }
    }

    fn look(&mut self, now: Instant) {
        if let Some(lost) = self.kernel.lost() {
            let more = self.lost_before.replace(lost).map_or(0, |before| lost.wrapping_sub(before));
            if more > 0 {
                self.lose(None, more.into(), Why::Kernel);
            }
        }
        if self.broken.is_some() {
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
