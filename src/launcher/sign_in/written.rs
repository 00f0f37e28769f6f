//! The last step of a sign-in where other machines share the database: its row is there before anybody is told.
//!
//! Else the next request, which may come to another machine, would find nobody signed in. What can't be written in time is refused;
//! its row may be there all the same, and is withdrawn.

use std::time::{Duration, Instant};

use portcullis_model::SignInId;
use portcullis_model::sign_in::{Denied, SignIn};
use portcullis_wire::ToServer;
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};

use super::{Attempt, Conversation, Stage, Talk};
use crate::identity::ForStore;
use crate::launcher::Launcher;
use crate::log::say;

impl Launcher {
    /// Has the row written.
    pub(super) fn write_first(
        &mut self,
        conversation: Talk,
        mut one: Conversation,
        sign_in: SignIn,
        now: Instant,
    ) {
        let within = Duration::from_millis(self.active.settings.kept.database_wait_ms.into());
        let Some(counted) = one.counted() else { return };
        let Some(row) = self.row_of(&sign_in) else { return };
        let (attempt, deadline) = (Attempt { talk: conversation, number: one.number }, now + within);
        one.stage = Stage::Writing { sign_in: Box::new(sign_in), deadline, counted };
        self.conversations.insert(conversation, one);
        self.ask_store_within(ForStore::Writing(attempt), StoreAsk::Began(vec![row]), within, now);
    }

    /// What the database says of the row.
    pub(crate) fn row_written(
        &mut self,
        attempt: Attempt,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let Some(talk) = self.attempted(attempt) else { return };
        if !self.conversations.get(&talk).is_some_and(|one| matches!(one.stage, Stage::Writing { .. })) {
            return;
        }
        match result {
            Ok(StoreAnswer::Over(over)) if over.is_empty() => {
                if self.offline.is_some() {
                    return self.deny(talk, Denied::Offline, super::NOBODY, now);
                }
                let Some(mut one) = self.conversations.remove(&talk) else { return };
                let sign_in = one.stage.take_written();
                sign_in.into_iter().for_each(|sign_in| self.let_person_in(talk, &one, sign_in, now));
            }
            Ok(StoreAnswer::Over(_)) => {
                self.deny(talk, Denied::Account, "the account was locked at this moment", now);
            }
            Ok(_) => self.deny(talk, Denied::System, "the store answered something else", now),
            Err(refusal) => {
                say!(Error, "a sign-in could not be written where other machines read it: {refusal}");
                self.deny(talk, Denied::System, &refusal.to_string(), now);
            }
        }
    }

    /// Somebody is let in: told once it is on disk.
    pub(super) fn let_person_in(
        &mut self,
        conversation: Talk,
        one: &Conversation,
        sign_in: SignIn,
        now: Instant,
    ) {
        if let Some(counted) = one.counted() {
            self.throttle.take_back(one.counted_as.as_deref(), one.remote, counted);
        }
        let principal = sign_in.principal.clone();
        let sign_in = self.admit(sign_in);
        let name = one.counted_as.as_deref().unwrap_or(&one.user);
        self.remember_place(name, one.remote, now);
        // Other browsers of theirs, and sessions, have the groups of now too.
        self.is_now(&principal, "sign-in", now);
        self.identity_back(&principal);
        self.sync_who_came_in((principal.uid, principal.user.clone()), one.began);
        let (server, conversation) = conversation;
        self.server.hold_to(server, ToServer::SignedIn { conversation, sign_in });
    }

    /// Whether this sign-in's row is being written for somebody who waits.
    pub(crate) fn is_being_written(&self, id: SignInId) -> bool {
        let its =
            |one: &Conversation| matches!(&one.stage, Stage::Writing { sign_in, .. } if sign_in.id == id);
        self.conversations.values().any(its)
    }

    /// A conversation ends without its sign-in: what was being written for it is withdrawn.
    pub(super) fn withdraw_row(&mut self, one: &Conversation) {
        if let Stage::Writing { sign_in, .. } = &one.stage {
            self.row_withdrawn(sign_in.id);
        }
    }
}

impl Stage {
    /// What was written; the stage keeps what is left of it.
    fn take_written(&mut self) -> Option<SignIn> {
        match self {
            Self::Writing { sign_in, .. } => Some((**sign_in).clone()),
            _ => None,
        }
    }
}
