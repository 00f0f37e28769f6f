//! What the processes of a session have computed, read and written so far: running totals, of which a caller takes differences.
//!
//! Called by the launcher, as root, between whose looks a session works or doesn't.

use std::time::Duration;

use crate::cgroup::Group;

/// Totals since the processes were started. A process that ends leaves what it used to its parent, so they grow unless one of a
/// stranger's children ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Time of processors.
    pub processor: Duration,
    /// Bytes that were read and written, by files, pipes and terminals; not by sockets' own calls.
    pub bytes: u64,
}

impl Work {
    /// Of all in this group, and of these processes where there is no group. The kernel's count of the group's processor time is
    /// taken where there is one (version 2, or `cpuacct`), else that of its processes.
    pub fn of(group: &Group, otherwise: impl FnOnce() -> Vec<i32>) -> Self {
        let pids = if group.is_nowhere() { otherwise() } else { group.pids().unwrap_or_default() };
        let processes = pids.iter().map(|pid| Self::of_process(*pid)).fold(Self::default(), Self::and);
        Self { processor: group.processor().unwrap_or(processes.processor), ..processes }
    }

    /// Of one process with those it has waited for; nothing of one that is gone.
    fn of_process(pid: i32) -> Self {
        let text = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let stat = text("stat");
        let io = text("io");
        Self {
            processor: ticks(&String::from_utf8_lossy(&stat)).map_or(Duration::ZERO, of_ticks),
            bytes: moved(&String::from_utf8_lossy(&io)),
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            processor: self.processor.saturating_add(other.processor),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// What was done since an earlier look.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            processor: self.processor.saturating_sub(earlier.processor),
            bytes: self.bytes.saturating_sub(earlier.bytes),
        }
    }
}

/// Time in user and kernel, of the process and of children it has waited for (fields 14 to 17 of `/proc/PID/stat`).
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields = rest.split_ascii_whitespace().skip(11).take(4);
    fields.map(|field| field.parse::<u64>().ok()).sum()
}

fn of_ticks(ticks: u64) -> Duration {
    // SAFETY: asks for a constant of the system; no memory is passed.
    let each = u64::try_from(unsafe { libc::sysconf(libc::_SC_CLK_TCK) }).unwrap_or(100).max(1);
    Duration::from_millis(ticks.saturating_mul(1000) / each)
}

/// `rchar` and `wchar` of `/proc/PID/io`.
fn moved(io: &str) -> u64 {
    let field = |line: &str| {
        let value = line.strip_prefix("rchar: ").or_else(|| line.strip_prefix("wchar: "))?;
        value.trim().parse::<u64>().ok()
    };
    io.lines().filter_map(field).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_kernel_are_read() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194560 9 8 0 0 100 20 3 4 20 0 1 0 55 0 0";
        assert_eq!(ticks(stat), Some(127));
        assert_eq!(ticks("7 (a) R 1"), Some(0));
        assert_eq!(ticks("junk"), None);
        assert_eq!(moved("rchar: 10\nwchar: 5\nsyscr: 9\nread_bytes: 7\n"), 15);
        assert_eq!(moved(""), 0);
    }

    #[test]
    fn totals_never_go_backwards() {
        let work = |seconds, bytes| Work { processor: Duration::from_secs(seconds), bytes };
        assert_eq!(work(5, 9).since(work(3, 4)), work(2, 5));
        assert_eq!(work(3, 4).since(work(5, 9)), Work::default());
    }

    #[test]
    fn what_computes_and_reads_is_seen() {
        let own = || vec![i32::try_from(std::process::id()).expect("a number")];
        let before = Work::of(&Group::default(), own);
        let start = std::time::Instant::now();
        let mut read = 0;
        let mut turns = 0_u64;
        while start.elapsed() < Duration::from_millis(300) {
            turns = std::hint::black_box(turns + 1);
            if read < 1 << 20 {
                read += std::fs::read("/proc/self/maps").expect("readable").len();
            }
        }
        let done = Work::of(&Group::default(), own).since(before);
        assert!(done.processor >= Duration::from_millis(100), "{done:?}");
        assert!(done.bytes >= 1 << 20, "{done:?}");
        assert_eq!(Work::of(&Group::default(), || vec![i32::MAX]), Work::default());
    }
}
