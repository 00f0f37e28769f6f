//! Ending real processes, by each of the ways that this machine has.

use super::*;
use crate::cgroup::{Hierarchies, Quota};
use crate::exec::Exec;
use crate::process::Ended;

/// A shell in the group, with two children, one of which leads a session of its own.
fn family(group: &Group) -> Process {
    let mut exec = Exec::new(Path::new("/bin/sh")).expect("sh");
    exec.arg("-c").arg("read x; setsid sleep 1000 & sleep 1000 & wait").env("PATH", b"/bin:/usr/bin");
    let (reader, writer) = crate::fd::pipe().expect("a pipe");
    exec.fd(0, reader.as_fd());
    let child = exec.spawn().expect("a child");
    group.add(child.pid()).expect("added");
    assert_eq!(group.pids().expect("readable"), [child.pid()]);
    drop(writer);
    child
}

fn ends(group: &Group) {
    let child = family(group);
    group.kill().expect("killed");
    assert_eq!(child.wait().expect("its end"), Ended::Signalled(9));
    assert!(group.wait_empty(Duration::from_secs(10)).expect("readable"));
    group.remove().expect("removed");
    group.remove().expect("nothing to do");
    assert!(group.kill().is_ok() && group.pids().expect("nothing").is_empty(), "gone is empty");
}

#[test]
fn a_group_is_killed_whole() {
    let name = format!("session-kill-{}", std::process::id());
    let made = Hierarchies::find().make(4_000_000, &name, &Quota::default(), &Quota::default());
    let Ok(group) = made else { return }; // no writable hierarchy on this machine
    ends(&group);
    assert!(!group.dirs()[0].parent().expect("the user's").exists(), "the last one takes it with it");
}

#[test]
fn so_is_one_that_version_1_has_alone() {
    let groups = std::fs::read_to_string("/proc/self/cgroup").expect("readable");
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").expect("readable");
    for word in ["freezer", "pids"] {
        let Some(own) = crate::cgroup::mounts::of_controller(&mounts, &groups, word) else { return };
        let dir = own.path.join(format!("portcullis-{word}-{}", std::process::id()));
        if std::fs::create_dir(&dir).is_err() {
            return; // not root
        }
        ends(&Group::at([dir]));
    }
}
