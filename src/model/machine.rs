//! How busy the machine is: now, and over the last day.
//!
//! The texts of `/proc` are read by the launcher; here is what they mean.

use serde::{Deserialize, Serialize};

/// Thousandths in a whole.
const WHOLE: u64 = 1000;

/// At one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Thousandths of all processors that were in use over the last seconds.
    pub processor: u16,
    /// Thousandths of the memory in use: what is not available to programs that would be started now.
    pub memory: u16,
    /// Thousandths of the swap space in use; 0 where there is none.
    pub swap: u16,
    /// Hundredths of the load average over one minute.
    pub load: u32,
    /// Memory in megabytes.
    pub memory_mb: u64,
    /// Processors.
    pub processors: u32,
}

/// What is kept of a minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadSample {
    /// Seconds since 1970.
    pub at: u64,
    /// Thousandths of all processors in use over the minute.
    pub processor: u16,
    /// Thousandths of the memory in use.
    pub memory: u16,
    /// Hundredths of the load average.
    pub load: u32,
    /// Sessions that had processes.
    pub sessions: u32,
}

/// Processor time since boot, in ticks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticks {
    /// At work.
    pub busy: u64,
    /// In all.
    pub all: u64,
}

impl Ticks {
    /// From `/proc/stat`. Waiting for disks counts as idle, time of virtual machines is in `user` already.
    pub fn parse(stat: &str) -> Option<Self> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let times: Vec<u64> =
            line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let all: u64 = times.iter().sum();
        let idle = times.get(3)? + times.get(4).copied().unwrap_or(0);
        Some(Self { busy: all.saturating_sub(idle), all })
    }

    /// Thousandths in use since an earlier look; `None` when no time has passed.
    pub fn since(self, earlier: Self) -> Option<u16> {
        let all = self.all.checked_sub(earlier.all).filter(|all| *all > 0)?;
        Some(share(self.busy.saturating_sub(earlier.busy), all))
    }
}

impl Machine {
    /// From the texts of `/proc/meminfo` and `/proc/loadavg`.
    pub fn of(meminfo: &str, loadavg: &str, processor: u16, processors: u32) -> Self {
        let kib = |name: &str| -> u64 {
            let found = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            found.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let (all, swap) = (kib("MemTotal"), kib("SwapTotal"));
        Self {
            processor,
            memory: share(all.saturating_sub(kib("MemAvailable")), all),
            swap: share(swap.saturating_sub(kib("SwapFree")), swap),
            load: hundredths(loadavg.split_whitespace().next().unwrap_or_default()),
            memory_mb: all / 1024,
            processors,
        }
    }
}

/// `1.25` as 125, without a float in between.
fn hundredths(text: &str) -> u32 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part: u32 = format!("{part:0<2.2}").parse().unwrap_or(0);
    whole.parse::<u32>().unwrap_or(0).saturating_mul(100).saturating_add(part)
}

fn share(part: u64, all: u64) -> u16 {
    let thousandths = part.saturating_mul(WHOLE).checked_div(all).unwrap_or(0).min(WHOLE);
    u16::try_from(thousandths).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_proc_are_understood() {
        let first = Ticks::parse("cpu  100 0 100 700 100 0 0 0 50 0\ncpu0 1 2\n").expect("ticks");
        assert_eq!(first, Ticks { busy: 200, all: 1000 });
        let later = Ticks { busy: 450, all: 2000 };
        assert_eq!((later.since(first), first.since(first), first.since(later)), (Some(250), None, None));
        assert_eq!(Ticks::parse("intr 1\n"), None);
        let meminfo =
            "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:  512 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
        let machine = Machine::of(meminfo, "1.05 0.7 0.6 1/100 7", 250, 2);
        assert_eq!((machine.memory, machine.swap, machine.load, machine.memory_mb), (750, 0, 105, 2));
        assert_eq!(Machine::of("", "", 0, 1).load, 0);
        assert_eq!((hundredths("0.5"), hundredths("12"), hundredths("x.y")), (50, 1200, 0));
    }
}
