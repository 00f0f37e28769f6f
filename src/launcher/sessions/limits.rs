//! Limits of sessions: the control group of each is made with them before anything runs in it, and looked at while it lives.
//!
//! What is seen becomes the session's load (for its owner), a record where the kernel ended or refused something, and the reason
//! of the session's end. It must not decide how much somebody may use: that is the plan's. The last look is the keeper's, who
//! removes the group.

use std::time::{Duration, Instant};

use portcullis_model::audit::Event;
use portcullis_model::load::{Killed, Load, SessionLoad, Share, Used, What, Whose};
use portcullis_model::sandbox::{Limits, Quota};
use portcullis_model::session::State;
use portcullis_model::{SessionId, Uid};
use portcullis_sys::cgroup::{self, Group, Refusals, Usage};
use portcullis_sys::kernel_log::{OutOfMemory, out_of_memory};
use portcullis_wire::{SessionSpec, ToServer};

use crate::clock;
use crate::launcher::Launcher;
use crate::log::{chain, say};

/// Between two records of refused processes of one session: a fork bomb is refused some thousand times a second.
const FORKS_EVERY: Duration = Duration::from_secs(60);

/// The kernel's counter may have been seen by a look before the one at the end: those come every five seconds.
const JUST_NOW: Duration = Duration::from_secs(6);

/// The name of a session's group.
pub(super) fn group_name(id: SessionId) -> String {
    format!("session-{id}")
}

impl Launcher {
    /// Makes the session's group with the limits of its plan. Without a group, descendants are ended one by one at the end;
    /// without a limit that the plan holds there is no session.
    pub(super) fn in_group(&mut self, id: SessionId, mut spec: SessionSpec) -> Result<SessionSpec, String> {
        let limits = &spec.sandbox.limits;
        let made =
            self.groups.make(spec.uid.0, &group_name(id), &quota(&limits.user), &quota(&limits.session));
        let group = match made {
            Ok(group) => group,
            Err(error) if limits.user.is_some() || limits.session.is_some() => {
                return Err(format!("the session's limits can't be set: {}", chain(&error)));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.no_cgroups_said, true) {
                    say!(Info, "sessions have no cgroup of their own: {}", chain(&error));
                }
                Group::default()
            }
        };
        spec.cgroups = group.dirs().iter().filter_map(|dir| dir.to_str().map(str::to_owned)).collect();
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.kept.cgroups.clone_from(&spec.cgroups);
            entry.kept.limits = spec.sandbox.limits.clone();
            self.dirty.at_once();
        }
        Ok(spec)
    }

    /// Looks at every session that has limits. Called with each sweep, every five seconds: some ten small files a session, so
    /// a twentieth of a millisecond; a warning that is five seconds late is still one.
    pub(crate) fn watch_limits(&mut self) {
        let limited = |entry: &super::Entry| {
            let limits = &entry.kept.limits;
            matches!(entry.kept.session.state, State::Launching(_) | State::Running)
                && (limits.session.is_some() || limits.user.is_some())
        };
        let ids: Vec<SessionId> =
            self.sessions.iter().filter(|(_, entry)| limited(entry)).map(|(&id, _)| id).collect();
        for id in ids {
            self.look(id);
        }
    }

    /// Looks at one session.
    pub(super) fn look(&mut self, id: SessionId) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let group = Group::at(&entry.kept.cgroups);
        let (limits, users) = (&entry.kept.limits, group.of_user());
        let load = &entry.kept.session.load;
        let seen = Load {
            session: used(&limits.session, group.usage()),
            user: if limits.user.is_some() { used(&limits.user, users.usage()) } else { Used::default() },
            killed: load.killed.clone(),
        };
        if !seen.shows_as(load) {
            entry.kept.session.load = seen;
            self.server.hold(ToServer::Session(Box::new(entry.kept.session.clone())));
        }
        self.refused(id, group.refusals(), false);
        self.refused_by_user(id, users.own_forks());
    }

    /// Looks at one session whose IDE ended: whether that was for want of memory.
    pub(super) fn look_at_end(&mut self, id: SessionId) {
        self.look(id);
        if let Some(entry) = self.sessions.get_mut(&id) {
            entry.told.out_of_memory = entry.memory_noticed.is_some_and(|at| at.elapsed() <= JUST_NOW);
        }
    }

    /// What the keeper counted last, when nothing of the session ran any more.
    pub(super) fn refused_last(&mut self, id: SessionId, refusals: Refusals) {
        self.refused(id, refusals, true);
    }

    /// Records what the kernel counted since the last look.
    fn refused(&mut self, id: SessionId, refusals: Refusals, last: bool) {
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let told = entry.kept.told;
        let killed = refusals.killed.saturating_sub(told.killed);
        if killed > 0 {
            let known: Vec<OutOfMemory> = out_of_memory(told.record)
                .into_iter()
                .filter(|one| one.group.ends_with(&format!("/{}", group_name(id))))
                .collect();
            let whose = known.last().map_or_else(
                || by_limits(&entry.kept.limits, &entry.kept.session.load, What::Memory),
                |one| whose(one, id, entry.kept.uid),
            );
            let limit_mb = limit(&entry.kept.limits, whose, What::Memory);
            let (program, pid) = known.last().map_or((String::new(), 0), |one| (one.name.clone(), one.pid));
            entry.kept.told.killed = refusals.killed;
            entry.kept.told.record = known.last().map_or(told.record, |one| one.number);
            entry.memory_noticed = Some(Instant::now());
            entry.told.out_of_memory |= last;
            let what = Killed {
                program: program.clone(),
                pid,
                at: clock::seconds(),
                whose,
                limit_mb,
                count: refusals.killed,
            };
            say!(
                Info,
                "the kernel ended a process of a session session={id} program={program:?} pid={pid} because {}",
                what.used_up()
            );
            entry.kept.session.load.killed = Some(what);
            self.server.hold(ToServer::Session(Box::new(entry.kept.session.clone())));
            self.reached(id, What::Memory, whose, limit_mb, killed, (program, pid));
        }
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        let forks = refusals.forks.saturating_sub(told.forks);
        if forks > 0 {
            let whose = by_limits(&entry.kept.limits, &entry.kept.session.load, What::Processes);
            entry.told.full = Some((whose, limit(&entry.kept.limits, whose, What::Processes)));
        }
        let due = last || entry.forks_told.is_none_or(|at| at.elapsed() >= FORKS_EVERY);
        if forks > 0 && due {
            let whose = by_limits(&entry.kept.limits, &entry.kept.session.load, What::Processes);
            entry.kept.told.forks = refusals.forks;
            entry.forks_told = Some(Instant::now());
            let limit = limit(&entry.kept.limits, whose, What::Processes);
            self.reached(id, What::Processes, whose, limit, forks, (String::new(), 0));
        }
    }

    /// Processes that the limit of all sessions of the user refused, where the kernel counts that apart: recorded with the
    /// first of them.
    fn refused_by_user(&mut self, id: SessionId, forks: Option<u64>) {
        let Some(uid) = self.sessions.get(&id).map(|entry| entry.kept.uid) else { return };
        let first = self.sessions.iter().find(|(_, e)| e.kept.uid == uid && e.kept.session.state.is_live());
        if first.is_none_or(|(&first, _)| first != id) {
            return;
        }
        let Some((forks, entry)) = forks.zip(self.sessions.get_mut(&id)) else { return };
        let more = forks.saturating_sub(entry.kept.told.user_forks);
        if more > 0 && entry.forks_told.is_none_or(|at| at.elapsed() >= FORKS_EVERY) {
            entry.kept.told.user_forks = forks;
            entry.forks_told = Some(Instant::now());
            let limit = limit(&entry.kept.limits, Whose::User, What::Processes);
            self.reached(id, What::Processes, Whose::User, limit, more, (String::new(), 0));
        }
    }

    fn reached(
        &mut self,
        id: SessionId,
        what: What,
        whose: Whose,
        limit: u64,
        count: u64,
        (program, pid): (String, i32),
    ) {
        let Some(entry) = self.sessions.get(&id) else { return };
        let session = &entry.kept.session;
        self.log.write(Event::LimitReached {
            session: id,
            user: session.user.to_string(),
            ide: session.ide.to_string(),
            what: what.word().into(),
            whose: whose.word().into(),
            limit,
            count,
            program,
            pid,
        });
        self.dirty.at_once();
    }

    /// What sessions with limits use, for an administrator.
    pub(crate) fn loads(&self) -> Vec<SessionLoad> {
        let live = self.sessions.values().map(|entry| &entry.kept.session);
        live.filter(|session| session.state.is_live() && session.load.is_limited())
            .map(|session| SessionLoad {
                session: session.id,
                user: session.user.to_string(),
                ide: session.ide.to_string(),
                load: session.load.clone(),
            })
            .collect()
    }
}

/// Whether an IDE ended as the kernel ends processes.
pub(super) fn was_killed(status: &str) -> bool {
    status == "killed by SIGKILL"
}

const MB: u64 = 1 << 20;

fn quota(of: &Quota) -> cgroup::Quota {
    cgroup::Quota {
        memory: of.memory_mb.map(|mb| mb.saturating_mul(MB)),
        processes: of.processes,
        processor_percent: of.processor_percent,
    }
}

/// What is used of what is limited.
fn used(limits: &Quota, usage: Usage) -> Used {
    let share = |(used, limit)| Share { used, limit };
    Used {
        memory_mb: usage.memory.map(|bytes| bytes.div_ceil(MB)).zip(limits.memory_mb).map(share),
        processes: usage.processes.zip(limits.processes).map(share),
    }
}

fn limit(limits: &Limits, whose: Whose, what: What) -> u64 {
    let quota = match whose {
        Whose::Session => &limits.session,
        Whose::User => &limits.user,
        Whose::Machine => return 0,
    };
    let limit = match what {
        What::Memory => quota.memory_mb,
        What::Processes => quota.processes,
    };
    limit.unwrap_or(0)
}

/// Whose limit the kernel names.
fn whose(found: &OutOfMemory, id: SessionId, uid: Uid) -> Whose {
    if found.limited.ends_with(&format!("/{}", group_name(id))) {
        Whose::Session
    } else if found.limited.ends_with(&format!("/user-{}", uid.0)) {
        Whose::User
    } else {
        Whose::Machine
    }
}

/// Whose it must have been, where the kernel doesn't say: the only one, or the one that is closer.
fn by_limits(limits: &Limits, load: &Load, what: What) -> Whose {
    let is_set = |whose| limit(limits, whose, what) > 0;
    let percent = |whose| {
        let mut shares = load.shares().filter(|(w, kind, _)| (*w, *kind) == (whose, what));
        shares.next().map_or(0, |(_, _, share)| share.percent())
    };
    match (is_set(Whose::Session), is_set(Whose::User)) {
        (false, false) => Whose::Machine,
        (true, false) => Whose::Session,
        (false, true) => Whose::User,
        (true, true) if percent(Whose::User) > percent(Whose::Session) => Whose::User,
        (true, true) => Whose::Session,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(memory: Option<u64>, processes: Option<u64>) -> Quota {
        Quota { memory_mb: memory, processes, processor_percent: None }
    }

    #[test]
    fn only_what_is_limited_is_shown() {
        let usage = Usage { memory: Some(MB * 63 + 1), processes: Some(7) };
        let shown = used(&of(Some(64), None), usage);
        assert_eq!(shown, Used { memory_mb: Some(Share { used: 64, limit: 64 }), processes: None });
        assert_eq!(used(&of(Some(64), Some(20)), Usage::default()), Used::default());
    }

    #[test]
    fn the_kernel_says_whose_limit_it_was() {
        let id = SessionId::from_bytes([7; 8]);
        let own = format!("/x/user-9/{}", group_name(id));
        for (limited, wanted) in [
            (own.as_str(), Whose::Session),
            ("/x/user-9", Whose::User),
            ("/x", Whose::Machine),
            ("", Whose::Machine),
        ] {
            let found = OutOfMemory {
                number: 1,
                limited: limited.into(),
                group: own.clone(),
                name: "a".into(),
                pid: 1,
            };
            assert_eq!(whose(&found, id, Uid(9)), wanted, "{limited}");
        }
    }

    #[test]
    fn where_it_does_not_say_the_closer_one_is_named() {
        let limits = |session, user| Limits { session, user, ..Limits::default() };
        let load = Load {
            session: used(&of(Some(100), None), Usage { memory: Some(50 * MB), processes: None }),
            user: used(&of(Some(100), None), Usage { memory: Some(99 * MB), processes: None }),
            killed: None,
        };
        let both = limits(of(Some(100), None), of(Some(100), None));
        assert_eq!(by_limits(&both, &load, What::Memory), Whose::User);
        assert_eq!(by_limits(&both, &Load::default(), What::Memory), Whose::Session);
        assert_eq!(by_limits(&both, &load, What::Processes), Whose::Machine);
        assert_eq!(
            by_limits(&limits(of(None, Some(5)), of(None, None)), &load, What::Processes),
            Whose::Session
        );
    }

    #[test]
    fn a_quota_is_in_bytes() {
        assert_eq!(quota(&of(Some(64), Some(20))).memory, Some(67_108_864));
        assert!(was_killed("killed by SIGKILL") && !was_killed("exit status 137"));
    }
}
