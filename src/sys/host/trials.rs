//! What only a trial tells: a child that makes namespaces for itself, uses them, and is gone.
//!
//! Whether it is allowed depends on capabilities, on the container and on security modules; the kernel's version says little.
//! Nothing of it outlives the child: mounts are made in its own namespace, after it was cut off from the machine's.

use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use crate::fork::fork;
use crate::mounts::{Limits, Place, Tree, limit_all};
use crate::process::Ended;

/// What the body's exit status says when all of it worked.
const WORKED: u8 = 0;
/// When it didn't.
const FAILED: u8 = 1;

/// Mounts and processes of a child's own: a `/proc` of its own and temporary files over `/tmp`, as a session has them.
pub(super) fn namespaces() -> bool {
    tried(|| {
        let own = unshare(CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID).and_then(|()| {
            // ORDER: before any mount, or it would be made on the machine too.
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        });
        let temporary = own.and_then(|()| {
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
            mount(Some("tmpfs"), "/tmp", Some("tmpfs"), flags, Some("size=64k"))
        });
        // The next child is the first process of the new namespace, whose `/proc` it may mount.
        let inner = temporary.is_ok() && worked(fork(&[], || status(show_processes())));
        if inner { WORKED } else { FAILED }
    })
}

/// By the same calls as a session's: some kernels have mounts of one's own and not these (`mount_setattr`, Linux 5.12).
fn show_processes() -> nix::Result<()> {
    let processes = Tree::processes()?;
    processes.limit(Limits::DATA)?;
    processes.show_at(&Place::open(Path::new("/proc"))?)?;
    drop(Tree::terminals(0)?);
    limit_all(Limits { read_only: true, ..Limits::default() })
}

/// A network of a child's own.
pub(super) fn network() -> bool {
    tried(|| status(unshare(CloneFlags::CLONE_NEWNET)))
}

const fn status(result: nix::Result<()>) -> u8 {
    if result.is_ok() { WORKED } else { FAILED }
}

/// Root alone can: the others' children aren't started in vain.
fn tried(body: impl FnOnce() -> u8) -> bool {
    nix::unistd::geteuid().is_root() && worked(fork(&[], body))
}

fn worked(child: Result<crate::process::Process, crate::fork::ForkError>) -> bool {
    child.is_ok_and(|child| matches!(child.wait(), Ok(Ended::Exited(status)) if status == i32::from(WORKED)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::{child_for_test, needs_root};

    #[test]
    fn a_trial_leaves_nothing_behind() {
        needs_root();
        // The harness has threads, so the trials are made by a child that has none.
        let inside = child_for_test(|| {
            let before = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
            let links = |name: &str| std::fs::read_link(format!("/proc/self/ns/{name}")).ok();
            let names = ["mnt", "pid_for_children", "net"];
            let own = names.map(links);
            let found = (namespaces(), network());
            let same = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default() == before;
            u8::from(!same || own != names.map(links)) + 2 * u8::from(!found.0) + 4 * u8::from(!found.1)
        });
        assert_eq!(
            inside, 0,
            "1: mounts or namespaces were changed; 2, 4: the machine of these tests has both"
        );
    }

    #[test]
    fn threads_mean_that_nothing_is_tried() {
        let _other = std::thread::spawn(std::thread::park);
        assert!(!namespaces() && !network());
    }
}
