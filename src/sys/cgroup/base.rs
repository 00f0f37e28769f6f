//! Below which group of version 2 ours are made, and having controllers there.
//!
//! A group whose children have controllers must hold no process itself (`cgroups(7)`, "no internal processes"), so this
//! process has to be in a leaf beside them. systemd puts it there since version 254 (`DelegateSubgroup=daemon`). Before, it starts
//! a service in the service's own group and could not start it again while sessions run below that one: then they are made
//! beside the service. Elsewhere this process moves itself, if nobody else is in the group.

use std::path::{Path, PathBuf};

use super::mounts::Own;
use super::{CgroupError, Controller, failed, read, write};

/// Our leaf.
const LEAF: &str = "daemon";
/// What holds the groups of users and nothing else, so that rules can be about "all sessions".
pub(super) const SESSIONS: &str = "portcullis-sessions";

/// Where groups are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// Below this one. We are in a leaf of it, or nothing forbids being in it.
    Below(PathBuf),
    /// Below this one, which a service is in that has no leaf: beside the service.
    Beside(PathBuf),
}

impl Base {
    /// Decides by the name of our own group.
    pub(super) fn of(own: &Own) -> Self {
        let name = own.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        match own.path.parent().filter(|_| own.path != own.mount) {
            Some(parent) if name == LEAF => Self::Below(parent.to_owned()),
            Some(parent) if name.ends_with(".service") => Self::Beside(parent.to_owned()),
            _ => Self::Below(own.path.clone()),
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Below(path) | Self::Beside(path) => path,
        }
    }
}

/// Controllers that a file of version 2 names (`cgroup.controllers`, `cgroup.subtree_control`).
pub(super) fn named(path: &Path) -> Vec<Controller> {
    let text = read(path).unwrap_or_default();
    let known = |word| Controller::ALL.into_iter().find(|controller| controller.word() == word);
    text.split_whitespace().filter_map(known).collect()
}

/// Has the children of this group have what controllers it has; returns which they have then.
///
/// Not with processes in it: the kernel would give `cpu` and `pids` all the same, but to threads, and no process could be put into
/// the children any more (`cgroups(7)`, "domain invalid"). The hierarchy's own root may hold any; it alone has no `cgroup.type`.
pub(super) fn enable(dir: &Path) -> Vec<Controller> {
    let file = dir.join("cgroup.subtree_control");
    if is_root(dir) || read(&dir.join("cgroup.procs")).is_ok_and(|pids| pids.trim().is_empty()) {
        for controller in named(&dir.join("cgroup.controllers")) {
            // What is there afterwards counts.
            let _ = write(&file, &format!("+{}", controller.word()));
        }
    }
    named(&file)
}

fn is_root(dir: &Path) -> bool {
    !dir.join("cgroup.type").exists()
}

/// The same for our base, whatever it takes; returns which controllers its children have, and why not all.
pub(super) fn delegate(base: &Base, own: &Own) -> (Vec<Controller>, Option<CgroupError>) {
    match base {
        Base::Beside(path) => {
            // From the mount downwards: a group has what its parent hands on.
            let mut all: Vec<&Path> =
                path.ancestors().take_while(|dir| dir.starts_with(&own.mount)).collect();
            all.reverse();
            all.into_iter().for_each(|dir| drop(enable(dir)));
            (enable(path), None)
        }
        Base::Below(path) => {
            let wanted = named(&path.join("cgroup.controllers"));
            let have = enable(path);
            if wanted.iter().all(|controller| have.contains(controller)) {
                return (have, None);
            }
            let ours = *path == own.path && !is_root(path);
            let moved = if ours { move_to_leaf(path) } else { Ok(()) };
            (enable(path), moved.err())
        }
    }
}

/// Moves ourselves into a leaf, when nobody else is here: others' processes are not ours to move.
fn move_to_leaf(dir: &Path) -> Result<(), CgroupError> {
    let ours = nix::unistd::getpid().as_raw();
    let others = read(&dir.join("cgroup.procs"))?;
    if others.lines().filter_map(|line| line.parse::<i32>().ok()).any(|pid| pid != ours) {
        let busy = std::io::Error::other("other processes are in this group");
        return Err(failed(&dir.join("cgroup.procs"))(busy));
    }
    let leaf = dir.join(LEAF);
    match std::fs::create_dir(&leaf) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(failed(&leaf)(error)),
        _ => {}
    }
    write(&leaf.join("cgroup.procs"), &ours.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn own(path: &str) -> Own {
        Own { mount: "/sys/fs/cgroup".into(), path: Path::new("/sys/fs/cgroup").join(path) }
    }

    #[test]
    fn groups_are_made_where_the_daemon_can_be_started_again() {
        for (path, wanted) in [
            ("", Base::Below("/sys/fs/cgroup/".into())),
            ("system.slice/p.service", Base::Beside("/sys/fs/cgroup/system.slice".into())),
            ("system.slice/p.service/daemon", Base::Below("/sys/fs/cgroup/system.slice/p.service".into())),
            ("user.slice/session-3.scope", Base::Below("/sys/fs/cgroup/user.slice/session-3.scope".into())),
        ] {
            assert_eq!(Base::of(&own(path)), wanted, "{path}");
        }
    }

    #[test]
    fn a_group_with_others_in_it_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let put = |name: &str, text: &str| fs::write(dir.path().join(name), text).expect("written");
        put("cgroup.controllers", "cpuset cpu memory pids\n");
        put("cgroup.subtree_control", "");
        put("cgroup.type", "domain\n");
        put("cgroup.procs", "1\n");
        assert_eq!(named(&dir.path().join("cgroup.controllers")).len(), 3);
        assert_eq!(enable(dir.path()), []);
        let own = Own { mount: dir.path().join(".."), path: dir.path().to_owned() };
        let (have, why) = delegate(&Base::Below(dir.path().to_owned()), &own);
        assert!(have.is_empty() && why.is_some(), "{have:?}");
        assert!(move_to_leaf(dir.path()).is_err());
        assert!(!dir.path().join(LEAF).exists());
        put("cgroup.procs", &format!("{}\n", std::process::id()));
        fs::create_dir(dir.path().join(LEAF)).expect("a leaf from before");
        put("daemon/cgroup.procs", "");
        move_to_leaf(dir.path()).expect("moved");
        let moved = fs::read_to_string(dir.path().join(LEAF).join("cgroup.procs")).expect("readable");
        assert_eq!(moved, std::process::id().to_string());
    }
}
