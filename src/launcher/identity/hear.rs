//! What the roles of the identity program say: each answer goes to whoever asked, once.

use std::time::Instant;

use portcullis_model::SignInId;
use portcullis_model::account::Account;
use portcullis_model::proof::{Failure, MethodName};
use portcullis_model::sign_in::SignInEnd;
use portcullis_wire::WireError;
use portcullis_wire::identity::{AskAnswer, FromAsk, FromStore, StoreAnswer, StoreRefusal};

use super::{ForAsk, ForStore, Role, saml};
use crate::admin::By;
use crate::launcher::Launcher;
use crate::log::say;

/// Messages of one role handled in one turn, so that it can't keep the others waiting.
const BATCH: usize = 64;

impl Launcher {
    /// What a role says.
    pub(crate) fn hear_identity(&mut self, role: Role, now: Instant) {
        for _ in 0..BATCH {
            match self.hear_one(role, now) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.role_broke(role, &error, now),
            }
        }
    }

    /// One message of it; whether there was one.
    pub(super) fn hear_one(&mut self, role: Role, now: Instant) -> Result<bool, WireError> {
        match role {
            Role::Store => self.hear_store(now),
            Role::Ask(method) => self.hear_ask(method, now),
            Role::Once(..) => self.hear_once(role, now),
        }
    }

    fn hear_store(&mut self, now: Instant) -> Result<bool, WireError> {
        let Some(message) = self.identity.store.receive::<FromStore>()? else { return Ok(false) };
        match message {
            FromStore::Ready => {
                // It opens the database once.
                if self.identity.store.is_ready() {
                    return Err(WireError::Malformed);
                }
                self.identity.store.is_there();
                if std::mem::take(&mut self.identity.store_lost_said) {
                    say!(Info, "accounts can be asked again");
                }
                self.store_is_there(now);
                self.ask_what_waited(now);
            }
            FromStore::Answer { request, result } => match self.identity.store.answered(request) {
                Some(who) => self.hear_answer_of_store(who, result, now),
                None if self.identity.store.was_asked(request) => {} // it had its time
                None => return Err(WireError::Malformed),
            },
            FromStore::Changed(accounts) => {
                for account in accounts {
                    self.account_changed_elsewhere(&account, now)?;
                }
            }
            FromStore::EndedElsewhere(ended) => self.ended_elsewhere(ended)?,
            FromStore::Missed => {
                self.only_of_others()?;
                self.tell_all_that_lives_again(now);
            }
            FromStore::Apart(apart) if self.shares_accounts() => self.apart(apart, now),
            FromStore::Apart(true) => say!(Warn, "the database can't be read; what is known goes on"),
            FromStore::Apart(false) => say!(Info, "the database can be read"),
            FromStore::Revoked { account, user } => self.revoked_elsewhere(account, &user, now)?,
            FromStore::Upto(revision) => self.heard_upto(revision)?,
            FromStore::KeysEndedElsewhere(ids) => self.keys_ended_elsewhere(&ids)?,
            FromStore::KeysElsewhere(all) => self.keys_are_of(&all)?,
        }
        Ok(true)
    }

    fn hear_ask(&mut self, method: MethodName, now: Instant) -> Result<bool, WireError> {
        let Some(link) = self.identity.asks.get_mut(&method) else { return Ok(false) };
        let Some(message) = link.receive::<FromAsk>()? else { return Ok(false) };
        match message {
            FromAsk::Ready => link.is_there(),
            FromAsk::Step { request, step } => match link.asker(request) {
                Some(&ForAsk::Test { peer }) => self.directory_told(peer, step),
                Some(_) => return Err(WireError::Malformed), // nobody wanted to be told
                None if link.was_asked(request) => {}
                None => return Err(WireError::Malformed),
            },
            FromAsk::Piece { request, bytes } => {
                let was_asked = link.was_asked(request);
                let fits = match link.asker_mut(request) {
                    Some(ForAsk::Metadata { text, .. }) => saml::add_piece(text, &bytes),
                    Some(_) => false, // nobody waits for pieces
                    None => was_asked,
                };
                if !fits {
                    return Err(WireError::Malformed);
                }
            }
            FromAsk::Answer { request, result } => match link.answered(request) {
                Some(who) => self.hear_proof(who, result, now),
                None if link.was_asked(request) => {} // it had its time
                None => return Err(WireError::Malformed),
            },
        }
        Ok(true)
    }

    pub(super) fn hear_proof(&mut self, who: ForAsk, result: Result<AskAnswer, Failure>, now: Instant) {
        match (who, result) {
            (ForAsk::Proof(attempt), Ok(AskAnswer::Proven(proven))) if !self.counts_once(attempt) => {
                self.proven(attempt, *proven, now);
            }
            (ForAsk::Proof(attempt), Ok(AskAnswer::Asserted { proven, id, until })) => {
                self.asserted(attempt, proven, (&id, until), now);
            }
            (ForAsk::Proof(attempt), Ok(_)) => {
                self.not_proven(attempt, &Failure::protocol("the method answered something else"), now);
            }
            (ForAsk::Proof(attempt), Err(failure)) => self.not_proven(attempt, &failure, now),
            (ForAsk::Members(look), result) => self.sync_told(look, result, now),
            (ForAsk::Begin(who), Ok(AskAnswer::Begin(begin))) => self.begun(who, Ok(begin)),
            (ForAsk::Begin(who), Ok(_)) => {
                self.begun(who, Err(Failure::protocol("the method answered something else")));
            }
            (ForAsk::Begin(who), Err(failure)) => self.begun(who, Err(failure)),
            (ForAsk::Describe(who), Ok(AskAnswer::Described(document))) => self.described(who, Ok(document)),
            (ForAsk::Describe(who), Ok(_)) => {
                self.described(who, Err(Failure::protocol("the method answered something else")));
            }
            (ForAsk::Describe(who), Err(failure)) => self.described(who, Err(failure)),
            (ForAsk::Metadata { round, text }, result) => self.provider_fetched((round, text), result, now),
            (ForAsk::Provider { round }, result) => self.provider_read(round, result, now),
            (ForAsk::Test { peer }, result) => self.directory_tested(peer, result),
        }
    }

    pub(super) fn hear_answer_of_store(
        &mut self,
        who: ForStore,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        match who {
            ForStore::There(attempt) => self.store_was_there(attempt, &result, now),
            ForStore::Opening(attempt) => self.opened_account(attempt, result, now),
            ForStore::Spending(attempt, proven) => self.spent(attempt, proven, result, now),
            ForStore::Administrator { peer, by, act } => {
                self.accounts_answered(Some(peer), &by, act.as_deref(), result, now);
            }
            // Whoever asked was told that nobody knows; what was done holds here all the same.
            ForStore::Late { by, act } if result.is_ok() => {
                say!(Warn, "an act on accounts was answered late by={:?}", by.name);
                self.accounts_answered(None, &by, Some(&act), result, now);
            }
            ForStore::Late { .. } => {}
            ForStore::Sync(look) => self.sync_found(look, result, now),
            ForStore::Synced => self.synced(result, now),
            ForStore::Asked(asked) => self.asked_answered(*asked, result, now),
            ForStore::Factor(attempt) => self.factor_answered(attempt, result, now),
            ForStore::Keys(told) => self.store_heard_of_keys(told, result, now),
            ForStore::Looked => self.looks_told(result.as_ref().map(|_| ()), now),
            ForStore::Rows(lane, round) => {
                self.rows_answered((lane, round), result.as_ref().map(drop), now);
                if let Ok(StoreAnswer::Over(all)) = result {
                    self.are_over(&all, now);
                }
            }
            ForStore::Writing(attempt) => self.row_written(attempt, result, now),
            ForStore::Known(comer, asked) => self.known_answered((comer, asked), result, now),
            ForStore::KeyEnd { peer, key, by } => self.key_of_elsewhere(peer, key, &by, result, now),
            ForStore::KeysGiven { from, to } => self.keys_given(&from, &to, result),
            ForStore::Machines(act) => self.machines_answered(act, result),
            ForStore::Mine => self.mine_answered(result),
            ForStore::Others => self.others_answered(result),
        }
    }

    /// An account is otherwise than it was, by an act on another machine.
    pub(crate) fn account_changed(&mut self, account: &Account, now: Instant) {
        self.role_changed(account.id, account.role);
        self.below_minimum(account, now);
        self.keys_follow(account);
        let theirs = self.sign_ins.values().filter(|one| one.account == Some(account.id));
        let (mut any, mut other) = (false, None);
        for one in theirs {
            any = true;
            if one.principal.user != account.unix {
                other = Some(one.principal.user.clone());
            }
        }
        if !account.live() {
            self.stop_opening(&account.unix, now);
        }
        // Whoever has a session has something to lose, signed in or not.
        any |= self
            .sessions
            .values()
            .any(|entry| entry.kept.session.state.is_live() && entry.kept.session.user == account.unix);
        let by = By { login: -1, name: "another machine".into() };
        match other {
            _ if !any => {}
            Some(user) => self.revoke(&user, Some(account.id), &by, None, now),
            None if !account.live() => self.revoke(&account.unix, Some(account.id), &by, None, now),
            None => {}
        }
    }

    /// Sign-ins that the database knows to be over, for it was told so while nobody listened here: a sign-out elsewhere, a lock whose
    /// answer was lost. Of people whose account is locked or gone everything ends, as it would have then.
    fn are_over(&mut self, all: &[(SignInId, SignInEnd)], now: Instant) {
        let by = By { login: -1, name: "the database".into() };
        for (id, why) in all {
            let Some(one) = self.sign_ins.get(id) else { continue };
            let (user, account) = (one.principal.user.clone(), one.account);
            match why {
                SignInEnd::Account => self.revoke(&user, account, &by, None, now),
                _ => drop(self.end_without_row(*id, *why)),
            }
        }
    }
}
