//! People who are signed in, have a session or a key, looked up again: may they still, and what are they members of?
//!
//! At an interval, each at a moment of their own; as soon as the machine's files of accounts change ([`watch`]), those whose lines did
//! ([`round`]); at a start, if the files changed meanwhile; when an administrator asks. A look is one or two questions to processes of
//! their own ([`check`]), so many at a time and a second; what they find is judged ([`judge`]) and put in force ([`apply`]). What can't
//! be found out changes nothing. The loop waits for none of it, and reads no file but the three that it watches ([`read`]).

mod apply;
mod check;
mod command;
mod judge;
mod lines;
mod read;
mod round;
pub(crate) mod watch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::RandomState;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use portcullis_model::{Uid, UserName};
use serde::{Deserialize, Serialize};

pub(crate) use self::apply::with_groups_of;
pub(crate) use self::check::Asker;
use self::check::Check;
pub(crate) use self::command::Syncing;
use self::lines::Lines;
use self::read::Files;
use self::watch::{Stamp, Watch};
use crate::clock;
use crate::launcher::{Dirty, Launcher, Mode};
use crate::sign_in::again::Local;

/// From the first change of a file to the looks: whoever changes accounts changes several files, one after the other.
/// Counted from the first, so that a storm of changes doesn't put it off.
const SETTLES: Duration = Duration::from_millis(100);
/// Looks that are begun in one second: each is a process of some milliseconds. So a storm of changes takes a third of a processor
/// at the most, and 3,000 people are looked up within a minute.
const PER_SECOND: u32 = 50;
/// Between two looks at whose moment has come, and at who is missing.
const TURN: Duration = Duration::from_secs(60);
/// Seconds after which the moment of the last turn is written down again.
const LOOKED_KEPT: u64 = 600;
/// People who were lost and are remembered, so that their coming back is recorded. Longer ago ones are forgotten.
const LOST_MAX: usize = 1000;

/// Somebody of this machine: a number, and the name under which they came in.
pub(crate) type Person = (Uid, UserName);

/// What is known of people's accounts on this machine, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeptIdentities {
    /// Who stands in the machine's own files.
    pub(crate) local: Vec<UserName>,
    /// Who came in by a password of those files, which was not locked.
    pub(crate) unlocked: Vec<UserName>,
    /// Who was lost and has not come back.
    pub(crate) lost: Vec<UserName>,
    /// The files as they were when everybody had been looked up.
    pub(crate) files: Option<Stamp>,
    /// Up to which moment people's turns were kept, in seconds since 1970; 0 when there was none yet.
    pub(crate) looked: u64,
}

/// Why somebody is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The machine's files changed.
    Files,
    /// Their turn has come.
    Interval,
    /// The files changed while no launcher was there.
    Start,
    /// They signed in while the files changed.
    SignIn,
    /// This administrator asks.
    Asked(String),
}

impl Cause {
    /// Its word in records.
    pub(crate) fn word(&self) -> &str {
        match self {
            Self::Files => "files",
            Self::Interval => "interval",
            Self::Start => "start",
            Self::SignIn => "sign-in",
            Self::Asked(by) => by,
        }
    }
}

/// Everybody's looks.
#[derive(Debug)]
pub(crate) struct Sync {
    watch: Option<Watch>,
    /// When the files are read because they changed, and why; nobody is looked up until then.
    files_at: Option<(Instant, Cause)>,
    /// When they changed last.
    changed: Option<Instant>,
    /// How often it was heard that they did.
    heard: u64,
    /// What they said as they were read last, where that could be told; and why not.
    lines: Option<Lines>,
    unread: Option<String>,
    /// Of the fingerprints in there.
    key: RandomState,
    /// Whom nobody could look up.
    unsure: BTreeSet<Person>,
    /// Those to come, in order, and why.
    queue: VecDeque<Person>,
    queued: BTreeMap<Person, Cause>,
    /// Those under way, by numbers.
    running: BTreeMap<u64, Check>,
    /// Who is looked up again after the look that is under way.
    again: BTreeMap<Person, Cause>,
    last: u64,
    /// How many were begun in this second.
    begun: (u64, u32),
    /// Who is missing, and since when.
    missing: BTreeMap<Person, Instant>,
    /// The files at the beginning of the round that is under way, and who of it is still to be looked up.
    round: Option<(Stamp, BTreeSet<Person>)>,
    next_turn: Instant,
    local: BTreeSet<UserName>,
    unlocked: BTreeSet<UserName>,
    lost: VecDeque<UserName>,
    files: Option<Stamp>,
    looked: u64,
}

impl Sync {
    /// Begins where an earlier launcher ended.
    pub(crate) fn begin(kept: &KeptIdentities, now: Instant) -> Self {
        // ORDER: the watch first: what changes between the two is seen.
        let watch = Watch::begin();
        let key = RandomState::new();
        // What they say is of the same files as the stamp: if it is the one that was kept, everybody was looked up since.
        let Files { stamp: files, lines } = Files::read(&key);
        let changed = kept.files.is_some_and(|known| known != files);
        Self {
            watch,
            files_at: changed.then_some((now, Cause::Start)),
            changed: None,
            heard: 0,
            lines: lines.ok(),
            unread: None,
            key,
            unsure: BTreeSet::new(),
            queue: VecDeque::new(),
            queued: BTreeMap::new(),
            running: BTreeMap::new(),
            again: BTreeMap::new(),
            last: 0,
            begun: (0, 0),
            missing: BTreeMap::new(),
            round: None,
            next_turn: now + TURN,
            local: kept.local.iter().cloned().collect(),
            unlocked: kept.unlocked.iter().cloned().collect(),
            lost: kept.lost.iter().cloned().collect(),
            files: Some(kept.files.unwrap_or(files)),
            looked: if kept.looked == 0 { clock::seconds() } else { kept.looked },
        }
    }

    /// As it is kept.
    pub(crate) fn kept(&self) -> KeptIdentities {
        KeptIdentities {
            local: self.local.iter().cloned().collect(),
            unlocked: self.unlocked.iter().cloned().collect(),
            lost: self.lost.iter().cloned().collect(),
            files: self.files,
            looked: self.looked,
        }
    }

    /// What a helper saw of somebody who signs in; `by_password`: PAM took their password.
    pub(crate) fn learn(
        &mut self,
        user: &UserName,
        local: Option<Local>,
        by_password: bool,
        dirty: &mut Dirty,
    ) {
        let before = (self.local.contains(user), self.unlocked.contains(user));
        match local {
            Some(local) => {
                self.local.insert(user.clone());
                if by_password && local.locked {
                    self.unlocked.remove(user);
                } else if by_password {
                    self.unlocked.insert(user.clone());
                }
            }
            None => {
                self.local.remove(user);
                self.unlocked.remove(user);
            }
        }
        if before != (self.local.contains(user), self.unlocked.contains(user)) {
            dirty.soon();
        }
    }

    /// Somebody is to be looked up.
    fn add(&mut self, person: Person, cause: Cause) {
        if self.running.values().any(|check| check.person == person) {
            // The one under way may have looked before whatever this is about.
            self.again.entry(person).or_insert(cause);
        } else if let std::collections::btree_map::Entry::Vacant(free) = self.queued.entry(person) {
            self.queue.push_back(free.key().clone());
            free.insert(cause);
        }
    }

    /// Who is still to be looked up, or is being.
    fn to_look_at(&self) -> BTreeSet<Person> {
        self.queued.keys().chain(self.running.values().map(|check| &check.person)).cloned().collect()
    }

    /// The next to be looked up, if one may be now: so many at a time, and a second.
    fn next(&mut self, most: usize, second: u64) -> Option<(Person, Cause)> {
        if self.begun.0 != second {
            self.begun = (second, 0);
        }
        // Changes that were heard are read first: who is looked up before that would be so again.
        if self.files_at.is_some() || self.running.len() >= most || self.begun.1 >= PER_SECOND {
            return None;
        }
        let person = self.queue.pop_front()?;
        self.begun.1 += 1;
        let cause = self.queued.remove(&person)?;
        Some((person, cause))
    }

    /// What to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = (Option<u64>, BorrowedFd<'_>)> {
        let looks = self.running.iter().filter_map(|(&no, check)| Some((Some(no), check.fd()?)));
        self.watch.iter().map(|watch| (None, watch.fd())).chain(looks)
    }

    /// When there is something to do; `busy`: whether there is anybody.
    pub(crate) fn deadline(&self, busy: bool, most: usize, began: Instant) -> Option<Instant> {
        let files = self.files_at.as_ref().map(|(at, _)| *at);
        let late = self.running.values().map(|check| check.deadline).min();
        // Those that wait for the next second; who waits for others to be done is begun when those are.
        let next = (!self.queue.is_empty() && self.running.len() < most)
            .then(|| began + Duration::from_secs(self.begun.0 + 1));
        files.into_iter().chain(late).chain(next).chain(busy.then_some(self.next_turn)).min()
    }
}

/// Whether somebody's turn comes after `last` and not after `now`, both in seconds since 1970: each has a moment of their own within
/// each interval, by their name.
fn is_due(user: &UserName, interval: u64, last: u64, now: u64) -> bool {
    let interval = interval.max(1);
    // FNV-1a: it spreads names, and is the same in each process.
    let hash = user.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let turn = |at: u64| (at + interval - hash % interval) / interval;
    now > last && turn(now) > turn(last)
}

impl Launcher {
    /// Looks under way at a time: a quarter of the helpers there may be, so that people who sign in don't wait for them.
    fn looks_at_a_time(&self) -> usize {
        let all = usize::try_from(self.active.settings.portcullis.sign_in_max_concurrent).unwrap_or(1);
        (all / 4).max(1)
    }

    /// When there is something to do about looks.
    pub(crate) fn sync_deadline(&self) -> Option<Instant> {
        let busy = !(self.sessions.is_empty() && self.sign_ins.is_empty() && self.keys.len() == 0);
        self.sync.deadline(busy, self.looks_at_a_time(), self.began)
    }

    /// The watch says something.
    pub(crate) fn hear_files(&mut self, now: Instant) {
        if self.sync.watch.as_ref().is_some_and(Watch::changed) {
            self.sync.changed = Some(now);
            self.sync.heard += 1;
            self.sync.files_at.get_or_insert((now + SETTLES, Cause::Files));
        }
    }

    /// Somebody came in; `began`: since when they were at it. What was found out of them before the files changed may not be so.
    pub(crate) fn sync_who_came_in(&mut self, person: Person, began: Instant) {
        // What was changed by now can be heard by now. Whatever will be read, they may have been looked up before it.
        self.hear_files(Instant::now());
        if self.sync.files_at.is_some() || self.sync.changed.is_some_and(|changed| changed >= began) {
            self.sync.add(person, Cause::SignIn);
        }
    }

    /// Begins what is due, gives up what is late.
    pub(crate) fn tick_sync(&mut self, now: Instant) {
        self.give_up_late_looks(now);
        if !matches!(self.mode, Mode::Serving) || !self.is_healthy() {
            return;
        }
        if let Some((_, cause)) = self.sync.files_at.take_if(|(at, _)| now >= *at) {
            self.look_who_changed(&cause);
        }
        if now >= self.sync.next_turn {
            self.sync.next_turn = now + TURN;
            self.look_whose_turn_it_is();
        }
        let second = now.duration_since(self.began).as_secs();
        while let Some((person, cause)) = self.sync.next(self.looks_at_a_time(), second) {
            self.begin_check(person, cause, now);
        }
    }

    /// Adds those whose moment has come, and those who are missing; forgets who isn't here any more.
    fn look_whose_turn_it_is(&mut self) {
        let seconds = clock::seconds();
        let interval = u64::from(self.active.settings.membership.membership_update_interval) * 60;
        let people = self.people_here();
        // A clock that was set back begins anew.
        let last = self.sync.looked.min(seconds);
        for person in &people {
            if self.sync.missing.contains_key(person) || is_due(&person.1, interval, last, seconds) {
                self.sync.add(person.clone(), Cause::Interval);
            }
        }
        self.sync.looked = seconds;
        let names: BTreeSet<&UserName> = people.iter().map(|(_, user)| user).collect();
        let talks = !self.conversations.is_empty();
        // Whoever is about to sign in was learnt of already.
        self.sync.local.retain(|user| talks || names.contains(user));
        self.sync.unlocked.retain(|user| talks || names.contains(user));
        self.sync.missing.retain(|person, _| people.contains(person));
        self.sync.unsure.retain(|person| people.contains(person));
        // A turn that is missed by a restart is made up for by what is kept here: it may be some minutes old.
        if !people.is_empty() && last / LOOKED_KEPT != seconds / LOOKED_KEPT {
            self.dirty.soon();
        }
    }
}

#[cfg(test)]
mod tests;
