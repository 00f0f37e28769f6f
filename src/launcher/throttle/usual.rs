//! From where people usually sign in: nobody's failures elsewhere lock them out there.
//!
//! A place is known once a sign-in from there succeeded. Only that makes one, so that nobody without a password fills the list, and
//! nobody with one takes more than a few places of it. It is kept over a restart: an attack doesn't end with the launcher.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::network::Network;

/// How long a place counts as known after the last sign-in from there: longer than a holiday.
pub(super) const KNOWN_FOR: Duration = Duration::from_secs(30 * 86_400);
/// Places of one name: the office, home, a train's few. More take the place of the oldest.
pub(super) const OF_ONE: usize = 8;
/// Places in all: about 1 MB here, half of that in the state. More take the place of the oldest name's.
pub(super) const ALL: usize = 8192;
/// A place whose time moved by less need not be written for that: a month's end is no matter of hours.
const WORTH_WRITING: Duration = Duration::from_secs(86_400);

/// A place as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptPlace {
    /// The name, in small letters.
    pub(crate) user: String,
    /// Its network's first address.
    pub(crate) from: IpAddr,
    /// Until when it is known, in seconds since 1970.
    pub(crate) until: u64,
}

/// The places. Times are of the throttle's steady clock.
#[derive(Debug, Default)]
pub(super) struct Usual {
    places: HashMap<String, Vec<(Network, Duration)>>,
    count: usize,
}

impl Usual {
    /// Whether this (folded) name signed in from there.
    pub(super) fn knows(&self, user: &str, from: Network, now: Duration) -> bool {
        let places = self.places.get(user).map_or(&[][..], Vec::as_slice);
        places.iter().any(|(network, until)| *network == from && *until > now)
    }

    /// It did; whether that is worth being written.
    pub(super) fn add(&mut self, user: String, from: Network, now: Duration) -> bool {
        self.insert(user, from, now + KNOWN_FOR, now)
    }

    fn insert(&mut self, user: String, from: Network, until: Duration, now: Duration) -> bool {
        if self.count >= ALL {
            self.make_room(now);
        }
        let places = self.places.entry(user).or_default();
        if let Some((_, known)) = places.iter_mut().find(|(network, _)| *network == from) {
            let before = std::mem::replace(known, (*known).max(until));
            return until.saturating_sub(before) >= WORTH_WRITING;
        }
        if places.len() < OF_ONE {
            places.push((from, until));
            self.count += 1;
        } else if let Some(oldest) = places.iter_mut().min_by_key(|(_, until)| *until) {
            *oldest = (from, until);
        }
        true
    }

    /// Removes what is over, or else the name that signed in longest ago.
    fn make_room(&mut self, now: Duration) {
        self.places.retain(|_, places| {
            places.retain(|(_, until)| *until > now);
            !places.is_empty()
        });
        let last = |places: &[(Network, Duration)]| places.iter().map(|(_, until)| *until).max();
        if self.places.values().map(Vec::len).sum::<usize>() >= ALL {
            let oldest = self.places.iter().min_by_key(|(_, places)| last(places));
            if let Some(name) = oldest.map(|(name, _)| name.clone()) {
                self.places.remove(&name);
            }
        }
        self.count = self.places.values().map(Vec::len).sum();
    }

    /// What is to be kept; `wall`: now in seconds since 1970.
    pub(super) fn kept(&self, now: Duration, wall: u64) -> Vec<KeptPlace> {
        let of_one = |(user, places): (&String, &Vec<(Network, Duration)>)| {
            let user = user.clone();
            let known: Vec<KeptPlace> = places
                .iter()
                .filter(|(_, until)| *until > now)
                .map(|(network, until)| KeptPlace {
                    user: user.clone(),
                    from: network.first(),
                    until: wall + until.saturating_sub(now).as_secs(),
                })
                .collect();
            known
        };
        self.places.iter().flat_map(of_one).collect()
    }

    /// Takes over what was kept, as far as there is room.
    pub(super) fn restore(&mut self, kept: impl IntoIterator<Item = KeptPlace>, now: Duration, wall: u64) {
        for KeptPlace { user, from, until } in kept {
            // A clock that was wrong makes no place known for longer than a sign-in of now would.
            let left = Duration::from_secs(until.saturating_sub(wall)).min(KNOWN_FOR);
            if self.count >= ALL {
                return;
            }
            if !left.is_zero() {
                self.insert(user, Network::of(from), now + left, now);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.count
    }
}
