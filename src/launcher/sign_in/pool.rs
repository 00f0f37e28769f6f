//! The helpers there may be at a time, and who gets the next one.
//!
//! It must not let one address have all of them, nor let attempts run side by side that would be refused in a row.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;

use portcullis_model::sign_in::Denied;
use portcullis_wire::Channel;

use super::talk::{Job, ToHelper};
use super::{Conversation, Stage, Talk};
use crate::children::Child;
use crate::launcher::Launcher;
use crate::log::{chain, say};
use crate::role;
use crate::throttle::{Counted, Network};

impl Launcher {
    /// Gives waiting conversations a helper, oldest first, as many as there may be.
    pub(super) fn start_helpers(&mut self, now: Instant) {
        let most = usize::try_from(self.active.settings.portcullis.sign_in_max_concurrent).unwrap_or(1);
        let steady = now.duration_since(self.began);
        while let Some((next, user, remote)) = self.next_waiting(most) {
            let Some(counted) = self.throttle.begin(&user, remote, steady) else {
                self.refuse(next, Denied::Throttled, "too many failures", now);
                continue;
            };
            if let Err(why) = self.start_helper(next, counted, now) {
                say!(Error, "cannot start a PAM helper: {why}");
                self.refuse(next, Denied::System, &why, now);
            }
        }
    }

    /// The oldest that waits and may have a helper now. One address never has all of them: whoever lets PAM's questions stand
    /// unanswered would keep everybody else out.
    fn next_waiting(&self, most: usize) -> Option<(Talk, String, IpAddr)> {
        let mut talking: HashMap<Network, usize> = HashMap::new();
        for one in self.conversations.values().filter(|one| matches!(one.stage, Stage::Talking { .. })) {
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
        waiting.min_by_key(|(_, one)| one.began).map(|(&id, one)| (id, one.user.clone(), one.remote))
    }

    fn start_helper(&mut self, conversation: Talk, counted: Counted, now: Instant) -> Result<(), String> {
        let deadline = now + self.active.seconds(|conf| conf.pam_timeout_seconds);
        let Some(one) = self.conversations.get_mut(&conversation) else { return Ok(()) };
        let Stage::Waiting { password } = &mut one.stage else { return Ok(()) };
        let job = Job {
            service: self.active.settings.portcullis.pam_service.clone(),
            user: one.user.clone(),
            remote: one.remote.to_string(),
            password: std::mem::take(password),
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
