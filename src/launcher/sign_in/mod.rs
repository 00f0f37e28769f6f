//! Sign-ins: conversations that lead to one (this file), and those that live (`lives`).
//!
//! A conversation is a PAM helper of its own, with a deadline. Whatever the reason, a refusal is answered when the same time
//! has passed since the person's last input, so that nobody learns from the clock which accounts there are.

pub(crate) mod helper;
mod lives;
pub(crate) mod permit;
mod pool;
pub(crate) mod talk;

use std::net::IpAddr;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use portcullis_model::audit::Event;
use portcullis_model::sign_in::{Denied, Principal};
use portcullis_model::{Secret, UserName};
use portcullis_pam::ANSWER_MAX;
use portcullis_sys::process::{Ended, Process};
use portcullis_wire::{Channel, ToServer, WireError};

use self::talk::{FromHelper, ToHelper};
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::server::ServerNo;
use crate::throttle::Counted;
use crate::{role, text};

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

/// A conversation.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// As typed.
    user: String,
    remote: IpAddr,
    began: Instant,
    /// The person's last input: refusals are timed from here.
    input: Instant,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// For a free helper.
    Waiting { password: Secret },
    /// With a helper; `asked` says that a question waits for the person.
    Talking { helper: Process, channel: Channel, asked: bool, deadline: Instant, counted: Counted },
    /// Refused, not told yet.
    Refused { until: Instant, reason: Denied, id: String },
}

impl Conversation {
    /// The helper's descriptor.
    pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.stage {
            Stage::Talking { channel, .. } => Some(channel.as_fd()),
            Stage::Waiting { .. } | Stage::Refused { .. } => None,
        }
    }

    /// When something is to be done about it.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Waiting { .. } => None, // a helper's end, or the sweep, looks at it
            Stage::Talking { deadline, .. } => Some(*deadline),
            Stage::Refused { until, .. } => Some(*until),
        }
    }
}

/// When a refusal is told: a whole number of `wait`s after the input, at least one.
fn told_at(input: Instant, now: Instant, wait: Duration) -> Instant {
    if wait.is_zero() {
        return now;
    }
    let passed = now.saturating_duration_since(input).as_millis();
    let times = passed.div_ceil(wait.as_millis()).max(1);
    input + wait * u32::try_from(times).unwrap_or(u32::MAX)
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
        user: String,
        remote: IpAddr,
        password: Secret,
        now: Instant,
    ) {
        let steady = now.duration_since(self.began);
        if !self.is_healthy() || !self.takes_requests() {
            let why = "records can't be written, or the daemon is ending";
            return self.deny_at_once(conversation, &user, remote, Denied::System, why);
        }
        if self.offline.is_some() {
            return self.deny_at_once(conversation, &user, remote, Denied::Offline, NOBODY);
        }
        if self.conversations.len() >= CONVERSATIONS_MAX {
            return self.deny_at_once(
                conversation,
                &user,
                remote,
                Denied::Throttled,
                "too many conversations",
            );
        }
        if !self.throttle.may_try(&user, remote, steady) {
            return self.deny_at_once(conversation, &user, remote, Denied::Throttled, "too many failures");
        }
        let bad_name = user.parse::<UserName>().err();
        let user = user.chars().take(TYPED_MAX).collect();
        let fits = fits(&password) && !password.is_empty();
        let begun = Conversation { user, remote, began: now, input: now, stage: Stage::Waiting { password } };
        self.conversations.insert(conversation, begun);
        if let Some(error) = bad_name {
            self.deny(conversation, Denied::BadName, &error.to_string(), now);
        } else if !fits {
            let why = "the password is empty, longer than PAM takes, or has a zero byte";
            self.deny(conversation, Denied::Credentials, why, now);
        } else {
            self.start_helpers(now);
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
                Ok((FromHelper::Accepted(principal), _)) => {
                    return self.accepted(conversation, principal, now);
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
        let Some(one) = self.conversations.remove(&conversation) else { return };
        match self.grant(principal, one.remote) {
            Ok(sign_in) => {
                if let Some(counted) = one.counted() {
                    self.throttle.take_back(&one.user, one.remote, counted);
                }
                self.throttle.succeeded(&one.user, one.remote, now.duration_since(self.began));
                let (server, conversation) = conversation;
                self.server.hold_to(server, ToServer::SignedIn { conversation, sign_in });
                self.start_helpers(now);
            }
            Err(why) => {
                say!(Error, "cannot keep a sign-in: {why}");
                self.conversations.insert(conversation, one);
                self.deny(conversation, Denied::System, &why, now);
            }
        }
    }

    /// `SignInAnswer`. A conversation that has just ended is no mistake: messages cross.
    pub(crate) fn answer(&mut self, conversation: Talk, answers: Vec<Secret>, now: Instant) {
        let most = self.active.seconds(|conf| conf.pam_timeout_seconds);
        let Some(one) = self.conversations.get_mut(&conversation) else { return };
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
        let Some(mut one) = self.conversations.remove(&conversation) else { return };
        one.end_helper();
        let is_failure = match reason {
            Denied::Credentials
            | Denied::Account
            | Denied::NotPermitted
            | Denied::BadName
            | Denied::Cancelled => true,
            Denied::Throttled | Denied::Deadline | Denied::System | Denied::Offline => false,
        };
        match (one.counted(), is_failure) {
            (None, true) => {
                self.throttle.failed(&one.user, one.remote, now.duration_since(self.began));
            }
            (Some(counted), false) => self.throttle.take_back(&one.user, one.remote, counted),
            (Some(_), true) | (None, false) => {}
        }
        let id = self.record(&one.user, one.remote, reason, detail);
        let wait = match reason {
            Denied::Cancelled => Duration::ZERO, // nobody is there to learn from it
            _ => self.active.seconds(|conf| conf.sign_in_failure_seconds),
        };
        one.stage = Stage::Refused { until: told_at(one.input, now, wait), reason, id };
        self.conversations.insert(conversation, one);
    }

    /// Refuses without a helper and without delay: says nothing about the account.
    pub(crate) fn deny_at_once(
        &mut self,
        conversation: Talk,
        user: &str,
        remote: IpAddr,
        reason: Denied,
        detail: &str,
    ) {
        let id = self.record(user, remote, reason, detail);
        let (server, conversation) = conversation;
        self.server.tell_to(server, ToServer::Denied { conversation, reason, id });
    }

    /// Records a denial; of a flood that is throttled, some.
    fn record(&mut self, user: &str, remote: IpAddr, reason: Denied, detail: &str) -> String {
        let written = reason != Denied::Throttled || self.muted.may_write(self.began.elapsed());
        if written { self.record_denial(user, remote, reason, detail) } else { role::log_id() }
    }

    fn record_denial(&mut self, user: &str, remote: IpAddr, reason: Denied, detail: &str) -> String {
        let id = role::log_id();
        let user = text::printable(user, text::NAME_MAX);
        let detail = text::printable(detail, text::TEXT_MAX);
        say!(
            Info,
            "sign-in refused id={id} user={user:?} remote={remote} reason={reason:?} detail={detail:?}"
        );
        let detail = format!("{detail} [{id}]");
        self.log.write(Event::SignInDenied { user, remote, method: "pam".into(), reason, detail });
        id
    }

    /// Tells refusals whose time has come; ends conversations that took too long.
    pub(crate) fn tick_conversations(&mut self, now: Instant) {
        let most = self.active.seconds(|conf| conf.pam_timeout_seconds);
        if let Some(lost) = self.muted.take_owed(now.duration_since(self.began)) {
            self.log.write(Event::Overflow { kind: "sign-in-denied".into(), lost });
        }
        let (mut told, mut late) = (Vec::new(), Vec::new());
        for (&id, one) in &self.conversations {
            match &one.stage {
                Stage::Refused { until, .. } if now >= *until => told.push(id),
                Stage::Talking { deadline, .. } if now >= *deadline => late.push(id),
                Stage::Waiting { .. } if now >= one.began + most => late.push(id),
                _ => {}
            }
        }
        for id in late {
            self.deny(id, Denied::Deadline, "no answer in time, from the person or from a PAM module", now);
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
        self.conversations.retain(|talk, one| {
            if gone(talk) {
                one.end_helper();
            }
            !gone(talk)
        });
    }

    /// Whether somebody waits for an answer that needs no more words of theirs.
    pub(crate) fn is_deciding(&self) -> bool {
        let decides = |one: &Conversation| !matches!(one.stage, Stage::Talking { asked: true, .. });
        self.conversations.values().any(decides)
    }
}

impl Conversation {
    /// Where its attempt was counted, once it had a helper.
    const fn counted(&self) -> Option<Counted> {
        match self.stage {
            Stage::Talking { counted, .. } => Some(counted),
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

    #[test]
    fn what_pam_can_not_take_is_known_before() {
        assert!(fits(&Secret::new(vec![b'x'; ANSWER_MAX])));
        assert!(!fits(&Secret::new(vec![b'x'; 64 * 1024])));
        assert!(!fits(&Secret::new(b"a\0b".to_vec())));
    }
}
