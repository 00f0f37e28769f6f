//! Connections that the session's rules refused: told to the launcher, those to one address together.
//!
//! Code that tries a million addresses must not fill the audit log: the first of an address is told at once, what follows is
//! counted, and told ever less often.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use portcullis_sys::bpf::{Denial, Denials};
use portcullis_wire::Report;

use crate::poll::{Poll, Token, Watch};
use crate::reports::Reports;

/// Time until the second report of an address; each is twice the last.
const EVERY: Duration = Duration::from_secs(1);
/// Longest time between two reports of an address that is tried again and again.
const LAST: Duration = Duration::from_secs(60);
/// Addresses counted apart; the rest count together.
const ADDRESSES: usize = 32;

/// What was refused, from the kernel's ring to the reports.
#[derive(Debug)]
pub(crate) struct Refusals {
    ring: Denials,
    _watch: Watch,
    counted: Counted,
}

impl Refusals {
    /// What is in the ring already was our own try whether the rules hold.
    pub(crate) fn new(ring: Denials, poll: &Poll) -> Result<Self, Errno> {
        ring.take(|_| ());
        let mut watch = Watch::default();
        watch.set(poll, &ring, Token::Denials, Some(EpollFlags::EPOLLIN))?;
        Ok(Self { ring, _watch: watch, counted: Counted::default() })
    }

    /// The ring has something.
    pub(crate) fn ready(&mut self, reports: &mut Reports, now: Instant) {
        self.ring.take(|denial| reports.extend(self.counted.take(denial, now)));
    }

    /// When [`Refusals::tick`] has something to do.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.counted.0.iter().map(|known| known.reported + known.every).min()
    }

    /// Reports what was counted meanwhile.
    pub(crate) fn tick(&mut self, reports: &mut Reports, now: Instant) {
        reports.extend(self.counted.tick(now));
    }
}

#[derive(Debug, Default)]
struct Counted(Vec<Known>);

#[derive(Debug)]
struct Known {
    /// `None` for all the others.
    address: Option<IpAddr>,
    /// The last one.
    target: SocketAddr,
    packet: bool,
    count: u32,
    reported: Instant,
    every: Duration,
}

impl Counted {
    fn take(&mut self, denial: Denial, now: Instant) -> Option<Report> {
        let Denial { target, packet } = denial;
        let found = self.0.iter().position(|known| known.address == Some(target.ip()));
        let full = self.0.len() >= ADDRESSES;
        let rest = || self.0.iter().position(|known| known.address.is_none()).filter(|_| full);
        if let Some(known) = found.or_else(rest).and_then(|index| self.0.get_mut(index)) {
            (known.target, known.packet) = (target, packet);
            known.count = known.count.saturating_add(1);
            return None;
        }
        let address = Some(target.ip()).filter(|_| !full);
        self.0.push(Known { address, target, packet, count: 0, reported: now, every: EVERY });
        Some(Report::ConnectionRefused { target, packet, count: 1 })
    }

    fn tick(&mut self, now: Instant) -> Vec<Report> {
        let mut told = Vec::new();
        self.0.retain_mut(|known| {
            if now < known.reported + known.every {
                return true;
            }
            let count = std::mem::take(&mut known.count);
            known.reported = now;
            known.every = (known.every * 2).min(LAST);
            if count > 0 {
                told.push(Report::ConnectionRefused { target: known.target, packet: known.packet, count });
            }
            count > 0
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denial(target: &str) -> Denial {
        Denial { target: target.parse().expect("an address"), packet: false }
    }

    fn text(report: Report) -> String {
        match report {
            Report::ConnectionRefused { target, count, .. } => format!("{target} {count}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_of_an_address_is_told_and_the_rest_counted() {
        let (mut counted, start) = (Counted::default(), Instant::now());
        assert_eq!(counted.take(denial("10.0.0.1:80"), start).map(text).as_deref(), Some("10.0.0.1:80 1"));
        assert_eq!(counted.take(denial("10.0.0.1:81"), start).map(text), None);
        assert_eq!(counted.take(denial("10.0.0.1:82"), start).map(text), None);
        assert_eq!(counted.take(denial("10.0.0.2:80"), start).map(text).as_deref(), Some("10.0.0.2:80 1"));
        assert!(counted.tick(start).is_empty());
        let told: Vec<String> = counted.tick(start + EVERY).into_iter().map(text).collect();
        assert_eq!(told, ["10.0.0.1:82 2"]);
        assert!(counted.tick(start + EVERY * 3).is_empty() && counted.0.is_empty(), "forgotten");
    }

    #[test]
    fn a_scan_of_addresses_is_told_in_few_reports() {
        let (mut counted, start) = (Counted::default(), Instant::now());
        let mut told = 0;
        for second in 0..3600_u32 {
            let now = start + Duration::from_secs(second.into());
            for host in 0..100_u32 {
                let address = IpAddr::V4((0x0a00_0000 + (second * 100 + host) % 50_000).into());
                let denial = Denial { target: SocketAddr::new(address, 80), packet: false };
                told += usize::from(counted.take(denial, now).is_some());
            }
            told += counted.tick(now).len();
        }
        assert!(counted.0.len() <= ADDRESSES + 1);
        assert!(told < 3600 * 40, "{told} reports of 360000 tries");
    }
}
