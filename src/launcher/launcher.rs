//! The launcher's one loop: wait, handle, make durable, tell.
//!
//! Everything happens in turns. A turn handles what came, then writes the audit log, the journal of sign-ins and the state (one sync
//! each at most, two of the state), and only then lets go of the messages that depend on them. Handlers stand in the modules they
//! belong to and work on [`Launcher`]'s fields; none of them waits.

use std::collections::{BTreeMap, HashMap};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::audit::{Event, Lost};
use portcullis_model::offline::Offline;
use portcullis_model::{ExemptionId, SessionId};
use portcullis_sys::cgroup::{Group, Hierarchies};
use portcullis_sys::signals::Signals;

pub(crate) use self::dirty::Dirty;
use self::waiting::Source;
use crate::accounts::coming::Coming;
use crate::accounts::factors::Ceremonies;
use crate::accounts::journal::Journal;
use crate::accounts::keys::Keys;
use crate::accounts::looks::Looks;
use crate::accounts::sync::Sync;
use crate::admin::Admin;
use crate::administrators::{Searching, Uses};
use crate::audit::Log;
use crate::children::Child;
use crate::configuration::Active;
use crate::control::Before;
use crate::dirs::{Dirs, Lock};
use crate::door::Door;
use crate::exemptions::KeptExemption;
use crate::figures::LoadHistory;
use crate::identity::Programs;
use crate::listen::Listeners;
use crate::log::{chain, say};
use crate::recorder::Recorder;
use crate::server::ServerNo;
use crate::servers::Servers;
use crate::service_manager::ServiceManager;
use crate::sessions::Entry;
use crate::sign_in::living::SignIns;
use crate::sign_in::{Conversation, Talk};
use crate::state::{Kept, Store};
use crate::throttle::{Muted, Throttle};
use crate::watchdog::Watchdog;

mod dirty;
mod waiting;

/// How long a change that may be lost (a person's last act) waits for the state to be written anyway.
pub(crate) const LAZY: Duration = Duration::from_secs(30);
/// How often ended, idle and expired things are looked for.
const SWEEP: Duration = Duration::from_secs(5);
/// Pause before the next of many sign-ins end, so that servers hear of the last ones meanwhile.
const MORE: Duration = Duration::from_millis(20);
/// Pause before a disk that refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Requests of the server handled in one turn, so that one sender can't keep the others waiting.
const BATCH: usize = 64;

/// What the launcher is doing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mode {
    /// Its work.
    Serving,
    /// Leaving its servers and sessions to the next launcher.
    Leaving {
        /// When it leaves in the midst of whatever is under way.
        deadline: Instant,
    },
    /// Ending: the servers finish, with `sessions` the sessions end too.
    Ending {
        /// Whether sessions end.
        sessions: bool,
        /// When it ends whatever is left.
        deadline: Instant,
    },
    /// Over, with this status.
    Over(u8),
}

/// Root's monitor.
pub(crate) struct Launcher {
    pub(crate) dirs: Dirs,
    pub(crate) active: Active,
    /// Those before it, as long as the server may refuse it.
    pub(crate) before: Before<Active>,
    /// The highest generation given out.
    pub(crate) generation: u64,
    pub(crate) log: Log,
    pub(crate) store: Store,
    pub(crate) boot: String,
    pub(crate) server: Servers,
    /// Where servers of before come back.
    pub(crate) door: Door,
    /// What the service manager expects to hear.
    pub(crate) watchdog: Watchdog,
    pub(crate) service_manager: ServiceManager,
    /// The administrator's socket.
    pub(crate) admin: Admin,
    /// Searches of the audit log that are under way.
    pub(crate) searches: Vec<Searching>,
    /// What sessions were seen to use.
    pub(crate) uses: Uses,
    /// The machine's load.
    pub(crate) load: LoadHistory,
    /// What reads the kernel's records of sessions.
    pub(crate) recorder: Recorder,
    pub(crate) listeners: Listeners,
    /// What keeps accounts and asks providers.
    pub(crate) identity: Programs,
    /// Who looked at whose sessions, of late.
    pub(crate) looks: Looks,
    pub(crate) sign_ins: SignIns,
    /// API keys that live.
    pub(crate) keys: Keys,
    /// Passkeys that are being enrolled.
    pub(crate) ceremonies: Ceremonies,
    /// The same on disk.
    pub(crate) journal: Journal,
    /// People who are looked up again.
    pub(crate) sync: Sync,
    pub(crate) sessions: BTreeMap<SessionId, Entry>,
    pub(crate) exemptions: BTreeMap<ExemptionId, KeptExemption>,
    /// That nobody is let in, while an administrator says so.
    pub(crate) offline: Option<Offline>,
    pub(crate) conversations: BTreeMap<Talk, Conversation>,
    /// How many conversations there were: the number of the last one.
    pub(crate) attempts: u64,
    /// Sign-ins of other machines that are being looked at.
    pub(crate) coming: Coming,
    pub(crate) throttle: Throttle,
    /// Records of throttled attempts within this minute.
    pub(crate) muted: Muted,
    /// Records of the server beyond its rate, not said yet.
    pub(crate) lost_records: Lost,
    pub(crate) children: HashMap<i32, Child>,
    pub(crate) dirty: Dirty,
    pub(crate) began: Instant,
    pub(crate) signals: Signals,
    pub(crate) mode: Mode,
    pub(crate) announced: bool,
    /// What this machine's kernel can hold.
    pub(crate) host: portcullis_model::host::HostFacts,
    /// Layers of which was said that it hasn't got them.
    pub(crate) fallen_said: crate::sessions::plan::Said,
    /// Where sessions' control groups are made.
    pub(crate) groups: Hierarchies,
    /// Those that were there at the start: of sessions that live, and of some that are gone.
    pub(crate) groups_before: Vec<Group>,
    pub(crate) no_cgroups_said: bool,
    pub(crate) state_failing: bool,
    /// Whether was said that nobody is let in, because something can't be written.
    pub(crate) unwell_said: bool,
    pub(crate) next_sweep: Instant,
    /// When sessions were judged last, on both clocks.
    pub(crate) looked_at: crate::clock::Moment,
    pub(crate) _lock: Lock,
}

impl Launcher {
    /// Runs until a signal ends it.
    pub(crate) fn run(mut self) -> ExitCode {
        // What the start wrote is made durable, and told, before the first wait.
        self.settle(Instant::now());
        loop {
            if let Mode::Over(status) = self.mode {
                return ExitCode::from(status);
            }
            self.turn();
        }
    }

    /// Whether records and state can be written. When not, nobody is let in and nothing is started.
    pub(crate) const fn is_healthy(&self) -> bool {
        self.log.healthy() && self.journal.healthy() && !self.state_failing
    }

    fn turn(&mut self) {
        let ready = self.wait();
        let now = Instant::now();
        let (mut admin, mut door, mut searches) = (false, false, false);
        for source in ready {
            match source {
                Source::Signals => self.on_signals(now),
                Source::Server(no) => self.on_server(no, now),
                Source::Door => door = true,
                Source::Searches => searches = true,
                Source::Admin => admin = true,
                Source::Recorder => self.hear_recorder(now),
                Source::Identity(role) => self.hear_identity(role, now),
                Source::Files => self.hear_files(now),
                Source::Look(no) => self.hear_check(no, now),
                Source::Helper(conversation) => self.hear_helper(conversation, now),
                Source::Known(sign_in) => self.hear_coming(sign_in, now),
                Source::Words(session) => self.hear_keeper(session, now),
                Source::Reports(session) => self.hear_session(session, now),
                Source::Watched(session) => self.watched_ended(session, now),
            }
        }
        if door {
            self.hear_door(now);
        }
        if searches || self.searches.iter().any(|one| now >= one.deadline()) {
            self.hear_searches(now);
        }
        if admin {
            self.hear_admin(now);
        }
        self.tick(now);
        self.settle(now);
    }

    /// Ends a turn: on disk first, then told.
    fn settle(&mut self, now: Instant) {
        self.cut_keys(now);
        self.commit(false);
        for (no, error) in self.server.flush(now) {
            self.drop_server(no, &error, now);
        }
        self.tell_rows(now);
        self.tell_looks(now);
        self.tell_store_of_keys(now);
        self.flush_identity(now);
        self.admin.flush(now);
        self.journal.tidy(&self.sign_ins, &self.keys, now);
        // Here and nowhere else: a loop that doesn't come round says nothing.
        if self.watchdog.turned(now) {
            self.service_manager.alive();
        }
        self.service_manager.again();
    }

    fn on_server(&mut self, no: ServerNo, now: Instant) {
        self.server.asks(no);
        for _ in 0..BATCH {
            let second = now.duration_since(self.began).as_secs();
            let Some(up) = self.server.get(no) else { return };
            match up.next(second) {
                Ok(Some((request, permit))) => {
                    if let Err(error) = self.handle(no, request, permit, now) {
                        return self.drop_server(no, &error, now);
                    }
                }
                Ok(None) => return,
                Err(error) => return self.drop_server(no, &error, now),
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        self.tick_conversations(now);
        self.tick_sessions(now);
        self.tick_recorder(now);
        self.tick_identity(now);
        self.tick_others(now);
        self.tick_coming(now);
        self.tick_sync(now);
        self.tick_servers(now);
        self.expire_exemptions();
        self.tick_acts(now);
        self.tick_load(now);
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP;
            self.say_lost_records();
            self.say_strangers();
            let more_keys = self.expire_keys();
            if self.expire_sign_ins() || more_keys {
                self.next_sweep = now + MORE;
            }
            self.watch_limits();
            self.sweep_sessions(now);
        }
        match self.mode {
            Mode::Serving if self.server.retry_at.is_some_and(|at| now >= at) => self.start_server(now),
            Mode::Leaving { deadline } if now >= deadline || self.may_leave() => self.finish(now),
            Mode::Ending { sessions, deadline } => {
                let live = sessions && self.sessions.values().any(|entry| entry.kept.session.state.is_live());
                if now >= deadline || (self.server.all().next().is_none() && !live) {
                    self.finish(now);
                }
            }
            Mode::Serving | Mode::Leaving { .. } | Mode::Over(_) => {}
        }
    }

    /// Writes what must be on disk, then releases what was waiting for it. `last`: what could wait is written, too.
    fn commit(&mut self, last: bool) {
        // ORDER: the audit log first: what the state says happened is in the log.
        if let Err(error) = self.log.commit() {
            return self.say_unwell(&error);
        }
        // ORDER: then who is signed in; the state says of which sessions they are.
        if let Err(error) = self.journal.commit(&self.sign_ins, Instant::now(), last) {
            return self.say_unwell(&error);
        }
        let due = self.dirty.now || self.dirty.since.is_some_and(|since| since.elapsed() >= LAZY);
        if due || self.state_failing {
            match self.store.save(&self.kept()) {
                Ok(()) => {
                    self.dirty = Dirty::default();
                    self.state_failing = false;
                }
                Err(error) => {
                    self.state_failing = true;
                    return self.say_unwell(&error);
                }
            }
        }
        if std::mem::take(&mut self.unwell_said) {
            say!(Warn, "audit log, sign-ins and state can be written again");
        }
        self.recorder.written();
        self.tell_keepers(Instant::now());
        self.server.release();
        self.admin.release();
    }

    /// Once, until it works again. A record may have been refused before the turn's end.
    fn say_unwell(&mut self, error: &dyn std::error::Error) {
        if !std::mem::replace(&mut self.unwell_said, true) {
            say!(Error, "nobody is let in: {}", chain(error));
        }
    }

    fn kept(&self) -> Kept {
        Kept {
            boot: self.boot.clone(),
            sign_ins: Vec::new(),
            journal: true,
            sessions: self.sessions.values().map(|entry| entry.kept.clone()).collect(),
            exemptions: self.exemptions.values().cloned().collect(),
            offline: self.offline.clone(),
            node: Some(self.identity.node()),
            servers: self.server.kept().chain(self.door.missing()).collect(),
            identities: self.sync.kept(),
            usual: self.throttle.usual(self.began.elapsed(), crate::clock::seconds()),
        }
    }

    /// Ends what is left of the servers.
    fn end_servers(&mut self, now: Instant) {
        let all: Vec<ServerNo> = self.server.all().map(|up| up.no).collect();
        all.into_iter().for_each(|no| self.drop_server_now(no, now));
        for survivor in self.door.rest() {
            let _ = survivor.process.signal(Signal::SIGKILL);
        }
    }

    fn say_lost_records(&mut self) {
        for event in self.lost_records.take() {
            self.log.write(event);
        }
    }

    fn finish(&mut self, now: Instant) {
        self.say_lost_records();
        self.say_strangers();
        let leaving = matches!(self.mode, Mode::Leaving { .. });
        if !leaving {
            self.end_servers(now);
        }
        self.admin.close();
        self.door.close();
        self.forget_conversations(None);
        self.dirty.at_once();
        let why = if leaving { "told to leave to the next launcher" } else { "told to end" };
        self.log.write(Event::Stopped { why: why.into() });
        self.commit(true);
        self.leave_recorder();
        // What the last turn made true is told yet.
        let _ = self.server.flush(now);
        let unsaved = !self.is_healthy();
        self.mode = Mode::Over(u8::from(unsaved));
        say!(
            Info,
            "ended; {} sessions live on",
            self.sessions.values().filter(|e| e.kept.session.state.is_live()).count()
        );
    }
}
