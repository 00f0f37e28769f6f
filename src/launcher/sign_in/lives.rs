//! Sign-ins that live: granted, moved on by a person's acts, ended.

use std::net::IpAddr;

use portcullis_conf::Rserver;
use portcullis_model::account::Account;
use portcullis_model::audit::Event;
use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::{Principal, Second, SignIn, SignInEnd};
use portcullis_model::{AccountId, SignInId};
use portcullis_wire::ToServer;
use portcullis_wire::batches::{SIGN_IN_MAX, size};

use crate::clock;
use crate::launcher::Launcher;
use crate::log::say;

/// Live sign-ins in all: 100,000 people's, with a second browser each, and room. It bounds the memory of this process and of each
/// server; `cargo xtask bench --only-people` measures what 100,000 of them take.
const SIGN_INS_MAX: usize = 250_000;
/// Sign-ins that end in one turn because their time is over: each is a record and a message, and what is to be told meanwhile waits.
const EXPIRED_AT_ONCE: usize = 1024;
/// Live sign-ins of one account: a person's browsers, and scripts that never sign out. More end the oldest, so that nobody
/// takes all there may be.
const OF_ONE_MAX: usize = 100;
const DAY: u64 = 86_400;

/// How long sign-ins live, by the configuration in force.
#[derive(Debug, Clone, Copy)]
struct Life {
    /// `auth-timeout-minutes`; 0: only the longest life counts.
    idle_minutes: u32,
    /// `auth-active-timeout-minutes`; 0 is any time.
    active_minutes: u32,
    /// `auth-stay-signed-in-days`.
    days: u32,
}

impl Life {
    fn of(conf: &Rserver) -> Self {
        Self {
            idle_minutes: conf.auth_timeout_minutes,
            active_minutes: conf.auth_active_timeout_minutes,
            days: conf.auth_stay_signed_in_days,
        }
    }

    /// The end of the longest life, counted from the sign-in itself.
    fn longest(self, since: u64) -> u64 {
        let of = |number: u32, unit: u64| {
            if number > 0 { since.saturating_add(u64::from(number) * unit) } else { u64::MAX }
        };
        of(self.active_minutes, 60).min(of(self.days, DAY))
    }

    /// The end that no act moves: of the longest life, or its provider's.
    fn last(self, sign_in: &SignIn) -> u64 {
        self.longest(sign_in.since).min(sign_in.ends.unwrap_or(u64::MAX))
    }

    /// Until when a sign-in lives without further acts.
    fn first_end(self, since: u64) -> u64 {
        let idle = if self.idle_minutes > 0 { since + u64::from(self.idle_minutes) * 60 } else { u64::MAX };
        // Without any clock it would live for ever; the configuration's check refuses that.
        idle.min(self.longest(since)).min(since.saturating_add(u64::from(u32::MAX)))
    }

    /// Until when after an act: what the server asks for, but never past the longest life or its provider's end, nor longer than an act
    /// at this moment is good for.
    fn moved_end(self, sign_in: &SignIn, asked: u64, now: u64) -> u64 {
        let last = self.last(sign_in);
        let act = if self.idle_minutes > 0 { now + u64::from(self.idle_minutes) * 60 } else { last };
        asked.min(act).min(last).max(sign_in.until.min(last))
    }

    /// Whether a sign-in is over. The longest life is that of the configuration in force, also for those of before.
    fn is_over(self, sign_in: &SignIn, now: u64) -> bool {
        sign_in.until.min(self.last(sign_in)) <= now
    }
}

/// How somebody came in.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// By which method.
    pub(crate) method: MethodName,
    /// From where.
    pub(crate) remote: IpAddr,
    /// What their browser called itself, printable and cut.
    pub(crate) agent: String,
    /// What came of the second factor.
    pub(crate) second: Second,
    /// The end that the provider gave, in seconds since 1970.
    pub(crate) ends: Option<u64>,
}

impl Launcher {
    /// Makes a sign-in of an account that was let in; nobody has it yet.
    pub(crate) fn new_sign_in(
        &self,
        principal: Principal,
        account: &Account,
        way: Way,
    ) -> Result<SignIn, String> {
        if self.sign_ins.len() >= SIGN_INS_MAX {
            return Err(format!("there are {SIGN_INS_MAX} sign-ins"));
        }
        let id = SignInId::random().map_err(|error| error.to_string())?;
        let since = clock::seconds();
        let (account, role) = (Some(account.id), account.role);
        let Way { method, remote, agent, second, ends } = way;
        let until = Life::of(&self.active.settings.rserver).first_end(since);
        let until = until.min(ends.unwrap_or(u64::MAX));
        let until = if second == Second::ToEnrol { until.min(self.grace_end(since)) } else { until };
        let seen = since;
        let sign_in =
            SignIn { id, principal, remote, since, until, account, role, method, agent, seen, second, ends };
        if size(&sign_in) > SIGN_IN_MAX {
            return Err("the account is in more groups than fit into a message".into());
        }
        Ok(sign_in)
    }

    /// Whether there may be one more.
    pub(crate) fn has_room_for(&self, sign_in: &SignIn) -> bool {
        self.sign_ins.len() < SIGN_INS_MAX && self.sign_ins.of(sign_in.principal.uid).count() < OF_ONE_MAX
    }

    /// Whether its time is over, by the configuration in force.
    pub(crate) fn is_over(&self, sign_in: &SignIn) -> bool {
        Life::of(&self.active.settings.rserver).is_over(sign_in, clock::seconds())
    }

    /// A sign-in lives from here on.
    pub(crate) fn admit(&mut self, sign_in: SignIn) -> SignInId {
        let SignIn { id, remote, method, account, second, .. } = sign_in;
        if self.sign_ins.of(sign_in.principal.uid).count() >= OF_ONE_MAX {
            let oldest =
                self.sign_ins.of(sign_in.principal.uid).min_by_key(|one| one.since).map(|one| one.id);
            oldest.map(|oldest| self.end_sign_in(oldest, SignInEnd::Expired));
        }
        let Principal { user, uid, .. } = &sign_in.principal;
        say!(Info, "signed in user={user} uid={uid} remote={remote}");
        self.log.write(Event::SignIn {
            user: user.to_string(),
            uid: *uid,
            remote,
            method: method.word().into(),
            sign_in: id,
            factor: second.word().into(),
        });
        account.into_iter().for_each(|account| self.owner_is_now(account, &sign_in.principal));
        self.journal.began(&sign_in);
        // Where other machines read them, the row is there already.
        if !self.shares_accounts() {
            self.row_began(&sign_in);
        }
        self.server.hold(ToServer::SignIn(Box::new(sign_in.clone())));
        self.sign_ins.insert(sign_in);
        id
    }

    /// `SignOut`: answered once it is on disk, also when it was over already.
    pub(crate) fn sign_out(&mut self, id: SignInId) {
        if !self.end_sign_in(id, SignInEnd::SignedOut) {
            self.server.hold(ToServer::SignInEnded { sign_in: id, why: SignInEnd::SignedOut });
        }
    }

    /// `Touch`.
    pub(crate) fn touch(&mut self, id: SignInId, until: u64) {
        let life = Life::of(&self.active.settings.rserver);
        let Some(sign_in) = self.sign_ins.get(&id).filter(|one| !one.is_limited()) else { return };
        let seen = clock::seconds();
        let (before, until) = (sign_in.until, life.moved_end(sign_in, until, seen));
        if until == before {
            return;
        }
        // Whoever works on a server of before must not be signed out by the one that takes what is new.
        let news = until > before && self.server.are_several();
        let told = news.then(|| Box::new(SignIn { until, seen, ..sign_in.clone() }));
        let moved = SignIn { until, seen, ..sign_in.clone() };
        self.sign_ins.move_end(&id, until, seen);
        self.journal.touched(id);
        self.row_moved(before, &moved);
        told.into_iter().for_each(|told| self.server.tell_others(ToServer::SignIn(told)));
    }

    /// Until when a sign-in lives that is good for nothing but to enrol a factor (`factor-grace-minutes`).
    fn grace_end(&self, since: u64) -> u64 {
        since.saturating_add(u64::from(self.active.settings.factors.factor_grace_minutes) * 60)
    }

    /// There is a factor now: the sign-in that enrolled it is as others from here on. Others of this account that waited end:
    /// whoever sits there has proven no factor, and may be another who knows the password.
    pub(crate) fn lift_limits(&mut self, account: AccountId, by: SignInId) {
        let life = Life::of(&self.active.settings.rserver);
        let theirs = self.sign_ins.values().filter(|one| one.is_limited() && one.account == Some(account));
        let limited: Vec<SignIn> = theirs.cloned().collect();
        for one in limited {
            if one.id != by {
                self.end_sign_in(one.id, SignInEnd::Account);
                continue;
            }
            let until = life.first_end(clock::seconds()).min(life.last(&one));
            let sign_in = SignIn { second: Second::Enrolled, until, ..one };
            self.journal.ended(&sign_in);
            self.journal.began(&sign_in);
            self.row_began(&sign_in);
            self.server.hold(ToServer::SignIn(Box::new(sign_in.clone())));
            self.sign_ins.insert(sign_in);
        }
    }

    /// Ends those whose time is over, some at a time; whether there may be more.
    pub(crate) fn expire_sign_ins(&mut self) -> bool {
        let now = clock::seconds();
        let life = Life::of(&self.active.settings.rserver);
        let over = self.sign_ins.values().filter(|sign_in| life.is_over(sign_in, now));
        let over: Vec<SignInId> = over.map(|sign_in| sign_in.id).take(EXPIRED_AT_ONCE).collect();
        let more = over.len() == EXPIRED_AT_ONCE;
        for id in over {
            if let Some(sign_in) = self.end_without_row(id, SignInEnd::Expired) {
                self.row_expired(&sign_in);
            }
        }
        more
    }

    /// Ends one; false when there is none.
    pub(crate) fn end_sign_in(&mut self, id: SignInId, why: SignInEnd) -> bool {
        let ended = self.end_without_row(id, why);
        if let Some(sign_in) = &ended {
            self.row_ended(sign_in, why);
        }
        ended.is_some()
    }

    /// The same of one of which the database knows already, or is told otherwise; which it was.
    pub(crate) fn end_without_row(&mut self, id: SignInId, why: SignInEnd) -> Option<SignIn> {
        let sign_in = self.sign_ins.remove(&id)?;
        self.journal.ended(&sign_in);
        let user = sign_in.principal.user.to_string();
        say!(Info, "sign-in ended user={user} why={why:?}");
        self.log.write(Event::SignInEnded { user, sign_in: id, why });
        self.server.hold(ToServer::SignInEnded { sign_in: id, why });
        Some(sign_in)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(idle_minutes: u32, active_minutes: u32, days: u32) -> Life {
        Life { idle_minutes, active_minutes, days }
    }

    #[test]
    fn acts_move_the_end_but_not_past_the_longest_life() {
        let mut sign_in = crate::state::tests::sample().sign_ins.remove(0);
        sign_in.since = 1000;
        sign_in.until = life(60, 0, 1).first_end(1000);
        assert_eq!(sign_in.until, 4600);
        assert_eq!(life(0, 0, 1).first_end(1000), 1000 + DAY);
        let moved = |asked, now, days| life(60, 0, days).moved_end(&sign_in, asked, now);
        assert_eq!(moved(5000, 1400, 1), 5000);
        assert_eq!(moved(10, 1400, 1), 4600, "an act never shortens a life");
        assert_eq!(moved(u64::MAX, 1_000_000, 1), 1000 + DAY);
        assert_eq!(moved(u64::MAX, 2000, 0), 2000 + 3600, "an act is good for an hour, whoever says more");
        assert_eq!(life(0, 0, 1).moved_end(&sign_in, u64::MAX, 2000), 1000 + DAY);
    }

    #[test]
    fn an_active_person_signs_in_again_when_the_time_is_over() {
        let mut sign_in = crate::state::tests::sample().sign_ins.remove(0);
        sign_in.since = 1000;
        let eight_hours = life(60, 480, 30);
        let end = 1000 + 480 * 60;
        sign_in.until = eight_hours.first_end(1000);
        assert_eq!(sign_in.until, 4600);
        // Somebody who acts every quarter of an hour, all day.
        for now in (1000..end).step_by(900) {
            assert!(!eight_hours.is_over(&sign_in, now), "{now}");
            sign_in.until = eight_hours.moved_end(&sign_in, now + 3600, now);
            assert!(sign_in.until <= end);
        }
        assert!(eight_hours.is_over(&sign_in, end));
        assert_eq!(life(60, 30, 30).first_end(1000), 1000 + 1800, "shorter than the idle time");
        assert_eq!(life(0, 30, 30).first_end(1000), 1000 + 1800, "days or not");
    }

    #[test]
    fn no_act_moves_a_providers_end() {
        let mut sign_in = crate::state::tests::sample().sign_ins.remove(0);
        (sign_in.since, sign_in.until) = (1000, 4600);
        assert_eq!(life(60, 0, 30).moved_end(&sign_in, 9000, 6000), 9000, "no provider's end");
        sign_in.ends = Some(5000);
        assert_eq!(life(60, 0, 30).moved_end(&sign_in, 9000, 6000), 5000);
        assert_eq!(life(0, 0, 30).moved_end(&sign_in, u64::MAX, 2000), 5000, "without an idle time");
        assert_eq!(life(60, 50, 30).moved_end(&sign_in, 9000, 3900), 4000, "the longest life is shorter");
        sign_in.until = 9000;
        assert!(!life(60, 0, 30).is_over(&sign_in, 4999));
        assert!(life(60, 0, 30).is_over(&sign_in, 5000), "whatever stands in `until`");
    }

    #[test]
    fn a_shorter_longest_life_holds_for_sign_ins_of_before() {
        let mut sign_in = crate::state::tests::sample().sign_ins.remove(0);
        (sign_in.since, sign_in.until) = (1000, 9000);
        assert!(!life(60, 0, 30).is_over(&sign_in, 4000));
        assert!(life(60, 50, 30).is_over(&sign_in, 4000), "a reload made it 50 minutes");
        assert!(!life(60, 51, 30).is_over(&sign_in, 4000));
    }
}
