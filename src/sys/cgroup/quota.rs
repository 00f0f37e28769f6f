//! How much a group may use, as the files of both versions say it.

use std::fs;
use std::io;
use std::path::Path;

use super::{CgroupError, Controller, Version, usage, write};

/// Period over which processor time is counted, in microseconds: the kernel's own default.
const PERIOD_US: u64 = 100_000;
/// From so many hundredths of its memory a group of version 2 is slowed down (`memory.high`), so that whoever fills it is told
/// before the kernel ends a process.
const HIGH_PERCENT: u64 = 90;

/// What a group may use; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// Bytes of memory, swap included.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub processes: Option<u64>,
    /// Hundredths of a processor.
    pub processor_percent: Option<u32>,
}

impl Quota {
    /// Whether it limits what this controller counts.
    pub const fn limits(&self, controller: Controller) -> bool {
        match controller {
            Controller::Memory => self.memory.is_some(),
            Controller::Processes => self.processes.is_some(),
            Controller::Processors => self.processor_percent.is_some(),
        }
    }

    /// The same, nowhere more than `outer` lets through: version 1 refuses more processor time inside than outside.
    pub(super) fn within(self, outer: &Self) -> Self {
        let percent = match (self.processor_percent, outer.processor_percent) {
            (Some(inner), Some(outer)) => Some(inner.min(outer)),
            (inner, _) => inner,
        };
        Self { processor_percent: percent, ..self }
    }
}

/// One file of a group and what is written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) file: &'static str,
    pub(super) text: String,
    /// Not there on every kernel (no accounting of swap): no limit is lost without it.
    pub(super) may_lack: bool,
}

fn setting(file: &'static str, text: String) -> Setting {
    Setting { file, text, may_lack: false }
}

/// What is written for one controller. A limit that is not set is written as none: the group may have had one before.
///
/// `memory.oom.group` stays 0: the kernel ends the largest process, a notebook's kernel, and not JupyterLab with all the others.
/// Swap counts as memory (version 1) or isn't used (version 2, which can't add both up): a session at its limit is to be told,
/// not to fill the machine's swap and get slow.
pub(super) fn settings(quota: &Quota, controller: Controller, version: Version) -> Vec<Setting> {
    let or_max = |number: Option<u64>| number.map_or_else(|| "max".to_owned(), |number| number.to_string());
    let or_minus = |number: Option<u64>| number.map_or_else(|| "-1".to_owned(), |number| number.to_string());
    let quota_us = quota.processor_percent.map(|percent| u64::from(percent) * PERIOD_US / 100);
    match (controller, version) {
        (Controller::Memory, Version::V2) => {
            let high = quota.memory.map(|bytes| bytes / 100 * HIGH_PERCENT);
            let swap = quota.memory.map(|_| 0);
            vec![
                setting("memory.high", or_max(high)),
                setting("memory.max", or_max(quota.memory)),
                Setting { file: "memory.swap.max", text: or_max(swap), may_lack: true },
            ]
        }
        (Controller::Memory, Version::V1) => vec![
            setting("memory.limit_in_bytes", or_minus(quota.memory)),
            Setting { file: "memory.memsw.limit_in_bytes", text: or_minus(quota.memory), may_lack: true },
        ],
        (Controller::Processes, _) => vec![setting("pids.max", or_max(quota.processes))],
        (Controller::Processors, Version::V2) => {
            vec![setting("cpu.max", format!("{} {PERIOD_US}", or_max(quota_us)))]
        }
        (Controller::Processors, Version::V1) => vec![
            setting("cpu.cfs_period_us", PERIOD_US.to_string()),
            setting("cpu.cfs_quota_us", or_minus(quota_us)),
        ],
    }
}

/// Sets what this directory's controller can.
///
/// # Errors
/// When a file refuses; [`CgroupError::Used`] when more is in use than is to be allowed: the kernel would end processes at once.
pub(super) fn set(
    dir: &Path,
    quota: &Quota,
    controller: Controller,
    version: Version,
) -> Result<(), CgroupError> {
    if let (Controller::Memory, Some(limit)) = (controller, quota.memory) {
        let used = usage::memory(dir).unwrap_or(0);
        if used > limit {
            return Err(CgroupError::Used { used_mb: used >> 20, limit_mb: limit >> 20 });
        }
    }
    let settings = settings(quota, controller, version);
    match put(dir, settings.iter()) {
        // Of version 1: memory alone may never be more than memory with swap, so a larger limit goes the other way round.
        Err(error) if error.kind() == Some(io::ErrorKind::InvalidInput) => put(dir, settings.iter().rev()),
        done => done,
    }
}

fn put<'s>(dir: &Path, settings: impl Iterator<Item = &'s Setting>) -> Result<(), CgroupError> {
    for Setting { file, text, may_lack } in settings {
        let path = dir.join(file);
        if *may_lack && !path.exists() {
            continue;
        }
        write(&path, text)?;
    }
    Ok(())
}

/// Has a group of version 1 count its children too, which kernels before 5.11 don't by themselves. Before it has any.
pub(super) fn count_children(dir: &Path) -> Result<(), CgroupError> {
    let path = dir.join("memory.use_hierarchy");
    match fs::read_to_string(&path) {
        Ok(text) if text.trim() == "0" => write(&path, "1"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(quota: &Quota, version: Version) -> Vec<String> {
        let all = Controller::ALL.into_iter().flat_map(|controller| settings(quota, controller, version));
        all.map(|setting| format!("{}={}", setting.file, setting.text)).collect()
    }

    #[test]
    fn limits_are_written_as_each_version_wants_them() {
        let quota = Quota { memory: Some(64 << 20), processes: Some(20), processor_percent: Some(150) };
        assert_eq!(
            texts(&quota, Version::V2),
            [
                "memory.high=60397920",
                "memory.max=67108864",
                "memory.swap.max=0",
                "pids.max=20",
                "cpu.max=150000 100000"
            ]
        );
        assert_eq!(
            texts(&quota, Version::V1),
            [
                "memory.limit_in_bytes=67108864",
                "memory.memsw.limit_in_bytes=67108864",
                "pids.max=20",
                "cpu.cfs_period_us=100000",
                "cpu.cfs_quota_us=150000"
            ]
        );
    }

    #[test]
    fn no_limit_is_written_too() {
        let none = Quota::default();
        assert_eq!(
            texts(&none, Version::V2),
            [
                "memory.high=max",
                "memory.max=max",
                "memory.swap.max=max",
                "pids.max=max",
                "cpu.max=max 100000"
            ]
        );
        assert!(texts(&none, Version::V1).contains(&"memory.limit_in_bytes=-1".to_owned()));
        assert!(Controller::ALL.into_iter().all(|controller| !none.limits(controller)));
    }

    #[test]
    fn inside_is_no_more_processor_time_than_outside() {
        let of = |percent| Quota { processor_percent: percent, ..Quota::default() };
        assert_eq!(of(Some(200)).within(&of(Some(100))), of(Some(100)));
        assert_eq!(of(Some(50)).within(&of(Some(100))), of(Some(50)));
        assert_eq!(of(None).within(&of(Some(100))), of(None));
        assert_eq!(of(Some(50)).within(&of(None)), of(Some(50)));
    }

    #[test]
    fn what_is_used_already_can_not_be_forbidden() {
        let dir = tempfile::tempdir().expect("a directory");
        fs::write(dir.path().join("memory.current"), (80u64 << 20).to_string()).expect("written");
        fs::write(dir.path().join("memory.stat"), "anon 1\nactive_file 1048576\ninactive_file 0\n")
            .expect("written");
        let quota = Quota { memory: Some(64 << 20), ..Quota::default() };
        let set = set(dir.path(), &quota, Controller::Memory, Version::V2);
        assert!(matches!(set, Err(CgroupError::Used { used_mb: 79, limit_mb: 64 })), "{set:?}");
        assert!(!dir.path().join("memory.max").exists());
    }
}
