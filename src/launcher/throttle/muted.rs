//! Keeps a flood of throttled attempts from filling the audit log and the log: they all say the same.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::network::Network;

/// Records of throttled attempts within one window; more are counted.
#[derive(Debug, Default)]
pub(crate) struct Muted {
    window: Duration,
    written: u32,
    /// How many were not written in windows before this one.
    owed: u64,
    silent: u64,
    lines: Lines,
}

/// Records of throttled attempts within one window; more are counted.
const WRITTEN_MAX: u32 = 20;
/// The window.
const WINDOW: Duration = Duration::from_secs(60);
/// Lines of the log about one network within one window: more than what bans on them waits for.
const OF_ONE_MAX: u32 = 20;
/// Lines of the log about all networks within one window: ten a second, a hundredth of what a journal takes.
const LINES_MAX: u32 = 600;

impl Muted {
    /// Whether one more is to be written in full.
    pub(crate) fn may_write(&mut self, now: Duration) -> bool {
        self.turn(now);
        let may = self.written < WRITTEN_MAX;
        self.written += u32::from(may);
        self.silent += u64::from(!may);
        may
    }

    /// Whether the log is to have one more line about this address: others' floods don't silence it before [`LINES_MAX`].
    pub(crate) fn may_say(&mut self, remote: IpAddr, now: Duration) -> bool {
        self.turn(now);
        self.lines.may_say(remote)
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
            self.lines = Lines::default();
        }
    }
}

/// What the log says within one window. At most [`LINES_MAX`] networks are in it: each has a line.
#[derive(Debug, Default)]
struct Lines {
    of: HashMap<Network, u32>,
    all: u32,
}

impl Lines {
    fn may_say(&mut self, remote: IpAddr) -> bool {
        if self.all >= LINES_MAX {
            return false;
        }
        let said = self.of.entry(Network::of(remote)).or_default();
        let may = *said < OF_ONE_MAX;
        *said += u32::from(may);
        self.all += u32::from(may);
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_flood_of_one_address_does_not_silence_the_others_and_one_of_all_is_bounded() {
        let mut muted = Muted::default();
        let now = Duration::from_secs(70);
        let of = |n: u16| IpAddr::from([10, 0, n.to_be_bytes()[0], n.to_be_bytes()[1]]);
        assert_eq!((0..1000).filter(|_| muted.may_say(of(0), now)).count(), 20);
        assert!(muted.may_say(of(1), now));
        assert_eq!((0..5000).filter(|n| muted.may_say(of(*n), now)).count(), 600 - 21);
        assert!(!muted.may_say(of(6000), now) && muted.lines.of.len() <= 600);
        assert!(muted.may_say(of(0), now + WINDOW));
    }
}
