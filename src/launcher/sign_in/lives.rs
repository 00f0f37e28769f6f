//! Sign-ins that live: granted, moved on by a person's acts, ended.

use std::net::IpAddr;

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

/// Until when a sign-in lives without further acts. `minutes` is `auth-timeout-minutes`, `days` `auth-stay-signed-in-days`.
fn first_end(since: u64, minutes: u32, days: u32) -> u64 {
    since + if minutes > 0 { u64::from(minutes) * 60 } else { u64::from(days) * DAY }
}

/// Until when after an act: what the server asks for, but never past the longest life, counted from the sign-in itself, nor
/// longer than an act at this moment is good for.
fn moved_end(sign_in: &SignIn, asked: u64, now: u64, minutes: u32, days: u32) -> u64 {
    let longest = if days > 0 { sign_in.since + u64::from(days) * DAY } else { u64::MAX };
    let act = if minutes > 0 { now + u64::from(minutes) * 60 } else { longest };
    asked.min(act).min(longest).max(sign_in.until.min(longest))
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
        let conf = &self.active.settings.rserver;
        let until = first_end(since, conf.auth_timeout_minutes, conf.auth_stay_signed_in_days);
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
        let conf = &self.active.settings.rserver;
        let (minutes, days) = (conf.auth_timeout_minutes, conf.auth_stay_signed_in_days);
        if let Some(sign_in) = self.sign_ins.get_mut(&id) {
            sign_in.until = moved_end(sign_in, until, clock::seconds(), minutes, days);
            self.dirty.soon();
        }
    }

    /// Ends those whose time is over.
    pub(crate) fn expire_sign_ins(&mut self) {
        let now = clock::seconds();
        let over: Vec<SignInId> =
            self.sign_ins.values().filter(|sign_in| sign_in.until <= now).map(|sign_in| sign_in.id).collect();
        for id in over {
            self.end_sign_in(id, SignInEnd::Expired);
        }
    }

    fn end_sign_in(&mut self, id: SignInId, why: SignInEnd) -> bool {
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

    #[test]
    fn acts_move_the_end_but_not_past_the_longest_life() {
        let mut sign_in = crate::state::tests::sample().sign_ins.remove(0);
        sign_in.since = 1000;
        sign_in.until = first_end(1000, 60, 1);
        assert_eq!(sign_in.until, 4600);
        assert_eq!(first_end(1000, 0, 1), 1000 + DAY);
        let moved = |asked, now, days| moved_end(&sign_in, asked, now, 60, days);
        assert_eq!(moved(5000, 1400, 1), 5000);
        assert_eq!(moved(10, 1400, 1), 4600, "an act never shortens a life");
        assert_eq!(moved(u64::MAX, 1_000_000, 1), 1000 + DAY);
        assert_eq!(moved(u64::MAX, 2000, 0), 2000 + 3600, "an act is good for an hour, whoever says more");
        assert_eq!(moved_end(&sign_in, u64::MAX, 2000, 0, 1), 1000 + DAY);
    }
}
