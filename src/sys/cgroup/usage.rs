//! What a group uses, and what the kernel refused it or ended for it, from the files of both versions.

use std::path::Path;
use std::time::Duration;

use super::Group;

/// What a group uses at the moment; `None` where nothing counts it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of memory, without copies of files that the kernel gives up before it ends anything.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
}

/// What the kernel has counted since the group was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Processes that it ended for want of memory.
    pub killed: u64,
    /// Processes and threads that were not made because there were as many as there may be.
    pub forks: u64,
}

impl Group {
    /// What it uses. Reads three small files.
    pub fn usage(&self) -> Usage {
        let dirs = || self.dirs().iter();
        Usage {
            memory: dirs().find_map(|dir| memory(dir)),
            processes: dirs().find_map(|dir| number(dir, "pids.current")),
        }
    }

    /// Microseconds of processor time that it has used. Reads one small file; `None` where nothing counts it.
    pub fn processor_micros(&self) -> Option<u64> {
        let of_both = |dir: &std::path::PathBuf| {
            let nanos = || number(dir, "cpuacct.usage").map(|nanos| nanos / 1000);
            field(dir, "cpu.stat", "usage_usec").or_else(nanos)
        };
        self.dirs().iter().find_map(of_both)
    }

    /// Time of processors that was used in it and below it; `None` where nothing counts it. Reads one small file.
    pub fn processor(&self) -> Option<Duration> {
        let micros = |dir: &Path| field(dir, "cpu.stat", "usage_usec").map(Duration::from_micros);
        let nanos = |dir: &Path| number(dir, "cpuacct.usage").map(Duration::from_nanos);
        self.dirs().iter().find_map(|dir| micros(dir).or_else(|| nanos(dir)))
    }

    /// Processes that its own limit refused to it and those below it; `None` where the kernel counts that at whoever asked
    /// (version 1, version 2 before 6.11), in [`Refusals::forks`] of that group.
    pub fn own_forks(&self) -> Option<u64> {
        self.dirs().iter().find_map(|dir| field(dir, "pids.events.local", "max"))
    }

    /// What it was refused. Reads two small files.
    pub fn refusals(&self) -> Refusals {
        let dirs = || self.dirs().iter();
        let killed = dirs().find_map(|dir| {
            field(dir, "memory.events", "oom_kill").or_else(|| field(dir, "memory.oom_control", "oom_kill"))
        });
        let forks = dirs().find_map(|dir| field(dir, "pids.events", "max"));
        Refusals { killed: killed.unwrap_or(0), forks: forks.unwrap_or(0) }
    }
}

/// Memory in use, of a directory of either version.
pub(super) fn memory(dir: &Path) -> Option<u64> {
    let (used, prefix) = match number(dir, "memory.current") {
        Some(used) => (used, ""),
        None => (number(dir, "memory.usage_in_bytes")?, "total_"),
    };
    let text = std::fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
    let files =
        ["active_file", "inactive_file"].map(|name| value(&text, &format!("{prefix}{name}")).unwrap_or(0));
    Some(used.saturating_sub(files.iter().sum()))
}

fn number(dir: &Path, file: &str) -> Option<u64> {
    std::fs::read_to_string(dir.join(file)).ok()?.trim().parse().ok()
}

fn field(dir: &Path, file: &str, name: &str) -> Option<u64> {
    value(&std::fs::read_to_string(dir.join(file)).ok()?, name)
}

fn value(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn group(files: &[(&str, &str)]) -> (tempfile::TempDir, Group) {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("written");
        }
        let group = Group::at([dir.path()]);
        (dir, group)
    }

    #[test]
    fn version_2_is_read() {
        let (_dir, group) = group(&[
            ("memory.current", "1000\n"),
            ("memory.stat", "anon 300\nfile 700\nactive_file 400\ninactive_file 200\n"),
            ("memory.events", "low 0\nhigh 7\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n"),
            ("pids.current", "5\n"),
            ("pids.events", "max 9\n"),
        ]);
        assert_eq!(group.usage(), Usage { memory: Some(400), processes: Some(5) });
        assert_eq!(group.refusals(), Refusals { killed: 2, forks: 9 });
        assert_eq!(group.processor(), None);
    }

    #[test]
    fn processor_time_is_counted_by_both_versions() {
        let (_dir, second) = group(&[("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n")]);
        assert_eq!(second.processor(), Some(Duration::from_micros(1500)));
        let (_dir, first) = group(&[("cpuacct.usage", "7000\n")]);
        assert_eq!(first.processor(), Some(Duration::from_micros(7)));
    }

    #[test]
    fn version_1_is_read_with_its_children() {
        let (_dir, group) = group(&[
            ("memory.usage_in_bytes", "1000\n"),
            ("memory.stat", "active_file 1\ntotal_active_file 400\ntotal_inactive_file 700\n"),
            ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"),
        ]);
        assert_eq!(group.usage(), Usage { memory: Some(0), processes: None }, "never below nothing");
        assert_eq!(group.refusals(), Refusals { killed: 1, forks: 0 });
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(Group::default().usage(), Usage::default());
        assert_eq!(Group::at(["/no/such/group"]).refusals(), Refusals::default());
    }
}
