//! What the server knows: one immutable snapshot, replaced whole. A request loads it once, takes no lock and touches no disk.
//!
//! Configuration, people and sessions stand in the same snapshot, so that a request never sees flags of one configuration and
//! keys of another. Only the control thread writes (`launcher_link`), and `sign_in` when somebody signs out.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use portcullis_model::exemption::Exemption;
use portcullis_model::key::KeyId;
use portcullis_model::offline::Offline;
use portcullis_model::session::{Session, State};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{ExemptionId, SessionId, SignInId, UserName};
use portcullis_proxy::{Cut, Reason};
use tokio::sync::watch;

use crate::generation::Generation;
use crate::keys::Keyed;
use crate::shards::Shards;
use crate::standing::Standings;
use crate::told::Told;

mod keyed;
mod live;
mod person;
#[cfg(test)]
pub(crate) mod tests;

use self::live::end;
pub(crate) use self::live::{Live, Way, way_to};
pub(crate) use self::person::{Person, SignInState};

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Everything at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// The configuration in force.
    pub(crate) generation: Arc<Generation>,
    /// Who is signed in.
    pub(crate) people: Shards<SignInId, Person>,
    /// API keys that may be used.
    pub(crate) keys: Shards<KeyId, Keyed>,
    /// The sessions, ended ones too as long as the launcher keeps them.
    pub(crate) sessions: HashMap<SessionId, Arc<Live>>,
    /// The exemptions in force; few.
    pub(crate) exemptions: Vec<Arc<Exemption>>,
    /// That nobody is let in, while that is so.
    pub(crate) offline: Option<Arc<Offline>>,
    /// Whether what other machines ended is not known here, so that nobody is answered.
    pub(crate) apart: bool,
    /// Counts up when everybody is judged anew: what was remembered of any verified cookie is void then. What concerns some people
    /// is counted beside them (see [`Snapshot::epochs`]).
    epoch: u64,
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
        concerned: impl Fn(&UserName) -> bool + Copy,
        other_rows: bool,
    ) -> Vec<Arc<SignInState>> {
        let mut others = Vec::new();
        let mut standings = Standings::new(&self.generation, &self.exemptions);
        self.people.rewrite(|person| {
            concerned(&person.sign_in.principal.user).then(|| {
                let standing = standings.of(&person.sign_in.principal);
                let (sign_in, mut presence) = (person.sign_in.clone(), person.presence.clone());
                if other_rows || !standing.same_rules(&person.standing) {
                    // The same sign-in with a fresh handle: only what hangs on the old one ends.
                    let until = AtomicU64::new(person.until());
                    let fresh = Arc::new(SignInState { until, cut: Cut::new() });
                    others.push(std::mem::replace(&mut presence, fresh));
                }
                Arc::new(Person { sign_in, standing, presence })
            })
        });
        others.extend(self.judge_keys_anew(concerned, other_rows));
        others
    }

    /// As [`Snapshot::judge_anew`], for everybody: also what is remembered of nobody who is signed in is void.
    fn judge_all_anew(&mut self, other_rows: bool) -> Vec<Arc<SignInState>> {
        self.epoch += 1;
        self.judge_anew(|_| true, other_rows)
    }

    /// Takes in those who are signed in, and returns what is to be cut. Who is known keeps what hangs on their sign-in, unless it
    /// would be decided otherwise now: by other groups, or another role.
    fn take_in(&mut self, sign_ins: impl IntoIterator<Item = SignIn>) -> Vec<Arc<SignInState>> {
        let mut others = Vec::new();
        let mut standings = Standings::new(&self.generation, &self.exemptions);
        for sign_in in sign_ins {
            let known = self.people.get(&sign_in.id).cloned();
            let standing = standings.of(&sign_in.principal);
            let mut until = sign_in.until;
            let mut presence = None;
            if let Some(person) = known {
                // Acts at another server move it. What this one moved and the launcher hasn't heard yet is not taken back.
                person.presence.until.fetch_max(sign_in.until, Ordering::Relaxed);
                until = person.until();
                let before = &person.sign_in;
                let other = before.principal != sign_in.principal || before.role != sign_in.role;
                if other || before.second != sign_in.second {
                    // What was remembered of them, they are not any more.
                    self.people.remove(&sign_in.id);
                }
                if before.role != sign_in.role || !standing.same_rules(&person.standing) {
                    others.push(person.presence.clone());
                } else {
                    presence = Some(person.presence.clone());
                }
            }
            let fresh = || SignInState { until: AtomicU64::new(until), cut: Cut::new() };
            let presence = presence.unwrap_or_else(|| Arc::new(fresh()));
            self.people.insert(sign_in.id, Arc::new(Person { sign_in, standing, presence }));
        }
        others
    }

    /// What must be the same as it was for anything remembered of this sign-in to be so still: nobody was taken away or judged
    /// anew who is counted with it.
    pub(crate) fn epochs(&self, id: &SignInId) -> (u64, u64) {
        (self.epoch, self.people.epoch(id))
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
            people: Shards::new(),
            keys: Shards::new(),
            sessions: HashMap::new(),
            exemptions: Vec::new(),
            offline: None,
            apart: false,
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
        self.sign_ins(vec![sign_in]);
    }

    /// Sign-ins began, or were told again.
    pub(crate) fn sign_ins(&self, sign_ins: Vec<SignIn>) {
        let mut others = Vec::new();
        self.change(|next| others = next.take_in(sign_ins));
        cut(&others);
    }

    /// A sign-in is over: its cookie opens nothing any more and its streams end.
    pub(crate) fn sign_in_ended(&self, id: SignInId) {
        if !self.load().people.contains_key(&id) {
            // It was revoked, with the rest of its person's.
            return;
        }
        let mut gone = None;
        self.change(|next| gone = next.people.remove(&id));
        // ORDER: cut after the snapshot without it stands, so that nothing new can begin behind the cut.
        if let Some(person) = gone {
            person.presence.cut.cut(Reason::Revoked);
        }
    }

    /// An administrator ended these sign-ins: nothing new begins under them. What hangs on them is the caller's to count and cut.
    /// The same of these keys.
    pub(crate) fn revoke(&self, ids: &[SignInId], keys: &[KeyId]) -> Vec<Arc<SignInState>> {
        let mut gone = Vec::new();
        self.change(|next| {
            let removed = ids.iter().filter_map(|id| next.people.remove(id));
            gone.extend(removed.map(|person| person.presence.clone()));
            let removed = keys.iter().filter_map(|id| next.keys.remove(id));
            gone.extend(removed.map(|keyed| keyed.person.presence.clone()));
        });
        gone
    }

    /// Nobody is let in, or people are again. What is open ends; sign-ins and sessions stay.
    pub(crate) fn offline(&self, offline: Option<Offline>) {
        let mut others = Vec::new();
        self.change(|next| {
            if offline.is_some() {
                others = next.judge_all_anew(true);
            }
            next.offline = offline.map(Arc::new);
        });
        // ORDER: as in `cut`.
        others.iter().for_each(|presence| presence.cut.cut(Reason::GoingAway));
    }

    /// Nobody is answered, for what other machines ended is not known, or people are again. What is open ends; sign-ins and sessions
    /// stay.
    pub(crate) fn apart(&self, apart: bool) {
        if self.load().apart == apart {
            return;
        }
        let mut others = Vec::new();
        self.change(|next| {
            if apart {
                others = next.judge_all_anew(true);
            }
            next.apart = apart;
        });
        // ORDER: as in `cut`.
        others.iter().for_each(|presence| presence.cut.cut(Reason::GoingAway));
    }

    /// Everything that lives was told: sign-ins are in force from here on, what was not told is over, and ends. Returns how many
    /// sign-ins and sessions that were. However many sign-ins there are, they are one change.
    pub(crate) fn caught(&self, mut told: Told) -> usize {
        let snapshot = self.load();
        let over: Vec<SignInId> = snapshot.people.keys().filter(|id| !told.has(id)).copied().collect();
        let keys_over: Vec<KeyId> =
            snapshot.keys.keys().filter(|id| !told.keys.contains(id)).copied().collect();
        let (mut gone, mut keys_gone) = (Vec::with_capacity(over.len()), Vec::new());
        let sign_ins = std::mem::take(&mut told.sign_ins).into_values();
        let mut others = Vec::new();
        self.change(|next| {
            gone.extend(over.iter().filter_map(|id| next.people.remove(id)));
            keys_gone.extend(keys_over.iter().filter_map(|id| next.keys.remove(id)));
            others = next.take_in(sign_ins);
        });
        // ORDER: as in `sign_in_ended`.
        cut(&others);
        gone.iter().for_each(|person| person.presence.cut.cut(Reason::Revoked));
        keys_gone.iter().for_each(|keyed| keyed.person.presence.cut.cut(Reason::Revoked));
        let sessions = snapshot.sessions.keys().filter(|id| !told.sessions.contains(id));
        let exemptions = snapshot.exemptions.iter().map(|one| one.id);
        let count = gone.len() + sessions.clone().count();
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
            others = next.judge_all_anew(other_rows);
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
