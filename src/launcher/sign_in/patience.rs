//! When somebody is told that they are not let in, and what becomes of conversations by themselves.
//!
//! Nobody learns from the clock which accounts there are, nor from a database that hangs which password was right: who proved
//! something waits for the account then, so who proved nothing waits as long for the same answer.

use std::time::{Duration, Instant};

use portcullis_model::audit::Event;
use portcullis_model::sign_in::Denied;
use portcullis_wire::ToServer;
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};

use super::{Attempt, Conversation, Stage, Talk};
use crate::identity::{ForStore, STORE_WITHIN};
use crate::launcher::Launcher;
use crate::server::ServerNo;

/// When a refusal is told: a whole number of `wait`s after the input, at least one.
pub(super) fn told_at(input: Instant, now: Instant, wait: Duration) -> Instant {
    if wait.is_zero() {
        return now;
    }
    let passed = now.saturating_duration_since(input).as_millis();
    let times = passed.div_ceil(wait.as_millis()).max(1);
    input + wait * u32::try_from(times).unwrap_or(u32::MAX)
}

impl Launcher {
    /// Withholds a refusal that says what a proof was worth, until it is known that a proof which held would have been answered too.
    /// False where nothing was proven or refuted, or it is known.
    pub(super) fn withhold(
        &mut self,
        conversation: Talk,
        reason: Denied,
        detail: &str,
        now: Instant,
    ) -> bool {
        let tells =
            matches!(reason, Denied::Credentials | Denied::Account | Denied::NotPermitted | Denied::BadName);
        let Some(one) = self.conversations.get_mut(&conversation).filter(|_| tells) else { return false };
        let (Stage::Talking { counted, .. } | Stage::Proving { counted, .. }) = one.stage else {
            return false;
        };
        one.end_helper();
        let (detail, deadline) = (detail.to_owned(), now + STORE_WITHIN);
        one.stage = Stage::Withheld { reason, detail, asked: false, deadline, counted };
        self.ask_whether_there(conversation, now);
        true
    }

    /// The store can be asked: whoever waited for that is asked for.
    pub(crate) fn withheld_go_on(&mut self, now: Instant) {
        let waits = |one: &Conversation| matches!(one.stage, Stage::Withheld { asked: false, .. });
        let all: Vec<Talk> =
            self.conversations.iter().filter(|(_, one)| waits(one)).map(|(&talk, _)| talk).collect();
        for talk in all {
            self.ask_whether_there(talk, now);
        }
    }

    fn ask_whether_there(&mut self, conversation: Talk, now: Instant) {
        if !self.identity.store.is_ready() {
            return;
        }
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let Stage::Withheld { asked, .. } = &mut one.stage else { return };
        *asked = true;
        let attempt = Attempt { talk: conversation, number: one.number };
        self.ask_store(ForStore::There(attempt), StoreAsk::There, now);
    }

    /// The store is there, or not.
    pub(crate) fn store_was_there(
        &mut self,
        attempt: Attempt,
        result: &Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let Some(conversation) = self.attempted(attempt) else { return };
        let Some(one) = self.conversations.get(&conversation) else { return };
        let Stage::Withheld { reason, detail, .. } = &one.stage else { return };
        let (reason, detail) = match result {
            Ok(_) => (*reason, detail.clone()),
            // As it is told to somebody whose proof held.
            Err(refusal) => (Denied::System, format!("{refusal}; what was proven: {reason:?}, {detail}")),
        };
        self.deny(conversation, reason, &detail, now);
    }

    /// Tells refusals whose time has come; ends conversations that took too long.
    pub(crate) fn tick_conversations(&mut self, now: Instant) {
        let most = self.active.seconds(|conf| conf.pam_timeout_seconds);
        if let Some(lost) = self.muted.take_owed(now.duration_since(self.began)) {
            self.log.write(Event::Overflow { kind: "sign-in-denied".into(), lost });
        }
        // For a store that is not there, nobody waits longer than for its answer.
        let waits = if self.identity.store.is_ready() { most } else { STORE_WITHIN };
        let (mut told, mut late) = (Vec::new(), Vec::new());
        for (&id, one) in &self.conversations {
            match &one.stage {
                Stage::Refused { until, .. } if now >= *until => told.push(id),
                Stage::Proving { deadline, .. }
                | Stage::Talking { deadline, .. }
                | Stage::Opening { deadline, .. }
                | Stage::Factor { deadline, .. }
                | Stage::Writing { deadline, .. }
                | Stage::Withheld { deadline, .. }
                    if now >= *deadline =>
                {
                    late.push(id);
                }
                Stage::Waiting { .. } if now >= one.began + most.min(waits) => late.push(id),
                _ => {}
            }
        }
        for id in late {
            self.deny(id, Denied::Deadline, "no answer in time, from the person or from what proves it", now);
        }
        for conversation in told {
            if let Some(Conversation { stage: Stage::Refused { reason, id, .. }, .. }) =
                self.conversations.remove(&conversation)
            {
                let (server, conversation) = conversation;
                self.server.tell_to(server, ToServer::Denied { conversation, reason, id });
            }
        }
    }

    /// A server is gone, and with it everybody who was talking through it; `None`: all are.
    pub(crate) fn forget_conversations(&mut self, of: Option<ServerNo>) {
        let gone = |talk: &Talk| of.is_none_or(|no| talk.0 == no);
        let left: Vec<Talk> = self.conversations.keys().copied().filter(gone).collect();
        for mut one in left.iter().filter_map(|talk| self.conversations.remove(talk)).collect::<Vec<_>>() {
            self.withdraw_row(&one);
            one.end_helper();
        }
    }

    /// Whether somebody waits for an answer that needs no more words of theirs.
    pub(crate) fn is_deciding(&self) -> bool {
        let decides = |one: &Conversation| match &one.stage {
            Stage::Talking { asked, .. } => !asked,
            Stage::Factor { asking, .. } => !asking.is_the_persons(),
            _ => true,
        };
        self.conversations.values().any(decides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_told_at_whole_multiples_whatever_they_took() {
        let input = Instant::now();
        let wait = Duration::from_secs(3);
        let after = |millis| told_at(input, input + Duration::from_millis(millis), wait) - input;
        for quick in [0, 4, 137, 2999, 3000] {
            assert_eq!(after(quick), wait, "{quick}");
        }
        assert_eq!(after(3001), wait * 2);
        assert_eq!(told_at(input, input, Duration::ZERO), input);
    }
}
