//! What the parts of the server share: the table, the link to the launcher, what waits for answers.
//!
//! Made once by `lib`; each serving thread has it in its [`Thread`].

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_model::SessionId;
use portcullis_model::audit::Event;
use portcullis_model::lifetime::Sign;
use portcullis_model::proof::Begin;
use portcullis_model::sign_in::Denied;
use portcullis_proxy::{Drain, Gauges, TlsConfig};
use portcullis_wire::ToLauncher;
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal};
use portcullis_wire::launcher::{Carried, OpenError};
use portcullis_wire::watch::{AdminAnswer, AdminRefusal};

use crate::consoles::{Consoles, Heard};
use crate::conversations::Conversations;
use crate::door::Doors;
use crate::elsewhere::Elsewhere;
use crate::figures::Told;
use crate::generation::Generation;
use crate::held::{Held, Moment};
use crate::judging::Judging;
use crate::keys::{BadKeys, Uses};
use crate::link::{Link, Pending};
use crate::pieces::Pieces;
use crate::refusals::{Refusals, Refused};
use crate::revocations::Revocations;
use crate::sign_in::BeginLimit;
use crate::state::{Live, Person, Table};

/// Shared by all threads.
#[derive(Debug)]
pub(crate) struct World {
    /// Configuration, people, sessions.
    pub(crate) table: Table,
    /// To the launcher.
    pub(crate) link: Link,
    /// Whether the launcher is still there.
    pub(crate) linked: AtomicBool,
    /// Sessions asked for.
    pub(crate) opens: Pending<Result<SessionId, OpenError>>,
    /// Where somebody is to be sent to sign in.
    pub(crate) begins: Pending<Result<Box<Begin>, (Denied, String)>>,
    /// What a provider is told of us.
    pub(crate) descriptions: Pending<Result<String, (Denied, String)>>,
    /// How often each network may ask for a way to a provider.
    pub(crate) begin_limit: BeginLimit,
    /// Who is signed in at other machines.
    pub(crate) elsewhere: Elsewhere,
    /// What administrators asked.
    pub(crate) administrators: Pending<Result<AdminAnswer, AdminRefusal>>,
    /// What people asked about accounts.
    pub(crate) accounts: Pending<Result<Box<AccountAnswer>, AccountRefusal>>,
    /// What the launcher counts.
    pub(crate) figures: Told,
    /// Bad keys, by address.
    pub(crate) bad_keys: BadKeys,
    /// Uses of keys that are to be told.
    pub(crate) key_uses: Uses,
    /// Sign-ins under way.
    pub(crate) conversations: Conversations,
    /// Memory for bodies that are judged whole.
    pub(crate) judging: Judging,
    /// Memory for messages of WebSockets that are kept back until they can be judged.
    pub(crate) messages: Judging,
    /// Refusals being counted.
    pub(crate) refusals: Refusals,
    /// What an administrator cut and is not closed yet.
    pub(crate) revocations: Revocations,
    /// What each person has used of the records of consoles.
    pub(crate) consoles: Consoles,
    /// Files that come in pieces.
    pub(crate) pieces: Pieces,
    /// Directory with the sessions' control sockets.
    pub(crate) run_dir: PathBuf,
    /// Copies of the listening sockets, for the next launcher, as long as this server accepts.
    pub(crate) listeners: Mutex<Vec<OwnedFd>>,
    /// Ends serving.
    pub(crate) drain: Drain,
    /// TLS of new connections, when it is on.
    pub(crate) tls: Option<TlsConfig>,
    /// Counts of each thread.
    pub(crate) gauges: Vec<Arc<Gauges>>,
}

impl World {
    /// One where nobody is signed in. `listeners` are those of so many serving threads, then others.
    pub(crate) fn new(
        generation: Generation,
        tls: Option<TlsConfig>,
        link: Link,
        run_dir: PathBuf,
        (listeners, threads): (Vec<OwnedFd>, usize),
    ) -> Self {
        Self {
            table: Table::new(Arc::new(generation)),
            link,
            linked: AtomicBool::new(true),
            opens: Pending::default(),
            begins: Pending::default(),
            descriptions: Pending::default(),
            begin_limit: BeginLimit::default(),
            elsewhere: Elsewhere::default(),
            administrators: Pending::default(),
            accounts: Pending::default(),
            figures: Told::default(),
            bad_keys: BadKeys::default(),
            key_uses: Uses::default(),
            conversations: Conversations::default(),
            judging: Judging::default(),
            messages: Judging::messages(),
            refusals: Refusals::default(),
            revocations: Revocations::default(),
            consoles: Consoles::default(),
            pieces: Pieces::default(),
            run_dir,
            listeners: Mutex::new(listeners),
            drain: Drain::new(),
            tls,
            gauges: (0..threads).map(|_| Gauges::new()).collect(),
        }
    }

    /// What hangs on this server.
    pub(crate) fn carried(&self) -> Carried {
        let sum = |of: fn(&Gauges) -> u64| {
            u32::try_from(self.gauges.iter().map(|one| of(one)).sum::<u64>()).unwrap_or(u32::MAX)
        };
        Carried {
            connections: sum(Gauges::connections),
            websockets: sum(Gauges::tunnels),
            busy: sum(Gauges::busy),
        }
    }

    /// It accepts no more: the next launcher gets no listening sockets from it.
    pub(crate) fn listen_no_more(&self) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Records what was only counted, before there is nobody who could.
    pub(crate) fn tell_counted(&self) {
        for event in self.refusals.flush(0, true).into_iter().chain(self.pieces.flush(0, true)) {
            self.link.audit(event);
        }
    }

    /// Notes that a person used a session: neither it nor their sign-in is idle.
    pub(crate) fn acted(&self, generation: &Generation, person: &Person, live: &Live, now: u64, by: Sign) {
        // A program that polls must not keep a session that nobody uses.
        if person.is_program() {
            return;
        }
        if live.acted(now) {
            self.link.tell(ToLauncher::Activity { session: live.session.id, at: now, by });
        }
        self.touched(generation, person, now);
    }

    /// Notes that a person did something outside a session.
    pub(crate) fn touched(&self, generation: &Generation, person: &Person, now: u64) {
        if person.is_program() {
            return;
        }
        // Not past the longest life: the cookie says what is so.
        let until =
            now.saturating_add(generation.life).min(person.sign_in.since.saturating_add(generation.longest));
        if generation.slides && person.touch(until) {
            self.link.tell(ToLauncher::Touch { sign_in: person.sign_in.id, until });
        }
    }

    /// The record of console text, while the person's share of the day lasts.
    pub(crate) fn console(&self, heard: Heard<'_>, now: u64) -> Option<Event> {
        let limit = self.table.load().generation.settings.rserver.audit_r_console_user_limit_mb;
        self.consoles.note(heard, u64::from(limit), now)
    }

    /// Records a refusal, alike ones together; returns the id to show.
    pub(crate) fn refused(&self, refused: Refused, now: u64) -> String {
        let (user, what, rule) = (refused.user.clone(), refused.what.clone(), refused.rule.clone());
        let (id, events) = self.refusals.note(refused, now);
        if !events.is_empty() {
            tracing::info!(%id, %user, %what, %rule, "refused");
        }
        for event in events {
            self.link.audit(event);
        }
        id
    }
}

/// What a serving thread has to itself beside the world.
#[derive(Debug)]
pub(crate) struct Thread {
    /// Shared.
    pub(crate) world: Arc<World>,
    /// This thread's doors.
    pub(crate) doors: Rc<Doors>,
    /// This thread's hold on the table.
    pub(crate) held: Held,
}

impl Thread {
    /// Everything at this moment.
    pub(crate) fn snapshot(&self) -> Rc<Moment> {
        self.held.latest(&self.world.table)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// One that nobody serves.
    pub(crate) fn world() -> World {
        let (link, _) = Link::new();
        World::new(Generation::for_tests(&[]), None, link, PathBuf::new(), (Vec::new(), 1))
    }
}
