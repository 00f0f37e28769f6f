//! Bad keys by address: sixty at once, then one in two seconds is answered and recorded as such. A good key is never held back.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

/// At once: a program with an old key that starts on a whole cluster behind one address.
const BURST: u64 = 60;
/// Then one in so many milliseconds.
const EVERY: u64 = 2000;
/// Addresses remembered; those that are quiet are forgotten, and beyond that all are counted as one.
const ADDRESSES_MAX: usize = 10_000;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct BadKeys {
    /// Until when an address' allowance is used up, in milliseconds since 1970.
    used: Mutex<HashMap<IpAddr, u64>>,
}

impl BadKeys {
    /// Whether one more of this address would be answered as such; `now` in milliseconds since 1970.
    pub(crate) fn has_room(&self, peer: IpAddr, now: u64) -> bool {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let until = used.get(&network(peer)).copied().unwrap_or(now);
        until.clamp(now, now + BURST * EVERY) + EVERY <= now + BURST * EVERY
    }

    /// Whether one more of this address is answered as such; `now` in milliseconds since 1970.
    pub(crate) fn may_say(&self, peer: IpAddr, now: u64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut network = network(peer);
        if !used.contains_key(&network) && used.len() >= ADDRESSES_MAX {
            used.retain(|_, until| *until > now);
            if used.len() >= ADDRESSES_MAX {
                network = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let until = used.entry(network).or_insert(now);
        // A clock that was set back is no reason to hold anybody back for longer.
        let from = (*until).clamp(now, now + BURST * EVERY);
        let may = from + EVERY <= now + BURST * EVERY;
        *until = if may { from + EVERY } else { from };
        may
    }
}

/// An address, and of IPv6 the network that one customer has.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_then_one_in_two_seconds_for_each_network() {
        let bad = BadKeys::default();
        let at = |text: &str| text.parse::<IpAddr>().expect("an address");
        let said = |peer, now| (0..100).filter(|_| bad.may_say(at(peer), now)).count();
        assert!(bad.has_room(at("192.0.2.1"), 1_000_000));
        assert_eq!(said("192.0.2.1", 1_000_000), 60);
        assert!(!bad.has_room(at("192.0.2.1"), 1_000_000) && bad.has_room(at("192.0.2.1"), 1_002_000));
        assert_eq!(said("192.0.2.1", 1_002_000), 1);
        assert_eq!(said("192.0.2.1", 1_001_000), 0, "a clock that was set back");
        assert_eq!(said("192.0.2.2", 1_002_000), 60, "another address");
        assert_eq!(said("::ffff:192.0.2.2", 1_002_000), 0, "the same one");
        assert_eq!(said("2001:db8::1", 1_002_000) + said("2001:db8::2:1", 1_002_000), 60);
        assert_eq!(said("2001:db8:0:1::1", 1_002_000), 60);
        assert_eq!(said("192.0.2.1", 9_000_000), 60);
    }
}
