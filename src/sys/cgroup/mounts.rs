//! Where a hierarchy shows the group of this process: the mount table and `/proc/self/cgroup` put together.

use std::path::{Path, PathBuf};

/// The directory of our group in version 2, and the mount it is in.
pub(super) fn unified(mounts: &str, groups: &str) -> Option<Own> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let mount = Mount::parse(line).filter(|mount| mount.kind == "cgroup2")?;
        mount.shows(group)
    })
}

/// The same in the version 1 hierarchy of a controller.
pub(super) fn of_controller(mounts: &str, groups: &str, word: &str) -> Option<Own> {
    let group = groups.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        fields.next()?.split(',').any(|name| name == word).then(|| fields.next())?
    })?;
    mounts.lines().find_map(|line| {
        let mount = Mount::parse(line).filter(|mount| mount.kind == "cgroup")?;
        mount.options.split(',').any(|name| name == word).then(|| mount.shows(group))?
    })
}

/// Our group in a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    /// Where the hierarchy is mounted.
    pub(super) mount: PathBuf,
    /// The directory of our group.
    pub(super) path: PathBuf,
}

struct Mount<'l> {
    root: &'l str,
    point: &'l str,
    kind: &'l str,
    options: &'l str,
}

impl<'l> Mount<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let mut fields = after.split(' ');
        let kind = fields.next()?;
        Some(Self { root, point, kind, options: fields.nth(1)? })
    }

    /// In a container the mount may show a part of the hierarchy only.
    fn shows(&self, group: &str) -> Option<Own> {
        let below = Path::new(group).strip_prefix(self.root).ok()?;
        let mount = PathBuf::from(self.point);
        let path = if below.as_os_str().is_empty() { mount.clone() } else { mount.join(below) };
        Some(Own { mount, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
    const HYBRID: &str = "30 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                          32 23 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:3 - cgroup cgroup rw,cpu,cpuacct\n\
                          31 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";

    #[test]
    fn our_own_group_is_found_on_each_kind_of_mount() {
        let part = "29 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw";
        for (mounts, groups, wanted) in [
            (UNIFIED, "0::/system.slice/a.service\n", Some("/sys/fs/cgroup/system.slice/a.service")),
            (HYBRID, "4:memory:/x\n0::/\n", Some("/sys/fs/cgroup/unified")),
            (part, "0::/docker/x/y\n", Some("/sys/fs/cgroup/y")),
            (part, "0::/elsewhere\n", None),
            ("1 1 0:1 / / rw - ext4 a rw", "0::/\n", None),
            (UNIFIED, "4:memory:/x\n", None),
        ] {
            let found = unified(mounts, groups).map(|own| own.path);
            assert_eq!(found, wanted.map(PathBuf::from), "{groups}");
        }
    }

    #[test]
    fn so_it_is_of_each_controller_of_version_1() {
        let groups = "4:memory:/x/y\n3:cpu,cpuacct:/z\n2:pids:/\n0::/\n";
        let found = |word| of_controller(HYBRID, groups, word).map(|own| own.path);
        assert_eq!(found("memory"), Some("/sys/fs/cgroup/memory/x/y".into()));
        assert_eq!(found("cpu"), Some("/sys/fs/cgroup/cpu,cpuacct/z".into()));
        assert_eq!(found("pids"), None, "not mounted");
        assert_eq!(found("freezer"), None, "not there");
        assert_eq!(of_controller(UNIFIED, "0::/\n", "memory"), None);
    }
}
