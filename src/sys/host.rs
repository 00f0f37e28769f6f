//! What the kernel of this machine could enforce: looked at, never changed. Nothing enforces by it yet.
//!
//! Called by the administrator's command, which says how strongly each flag holds and what would make it hold more.

use std::fs;
use std::path::Path;

/// What was found; what can't be seen counts as not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Version of Landlock's interface (`landlock(7)`); `None` without Landlock or where it is off.
    pub landlock: Option<u32>,
    /// 2 for the unified hierarchy, 1 for the older one alone, 0 for none.
    pub cgroup: u8,
    /// Controllers of the unified hierarchy that the group of this process has.
    pub controllers: Vec<String>,
    /// Whether the kernel's audit system is built in (`/proc/self/loginuid`).
    pub audit: bool,
    /// Whether accounts other than root may make user namespaces.
    pub user_namespaces: bool,
    /// Whether filters for system calls can be set.
    pub seccomp: bool,
    /// What this machine is a container of, as far as it can be told.
    pub container: Option<String>,
}

/// Looks.
pub fn probe() -> Host {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Host {
        landlock: landlock(),
        cgroup: cgroup_version(&groups, Path::new("/sys/fs/cgroup/cgroup.controllers").exists()),
        controllers: controllers(&groups),
        audit: Path::new("/proc/self/loginuid").exists(),
        user_namespaces: user_namespaces(
            number("/proc/sys/user/max_user_namespaces"),
            number("/proc/sys/kernel/unprivileged_userns_clone"),
        ),
        seccomp: seccomp(),
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

fn controllers(groups: &str) -> Vec<String> {
    let Some(own) = groups.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let file = Path::new("/sys/fs/cgroup").join(own).join("cgroup.controllers");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
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
        assert_eq!(controllers("0::/no/such/group\n"), Vec::<String>::new());
    }

    #[test]
    fn this_machine_is_looked_at() {
        let host = probe();
        assert!(host.landlock.is_none_or(|version| version < 1000));
        assert!(host.seccomp, "every kernel this runs on has it");
    }
}
