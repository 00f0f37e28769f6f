//! The second factor of a sign-in, whatever proved the first: asked for between the account and the grant.
//!
//! Whether one is asked for is decided here alone ([`next`]); whether an answer is right is the store's to say, which uses it up.
//! A challenge is made here, for one answer, and nothing of it comes from a server. Somebody who needs a factor and has none is let
//! in for nothing but to enrol one.

use std::time::Instant;

use portcullis_model::Secret;
use portcullis_model::account::Account;
use portcullis_model::audit::Event;
use portcullis_model::factor::{FactorKind, FactorNeed};
use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::{Denied, Principal, Second};
use portcullis_wire::factors::{CODE_MAX, Challenge, FactorAsk, FactorTold, PASSKEY_MAX};
use portcullis_wire::identity::{StoreAnswer, StoreAsk, StoreRefusal};
use portcullis_wire::{Prompt, PromptStyle, ToServer};

use super::{Attempt, Stage, TURNS_MAX, Talk};
use crate::clock;
use crate::identity::{ForStore, STORE_WITHIN};
use crate::launcher::Launcher;
use crate::throttle::Counted;

/// Wrong answers that end a conversation: a clock that stands wrong and two slips of the finger leave two. Each counts as a failed
/// attempt of the name besides, and codes of an account are counted over all its conversations, or many would make more guesses.
const WRONG_MAX: u32 = 5;
/// What the page asks who has a program that shows codes. The word `authenticator` lets password managers find theirs.
const CODE: &str = "Code of your authenticator app, or a recovery code";
/// What it asks who has passkeys only.
const RECOVERY: &str = "Recovery code, if you have lost your passkey";
/// What it says after a wrong answer: never what was wrong with it.
const WRONG: &str = "That was not right, or was used already. Wait for the next code, then try again.";

/// What the second factor of an account depends on, besides what is enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Need {
    /// One of the person's groups needs one (`factor-required-groups`).
    pub(crate) required: bool,
    /// The method proves nothing that a second factor could be second to (`auth-none`).
    pub(crate) exempt: bool,
}

/// What comes after the account is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// A factor is asked for.
    Ask,
    /// They are let in for nothing but to enrol one.
    Limited,
    /// They are let in.
    Done,
}

/// Decides it. Whoever has enrolled a factor is asked for it, needed or not.
pub(crate) const fn next(need: Need, enrolled: FactorNeed, done: bool) -> Next {
    if need.exempt || done {
        Next::Done
    } else if enrolled.enrolled() {
        Next::Ask
    } else if need.required {
        Next::Limited
    } else {
        Next::Done
    }
}

/// Where a second factor stands.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) principal: Principal,
    account: Account,
    challenge: Challenge,
    /// Wrong answers so far.
    wrong: u32,
    turn: Turn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The store says what can be asked.
    Making,
    /// The person answers: so many fields.
    Person(usize),
    /// The store judges.
    Judging,
}

impl Asking {
    /// Whether the person's answer is what is waited for.
    pub(super) const fn is_the_persons(&self) -> bool {
        matches!(self.turn, Turn::Person(_))
    }
}

/// A fresh challenge.
pub(crate) fn challenge() -> Result<Challenge, String> {
    let mut random = [0; portcullis_wire::factors::CHALLENGE_BYTES];
    getrandom::fill(&mut random).map_err(|error| error.to_string())?;
    Ok(Challenge { random, made: clock::seconds() })
}

impl Launcher {
    /// Whether one of these groups needs a second factor.
    pub(crate) fn factor_required<'a>(&self, mut groups: impl Iterator<Item = &'a str>) -> bool {
        let named = &self.active.settings.factors.factor_required_groups;
        groups.any(|group| named.iter().any(|one| one == group))
    }

    /// The account is open: the second factor, or the grant.
    pub(super) fn second_factor(&mut self, conversation: Talk, account: Account, now: Instant) {
        let Some(one) = self.conversations.get(&conversation) else { return };
        let Stage::Opening { principal, counted, .. } = &one.stage else { return };
        let (principal, counted) = ((**principal).clone(), *counted);
        // A provider's groups count too: a requirement takes something away, it gives nothing.
        let told = one.proven.iter().flat_map(|proven| &proven.groups).map(|group| group.name.as_str());
        let required = self.factor_required(principal.groups.iter().map(String::as_str).chain(told));
        let need = Need { required, exempt: one.method == MethodName::None };
        match next(need, account.factors, false) {
            Next::Done => self.let_in_as(conversation, account, Second::NotAsked, now),
            Next::Limited => self.let_in_as(conversation, account, Second::ToEnrol, now),
            Next::Ask => {
                let Ok(challenge) = challenge() else {
                    return self.deny(conversation, Denied::System, "no randomness", now);
                };
                let asking = Asking { principal, account, challenge, wrong: 0, turn: Turn::Making };
                self.ask_question(conversation, (Box::new(asking), counted), now);
            }
        }
    }

    /// Asks the store what can be asked.
    fn ask_question(
        &mut self,
        conversation: Talk,
        (mut asking, counted): (Box<Asking>, Counted),
        now: Instant,
    ) {
        asking.turn = Turn::Making;
        let ask = FactorAsk::Question { account: asking.account.id, challenge: asking.challenge };
        self.ask_factor(conversation, (asking, counted), ask, now);
    }

    fn ask_factor(
        &mut self,
        conversation: Talk,
        (asking, counted): (Box<Asking>, Counted),
        ask: FactorAsk,
        now: Instant,
    ) {
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        one.stage = Stage::Factor { asking, deadline: now + STORE_WITHIN, counted };
        let attempt = Attempt { talk: conversation, number: one.number };
        self.ask_store(ForStore::Factor(attempt), StoreAsk::Factor(Box::new(ask)), now);
    }

    /// What the store says.
    pub(crate) fn factor_answered(
        &mut self,
        attempt: Attempt,
        result: Result<StoreAnswer, StoreRefusal>,
        now: Instant,
    ) {
        let Some(conversation) = self.attempted(attempt) else { return };
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let Stage::Factor { asking, .. } = &mut one.stage else { return };
        let told = match result {
            Ok(StoreAnswer::Factor(told)) => *told,
            Ok(_) => {
                return self.deny(conversation, Denied::System, "the store answered something else", now);
            }
            Err(refusal) => return self.deny(conversation, Denied::System, &refusal.to_string(), now),
        };
        match (asking.turn, told) {
            (Turn::Making, FactorTold::Question { totp, passkey }) => {
                self.ask_person(conversation, totp, passkey, now);
            }
            (Turn::Judging, FactorTold::Proved { kind, account }) => {
                let same = account.id == asking.account.id && account.unix == asking.account.unix;
                if same && kind != FactorKind::Passkey {
                    self.throttle.code_was_right(account.id);
                }
                if same && account.live() {
                    self.let_in_as(conversation, *account, Second::Proven(kind), now);
                } else {
                    let why = "the account was locked, or became another's, while a factor was asked for";
                    self.deny(conversation, Denied::Account, why, now);
                }
            }
            (Turn::Judging, FactorTold::Wrong { why }) => self.factor_wrong(conversation, &why, now),
            _ => self.deny(conversation, Denied::System, "the store answered something else", now),
        }
    }

    /// Asks the person.
    fn ask_person(&mut self, conversation: Talk, totp: bool, passkey: Option<String>, now: Instant) {
        let most = self.active.seconds(|conf| conf.pam_timeout_seconds);
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let began = one.began;
        let Stage::Factor { asking, deadline, .. } = &mut one.stage else { return };
        *deadline = (now + most).min(began + most * (TURNS_MAX + WRONG_MAX));
        let prompt = |style, text: &str| Prompt { style, text: text.to_owned() };
        let mut prompts = Vec::new();
        if asking.wrong > 0 {
            prompts.push(prompt(PromptStyle::Error, WRONG));
        }
        prompts.push(prompt(PromptStyle::Shown, if totp { CODE } else { RECOVERY }));
        prompts.extend(passkey.map(|options| Prompt { style: PromptStyle::Passkey, text: options }));
        asking.turn = Turn::Person(prompts.iter().filter(|prompt| prompt.style.wants_answer()).count());
        let (server, conversation) = conversation;
        self.server.tell_to(server, ToServer::Prompts { conversation, prompts });
    }

    /// What the person answers: a code, and a passkey's answer where that was asked for; one of them is empty.
    pub(super) fn factor_typed(&mut self, conversation: Talk, answers: Vec<Secret>, now: Instant) {
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        one.input = now;
        let Stage::Factor { asking, .. } = &one.stage else { return };
        let mut answers = answers.into_iter();
        let (code, passkey) = (answers.next(), answers.next().unwrap_or_default());
        let asked = match asking.turn {
            Turn::Person(fields) => fields == 1 && passkey.is_empty() || fields == 2,
            Turn::Making | Turn::Judging => false,
        };
        let Some(code) = code.filter(|code| asked && code.len() <= CODE_MAX && passkey.len() <= PASSKEY_MAX)
        else {
            let why = "an answer that nobody asked for, or that is longer than any";
            return self.deny(conversation, Denied::Factor, why, now);
        };
        if code.is_empty() && passkey.is_empty() {
            return self.factor_wrong(conversation, "nothing was typed", now);
        }
        let (account, by_code) = (asking.account.id, !code.is_empty());
        // ORDER: counted before it is judged, or answers side by side would be guesses that nobody counts. Passkeys aren't guessed.
        if by_code && !self.throttle.may_judge_code(account, now.duration_since(self.began)) {
            let why = "too many wrong codes of this account";
            return self.deny(conversation, Denied::Factor, why, now);
        }
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let Stage::Factor { asking, counted, .. } = &one.stage else { return };
        // ORDER: the challenge goes with this answer; the next question has another.
        let ask = FactorAsk::Prove { account: asking.account.id, code, passkey, challenge: asking.challenge };
        let counted = *counted;
        let stage = std::mem::replace(
            &mut one.stage,
            Stage::Refused { until: now, reason: Denied::Factor, id: String::new() },
        );
        let Stage::Factor { mut asking, .. } = stage else { return };
        asking.turn = Turn::Judging;
        self.ask_factor(conversation, (asking, counted), ask, now);
    }

    /// It was wrong: recorded, counted, and asked again a few times.
    fn factor_wrong(&mut self, conversation: Talk, why: &str, now: Instant) {
        let steady = now.duration_since(self.began);
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let remote = one.remote;
        let Stage::Factor { asking, counted, .. } = &mut one.stage else { return };
        asking.wrong += 1;
        let (wrong, counted, user) = (asking.wrong, *counted, asking.principal.user.to_string());
        self.throttle.failed(one.counted_as.as_deref(), remote, steady);
        let event = Event::FactorFailed { user, remote, at: "sign-in".into(), why: why.to_owned() };
        self.log.write(event);
        if wrong >= WRONG_MAX {
            let why = format!("{wrong} second factors were wrong, the last one: {why}");
            return self.deny(conversation, Denied::Factor, &why, now);
        }
        let Ok(challenge) = challenge() else {
            return self.deny(conversation, Denied::System, "no randomness", now);
        };
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        let stage = std::mem::replace(
            &mut one.stage,
            Stage::Refused { until: now, reason: Denied::Factor, id: String::new() },
        );
        let Stage::Factor { mut asking, .. } = stage else { return };
        asking.challenge = challenge;
        self.ask_question(conversation, (asking, counted), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_asked_who_is_limited_and_who_is_let_in() {
        let none = FactorNeed::default();
        let totp = FactorNeed { totp: true, ..none };
        let passkey = FactorNeed { passkey: true, ..none };
        let codes = FactorNeed { recovery: 10, ..none };
        let need = |required, exempt| Need { required, exempt };
        for (need, enrolled, done, expected) in [
            (need(false, false), none, false, Next::Done),
            (need(false, false), codes, false, Next::Done),
            (need(false, false), totp, false, Next::Ask),
            (need(false, false), passkey, false, Next::Ask),
            (need(true, false), none, false, Next::Limited),
            (need(true, false), codes, false, Next::Limited),
            (need(true, false), totp, false, Next::Ask),
            (need(true, false), totp, true, Next::Done),
            (need(false, false), passkey, true, Next::Done),
            (need(true, true), none, false, Next::Done),
            (need(true, true), totp, false, Next::Done),
        ] {
            assert_eq!(next(need, enrolled, done), expected, "{need:?} {enrolled:?} {done}");
        }
    }

    #[test]
    fn no_two_challenges_are_alike() {
        let (one, two) = (challenge().expect("random"), challenge().expect("random"));
        assert_ne!(one.random, two.random);
    }
}
