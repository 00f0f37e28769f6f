//! From where people usually sign in: remembered at each sign-in, taken over at the start.
//!
//! What the throttle does with it stands there; it must never make anybody wait for a disk: a place that is lost by a kill is known
//! again by the sign-in that lives on.

use std::net::IpAddr;
use std::time::Instant;

use crate::clock;
use crate::launcher::Launcher;
use crate::throttle::{KeptPlace, Throttle};

impl Launcher {
    /// Somebody was let in.
    pub(super) fn remember_place(&mut self, user: &str, remote: IpAddr, now: Instant) {
        if self.throttle.succeeded(user, remote, now.duration_since(self.began)) {
            self.dirty.soon();
        }
    }

    /// What an earlier launcher knew, and what the sign-ins that live say.
    pub(crate) fn adopt_places(&mut self, kept: Vec<KeptPlace>, now: Instant) {
        let living = self.sign_ins.values().map(|one| {
            let user = one.principal.user.as_str();
            Throttle::place(user, one.remote, one.since)
        });
        let all = kept.into_iter().chain(living);
        self.throttle.restore(all, now.duration_since(self.began), clock::seconds());
    }
}
