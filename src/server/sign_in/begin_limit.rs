//! How often one network may ask for a way to a provider: the launcher takes a hundred such questions a second of all together, and
//! whoever used them up alone would keep everybody else out.
//!
//! Counted before anything is asked, by IPv4 /24 and IPv6 /64: what one office or one subscriber has. It must not refuse an office that
//! begins its day.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Ways at once: everybody of a room behind one address (NAT).
const BURST: u32 = 40;
/// One more in so much time: 20 a second, a fifth of what the launcher takes from this server.
const INTERVAL: Duration = Duration::from_millis(50);
/// Networks that are counted apart, each some 40 bytes; whoever comes when so many are busy shares one count.
const NETWORKS_MAX: usize = 4096;

/// An IPv4 /24 or an IPv6 /64; `None` stands for all that there is no room for.
type Network = Option<(bool, [u8; 8])>;

fn network(address: IpAddr) -> Network {
    let mut kept = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            kept[..3].copy_from_slice(&v4.octets()[..3]);
            Some((false, kept))
        }
        IpAddr::V6(v6) => {
            kept.copy_from_slice(&v6.octets()[..8]);
            Some((true, kept))
        }
    }
}

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct BeginLimit {
    /// When each would be empty again (GCRA).
    empty_at: Mutex<HashMap<Network, Instant>>,
}

impl BeginLimit {
    /// Whether this address may ask now; counted if so.
    pub(crate) fn may(&self, address: IpAddr, now: Instant) -> bool {
        let mut counts = self.empty_at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut network = network(address);
        if !counts.contains_key(&network) && counts.len() >= NETWORKS_MAX {
            counts.retain(|_, empty_at| *empty_at > now);
            if counts.len() >= NETWORKS_MAX {
                network = None;
            }
        }
        let empty_at = counts.get(&network).copied().unwrap_or(now).max(now);
        let may = empty_at.duration_since(now) <= INTERVAL * (BURST - 1);
        if may {
            counts.insert(network, empty_at + INTERVAL);
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn one_network_leaves_room_for_the_others() {
        let (limit, now) = (BeginLimit::default(), Instant::now());
        for _ in 0..BURST {
            assert!(limit.may(at("192.0.2.1"), now));
        }
        // A neighbour is the same network, also written as IPv6; whoever is elsewhere is not.
        for neighbour in ["192.0.2.1", "192.0.2.200", "::ffff:192.0.2.7"] {
            assert!(!limit.may(at(neighbour), now), "{neighbour}");
        }
        assert!(limit.may(at("192.0.3.1"), now) && limit.may(at("2001:db8::1"), now));
        // One more after each interval, and as many as before when it was quiet.
        assert!(limit.may(at("192.0.2.1"), now + INTERVAL) && !limit.may(at("192.0.2.1"), now + INTERVAL));
        let later = now + INTERVAL * (BURST + 2);
        assert_eq!((0..BURST * 2).filter(|_| limit.may(at("192.0.2.1"), later)).count(), BURST as usize);
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one() {
        let (limit, now) = (BeginLimit::default(), Instant::now());
        let used = (0..1000).filter(|host| limit.may(at(&format!("2001:db8:0:1::{host:x}")), now)).count();
        assert_eq!(used, BURST as usize);
        assert!(limit.may(at("2001:db8:0:2::1"), now));
    }

    #[test]
    fn memory_has_an_end() {
        let (limit, now) = (BeginLimit::default(), Instant::now());
        let each = |number: usize| {
            let [.., high, low] = number.to_be_bytes();
            IpAddr::from([10, high, low, 1])
        };
        for number in 0..NETWORKS_MAX {
            assert!(limit.may(each(number), now));
        }
        let more = (NETWORKS_MAX..NETWORKS_MAX * 2).filter(|number| limit.may(each(*number), now)).count();
        assert_eq!(more, BURST as usize, "they share one count");
        assert!(limit.empty_at.lock().expect("unpoisoned").len() <= NETWORKS_MAX + 1);
        assert!(limit.may(each(NETWORKS_MAX), now + INTERVAL * 2), "the quiet ones made room");
    }
}
