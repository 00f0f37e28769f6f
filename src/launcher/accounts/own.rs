//! One's own sign-ins: shown with what the database has of the past, ended one by one or together.
//!
//! What is one's own is told by the account, and by the number where there is none. Ending is a revocation of these sign-ins without
//! the sessions: those live on, as after a sign-out.

use std::time::Instant;

use portcullis_model::SignInId;
use portcullis_model::sign_in::{SignIn, SignInEnd};
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Asker, Own, OwnSignIn};
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};

use super::asked::{Asked, Person, Then};
use crate::admin::{By, number};
use crate::launcher::Launcher;
use crate::log::say;
use crate::server::ServerNo;

/// Which of one's own are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// This one, which lives here.
    Here(SignInId),
    /// This one, which others may know.
    Elsewhere(SignInId),
    /// All but the one that asks.
    Others,
    /// All.
    All,
}

impl Launcher {
    /// Those of this person that live here.
    pub(super) fn own_sign_ins(&self, person: &Person) -> impl Iterator<Item = &SignIn> {
        let (account, uid) = (person.account, person.uid);
        // A uid that was given to another identity does not make its sign-ins one's own.
        self.sign_ins.of(uid).filter(move |one| one.account == account)
    }

    /// What lives, and the past where the database answers; `None` where that is asked.
    pub(super) fn look_at_own(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        by: By,
        now: Instant,
    ) -> Option<AccountAnswer> {
        let shown = |one: &SignIn| OwnSignIn {
            id: one.id,
            remote: one.remote,
            agent: one.agent.clone(),
            method: one.method,
            since: one.since,
            seen: one.seen,
            until: one.until,
            own: person.asker == Asker::SignIn(one.id),
            elsewhere: false,
        };
        let mut sign_ins: Vec<OwnSignIn> = self.own_sign_ins(person).map(shown).collect();
        sign_ins.sort_by_key(|one| (std::cmp::Reverse(one.since), one.id));
        let fresh = match person.asker {
            Asker::SignIn(id) => self.sign_ins.get(&id).is_some_and(|one| self.is_fresh(one)),
            Asker::Key(_) => false,
        };
        let own = Own { role: person.actor.role, sign_ins, past: None, fresh };
        let Some(account) = person.account else { return Some(AccountAnswer::Own(Box::new(own))) };
        let asked = Asked { from, by, act: None, then: Then::Own(Box::new(own)) };
        self.ask_for_person(asked, StoreAsk::Past { account }, now);
        None
    }

    /// The same with the past, which is left out where the database does not answer.
    pub(super) fn with_past(&self, mut own: Own, result: Result<StoreAnswer, StoreRefusal>) -> AccountAnswer {
        match result {
            Ok(StoreAnswer::Past(mut past)) => {
                let elsewhere = std::mem::take(&mut past.elsewhere);
                // One that came from another machine and was used here is known here: this process's word counts.
                let others = elsewhere.into_iter().filter(|one| self.sign_ins.get(&one.id).is_none());
                own.sign_ins.extend(others);
                own.sign_ins.sort_by_key(|one| (std::cmp::Reverse(one.since), one.id));
                own.past = Some(*past);
            }
            Ok(_) => say!(Error, "the database answered something else than the past"),
            Err(error) => say!(Info, "a page goes without the past: {error}"),
        }
        AccountAnswer::Own(Box::new(own))
    }

    /// Ends sign-ins of somebody, by themselves: those that this machine knows at once, those of others when the database has said
    /// which there are; `None` where that is asked.
    pub(super) fn end_own(
        &mut self,
        from: (ServerNo, u64),
        person: &Person,
        which: Which,
        now: Instant,
    ) -> Option<AccountAnswer> {
        let by = By::signed_in(person.user.as_str());
        let asks = |id: SignInId| person.asker == Asker::SignIn(id);
        let of_others = person.account.filter(|_| self.shares_accounts() && !matches!(which, Which::Here(_)));
        let own = self.own_sign_ins(person).map(|one| one.id);
        let here: Vec<SignInId> = match which {
            Which::Here(id) => own.filter(|one| *one == id).collect(),
            Which::Elsewhere(_) => own.take(0).collect(),
            // The one that asks waits for the answer about the others.
            Which::All if of_others.is_none() => own.collect(),
            Which::All | Which::Others => own.filter(|id| !asks(*id)).collect(),
        };
        let count = self.end_them(person, here, &by, now);
        let Some(account) = of_others else {
            return Some(AccountAnswer::Ended { sign_ins: count, whole: true });
        };
        let then = Then::Ends { person: Box::new(person.clone()), which, here: count };
        self.ask_for_person(Asked { from, by, act: None, then }, StoreAsk::Past { account }, now);
        None
    }

    /// Ends what the database says that others have, and the one that asks where all are meant.
    pub(super) fn end_elsewhere(
        &mut self,
        person: &Person,
        (which, here): (Which, u32),
        result: Result<StoreAnswer, StoreRefusal>,
        by: &By,
        now: Instant,
    ) -> Result<AccountAnswer, AccountRefusal> {
        let (elsewhere, more) = match (result, which) {
            (Ok(StoreAnswer::Past(past)), _) => (past.elsewhere, past.more_elsewhere),
            (Err(refusal), Which::Elsewhere(_)) => return Err(AccountRefusal::Store(refusal)),
            (answer, _) => {
                say!(
                    Warn,
                    "sign-ins of other machines are not ended: the database can't be asked: {answer:?}"
                );
                return Ok(AccountAnswer::Ended { sign_ins: here, whole: false });
            }
        };
        let own = match person.asker {
            Asker::SignIn(id) => Some(id),
            Asker::Key(_) => None,
        };
        // Those that ended here just now may be in the answer still.
        let lives = |one: &&OwnSignIn| !self.journal.debts().ends(one.id, &person.user, one.since);
        let mut all: Vec<SignInId> =
            elsewhere.iter().filter(lives).map(|one| one.id).filter(|&id| Some(id) != own).collect();
        match which {
            Which::Elsewhere(id) if all.contains(&id) => all = vec![id],
            Which::Elsewhere(_) => return Err(AccountRefusal::Gone),
            // Where there may be more the one that asks stays, to ask again.
            Which::All if !more => all.extend(own.filter(|id| self.sign_ins.get(id).is_some())),
            Which::All | Which::Here(_) | Which::Others => {}
        }
        let whole = !more || matches!(which, Which::Elsewhere(_));
        let ended = self.end_them(person, all, by, now);
        Ok(AccountAnswer::Ended { sign_ins: here.saturating_add(ended), whole })
    }

    /// Ends these; how many they were.
    fn end_them(&mut self, person: &Person, sign_ins: Vec<SignInId>, by: &By, now: Instant) -> u32 {
        let count = number(sign_ins.len());
        if count > 0 {
            let elsewhere: Vec<_> =
                sign_ins.iter().copied().filter(|id| self.sign_ins.get(id).is_none()).collect();
            self.end_these(&person.user, sign_ins, SignInEnd::SignedOut, by, now);
            elsewhere.into_iter().for_each(|id| self.row_elsewhere_ended(id));
        }
        count
    }
}
