//! What the server knows: one immutable snapshot, replaced whole. A request loads it once, takes no lock and touches no disk.
//!
//! Configuration, people and sessions stand in the same snapshot, so that a request never sees flags of one configuration and
//! keys of another. Only the control thread writes (`launcher_link`), and `sign_in` when somebody signs out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use http::HeaderValue;
use portcullis_model::exemption::Exemption;
use portcullis_model::offline::Offline;
use portcullis_model::session::{Session, State};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{ExemptionId, SessionId, SignInId, UserName};
use portcullis_policy::Flags;
use portcullis_proxy::{Cut, Reason, Upstream};
use tokio::sync::watch;

use crate::generation::Generation;
use crate::post::Told;
use crate::sight::Sight;
use crate::standing::Standing;

#[cfg(test)]
pub(crate) mod tests;

/// A person's act is told to the launcher at most once in so many seconds per session (the wire's rule).
const ACTIVITY_EVERY: u64 = 30;
/// And at most once in so many seconds per sign-in.
const TOUCH_EVERY: u64 = 60;

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Somebody who is signed in.
#[derive(Debug)]
pub(crate) struct Person {
    /// The sign-in as the launcher saw it.
    pub(crate) sign_in: SignIn,
    /// What they may do, under the snapshot's configuration and exemptions.
    pub(crate) standing: Standing,
    /// Shared by all snapshots this sign-in stands in.
    pub(crate) presence: Arc<SignInState>,
}

/// What of a sign-in moves.
#[derive(Debug)]
pub(crate) struct SignInState {
    until: AtomicU64,
    /// Ends every stream of this sign-in.
    pub(crate) cut: Cut,
}

impl Person {
    /// What they may do in this session.
    pub(crate) fn flags_in(&self, id: SessionId) -> &Arc<Flags> {
        self.standing.flags_in(id)
    }

    /// The sign-in's end, in seconds since 1970.
    pub(crate) fn until(&self) -> u64 {
        self.presence.until.load(Ordering::Relaxed)
    }

    /// Moves the end to `until` after a person's act; true when the launcher is to be told.
    pub(crate) fn touch(&self, until: u64) -> bool {
        let moved = |end: u64| (until >= end.saturating_add(TOUCH_EVERY)).then_some(until);
        self.presence.until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved).is_ok()
    }

    /// The account's name.
    pub(crate) fn user(&self) -> &str {
        self.sign_in.principal.user.as_str()
    }
}

/// A session and the way to it.
#[derive(Debug)]
pub(crate) struct Live {
    /// As the launcher told it last.
    pub(crate) session: Session,
    /// Shared by all snapshots this session stands in.
    pub(crate) way: Arc<Way>,
}

/// What of a session lasts as long as it does.
#[derive(Debug)]
pub(crate) struct Way {
    /// Kept connections.
    pub(crate) upstream: Upstream,
    /// Ends every stream of this session.
    pub(crate) cut: Cut,
    /// `Authorization` for the IDE: only we know it.
    pub(crate) authorization: HeaderValue,
    /// What is seen of it that is no person's act.
    pub(crate) sight: Sight,
    told: AtomicU64,
}

impl Live {
    /// Notes a person's act; true when the launcher is to be told: soon, while a page says that the session will end.
    pub(crate) fn acted(&self, now: u64) -> bool {
        let every = if self.session.warning.is_some() { 1 } else { ACTIVITY_EVERY };
        // A clock that was set back is no reason to be silent until it has caught up.
        let due = |told: u64| (now >= told.saturating_add(every) || now < told).then_some(now);
        self.way.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }

    /// The last act of a person, where the launcher told an older one: what it had not kept when it went.
    pub(crate) fn unheard(&self) -> Option<u64> {
        let told = self.way.told.load(Ordering::Relaxed);
        (self.session.state.is_live() && told > self.session.last_activity).then_some(told)
    }

    /// The last act of a person that we know of.
    pub(crate) fn last_activity(&self) -> u64 {
        self.session.last_activity.max(self.way.told.load(Ordering::Relaxed))
    }
}

/// Everything at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The configuration in force.
    pub(crate) generation: Arc<Generation>,
    /// Who is signed in.
    pub(crate) people: HashMap<SignInId, Arc<Person>>,
    /// The sessions, ended ones too as long as the launcher keeps them.
    pub(crate) sessions: HashMap<SessionId, Arc<Live>>,
    /// The exemptions in force; few.
    pub(crate) exemptions: Vec<Arc<Exemption>>,
    /// That nobody is let in, while that is so.
    pub(crate) offline: Option<Arc<Offline>>,
    /// Counts up when anything is taken away, or judged anew: what was remembered of a verified cookie is void then.
    pub(crate) epoch: u64,
}

impl Snapshot {
    /// A session of this person; `None` for those of others exactly as for unknown ones.
    pub(crate) fn session_of(&self, person: &Person, id: SessionId) -> Option<&Arc<Live>> {
        self.sessions.get(&id).filter(|live| live.session.user == person.sign_in.principal.user)
    }

    /// The exemptions of this person.
    pub(crate) fn exemptions_of<'a>(
        &'a self,
        person: &'a Person,
    ) -> impl Iterator<Item = &'a Arc<Exemption>> {
        self.exemptions.iter().filter(|exemption| exemption.user == person.sign_in.principal.user)
    }

    /// Works out anew what people may do, and returns what is to be cut: the handles of those for whom it is another now.
    ///
    /// Streams go on; each was decided at its start, so those that would be decided otherwise now are ended.
    /// `other_rows`: the rows are others, so it is another for everybody.
    fn judge_anew(
        &mut self,
        concerned: impl Fn(&UserName) -> bool,
        other_rows: bool,
    ) -> Vec<Arc<SignInState>> {
        let mut others = Vec::new();
        for person in self.people.values_mut().filter(|person| concerned(&person.sign_in.principal.user)) {
            let standing = Standing::of(&self.generation, &person.sign_in.principal, &self.exemptions);
            let (sign_in, mut presence) = (person.sign_in.clone(), person.presence.clone());
            if other_rows || !standing.same_rules(&person.standing) {
                // The same sign-in with a fresh handle: only what hangs on the old one ends.
                let until = AtomicU64::new(person.until());
                others
                    .push(std::mem::replace(&mut presence, Arc::new(SignInState { until, cut: Cut::new() })));
            }
            *person = Arc::new(Person { sign_in, standing, presence });
        }
        self.epoch += 1;
        others
    }

    /// All sessions of this person.
    pub(crate) fn sessions_of<'a>(&'a self, person: &'a Person) -> impl Iterator<Item = &'a Arc<Live>> {
        self.sessions.values().filter(|live| live.session.user == person.sign_in.principal.user)
    }
}

/// The snapshot and who waits for the next.
#[derive(Debug)]
pub(crate) struct Table {
    current: ArcSwap<Snapshot>,
    writing: Mutex<()>,
    changed: watch::Sender<u64>,
}

impl Table {
    /// Nobody and nothing, under a first configuration.
    pub(crate) fn new(generation: Arc<Generation>) -> Self {
        let first = Snapshot {
            generation,
            people: HashMap::new(),
            sessions: HashMap::new(),
            exemptions: Vec::new(),
            offline: None,
            epoch: 1,
        };
        Self {
            current: ArcSwap::from_pointee(first),
            writing: Mutex::new(()),
            changed: watch::Sender::new(0),
        }
    }

    /// The snapshot of this moment.
    pub(crate) fn load(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Tells of every change to come.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Wakes all who wait for a change, without one.
    pub(crate) fn poke(&self) {
        self.changed.send_modify(|number| *number += 1);
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Snapshot::clone(&self.current.load());
        change(&mut next);
        self.current.store(Arc::new(next));
        drop(writing);
        self.poke();
    }

    /// A sign-in began, or was told again.
    pub(crate) fn sign_in(&self, sign_in: SignIn) {
        self.change(|next| {
            let known = next.people.get(&sign_in.id).map(|person| person.presence.clone());
            if let Some(presence) = &known {
                // Acts at another server move it. What this one moved and the launcher hasn't heard yet is not taken back.
                presence.until.fetch_max(sign_in.until, Ordering::Relaxed);
            }
            let fresh = || SignInState { until: AtomicU64::new(sign_in.until), cut: Cut::new() };
            let presence = known.unwrap_or_else(|| Arc::new(fresh()));
            let standing = Standing::of(&next.generation, &sign_in.principal, &next.exemptions);
            next.people.insert(sign_in.id, Arc::new(Person { sign_in, standing, presence }));
        });
    }

    /// A sign-in is over: its cookie opens nothing any more and its streams end.
    pub(crate) fn sign_in_ended(&self, id: SignInId) {
        let mut gone = None;
        self.change(|next| {
            gone = next.people.remove(&id);
            next.epoch += 1;
        });
        // ORDER: cut after the snapshot without it stands, so that nothing new can begin behind the cut.
        if let Some(person) = gone {
            person.presence.cut.cut(Reason::Revoked);
        }
    }

    /// An administrator ended these sign-ins: nothing new begins under them. What hangs on them is the caller's to count and cut.
    pub(crate) fn revoke(&self, ids: &[SignInId]) -> Vec<Arc<SignInState>> {
        let mut gone = Vec::new();
        self.change(|next| {
            gone.extend(
                ids.iter().filter_map(|id| next.people.remove(id)).map(|person| person.presence.clone()),
            );
            next.epoch += 1;
        });
        gone
    }

    /// Nobody is let in, or people are again. What is open ends; sign-ins and sessions stay.
    pub(crate) fn offline(&self, offline: Option<Offline>) {
        let mut others = Vec::new();
        self.change(|next| {
            if offline.is_some() {
                others = next.judge_anew(|_| true, true);
            }
            next.offline = offline.map(Arc::new);
        });
        // ORDER: as in `cut`.
        others.iter().for_each(|presence| presence.cut.cut(Reason::GoingAway));
    }

    /// Everything that lives was told anew: what was not is over, and ends. Returns how many sign-ins and sessions that were.
    pub(crate) fn only(&self, told: &Told) -> usize {
        let snapshot = self.load();
        let people = snapshot.people.keys().filter(|id| !told.sign_ins.contains(id));
        let sessions = snapshot.sessions.keys().filter(|id| !told.sessions.contains(id));
        let exemptions = snapshot.exemptions.iter().map(|one| one.id);
        let count = people.clone().count() + sessions.clone().count();
        people.for_each(|id| self.sign_in_ended(*id));
        sessions.for_each(|id| self.session_forgotten(*id));
        exemptions.filter(|id| !told.exemptions.contains(id)).for_each(|id| self.exemption_ended(id));
        count
    }

    /// A session began or changed.
    pub(crate) fn session(&self, session: Session) {
        let mut over = None;
        self.change(|next| {
            let known = next.sessions.get(&session.id).map(|live| live.way.clone());
            let way = known.unwrap_or_else(|| Arc::new(way_to(&session)));
            if matches!(session.state, State::Ending | State::Ended(_)) {
                over = Some(way.clone());
            }
            next.sessions.insert(session.id, Arc::new(Live { session, way }));
        });
        over.iter().for_each(|way| end(way));
    }

    /// A session is forgotten.
    pub(crate) fn session_forgotten(&self, id: SessionId) {
        let mut gone = None;
        self.change(|next| gone = next.sessions.remove(&id));
        gone.iter().for_each(|live| end(&live.way));
    }

    /// A new configuration is in force: everybody's flags are worked out anew.
    pub(crate) fn configure(&self, generation: Arc<Generation>) {
        let mut others = Vec::new();
        self.change(|next| {
            // What was begun under rows that are no longer those of the file ends, as under other flags.
            let other_rows = !next.generation.adapters.same_rules(&generation.adapters);
            next.generation = generation;
            others = next.judge_anew(|_| true, other_rows);
        });
        cut(&others);
    }

    /// A flag is lifted for somebody.
    pub(crate) fn exempt(&self, exemption: Exemption) {
        let mut others = Vec::new();
        self.change(|next| {
            let user = exemption.user.clone();
            next.exemptions.retain(|known| known.id != exemption.id);
            next.exemptions.push(Arc::new(exemption));
            others = next.judge_anew(|name| *name == user, false);
        });
        cut(&others);
    }

    /// An exemption is over: its flag holds again, for what is open too.
    pub(crate) fn exemption_ended(&self, id: ExemptionId) {
        let mut others = Vec::new();
        self.change(|next| {
            let Some(at) = next.exemptions.iter().position(|known| known.id == id) else { return };
            let ended = next.exemptions.remove(at);
            others = next.judge_anew(|name| *name == ended.user, false);
        });
        cut(&others);
    }
}

/// ORDER: called after the snapshot without them stands, so that nothing new can begin behind the cut.
fn cut(presences: &[Arc<SignInState>]) {
    presences.iter().for_each(|presence| presence.cut.cut(Reason::Revoked));
}

fn end(way: &Way) {
    way.upstream.close();
    way.cut.cut(Reason::GoingAway);
}

pub(crate) fn way_to(session: &Session) -> Way {
    let token = [b"token ", session.token.expose()].concat();
    let mut authorization =
        HeaderValue::from_bytes(&token).unwrap_or_else(|_| HeaderValue::from_static("token invalid"));
    authorization.set_sensitive(true);
    let told = AtomicU64::new(session.last_activity);
    Way { upstream: Upstream::default(), cut: Cut::new(), authorization, sight: Sight::default(), told }
}
