//! Slows down guessing: failures are counted per name and per address, in maps of bounded size.
//!
//! Each count is a bucket in the manner of GCRA: a failure moves its time forward by one interval; while it stands further
//! ahead of now than the burst allows, attempts are refused at once, without asking PAM. A name from an address that it
//! signed in from before has a bucket of its own, so nobody can lock a person out by failing in their name from elsewhere.
//! Forgotten when the launcher ends; `pam_faillock` is there for counts that last.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

/// How fast one bucket refills, and how much it holds.
#[derive(Debug, Clone, Copy)]
struct Rate {
    interval: Duration,
    burst: u32,
}

/// A name: ten failures at once, which a person with a new keyboard layout may need, then one per interval
/// (`auth-sign-in-throttle-seconds`).
const USER_BURST: u32 = 10;
/// An address: many people may share one (NAT), so more at once, then one in two seconds.
const BY_ADDRESS: Rate = Rate { interval: Duration::from_secs(2), burst: 60 };
/// Entries per map: about 300 KiB each at the most. A full map keeps those it has, so that a flood of new names can't push
/// an attacked name's count out; names that find no room share one bucket.
const ENTRIES: usize = 4096;
/// How often a full map is looked through for entries that are over.
const PRUNE_EVERY: Duration = Duration::from_secs(1);
/// How long an address counts as known for a name.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 86_400);

/// An address, or for IPv6 the /64 that one subscriber has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Network([u8; 8], bool);

impl Network {
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
}

#[derive(Debug)]
struct Buckets<K> {
    rate: Rate,
    until: HashMap<K, Duration>,
    overflow: Duration,
    /// When entries that are over were last removed: a flood must not cost a walk through the map each time.
    pruned: Duration,
}

impl<K: Hash + Eq> Buckets<K> {
    fn new(rate: Rate) -> Self {
        Self { rate, until: HashMap::new(), overflow: Duration::ZERO, pruned: Duration::ZERO }
    }

    fn open(&self, key: &K, now: Duration) -> bool {
        let missing = if self.until.len() < ENTRIES { Duration::ZERO } else { self.overflow };
        let until = self.until.get(key).copied().unwrap_or(missing);
        until.saturating_sub(now) + self.rate.interval <= self.rate.interval * self.rate.burst
    }

    fn take_back(&mut self, key: &K) {
        let interval = self.rate.interval;
        // One that found no room, or is over by now, stays counted with the others.
        if let Some(until) = self.until.get_mut(key) {
            *until = until.saturating_sub(interval);
        }
    }

    fn charge(&mut self, key: K, now: Duration) {
        if self.until.len() >= ENTRIES && now >= self.pruned + PRUNE_EVERY {
            self.pruned = now;
            self.until.retain(|_, until| *until > now);
        }
        let full = self.until.len() >= ENTRIES && !self.until.contains_key(&key);
        let until = if full { &mut self.overflow } else { self.until.entry(key).or_default() };
        // Never further ahead than the burst: attempts that ran at the same time must not add up to a lock-out.
        *until = ((*until).max(now) + self.rate.interval).min(now + self.rate.interval * self.rate.burst);
    }
}

/// Where an attempt that is under way was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// With the name from this address.
    Pair,
    /// With the name and with the address.
    Apart,
}

/// The counts. Times are of a steady clock that starts anywhere.
#[derive(Debug)]
pub(crate) struct Throttle {
    users: Buckets<String>,
    networks: Buckets<Network>,
    pairs: Buckets<(String, Network)>,
    known: HashMap<(String, Network), Duration>,
}

impl Throttle {
    /// Nothing counted; `interval` is that of a name (zero: names are not counted).
    pub(crate) fn new(interval: Duration) -> Self {
        let by_user = Rate { interval, burst: USER_BURST };
        Self {
            users: Buckets::new(by_user),
            networks: Buckets::new(BY_ADDRESS),
            pairs: Buckets::new(by_user), // as a name, but apart from it
            known: HashMap::new(),
        }
    }

    /// Another interval of a name, after a reload.
    pub(crate) fn set_interval(&mut self, interval: Duration) {
        self.users.rate.interval = interval;
        self.pairs.rate.interval = interval;
    }

    /// Whether this name may try from this address now.
    pub(crate) fn may_try(&self, user: &str, remote: IpAddr, now: Duration) -> bool {
        let pair = (fold(user), Network::of(remote));
        if self.is_known(&pair, now) {
            return self.pairs.open(&pair, now);
        }
        self.users.open(&pair.0, now) && self.networks.open(&pair.1, now)
    }

    /// Begins an attempt, where this name may try: counted as a failure until it is known to be none. Otherwise as many as run
    /// side by side would all be let through by a count that none of them has reached yet.
    pub(crate) fn begin(&mut self, user: &str, remote: IpAddr, now: Duration) -> Option<Counted> {
        self.may_try(user, remote, now).then(|| self.failed(user, remote, now))
    }

    /// It was no failure.
    pub(crate) fn take_back(&mut self, user: &str, remote: IpAddr, counted: Counted) {
        let pair = (fold(user), Network::of(remote));
        match counted {
            Counted::Pair => self.pairs.take_back(&pair),
            Counted::Apart => {
                self.users.take_back(&pair.0);
                self.networks.take_back(&pair.1);
            }
        }
    }

    /// Counts a failure.
    pub(crate) fn failed(&mut self, user: &str, remote: IpAddr, now: Duration) -> Counted {
        let pair = (fold(user), Network::of(remote));
        if self.is_known(&pair, now) {
            self.pairs.charge(pair, now);
            Counted::Pair
        } else {
            self.users.charge(pair.0, now);
            self.networks.charge(pair.1, now);
            Counted::Apart
        }
    }

    /// Remembers that this name signs in from here.
    pub(crate) fn succeeded(&mut self, user: &str, remote: IpAddr, now: Duration) {
        if self.known.len() >= ENTRIES {
            self.known.retain(|_, since| now.saturating_sub(*since) < KNOWN_FOR);
        }
        let pair = (fold(user), Network::of(remote));
        self.pairs.until.remove(&pair);
        if self.known.len() < ENTRIES || self.known.contains_key(&pair) {
            self.known.insert(pair, now);
        }
    }

    fn is_known(&self, pair: &(String, Network), now: Duration) -> bool {
        self.known.get(pair).is_some_and(|since| now.saturating_sub(*since) < KNOWN_FOR)
    }
}

/// Keeps a flood of throttled attempts from filling the audit log: they all say the same.
#[derive(Debug, Default)]
pub(crate) struct Muted {
    window: Duration,
    written: u32,
    /// How many were not written in windows before this one.
    owed: u64,
    silent: u64,
}

/// Records of throttled attempts within one window; more are counted.
const WRITTEN_MAX: u32 = 20;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);

impl Muted {
    /// Whether one more is to be written in full.
    pub(crate) fn may_write(&mut self, now: Duration) -> bool {
        self.turn(now);
        let may = self.written < WRITTEN_MAX;
        self.written += u32::from(may);
        self.silent += u64::from(!may);
        may
    }

    /// How many were not written, once their window is over.
    pub(crate) fn take_owed(&mut self, now: Duration) -> Option<u64> {
        self.turn(now);
        (self.owed > 0).then(|| std::mem::take(&mut self.owed))
    }

    fn turn(&mut self, now: Duration) {
        if now >= self.window + WINDOW {
            self.window = now;
            self.written = 0;
            self.owed += std::mem::take(&mut self.silent);
        }
    }
}

/// Directory services may not tell `Alice` from `alice`: one bucket for both. Names are bounded before they come here.
fn fold(user: &str) -> String {
    user.chars().take(256).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn a_name_gets_its_burst_and_then_one_per_interval() {
        let mut throttle = Throttle::new(INTERVAL);
        let now = Duration::from_secs(1000);
        for n in 0..USER_BURST {
            assert!(throttle.may_try("alice", ip(1), now), "{n}");
            throttle.failed(if n % 2 == 0 { "alice" } else { "Alice" }, ip(1), now);
        }
        assert!(!throttle.may_try("alice", ip(2), now));
        assert!(throttle.may_try("bob", ip(1), now));
        assert!(throttle.may_try("alice", ip(2), now + INTERVAL));
    }

    #[test]
    fn attempts_side_by_side_are_counted_before_they_fail() {
        let mut throttle = Throttle::new(INTERVAL);
        let now = Duration::from_secs(1000);
        let under_way: Vec<Counted> = (0..100).filter_map(|_| throttle.begin("alice", ip(1), now)).collect();
        assert_eq!(under_way.len(), 10);
        assert_eq!(throttle.begin("alice", ip(2), now), None, "from elsewhere neither");
        throttle.take_back("alice", ip(1), under_way[0]);
        assert_eq!(throttle.begin("alice", ip(1), now), Some(Counted::Apart));
        assert_eq!(throttle.begin("alice", ip(1), now), None);
        // A crowd behind one address whose sign-ins succeed is not slowed down.
        for n in 0..1000 {
            let user = format!("user{n}");
            let counted = throttle.begin(&user, ip(3), now).expect("let through");
            throttle.take_back(&user, ip(3), counted);
            throttle.succeeded(&user, ip(3), now);
        }
    }

    #[test]
    fn a_flood_is_recorded_in_part_and_counted_in_whole() {
        let mut muted = Muted::default();
        let written = (0..1000).filter(|_| muted.may_write(Duration::from_secs(70))).count();
        assert_eq!(written, 20);
        assert_eq!(muted.take_owed(Duration::from_secs(71)), None);
        assert_eq!(muted.take_owed(Duration::from_secs(130)), Some(980));
        assert_eq!(muted.take_owed(Duration::from_secs(300)), None);
        assert!(muted.may_write(Duration::from_secs(300)));
    }

    #[test]
    fn an_address_is_counted_over_all_names() {
        let mut throttle = Throttle::new(INTERVAL);
        for n in 0..BY_ADDRESS.burst {
            throttle.failed(&format!("user{n}"), ip(1), Duration::ZERO);
        }
        assert!(!throttle.may_try("fresh", ip(1), Duration::ZERO));
        assert!(throttle.may_try("fresh", ip(2), Duration::ZERO));
    }

    #[test]
    fn nobody_locks_out_a_person_from_where_they_work() {
        let mut throttle = Throttle::new(INTERVAL);
        throttle.succeeded("alice", ip(7), Duration::ZERO);
        for _ in 0..1000 {
            throttle.failed("alice", ip(1), Duration::ZERO);
        }
        assert!(!throttle.may_try("alice", ip(1), Duration::ZERO));
        assert!(throttle.may_try("alice", ip(7), Duration::ZERO));
        for _ in 0..USER_BURST {
            throttle.failed("alice", ip(7), Duration::ZERO);
        }
        assert!(!throttle.may_try("alice", ip(7), Duration::ZERO));
    }

    #[test]
    fn a_flood_of_names_neither_grows_the_maps_nor_frees_the_attacked_name() {
        let mut throttle = Throttle::new(INTERVAL);
        for _ in 0..USER_BURST + 1000 {
            throttle.failed("alice", ip(1), Duration::ZERO);
        }
        for n in 0..100_000u32 {
            let [a, b, c, d] = n.to_be_bytes();
            throttle.failed(
                &format!("u{n}"),
                IpAddr::from([a, b, c, d]),
                Duration::from_millis((n / 100).into()),
            );
        }
        assert!(throttle.users.until.len() <= ENTRIES && throttle.networks.until.len() <= ENTRIES);
        assert!(!throttle.may_try("alice", ip(200), Duration::from_secs(5)));
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        let mut throttle = Throttle::new(INTERVAL);
        for n in 0..BY_ADDRESS.burst {
            let address: IpAddr = format!("2001:db8::{n:x}").parse().expect("an address");
            throttle.failed(&format!("user{n}"), address, Duration::ZERO);
        }
        assert!(!throttle.may_try("x", "2001:db8::ffff".parse().expect("an address"), Duration::ZERO));
        assert!(throttle.may_try("x", "2001:db8:0:1::1".parse().expect("an address"), Duration::ZERO));
    }
}
