//! Sign-ins: conversations that lead to one (this file), and those that live (`lives`).
//!
//! A conversation is a proof (`account`), a PAM helper of its own and the look-up of the account, each with a deadline. Whatever the
//! reason, a refusal is answered when the same time has passed since the person's last input, so that nobody learns from the clock
//! which accounts there are.

pub(crate) mod account;
pub(crate) mod again;
mod asserted;
pub(crate) mod begin;
pub(crate) mod factor;
pub(crate) mod helper;
mod lives;
pub(crate) mod living;
mod patience;
pub(crate) mod permit;
mod places;
mod pool;
mod refusal;
pub(crate) mod talk;
mod written;

use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_conf::sign_in::methods;
use portcullis_model::Secret;
use portcullis_model::audit::Event;
use portcullis_model::proof::{Evidence, MethodName, Proven};
use portcullis_model::sign_in::{AGENT_MAX, Denied, Principal, SignIn};
use portcullis_pam::ANSWER_MAX;
use portcullis_sys::process::{Ended, Process};
use portcullis_wire::{Channel, ToServer, WireError};

use self::factor::Asking;
use self::patience::told_at;
use self::talk::{FromHelper, ToHelper};
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::server::ServerNo;
use crate::text::printable;
use crate::throttle::Counted;

/// Conversations at a time, waiting and being refused included: a few thousand bytes each.
const CONVERSATIONS_MAX: usize = 1024;
/// Longest name kept, in characters: longer ones are refused, whatever follows.
const TYPED_MAX: usize = 256;
/// How many deadlines one conversation may take in all: a password, a code, and three prompts of a password change.
const TURNS_MAX: u32 = 6;
/// Why nobody gets in while the daemon is offline.
const NOBODY: &str = "an administrator lets nobody in at the moment";

/// Names a conversation: a number of the server's choice, beside the server.
pub(crate) type Talk = (ServerNo, u64);

/// Names one conversation for ever: the server may use its number again while an answer about the one of before is still under
/// way, and that answer is not the next one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// Where it is found, while it lives.
    pub(crate) talk: Talk,
    /// A number of this process's own.
    pub(crate) number: u64,
}

/// A conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// As typed, or as a provider says; before that, what stands for it where attempts are counted.
    user: String,
    /// The number of this process's own, which whoever is asked about it answers to.
    number: u64,
    /// The name that its failures count for; a method that finds out the name has none before.
    counted_as: Option<String>,
    /// A name that nobody knows from there was refused when this one began: so is a failure of it, in what is told.
    as_stranger: bool,
    remote: IpAddr,
    /// What their browser called itself, printable and cut.
    agent: String,
    began: Instant,
    /// The person's last input: refusals are timed from here.
    input: Instant,
    /// By which they prove who they are.
    method: MethodName,
    /// What a method other than PAM found.
    proven: Option<Box<Proven>>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// For a free helper.
    Waiting { evidence: Evidence },
    /// A method examines what they brought.
    Proving { deadline: Instant, counted: Counted },
    /// With a helper; `asked` says that a question waits for the person.
    Talking { helper: Process, channel: Channel, asked: bool, deadline: Instant, counted: Counted },
    /// For the account of this principal; `asked` says that the store was asked for it.
    Opening { principal: Box<Principal>, asked: bool, deadline: Instant, counted: Counted },
    /// For a second factor.
    Factor { asking: Box<Asking>, deadline: Instant, counted: Counted },
    /// For its row, where other machines are to honour it (`written`).
    Writing { sign_in: Box<SignIn>, deadline: Instant, counted: Counted },
    /// Nothing was proven; what is told of it waits until the store is known to be there (`patience`).
    Withheld { reason: Denied, detail: String, asked: bool, deadline: Instant, counted: Counted },
    /// Refused, not told yet.
    Refused { until: Instant, reason: Denied, id: String },
}

impl Conversation {
    /// The helper's descriptor.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.stage {
            Stage::Talking { channel, .. } => Some(channel.as_fd()),
            Stage::Waiting { .. }
            | Stage::Proving { .. }
            | Stage::Opening { .. }
            | Stage::Factor { .. }
            | Stage::Writing { .. }
            | Stage::Withheld { .. }
            | Stage::Refused { .. } => None,
        }
    }

    /// When something is to be done about it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Waiting { .. } => None, // a helper's end, or the sweep, looks at it
            Stage::Proving { deadline, .. }
            | Stage::Talking { deadline, .. }
            | Stage::Opening { deadline, .. }
            | Stage::Factor { deadline, .. }
            | Stage::Writing { deadline, .. }
            | Stage::Withheld { deadline, .. } => Some(*deadline),
            Stage::Refused { until, .. } => Some(*until),
        }
    }
}

/// Whether PAM can take this as an answer.
fn fits(answer: &Secret) -> bool {
    answer.len() <= ANSWER_MAX && !answer.expose().contains(&0)
}

impl Launcher {
    /// `SignInStart`.
    pub(crate) fn start_sign_in(
        &mut self,
        conversation: Talk,
        (remote, agent): (IpAddr, &str),
        evidence: Evidence,
        now: Instant,
    ) {
        let steady = now.duration_since(self.began);
        let (method, user) = self.route(&evidence, remote);
        let asserted = account::asserted(&self.active.settings, &evidence, remote);
        let user = match &asserted {
            Some(Ok(name)) => name.to_string(),
            Some(Err(_)) | None => user,
        };
        let counted_as =
            matches!(evidence, Evidence::Form { .. } | Evidence::Header { .. }).then(|| user.clone());
        let refused = |launcher: &mut Self, reason, why: &str| {
            launcher.deny_at_once(conversation, (&user, remote, method), reason, why);
        };
        if !self.is_healthy() || !self.takes_requests() {
            return refused(self, Denied::System, "records can't be written, or the daemon is ending");
        }
        if self.offline.is_some() {
            return refused(self, Denied::Offline, NOBODY);
        }
        if self.conversations.len() >= CONVERSATIONS_MAX {
            return refused(self, Denied::Throttled, "too many conversations");
        }
        if !methods(&self.active.settings).contains(&method) {
            return refused(self, Denied::NotPermitted, "this way to sign in is not configured");
        }
        if let Err(many) = self.throttle.may_try(counted_as.as_deref(), remote, steady) {
            return refused(self, Denied::Throttled, &many.to_string());
        }
        let as_stranger =
            counted_as.as_deref().is_some_and(|name| self.throttle.refuses_strangers(name, remote, steady));
        let wrong = account::judge(&evidence).or_else(|| asserted.and_then(Result::err));
        let user = user.chars().take(TYPED_MAX).collect();
        let (stage, proven) = (Stage::Waiting { evidence }, None);
        self.attempts += 1;
        let number = self.attempts;
        let begun = Conversation {
            user,
            number,
            counted_as,
            as_stranger,
            remote,
            agent: printable(agent, AGENT_MAX),
            began: now,
            input: now,
            method,
            proven,
            stage,
        };
        self.conversations.insert(conversation, begun);
        match wrong {
            Some((reason, why)) => self.deny(conversation, reason, &why, now),
            None => self.start_helpers(now),
        }
    }

    /// What the helper says.
    pub(crate) fn hear_helper(&mut self, conversation: Talk, now: Instant) {
        loop {
            let Some(one) = self.conversations.get_mut(&conversation) else { return };
            let Stage::Talking { channel, asked, deadline, .. } = &mut one.stage else { return };
            match channel.receive::<FromHelper>() {
                Ok((FromHelper::Prompts(prompts), _)) => {
                    let most = self.active.seconds(|conf| conf.pam_timeout_seconds);
                    *asked = prompts.iter().any(|prompt| prompt.style.wants_answer());
                    *deadline = (now + most).min(one.began + most * TURNS_MAX);
                    self.server
                        .tell_to(conversation.0, ToServer::Prompts { conversation: conversation.1, prompts });
                }
                Ok((FromHelper::Accepted { principal, local }, _)) => {
                    let by_password = one.method == MethodName::Pam;
                    self.sync.learn(&principal.user, local, by_password, &mut self.dirty);
                    return self.accepted(conversation, principal, now);
                }
                Ok((FromHelper::Stands(_), _)) => {
                    let why = "the PAM helper answered something else";
                    return self.deny(conversation, Denied::System, why, now);
                }
                Ok((FromHelper::Refused { reason, detail }, _)) => {
                    return self.deny(conversation, reason, &detail, now);
                }
                // Closed without a word: its end says why.
                Err(WireError::WouldBlock | WireError::Closed) => return,
                Err(error) => return self.deny(conversation, Denied::System, &chain(&error), now),
            }
        }
    }

    /// The helper's process ended; a last word may still be there.
    pub(crate) fn helper_ended(&mut self, conversation: Talk, pid: i32, ended: Ended, now: Instant) {
        let is_its =
            |one: &Conversation| matches!(&one.stage, Stage::Talking { helper, .. } if helper.pid() == pid);
        self.hear_helper(conversation, now);
        if self.conversations.get(&conversation).is_some_and(is_its) {
            say!(Warn, "a PAM helper ended without an answer: {ended}");
            self.log.write(Event::ProcessLost { process: "helper".into(), status: ended.to_string() });
            self.deny(conversation, Denied::System, &format!("the PAM helper ended: {ended}"), now);
        }
        self.start_helpers(now);
    }

    /// PAM let somebody in; whether this account may sign in here is decided now.
    fn accepted(&mut self, conversation: Talk, principal: Principal, now: Instant) {
        let settings = &self.active.settings.rserver;
        let permitted =
            permit::permit(&principal, self.active.minimum_uid, &settings.auth_required_user_group);
        if let Err(why) = permitted {
            return self.deny(conversation, Denied::NotPermitted, &why.to_string(), now);
        }
        if self.offline.is_some() {
            return self.deny(conversation, Denied::Offline, NOBODY, now);
        }
        self.open_account(conversation, principal, now);
    }

    /// The conversation that an answer is about, if it is still that one.
    fn attempted(&self, attempt: Attempt) -> Option<Talk> {
        self.conversations.get(&attempt.talk).filter(|one| one.number == attempt.number)?;
        Some(attempt.talk)
    }

    /// `SignInAnswer`. A conversation that has just ended is no mistake: messages cross.
    pub(crate) fn answer(&mut self, conversation: Talk, answers: Vec<Secret>, now: Instant) {
        let most = self.active.seconds(|conf| conf.pam_timeout_seconds);
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
        if matches!(one.stage, Stage::Factor { .. }) {
            return self.factor_typed(conversation, answers, now);
        }
        let Stage::Talking { channel, asked, deadline, .. } = &mut one.stage else { return };
        one.input = now;
        *deadline = (now + most).min(one.began + most * TURNS_MAX);
        if !std::mem::take(asked) || !answers.iter().all(fits) {
            let why = "an answer that nobody asked for, that is longer than PAM takes, or has a zero byte";
            return self.deny(conversation, Denied::Credentials, why, now);
        }
        if let Err(error) = channel.send(&ToHelper::Answers(answers), &[]) {
            self.deny(conversation, Denied::System, &chain(&error), now);
        }
    }

    /// `SignInCancel`. Counted as a failure: leaving when no second prompt comes tells as much as a refusal.
    pub(crate) fn cancel(&mut self, conversation: Talk, now: Instant) {
        if self
            .conversations
            .get(&conversation)
            .is_some_and(|one| !matches!(one.stage, Stage::Refused { .. }))
        {
            self.deny(conversation, Denied::Cancelled, "", now);
        }
    }

    /// Refuses, and lets the next in.
    fn deny(&mut self, conversation: Talk, reason: Denied, detail: &str, now: Instant) {
        self.refuse(conversation, reason, detail, now);
        self.start_helpers(now);
    }

    /// Refuses: recorded now, told when its time has come.
    fn refuse(&mut self, conversation: Talk, reason: Denied, detail: &str, now: Instant) {
        if self.withhold(conversation, reason, detail, now) {
            return;
        }
        let Some(mut one) = self.conversations.remove(&conversation) else { return };
        self.withdraw_row(&one);
        one.end_helper();
        let is_failure = match reason {
            Denied::Credentials
            | Denied::Account
            | Denied::NotPermitted
            | Denied::BadName
            | Denied::Cancelled
            | Denied::Factor => true,
            Denied::Throttled | Denied::Deadline | Denied::System | Denied::Offline => false,
        };
        match (one.counted(), is_failure) {
            (None, true) => {
                let steady = now.duration_since(self.began);
                self.throttle.failed(one.counted_as.as_deref(), one.remote, steady);
            }
            (Some(counted), false) => {
                self.throttle.take_back(one.counted_as.as_deref(), one.remote, counted);
            }
            (Some(_), true) | (None, false) => {}
        }
        let id = self.record((&one.user, one.remote, one.method), reason, detail);
        let wait = match reason {
            Denied::Cancelled => Duration::ZERO, // nobody is there to learn from it
            _ => self.active.seconds(|conf| conf.sign_in_failure_seconds),
        };
        let as_stranger = one.as_stranger && is_failure && reason != Denied::Cancelled;
        let reason = if as_stranger { Denied::Throttled } else { reason };
        one.stage = Stage::Refused { until: told_at(one.input, now, wait), reason, id };
        self.conversations.insert(conversation, one);
    }

    /// Refuses without a helper and without delay: says nothing about the account.
    pub(crate) fn deny_at_once(
        &mut self,
        conversation: Talk,
        who: (&str, IpAddr, MethodName),
        reason: Denied,
        detail: &str,
    ) {
        let id = self.record(who, reason, detail);
        let (server, conversation) = conversation;
        self.server.tell_to(server, ToServer::Denied { conversation, reason, id });
    }
}

impl Conversation {
    /// Where its attempt was counted, once it had a helper.
    const fn counted(&self) -> Option<Counted> {
        match self.stage {
            Stage::Proving { counted, .. }
            | Stage::Talking { counted, .. }
            | Stage::Opening { counted, .. }
            | Stage::Factor { counted, .. }
            | Stage::Writing { counted, .. }
            | Stage::Withheld { counted, .. } => Some(counted),
            Stage::Waiting { .. } | Stage::Refused { .. } => None,
        }
    }

    /// Kills the helper; it is reaped as any child.
    fn end_helper(&mut self) {
        if let Stage::Talking { helper, .. } = &self.stage {
            let _ = helper.signal(Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pam_can_not_take_is_known_before() {
        assert!(fits(&Secret::new(vec![b'x'; ANSWER_MAX])));
        assert!(!fits(&Secret::new(vec![b'x'; 64 * 1024])));
        assert!(!fits(&Secret::new(b"a\0b".to_vec())));
    }
}
