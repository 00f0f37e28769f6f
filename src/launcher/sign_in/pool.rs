//! The helpers there may be at a time, and who gets the next one.
//!
//! It must not let one address have all of them, nor let attempts run side by side that would be refused in a row.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use portcullis_model::Secret;
use portcullis_model::proof::{Evidence, EvidenceKind, MethodName};
use portcullis_model::sign_in::Denied;
use portcullis_wire::Channel;
use portcullis_wire::identity::ToAsk;

use super::talk::{Job, Step, ToHelper};
use super::{Attempt, Conversation, Stage, Talk};
use crate::children::Child;
use crate::identity::ForAsk;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;
use crate::throttle::{Counted, Network};

impl Launcher {
    /// Gives waiting conversations a helper, oldest first, as many as there may be.
    pub(crate) fn start_helpers(&mut self, now: Instant) {
        // While accounts can't be asked for nobody gets in, and nobody is to learn whether their password is right.
        if !self.identity.store.is_ready() {
            return;
        }
        let most = usize::try_from(self.active.settings.portcullis.sign_in_max_concurrent).unwrap_or(1);
        let steady = now.duration_since(self.began);
        while let Some((next, name, remote)) = self.next_waiting(most) {
            let counted = match self.throttle.begin(name.as_deref(), remote, steady) {
                Ok(counted) => counted,
                Err(many) => {
                    self.refuse(next, Denied::Throttled, &many.to_string(), now);
                    continue;
                }
            };
            if let Err(why) = self.start_helper(next, counted, now) {
                say!(Error, "cannot start a PAM helper: {why}");
                self.refuse(next, Denied::System, &why, now);
            }
        }
    }

    /// The oldest that waits and may have a helper now. One address never has all of them: whoever lets PAM's questions stand
    /// unanswered would keep everybody else out.
    fn next_waiting(&self, most: usize) -> Option<(Talk, Option<String>, IpAddr)> {
        let mut talking: HashMap<Network, usize> = HashMap::new();
        let busy = |one: &&Conversation| matches!(one.stage, Stage::Talking { .. } | Stage::Proving { .. });
        for one in self.conversations.values().filter(busy) {
            *talking.entry(Network::of(one.remote)).or_default() += 1;
        }
        if talking.values().sum::<usize>() >= most {
            return None;
        }
        let of_one = most - most / 4;
        let may = |one: &Conversation| {
            matches!(one.stage, Stage::Waiting { .. })
                && talking.get(&Network::of(one.remote)).is_none_or(|many| *many < of_one)
        };
        let waiting = self.conversations.iter().filter(|(_, one)| may(one));
        waiting.min_by_key(|(_, one)| one.began).map(|(&id, one)| (id, one.counted_as.clone(), one.remote))
    }

    /// Has what they brought examined: by PAM in a helper of its own, or by a method's process.
    fn start_helper(&mut self, conversation: Talk, counted: Counted, now: Instant) -> Result<(), String> {
        let deadline = now + self.active.seconds(|conf| conf.pam_timeout_seconds);
        let Some(one) = self.conversations.get_mut(&conversation) else { return Ok(()) };
        let Stage::Waiting { evidence } = &mut one.stage else { return Ok(()) };
        let evidence = std::mem::replace(evidence, Evidence::Nothing);
        match evidence {
            Evidence::Form { password, .. } if one.method == MethodName::Pam => {
                let user = one.user.clone();
                self.start_pam(conversation, (Step::Authenticate, user, password), counted, deadline)
            }
            // Nothing is to be examined: whose word it is, and that it counts here, was looked at when it came.
            Evidence::Header { .. } | Evidence::Nothing => {
                let step = (Step::Account, one.user.clone(), Secret::default());
                self.start_pam(conversation, step, counted, deadline)
            }
            evidence => {
                one.stage = Stage::Proving { deadline, counted };
                let (method, number) = (one.method, one.number);
                let who = ForAsk::Proof(Attempt { talk: conversation, number });
                let kind = evidence.kind();
                let message = |request| ToAsk::Prove { request, evidence, told: false };
                match kind {
                    EvidenceKind::Ticket => self.ask_ticket(who, deadline, message, now),
                    EvidenceKind::Response => self.ask_once(method, who, deadline, None, message, now),
                    _ => self.ask_method(method, who, deadline, message, now),
                }
                Ok(())
            }
        }
    }

    /// Starts a PAM helper for this step.
    pub(super) fn start_pam(
        &mut self,
        conversation: Talk,
        (step, user, password): (Step, String, Secret),
        counted: Counted,
        deadline: Instant,
    ) -> Result<(), String> {
        let Some(one) = self.conversations.get_mut(&conversation) else { return Ok(()) };
        let job = Job {
            step,
            service: self.active.settings.portcullis.pam_service.clone(),
            user,
            remote: one.remote.to_string(),
            password,
            only_password_prompts: self.active.settings.rserver.auth_pam_require_password_prompt,
        };
        let (channel, theirs) = Channel::pair().map_err(|error| chain(&error))?;
        let helper = role::start_helper(&theirs).map_err(|error| chain(&error))?;
        self.children.insert(helper.pid(), Child::Helper(conversation));
        let told = channel.set_nonblocking(true).and_then(|()| channel.send(&ToHelper::Job(job), &[]));
        one.stage = Stage::Talking { helper, channel, asked: false, deadline, counted };
        told.map_err(|error| chain(&error))
    }
}
