//! Running sessions of somebody whose groups or role are others now.
//!
//! The proxy decides by the groups of now at once. What the kernel holds was fixed when the session started: where the groups of now
//! would have it held tighter, the session ends after a warning, or goes on and its page says what isn't held
//! (`membership-change`). What is compared are two plans of this moment, one by the groups of the start and one by those of now, so
//! that nothing but the groups counts.

use std::time::Instant;

use portcullis_conf::MembershipChange;
use portcullis_model::sandbox::Sandbox;
use portcullis_model::session::State;
use portcullis_model::sign_in::{Principal, SignIn};
use portcullis_model::{SessionId, UserName};
use portcullis_policy::CommandError;
use portcullis_policy::sandbox::{Part, at_least};
use portcullis_wire::ToServer;

use super::looked::Looked;
use crate::clock;
use crate::launcher::Launcher;
use crate::log::say;

/// Seconds between the warning and the end: to save what is open.
const WARNED_FOR: u64 = 60;

/// In what a session falls short of what its owner's groups of now demand.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Short {
    /// The kernel doesn't hold these.
    Of(Vec<Part>),
    /// It would not be started at all.
    NotForThem(String),
}

impl Launcher {
    /// Gives the sessions of a person the groups of now; those that they had before, where they were others.
    pub(crate) fn regroup_sessions(&mut self, principal: &Principal, now: Instant) -> Option<Vec<String>> {
        let is_theirs =
            |entry: &super::Entry| entry.kept.uid == principal.uid && entry.kept.session.state.is_live();
        let theirs = self.sessions.iter().filter(|(_, entry)| is_theirs(entry));
        let others = theirs.filter(|(_, entry)| entry.kept.groups != principal.groups);
        let ids: Vec<SessionId> = others.map(|(&id, _)| id).collect();
        let mut before = None;
        for id in ids {
            let Some(entry) = self.sessions.get_mut(&id) else { continue };
            let old = std::mem::replace(&mut entry.kept.groups, principal.groups.clone());
            entry.clocks = None;
            if let Some(start) = &mut entry.start {
                // Nothing of it is planned yet: it starts as who they are now.
                start.principal = principal.clone();
            } else {
                entry.kept.started_groups.get_or_insert_with(|| old.clone());
            }
            before.get_or_insert(old);
            self.dirty.at_once();
            self.hold_to_groups(id, principal, now);
        }
        before
    }

    /// Ends the sessions of somebody whose role is less than sessions are for, after a warning.
    pub(crate) fn end_sessions_of_less(&mut self, user: &UserName, now: Instant) {
        let theirs = self.sessions.iter().filter(|(_, entry)| entry.kept.session.user == *user);
        let ids: Vec<SessionId> =
            theirs.filter(|(_, e)| e.kept.session.state.is_live()).map(|(&id, _)| id).collect();
        for id in ids {
            self.end_after_warning(id, "the owner's role is less than `session-minimum-role`", now);
        }
    }

    /// What becomes of one whose owner's groups are others.
    fn hold_to_groups(&mut self, id: SessionId, principal: &Principal, now: Instant) {
        let short = self.short(id, principal);
        let least = self.active.settings.roles.session_minimum_role;
        let is_less = |one: &SignIn| one.principal.user == principal.user && one.role < least;
        if self.sign_ins.of(principal.uid).any(is_less) {
            return; // it ends for their role
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let mut unheld = Vec::new();
        match (short, self.active.settings.membership.membership_change) {
            (None, _) => {
                // As tight as it has to be, again perhaps.
                entry.kept.ends_at = None;
            }
            (Some(Short::Of(parts)), MembershipChange::Restrict) => {
                entry.kept.ends_at = None;
                unheld = parts.iter().map(|part| part.option().to_owned()).collect();
                unheld.dedup();
                say!(
                    Warn,
                    "a session is held by less than its owner's groups demand session={id} {unheld:?}"
                );
            }
            (Some(short), _) => {
                let why = match short {
                    Short::Of(parts) => format!("{parts:?}"),
                    Short::NotForThem(why) => why,
                };
                return self.end_after_warning(id, &why, now);
            }
        }
        if entry.kept.session.unheld != unheld {
            entry.kept.session.unheld = unheld;
            self.server.hold(ToServer::Session(Box::new(entry.kept.session.clone())));
        }
        self.dirty.at_once();
        self.judge_again(id, now);
    }

    fn end_after_warning(&mut self, id: SessionId, why: &str, now: Instant) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if entry.kept.ends_at.is_none() && entry.kept.ending.is_none() {
            say!(Info, "a session ends in {WARNED_FOR} s, as its owner's groups demand session={id}: {why}");
            entry.kept.ends_at = Some(clock::seconds() + WARNED_FOR);
            self.dirty.at_once();
        }
        self.judge_again(id, now);
    }

    /// In what a session falls short; `None` where it doesn't.
    fn short(&self, id: SessionId, principal: &Principal) -> Option<Short> {
        let entry = self.sessions.get(&id)?;
        let started = entry.kept.started_groups.as_ref()?;
        if matches!(entry.kept.session.state, State::Ended(_)) {
            return None;
        }
        let then = Principal { groups: started.clone(), ..principal.clone() };
        let planned = |who: &Principal| -> Result<Sandbox, Short> {
            let session = &entry.kept.session;
            let facts = self.launch_facts(session.id, who, &session.token, Vec::new());
            let command = self.command(session.ide, &facts, who).map_err(|error| match error {
                CommandError::Undeclared { .. }
                | CommandError::NotForYou { .. }
                | CommandError::Off { .. } => Short::NotForThem(error.to_string()),
                // Nothing that groups decide.
                _ => Short::Of(Vec::new()),
            })?;
            let plan = self.plan(session.ide, &facts, &command, who, &Looked::default());
            plan.map(|plan| plan.sandbox).map_err(|refused| Short::NotForThem(refused.to_string()))
        };
        // What would not be started by the groups of then either, isn't short by those of now.
        let in_force = planned(&then).ok()?;
        match planned(principal) {
            Ok(wanted) => at_least(&in_force, &wanted).err().map(Short::Of),
            Err(Short::Of(_)) => None,
            Err(not_for_them) => Some(not_for_them),
        }
    }
}
