//! One's own sign-ins: shown with what the database has of the past, ended one by one or together.
//!
//! What is one's own is told by the account, and by the number where there is none. Ending is a revocation of these sign-ins without
//! the sessions: those live on, as after a sign-out.

use std::time::Instant;

use portcullis_model::SignInId;
use portcullis_model::sign_in::{SignIn, SignInEnd};
use portcullis_wire::accounts::{AccountAnswer, Asker, Own, OwnSignIn};
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};

use super::asked::{Asked, Person, Then};
use crate::admin::{By, number};
use crate::launcher::Launcher;
use crate::log::say;
use crate::server::ServerNo;

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
            Ok(StoreAnswer::Past(past)) => own.past = Some(*past),
            Ok(_) => say!(Error, "the database answered something else than the past"),
            Err(error) => say!(Info, "a page goes without the past: {error}"),
        }
        AccountAnswer::Own(Box::new(own))
    }

    /// Ends these sign-ins of somebody, by themselves.
    pub(super) fn end_own(
        &mut self,
        person: &Person,
        sign_ins: Vec<SignInId>,
        by: &By,
        now: Instant,
    ) -> AccountAnswer {
        let count = number(sign_ins.len());
        if count > 0 {
            self.end_these(&person.user, sign_ins, SignInEnd::SignedOut, by, now);
        }
        AccountAnswer::Ended { sign_ins: count }
    }
}
