//! Who looked at somebody's session: told to the database, for the page on which that person reads it.
//!
//! The audit log has each act anyway; this is for those whom it concerns. What is looked at again within a while is one look. While the
//! database is away looks wait here, up to a number; a launcher that is killed then loses them, and the page doesn't say what the log
//! still has.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use portcullis_model::{SessionId, UserName};
use portcullis_wire::accounts::LookRow;
use portcullis_wire::identity::{Select, StoreAsk, StoreRefusal};

use crate::admin::By;
use crate::clock;
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::say;

/// A page that is opened again within this time is the same look.
const SAME: Duration = Duration::from_secs(600);
/// Looks that are remembered for that, and those that wait: administrators are few.
const MOST: usize = 1024;
/// Pause before the database is asked again.
const AGAIN: Duration = Duration::from_secs(5);

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Deed {
    /// Opened the page about it, or had a command show it.
    Looked,
    /// Searched what was recorded of it.
    Records,
    /// Had it explained why it is there still.
    Explained,
    /// Ended it.
    Ended,
    /// Suspended it.
    Suspended,
    /// Killed it.
    Killed,
    /// Ended a sign-in.
    SignInEnded,
    /// Ended everything.
    Revoked,
}

impl Deed {
    /// Its word in the database.
    const fn word(self) -> &'static str {
        match self {
            Self::Looked => "looked",
            Self::Records => "records",
            Self::Explained => "explained",
            Self::Ended => "ended",
            Self::Suspended => "suspended",
            Self::Killed => "killed",
            Self::SignInEnded => "sign-in-ended",
            Self::Revoked => "revoked",
        }
    }
}

type Same = (UserName, Option<SessionId>, String, Deed);

/// Those of late.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    recent: BTreeMap<Same, Instant>,
    waiting: VecDeque<(UserName, LookRow)>,
    under_way: bool,
    again_at: Option<Instant>,
}

impl Looks {
    /// Takes one in, unless it is the same as one of before.
    fn note(&mut self, same: Same, at: u64, now: Instant) {
        self.recent.retain(|_, since| now.saturating_duration_since(*since) < SAME);
        if self.recent.len() >= MOST || self.waiting.len() >= MOST || self.recent.contains_key(&same) {
            return;
        }
        let (user, session, by, deed) = &same;
        let session = session.map_or_else(String::new, |id| id.to_string());
        let look = LookRow { session, by: by.clone(), what: deed.word().to_owned(), at };
        self.waiting.push_back((user.clone(), look));
        self.recent.insert(same, now);
    }

    /// The next to be told.
    fn next(&mut self, now: Instant) -> Option<StoreAsk> {
        if self.under_way || self.again_at.is_some_and(|at| now < at) {
            return None;
        }
        let (user, look) = self.waiting.front()?.clone();
        self.under_way = true;
        Some(StoreAsk::Looked { who: Select::Name(user.to_string()), look })
    }

    /// What became of it.
    fn told(&mut self, result: Result<(), &StoreRefusal>, now: Instant) {
        self.under_way = false;
        self.again_at = None;
        match result {
            Err(StoreRefusal::Unreachable(_)) => self.again_at = Some(now + AGAIN),
            // Somebody without an account has no page either; what breaks once breaks again.
            Ok(()) | Err(_) => drop(self.waiting.pop_front()),
        }
    }

    /// When the next is told, where one waits for it.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.again_at
    }
}

impl Launcher {
    /// Somebody looked at this person's session, or at all of theirs; what one does to oneself is nobody's look.
    pub(crate) fn note_look(
        &mut self,
        user: &UserName,
        session: Option<SessionId>,
        by: &By,
        deed: Deed,
        now: Instant,
    ) {
        if by.name != user.as_str() {
            self.looks.note((user.clone(), session, by.name.clone(), deed), clock::seconds(), now);
        }
    }

    /// The same of a session, where there is one.
    pub(crate) fn looked_at_session(&mut self, session: SessionId, by: &By, deed: Deed, now: Instant) {
        if let Some(entry) = self.sessions.get(&session) {
            let user = entry.kept.session.user.clone();
            self.note_look(&user, Some(session), by, deed, now);
        }
    }

    /// Tells what waits.
    pub(crate) fn tell_looks(&mut self, now: Instant) {
        if !self.identity.store.is_ready() {
            return;
        }
        if let Some(ask) = self.looks.next(now) {
            self.ask_store(ForStore::Looked, ask, now);
        }
    }

    /// What the database says to it.
    pub(crate) fn looks_told(&mut self, result: Result<(), &StoreRefusal>, now: Instant) {
        if let Err(error) = result {
            say!(Info, "that somebody looked is not written down for whom it concerns: {error}");
        }
        self.looks.told(result, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_told_once_in_a_while_and_waits_for_the_database() {
        let (now, mut looks) = (Instant::now(), Looks::default());
        let alice: UserName = "alice".parse().expect("a name");
        let same = |deed| (alice.clone(), Some(SessionId::from_bytes([1; 8])), "root".to_owned(), deed);
        for deed in [Deed::Looked, Deed::Looked, Deed::Ended, Deed::Looked] {
            looks.note(same(deed), 5, now);
        }
        let word = |ask: Option<StoreAsk>| match ask {
            Some(StoreAsk::Looked { look, .. }) => look.what,
            _ => String::new(),
        };
        assert_eq!(word(looks.next(now)), "looked");
        assert_eq!(word(looks.next(now)), "", "one at a time");
        let away = StoreRefusal::Unreachable("gone".into());
        looks.told(Err(&away), now);
        assert_eq!(word(looks.next(now)), "", "after a pause");
        assert_eq!(word(looks.next(now + AGAIN)), "looked");
        looks.told(Ok(()), now);
        assert_eq!(word(looks.next(now)), "ended");
        looks.told(Err(&StoreRefusal::NoAccount("alice".into())), now);
        assert_eq!(word(looks.next(now)), "");
        looks.note(same(Deed::Looked), 9, now + SAME);
        assert_eq!(word(looks.next(now)), "looked", "after a while it is another");
        let mut full = Looks::default();
        for number in 0..2 * MOST {
            full.note((alice.clone(), None, number.to_string(), Deed::Looked), 5, now);
        }
        assert_eq!((full.waiting.len(), full.recent.len()), (MOST, MOST));
    }
}
