//! What the kernel of this machine can hold: looked at and tried, with no effect that lasts.
//!
//! Called once by the launcher at its start, which plans sessions by it, and by the administrator's command, which says how
//! strongly each flag holds and what would make it hold more. What can't be seen or tried counts as not there: as root the
//! answer is whole, as anybody else it is what they can see.

use std::fs;
use std::path::Path;

use crate::cgroup::Hierarchies;
use crate::{audit, bpf};

mod trials;

/// What was found; what can't be seen counts as not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Version of Landlock's interface (`landlock(7)`); `None` without Landlock or where it is off.
    pub landlock: Option<u32>,
    /// Whether filters for system calls can be set.
    pub seccomp: bool,
    /// Whether a child of ours can have mounts and processes of its own: tried.
    pub namespaces: bool,
    /// Whether a child of ours can have a network of its own: tried.
    pub network_namespace: bool,
    /// Whether files in memory can be kept from being programs (`vm.memfd_noexec`).
    pub memfd_noexec: bool,
    /// 2 for the unified hierarchy, 1 for the older one alone, 0 for none.
    pub cgroup: u8,
    /// Whether all processes of a control group can be ended at once.
    pub cgroup_kill: bool,
    /// Controllers that sessions' groups can have (`memory`, `pids`, `cpu`).
    pub controllers: Vec<String>,
    /// Whether connections of a control group can be ruled: tried.
    pub connections: bool,
    /// Whether listeners of other people's sessions can be told from the machine's own: tried.
    pub neighbours: bool,
    /// Why connections can't be ruled; empty where they can.
    pub no_connections: String,
    /// Whether the kernel's audit system answers.
    pub audit: bool,
    /// Whether a program in the kernel tells which programs are started: tried.
    pub executions: bool,
    /// Whether accounts other than root may make user namespaces.
    pub user_namespaces: bool,
    /// What this machine is a container of, as far as it can be told.
    pub container: Option<String>,
}

/// Looks and tries, with the hierarchies in which sessions' groups are made. A process with several threads makes no trials of
/// namespaces.
pub fn probe(hierarchies: &Hierarchies) -> Host {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let controllers = hierarchies.controllers();
    let rules = bpf::probe();
    Host {
        landlock: landlock(),
        seccomp: seccomp(),
        namespaces: trials::namespaces(),
        network_namespace: trials::network(),
        memfd_noexec: Path::new("/proc/sys/vm/memfd_noexec").exists(),
        cgroup: cgroup_version(&groups, Path::new("/sys/fs/cgroup/cgroup.controllers").exists()),
        cgroup_kill: controllers.kill,
        controllers: [
            ("cpu", controllers.processors),
            ("memory", controllers.memory),
            ("pids", controllers.processes),
        ]
        .into_iter()
        .filter_map(|(name, version)| version.map(|_| name.to_owned()))
        .collect(),
        connections: rules.rules,
        neighbours: rules.neighbours,
        no_connections: rules.why.unwrap_or_default(),
        audit: audit::reachable().is_ok(),
        executions: bpf::Executions::begin().is_ok(),
        user_namespaces: user_namespaces(
            number("/proc/sys/user/max_user_namespaces"),
            number("/proc/sys/kernel/unprivileged_userns_clone"),
        ),
        container: container(),
    }
}

/// `LANDLOCK_CREATE_RULESET_VERSION`.
const ASK_VERSION: u32 = 1;

fn landlock() -> Option<u32> {
    // SAFETY: with this flag the call takes a null pointer and size zero, makes nothing and returns a number.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::null::<libc::c_void>(),
            0_usize,
            ASK_VERSION,
        )
    };
    u32::try_from(version).ok().filter(|version| *version > 0)
}

fn cgroup_version(groups: &str, unified: bool) -> u8 {
    match groups.lines().next() {
        None => 0,
        Some(_) if unified => 2,
        Some(_) => 1,
    }
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Debian's own switch exists only where its patch is.
fn user_namespaces(most: Option<u64>, switch: Option<u64>) -> bool {
    most.is_some_and(|most| most > 0) && switch != Some(0)
}

fn seccomp() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Seccomp:"))
}

fn container() -> Option<String> {
    if Path::new("/.dockerenv").exists() {
        return Some("docker".to_owned());
    }
    let word = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    // Written by systemd for whoever asks, with the name that the container's manager gave to process 1.
    word("/run/systemd/container")
        .or_else(|| Path::new("/run/.containerenv").exists().then(|| "podman".to_owned()))
        .filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_seen_is_not_there() {
        assert_eq!(cgroup_version("", true), 0);
        assert_eq!(cgroup_version("12:cpu:/\n0::/\n", false), 1);
        assert_eq!(cgroup_version("0::/system.slice\n", true), 2);
        assert!(user_namespaces(Some(100), None) && user_namespaces(Some(1), Some(1)));
        assert!(!user_namespaces(Some(0), None) && !user_namespaces(Some(1), Some(0)));
        assert!(!user_namespaces(None, Some(1)));
    }

    #[test]
    fn this_machine_is_looked_at() {
        let host = probe(&Hierarchies::find());
        assert!(host.landlock.is_none_or(|version| version < 1000));
        assert!(host.seccomp, "every kernel this runs on has it");
    }
}
