//! Where attempts come from: an address, and the networks around it, the wider the more failures they have room for.
//!
//! Who is given a network has all its addresses, and could else try with each of them. It must not make a whole network pay for one
//! address at once: each width has a bucket of its own, of twice the room.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::buckets::{Buckets, Rate};

/// Failures of one address at once: many people may share one (NAT).
pub(super) const ADDRESS_BURST: u32 = 60;
/// Failures of an IPv4 /24 at once: an office or a provider's neighbours.
pub(super) const IPV4_WIDE_BURST: u32 = 240;
/// The most that the widest network has room for, however many widths are configured.
const WIDEST_BURST: u32 = 960;
/// In which time a full bucket is empty again, whatever its width: an address has one more failure every two seconds.
const EMPTY_AFTER: Duration = Duration::from_secs(120);
/// The wider network of IPv4.
const IPV4_WIDE: u8 = 24;

fn rate(burst: u32) -> Rate {
    Rate { interval: EMPTY_AFTER / burst.max(1), burst }
}

/// An address, or for IPv6 the /64 that one subscriber has: from where a person is known, and who shares helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network([u8; 8], bool);

impl Network {
    /// The one of this address.
    pub(crate) fn of(address: IpAddr) -> Self {
        let mut kept = [0; 8];
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                kept[..4].copy_from_slice(&v4.octets());
                Self(kept, false)
            }
            IpAddr::V6(v6) => {
                kept.copy_from_slice(&v6.octets()[..8]);
                Self(kept, true)
            }
        }
    }

    /// Its first address, of which it can be made again.
    pub(crate) fn first(self) -> IpAddr {
        let Self([a, b, c, d, ..], is_v6) = self;
        if is_v6 {
            Ipv6Addr::from_bits(u128::from(u64::from_be_bytes(self.0)) << 64).into()
        } else {
            IpAddr::from([a, b, c, d])
        }
    }
}

/// A network that is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    /// The address that was refused.
    of: IpAddr,
    /// How many bits the network has in common.
    bits: u8,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the /{} of {}", self.bits, self.of)
    }
}

/// The networks of one width.
#[derive(Debug)]
struct Width {
    bits: u8,
    buckets: Buckets<u128>,
}

impl Width {
    fn new(bits: u8, burst: u32) -> Self {
        Self { bits, buckets: Buckets::new(rate(burst)) }
    }

    fn key(&self, address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits() >> (32 - self.bits.min(32))),
            IpAddr::V6(v6) => v6.to_bits().checked_shr(128 - u32::from(self.bits)).unwrap_or(0),
        }
    }
}

/// The counts of all networks.
#[derive(Debug)]
pub(super) struct Networks {
    ipv4: [Width; 2],
    /// From the narrowest, by `auth-throttle-ipv6-prefixes`.
    ipv6: Vec<Width>,
}

impl Networks {
    /// Nothing counted; `prefixes`: the lengths for IPv6, longest first.
    pub(super) fn new(prefixes: &[u8]) -> Self {
        let ipv4 = [Width::new(32, ADDRESS_BURST), Width::new(IPV4_WIDE, IPV4_WIDE_BURST)];
        Self { ipv4, ipv6: widths(prefixes) }
    }

    /// Other lengths, after a reload; the same ones go on counting.
    pub(super) fn set_prefixes(&mut self, prefixes: &[u8]) {
        if !self.ipv6.iter().map(|width| width.bits).eq(prefixes.iter().copied()) {
            self.ipv6 = widths(prefixes);
        }
    }

    /// The narrowest network around this address that is full.
    pub(super) fn full(&self, address: IpAddr, now: Duration) -> Option<Full> {
        let of = address.to_canonical();
        let widths: &[Width] = if of.is_ipv4() { &self.ipv4 } else { &self.ipv6 };
        let full = widths.iter().find(|width| !width.buckets.open(&width.key(of), now))?;
        Some(Full { of, bits: full.bits })
    }

    /// Counts a failure of this address.
    pub(super) fn charge(&mut self, address: IpAddr, now: Duration) {
        let (widths, address) = self.around(address);
        for width in widths {
            width.buckets.charge(width.key(address), now);
        }
    }

    /// It was none.
    pub(super) fn take_back(&mut self, address: IpAddr) {
        let (widths, address) = self.around(address);
        for width in widths {
            width.buckets.take_back(&width.key(address));
        }
    }

    fn around(&mut self, address: IpAddr) -> (&mut [Width], IpAddr) {
        let address = address.to_canonical();
        (if address.is_ipv4() { &mut self.ipv4 } else { &mut self.ipv6 }, address)
    }

    #[cfg(test)]
    pub(super) fn largest(&self) -> usize {
        self.ipv4.iter().chain(&self.ipv6).map(|width| width.buckets.len()).max().unwrap_or(0)
    }
}

/// Each has twice the room of the one within it.
fn widths(prefixes: &[u8]) -> Vec<Width> {
    let burst = |n: usize| (ADDRESS_BURST << n.min(4)).min(WIDEST_BURST);
    prefixes.iter().enumerate().map(|(n, bits)| Width::new(*bits, burst(n))).collect()
}
