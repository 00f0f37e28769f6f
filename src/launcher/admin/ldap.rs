//! `portcullis ldap test`: the process that asks directories does what it does at a sign-in, and everything that it tells is handed on.
//!
//! Nobody is signed in by it, and nothing is counted or recorded: the asker is root.

use std::time::{Duration, Instant};

use portcullis_conf::Settings;
use portcullis_model::Secret;
use portcullis_model::account::Identity;
use portcullis_model::proof::{Evidence, Failure, MethodName, Proven, Step};
use portcullis_model::role_rule::{self, Told};
use portcullis_wire::admin::{Found, FromDaemon, Refusal};
use portcullis_wire::identity::{AskAnswer, ToAsk};

use super::number;
use crate::identity::ForAsk;
use crate::launcher::Launcher;
use crate::sign_in::account::unix_name;

/// Time for all of it: several directories that are slow have their own limits, and each step is told as it is done.
const WITHIN: Duration = Duration::from_secs(60);
/// Time for the asker to read the end.
const ANSWER: Duration = Duration::from_secs(5);

impl Launcher {
    /// Asks the directories for an administrator.
    pub(super) fn test_directories(
        &mut self,
        peer: u64,
        user: String,
        password: Secret,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !portcullis_conf::sign_in::methods(&self.active.settings).contains(&MethodName::Ldap) {
            return Err(Refusal::NoDirectory);
        }
        self.admin.waits_until(peer, now + WITHIN + ANSWER);
        let evidence = Evidence::Form { user, password };
        let message = |request| ToAsk::Prove { request, evidence, told: true };
        self.ask_method(MethodName::Ldap, ForAsk::Test { peer }, now + WITHIN, message, now);
        Ok(())
    }

    /// A step of it.
    pub(crate) fn directory_told(&mut self, peer: u64, step: Step) {
        self.admin.tell(peer, vec![FromDaemon::Step(Box::new(step))]);
    }

    /// Its end.
    pub(crate) fn directory_tested(&mut self, peer: u64, result: Result<AskAnswer, Failure>) {
        let found = match result {
            Ok(AskAnswer::Proven(proven)) => Ok(Box::new(found(&self.active.settings, *proven))),
            Ok(_) => Err(Failure::protocol("the method answered something else")),
            Err(failure) => Err(failure),
        };
        self.admin.tell(peer, vec![FromDaemon::Tested(found), FromDaemon::Done]);
    }
}

/// What would become of somebody here.
fn found(settings: &Settings, proven: Proven) -> Found {
    let unix = unix_name(settings, MethodName::Ldap, &proven);
    let told = Told { groups: &proven.groups, values: &proven.attributes.role_values };
    let (role, reason) = role_rule::role(false, &settings.role_rules(), told);
    Found {
        unix,
        groups: number(proven.groups.len()),
        role,
        reason,
        register: proven.register,
        identity: Identity { provider: proven.provider, unique: proven.unique },
        user: proven.user,
    }
}
