//! Sign-ins that live: granted, moved on by a person's acts, ended.

use std::net::IpAddr;

use portcullis_conf::Rserver;
use portcullis_model::SignInId;
use portcullis_model::audit::Event;
use portcullis_model::sign_in::{Principal, SignIn, SignInEnd};
use portcullis_wire::ToServer;

use crate::clock;
use crate::launcher::Launcher;
use crate::log::say;

/// Live sign-ins in all; each is a few hundred bytes.
const SIGN_INS_MAX: usize = 50_000;
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

    /// Until when a sign-in lives without further acts.
    fn first_end(self, since: u64) -> u64 {
        let idle = if self.idle_minutes > 0 { since + u64::from(self.idle_minutes) * 60 } else { u64::MAX };
        // Without any clock it would live for ever; the configuration's check refuses that.
        idle.min(self.longest(since)).min(since.saturating_add(u64::from(u32::MAX)))
    }

    /// Until when after an act: what the server asks for, but never past the longest life, nor longer than an act at this moment is
    /// good for.
    fn moved_end(self, sign_in: &SignIn, asked: u64, now: u64) -> u64 {
        let longest = self.longest(sign_in.since);
        let act = if self.idle_minutes > 0 { now + u64::from(self.idle_minutes) * 60 } else { longest };
        asked.min(act).min(longest).max(sign_in.until.min(longest))
    }

    /// Whether a sign-in is over. The longest life is that of the configuration in force, also for those of before.
    fn is_over(self, sign_in: &SignIn, now: u64) -> bool {
        sign_in.until.min(self.longest(sign_in.since)) <= now
    }
}

impl Launcher {
    /// Makes a sign-in of an account that was let in.
    pub(crate) fn grant(&mut self, principal: Principal, remote: IpAddr) -> Result<SignInId, String> {
        if self.sign_ins.len() >= SIGN_INS_MAX {
            return Err(format!("there are {SIGN_INS_MAX} sign-ins"));
        }
        let id = SignInId::random().map_err(|error| error.to_string())?;
        let own = self.sign_ins.values().filter(|one| one.principal.uid == principal.uid);
        if own.clone().count() >= OF_ONE_MAX {
            let oldest = own.min_by_key(|one| one.since).map(|one| one.id);
            oldest.map(|oldest| self.end_sign_in(oldest, SignInEnd::Expired));
        }
        let since = clock::seconds();
        let until = Life::of(&self.active.settings.rserver).first_end(since);
        say!(Info, "signed in user={} uid={} remote={remote}", principal.user, principal.uid);
        self.log.write(Event::SignIn {
            user: principal.user.to_string(),
            uid: principal.uid,
            remote,
            method: "pam".into(),
            sign_in: id,
        });
        let sign_in = SignIn { id, principal, remote, since, until };
        self.server.hold(ToServer::SignIn(Box::new(sign_in.clone())));
        self.sign_ins.insert(id, sign_in);
        self.dirty.at_once();
        Ok(id)
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
        let Some(sign_in) = self.sign_ins.get_mut(&id) else { return };
        let before = sign_in.until;
        sign_in.until = life.moved_end(sign_in, until, clock::seconds());
        self.dirty.soon();
        // Whoever works on a server of before must not be signed out by the one that takes what is new.
        if sign_in.until > before && self.server.are_several() {
            let told = Box::new(sign_in.clone());
            self.server.tell_others(ToServer::SignIn(told));
        }
    }

    /// Ends those whose time is over.
    pub(crate) fn expire_sign_ins(&mut self) {
        let now = clock::seconds();
        let life = Life::of(&self.active.settings.rserver);
        let over = self.sign_ins.values().filter(|sign_in| life.is_over(sign_in, now));
        let over: Vec<SignInId> = over.map(|sign_in| sign_in.id).collect();
        for id in over {
            self.end_sign_in(id, SignInEnd::Expired);
        }
    }

    /// Ends one; false when there is none.
    pub(crate) fn end_sign_in(&mut self, id: SignInId, why: SignInEnd) -> bool {
        let Some(sign_in) = self.sign_ins.remove(&id) else { return false };
        let user = sign_in.principal.user.to_string();
        say!(Info, "sign-in ended user={user} why={why:?}");
        self.log.write(Event::SignInEnded { user, sign_in: id, why });
        self.server.hold(ToServer::SignInEnded { sign_in: id, why });
        self.dirty.at_once();
        true
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
    fn a_shorter_longest_life_holds_for_sign_ins_of_before() {
        let mut sign_in = crate::state::tests::sample().sign_ins.remove(0);
        (sign_in.since, sign_in.until) = (1000, 9000);
        assert!(!life(60, 0, 30).is_over(&sign_in, 4000));
        assert!(life(60, 50, 30).is_over(&sign_in, 4000), "a reload made it 50 minutes");
        assert!(!life(60, 51, 30).is_over(&sign_in, 4000));
    }
}
