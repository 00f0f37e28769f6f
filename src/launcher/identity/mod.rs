//! The identity program's roles, as the launcher has them: one `store`, and one `ask` for each method that takes a network.
//!
//! They are children that die with this process, and are replaced when they end. What they say is an answer to a question, or a word
//! about the database; whatever depends on it is decided here. While the store can't be asked nobody new is let in, and everything
//! that takes something away goes on.

mod askers;
mod hear;
mod job;
mod link;
mod once;
mod queue;
mod roles;
mod rows;
mod saml;
mod sealed;
pub(crate) mod secrets;

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use portcullis_model::NodeId;
use portcullis_model::audit::Event;
use portcullis_model::proof::{Failure, MethodName};
use portcullis_sys::process::{Ended, Process};
use portcullis_wire::identity::{StoreAsk, StoreRefusal, ToAsk, ToStore};
use portcullis_wire::{Channel, WireError};

pub(crate) use self::askers::{ForAsk, ForStore};
use self::link::Link;
pub(crate) use self::once::word;
pub(crate) use self::roles::Role;
use self::rows::Rows;
pub(crate) use self::saml::Known as SamlKnown;
use crate::accounts::others::Others;
use crate::children::Child;
use crate::confinement::Confinement;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;

/// Time for an answer of the store: a database on this machine needs milliseconds, one elsewhere has its own shorter limits.
pub(crate) const STORE_WITHIN: Duration = Duration::from_secs(10);
/// For how long an administrator at root's socket may wait for all of it: the store's start and answer, and what is revoked then.
pub(crate) const ACT_WITHIN: Duration = Duration::from_secs(24);

/// For how long an act that had its time is listened for: a database that hangs longer is given up by its own limits.
const LATE_WITHIN: Duration = Duration::from_secs(600);
/// For how long an administrator waits for a store that is being started: less than the command's own patience.
const SOON: Duration = Duration::from_secs(5);

/// All of them.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) store: Link<ToStore, ForStore>,
    pub(crate) asks: BTreeMap<MethodName, Link<ToAsk, ForAsk>>,
    /// Those of one proof each.
    onces: once::Onces,
    /// The SAML provider.
    pub(crate) saml: saml::Known,
    /// What the database is to know of sign-ins.
    pub(crate) rows: Rows,
    /// What is known of other machines.
    pub(crate) others: Others,
    /// What administrators asked while the store was being started, and until when they wait.
    later: Vec<(ForStore, StoreAsk, Instant)>,
    /// Which machine this is among those that share a database.
    node: NodeId,
    /// It was said that the store can't be asked.
    store_lost_said: bool,
}

impl Programs {
    /// None yet.
    pub(crate) fn new(node: NodeId, now: Instant) -> Self {
        let (store, asks, rows) = (Link::new(now), BTreeMap::new(), Rows::default());
        let onces = once::Onces::default();
        let saml = saml::Known::default();
        let others = Others::default();
        Self { store, asks, onces, saml, rows, others, later: Vec::new(), node, store_lost_said: false }
    }

    /// Which machine this is.
    pub(crate) const fn node(&self) -> NodeId {
        self.node
    }

    /// What to poll, and whose it is.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (Role, BorrowedFd<'_>, PollFlags)> {
        let store = self.store.fd().map(|(fd, flags)| (Role::Store, fd, flags));
        let asks = self.asks.iter().filter_map(|(&method, link)| {
            let (fd, flags) = link.fd()?;
            Some((Role::Ask(method), fd, flags))
        });
        store.into_iter().chain(asks).chain(self.onces.fds())
    }

    /// When something is to be done.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let links = self.store.deadline().into_iter().chain(self.asks.values().filter_map(Link::deadline));
        let later = self.later.iter().map(|(.., until)| *until);
        let rest = self.rows.deadline().into_iter().chain(self.onces.deadline()).chain(self.saml.deadline());
        links.chain(rest).chain(later).min()
    }
}

impl Launcher {
    /// Starts what is due, gives up what is late, tells what is owed, sends what waits.
    pub(crate) fn tick_identity(&mut self, now: Instant) {
        let wanted = job::methods(&self.active.settings);
        let gone: Vec<MethodName> =
            self.identity.asks.keys().copied().filter(|method| !wanted.contains(method)).collect();
        for method in gone {
            self.role_lost(Role::Ask(method), now);
            self.identity.asks.remove(&method);
        }
        for &method in &wanted {
            self.identity.asks.entry(method).or_insert_with(|| Link::new(now));
        }
        if self.identity.store.is_due(now) {
            self.start_role(Role::Store, now);
        }
        for method in wanted {
            if self.identity.asks.get(&method).is_some_and(|link| link.is_due(now)) {
                self.start_role(Role::Ask(method), now);
            }
        }
        for (number, who) in self.identity.store.late(now) {
            if let Some((by, act)) = who.act() {
                let late = ForStore::Late { by: by.clone(), act: Box::new(act.clone()) };
                self.identity.store.wait_on(number, late, now + LATE_WITHIN);
            }
            let why = "no answer in time; it may be done yet: look with `portcullis users list`".into();
            self.hear_answer_of_store(who, Err(StoreRefusal::Unreachable(why)), now);
        }
        let late: Vec<ForAsk> =
            self.identity.asks.values_mut().flat_map(|link| link.late(now)).map(|(_, who)| who).collect();
        for who in late {
            self.hear_proof(who, Err(Failure::Slow), now);
        }
        self.tick_once(now);
        self.tick_provider(now);
        let (late, later) =
            std::mem::take(&mut self.identity.later).into_iter().partition(|one| now >= one.2);
        self.identity.later = later;
        self.asked_in_vain(late, now);
    }

    fn asked_in_vain(&mut self, asks: Vec<(ForStore, StoreAsk, Instant)>, now: Instant) {
        for (who, ..) in asks {
            let why = StoreRefusal::Unreachable("the process that keeps accounts is not there".into());
            self.hear_answer_of_store(who, Err(why), now);
        }
    }

    /// Asks the store, and where it is being started, as soon as it is there.
    pub(crate) fn ask_store_soon(&mut self, who: ForStore, ask: StoreAsk, now: Instant) {
        if self.identity.store.is_ready() {
            return self.ask_store(who, ask, now);
        }
        self.identity.later.push((who, ask, now + SOON));
    }

    /// Asks what was put off.
    fn ask_what_waited(&mut self, now: Instant) {
        for (who, ask, _) in std::mem::take(&mut self.identity.later) {
            self.ask_store(who, ask, now);
        }
    }

    /// Sends what waits.
    pub(crate) fn flush_identity(&mut self, now: Instant) {
        if let Err(error) = self.identity.store.flush() {
            self.role_broke(Role::Store, &error, now);
        }
        let mut broken = Vec::new();
        for (&method, link) in &mut self.identity.asks {
            if let Err(error) = link.flush() {
                broken.push((method, error));
            }
        }
        for (method, error) in broken {
            self.role_broke(Role::Ask(method), &error, now);
        }
        self.flush_once(now);
    }

    fn start_role(&mut self, role: Role, now: Instant) {
        let started = self.try_start_role(role, now);
        if let Err(why) = started {
            say!(Error, "the identity program can't be started role={}: {why}", role.name());
            self.role_lost(role, now);
        }
    }

    /// Starts a role's process, which was told nothing yet; with its folder, where it has one.
    fn spawn_role(&mut self, role: Role) -> Result<(Process, Channel, Option<PathBuf>), String> {
        let user = self.active.identity_user;
        let own = self.dirs.of_role(role);
        if let Some(own) = &own {
            crate::dirs::owned(own, user).map_err(|error| chain(&error))?;
        }
        let program = self.dirs.libexec.join("portcullis-identity");
        let confinement = Confinement::of_identity(&program, role, own.as_deref(), &self.host);
        let confinement = confinement.map_err(|error| chain(&error))?;
        let (ours, theirs) = Channel::pair().map_err(|error| chain(&error))?;
        ours.set_nonblocking(true).map_err(|error| chain(&error))?;
        let process = role::start_identity(&program, role, &theirs, user, &confinement);
        let process = process.map_err(|error| chain(&error))?;
        self.children.insert(process.pid(), Child::Identity(role));
        Ok((process, ours, own))
    }

    fn try_start_role(&mut self, role: Role, now: Instant) -> Result<(), String> {
        let (process, ours, own) = self.spawn_role(role)?;
        let provider = self.identity.saml.for_role(role);
        let job = Box::new(job::job(role, &self.active, self.identity.node, own.as_deref(), provider));
        match role {
            Role::Store => {
                self.identity.store.started(process, ours, (ToStore::Job(job), job::authorities()), now)
            }
            Role::Ask(method) => {
                if let Some(link) = self.identity.asks.get_mut(&method) {
                    link.started(process, ours, (ToAsk::Job(job), job::authorities()), now);
                }
            }
            Role::Once(..) => {} // by whoever asks
        }
        Ok(())
    }

    /// After a reload: the roles go on with the new configuration.
    pub(crate) fn renew_identity(&mut self, now: Instant) {
        let (node, accounts) = (self.identity.node, self.dirs.accounts());
        let store = Box::new(job::job(Role::Store, &self.active, node, Some(&accounts), None));
        self.identity.store.tell(ToStore::Job(store), None);
        // ORDER: first, so that nobody is told of a provider that the configuration has no more.
        self.provider_anew(now);
        for (&method, link) in &mut self.identity.asks {
            let role = Role::Ask(method);
            let provider = self.identity.saml.for_role(role);
            let job = Box::new(job::job(role, &self.active, node, None, provider));
            link.tell(ToAsk::Job(job), job::authorities());
        }
        self.keys.seal_all();
        self.tick_identity(now);
    }

    /// Asks the store; where it can't be asked, the asker is told so at once.
    pub(crate) fn ask_store(&mut self, who: ForStore, ask: StoreAsk, now: Instant) {
        self.ask_store_within(who, ask, STORE_WITHIN, now);
    }

    /// The same with less time for the answer.
    pub(crate) fn ask_store_within(&mut self, who: ForStore, ask: StoreAsk, within: Duration, now: Instant) {
        let message = |request| ToStore::Ask { request, ask: Box::new(ask) };
        let asked = self.identity.store.ask(who, now + within, message);
        if let Err(who) = asked {
            let why = StoreRefusal::Unreachable("the process that keeps accounts is not there".into());
            self.hear_answer_of_store(who, Err(why), now);
        }
    }

    /// Asks a method; where it can't be asked, the asker is told so at once.
    pub(crate) fn ask_method(
        &mut self,
        method: MethodName,
        who: ForAsk,
        deadline: Instant,
        message: impl FnOnce(u64) -> ToAsk,
        now: Instant,
    ) {
        let asked = match self.identity.asks.get_mut(&method) {
            // Somebody may come as early as the daemon serves.
            Some(link) => link.ask_started(who, deadline, message),
            None => Err(who),
        };
        if let Err(who) = asked.map(drop) {
            self.hear_proof(who, Err(Failure::Unreachable), now);
        }
    }

    /// Broke the rules, or its channel is closed.
    fn role_broke(&mut self, role: Role, error: &WireError, now: Instant) {
        if matches!(error, WireError::Closed) {
            // What it said last counts.
            self.last_words(role, now);
            // Whose end is reaped after this is another one's by then.
            if !matches!(role, Role::Once(..)) {
                let status = "it closed its channel".to_owned();
                self.log.write(Event::ProcessLost { process: role.name(), status });
            }
        } else {
            say!(Error, "the identity program is replaced role={}: {}", role.name(), chain(error));
            self.log.write(Event::ProcessLost { process: role.name(), status: chain(error) });
        }
        self.role_lost(role, now);
    }

    fn role_lost(&mut self, role: Role, now: Instant) {
        match role {
            Role::Store => {
                if !std::mem::replace(&mut self.identity.store_lost_said, true) {
                    say!(Warn, "accounts can't be asked: nobody new is let in until they can");
                }
                let why = || StoreRefusal::Unreachable("the process that keeps accounts ended".into());
                for who in self.identity.store.lost(now) {
                    self.hear_answer_of_store(who, Err(why()), now);
                }
            }
            Role::Ask(method) => {
                let lost = self.identity.asks.get_mut(&method).map(|link| link.lost(now)).unwrap_or_default();
                for who in lost {
                    self.hear_proof(who, Err(Failure::Unreachable), now);
                }
            }
            Role::Once(..) => self.once_lost(role, now),
        }
    }

    /// Hears everything that a role said before it went.
    fn last_words(&mut self, role: Role, now: Instant) {
        while matches!(self.hear_one(role, now), Ok(true)) {}
    }

    /// The process of a role ended.
    pub(crate) fn identity_ended(&mut self, role: Role, pid: i32, ended: Ended, now: Instant) {
        let is_its = match role {
            Role::Store => self.identity.store.is(pid),
            Role::Ask(method) => self.identity.asks.get(&method).is_some_and(|link| link.is(pid)),
            Role::Once(..) => self.identity.onces.is(role, pid),
        };
        if !is_its {
            return; // one that was replaced
        }
        self.last_words(role, now);
        if matches!(role, Role::Once(..)) && !self.identity.onces.is(role, pid) {
            return; // it had answered
        }
        say!(Warn, "the identity program ended role={}: {ended}", role.name());
        self.log.write(Event::ProcessLost { process: role.name(), status: ended.to_string() });
        self.role_lost(role, now);
    }
}
