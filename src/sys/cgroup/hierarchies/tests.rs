//! Groups in folders that look like hierarchies, and on this machine's own.

use std::os::fd::AsFd as _;

use super::*;

/// A version 2 hierarchy in a folder, whose files are there before we come, as the kernel's are.
fn unified(dir: &Path, controllers: &str) -> Hierarchies {
    put(dir, "cgroup.controllers", controllers);
    let mounts = format!("29 23 0:26 / {} rw - cgroup2 cgroup2 rw", dir.display());
    let mut found = Hierarchies::of(&mounts, "0::/\n");
    found.delegated = named(&dir.join("cgroup.controllers"));
    found
}

fn put(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir).expect("a directory");
    fs::write(dir.join(name), text).expect("written");
}

fn files_of_2(dir: &Path) {
    for name in [
        "cgroup.procs",
        "cgroup.events",
        "memory.max",
        "memory.high",
        "memory.swap.max",
        "pids.max",
        "cpu.max",
    ] {
        put(dir, name, "");
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("readable")
}

#[test]
fn limits_of_both_groups_are_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let hierarchies = unified(dir.path(), "cpuset cpu io memory pids\n");
    let user = dir.path().join("portcullis-sessions/user-7");
    let own = user.join("session-a");
    put(&user, "cgroup.subtree_control", "");
    for dir in [&user, &own] {
        files_of_2(dir);
    }
    let most = Quota { processor_percent: Some(100), ..Quota::default() };
    let quota = Quota { memory: Some(1 << 30), processes: Some(200), processor_percent: Some(400) };
    let group = hierarchies.make(7, "session-a", &most, &quota).expect("made");
    assert_eq!(group.dirs(), std::slice::from_ref(&own));
    assert_eq!(group.unified(), Some(own.as_path()));
    assert_eq!(group.of_user().dirs(), std::slice::from_ref(&user));
    assert_eq!(text(&own.join("memory.max")), "1073741824");
    assert_eq!(text(&own.join("memory.high")), "966367620");
    assert_eq!(text(&own.join("memory.swap.max")), "0");
    assert_eq!(text(&own.join("pids.max")), "200");
    assert_eq!(text(&own.join("cpu.max")), "100000 100000", "not more than the user's");
    assert_eq!(text(&user.join("cpu.max")), "100000 100000");
    assert_eq!(text(&user.join("memory.max")), "max", "a limit of before is taken back");
}

#[test]
fn a_limit_that_nothing_holds_is_an_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let hierarchies = unified(dir.path(), "hugetlb\n");
    assert_eq!(hierarchies.controllers(), Controllers { kill: true, ..Controllers::default() });
    let quota = Quota { memory: Some(1 << 30), ..Quota::default() };
    let made = hierarchies.make(7, "session-a", &Quota::default(), &quota);
    assert!(matches!(made, Err(CgroupError::NoController(Controller::Memory))), "{made:?}");
    assert!(!dir.path().join("portcullis-sessions/user-7").exists());
}

#[test]
fn a_limit_that_can_not_be_set_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let hierarchies = unified(dir.path(), "pids\n");
    // The files of the user's group are there, the session's are not: here they can't be set.
    let quota = Quota { processes: Some(1), ..Quota::default() };
    put(&dir.path().join("portcullis-sessions/user-7"), "pids.max", "");
    put(&dir.path().join("portcullis-sessions/user-7/session-b"), "pids.max", "");
    put(&dir.path().join("portcullis-sessions/user-7/session-b"), "cgroup.procs", "99\n");
    assert!(hierarchies.make(7, "session-b", &Quota::default(), &quota).is_err(), "somebody is in it");
    for name in ["", ".", "..", "a/b", "a\0"] {
        let made = hierarchies.make(7, name, &Quota::default(), &Quota::default());
        assert!(matches!(made, Err(CgroupError::Name(_))), "{name:?}");
    }
}

#[test]
fn what_is_left_is_found_by_its_name() {
    let dir = tempfile::tempdir().expect("a directory");
    let hierarchies = unified(dir.path(), "pids\n");
    fs::create_dir_all(dir.path().join("portcullis-sessions/user-7/session-c")).expect("a directory");
    fs::create_dir_all(dir.path().join("portcullis-sessions/other/session-c")).expect("a directory");
    assert_eq!(
        hierarchies.left("session-c").dirs(),
        [dir.path().join("portcullis-sessions/user-7/session-c")]
    );
    assert!(hierarchies.left("session-d").is_nowhere());
    fs::create_dir_all(dir.path().join("portcullis-sessions/user-7/another")).expect("a directory");
    let all = hierarchies.all();
    assert_eq!(all, [Group::at([dir.path().join("portcullis-sessions/user-7/session-c")])]);
    // One that holds something stays, as the kernel keeps a group with processes.
    let alive = dir.path().join("portcullis-sessions/user-8/session-e");
    fs::create_dir_all(&alive).expect("a directory");
    put(&alive, "cgroup.procs", "99\n");
    assert_eq!(hierarchies.all().iter().filter(|group| group.remove().is_ok()).count(), 1);
    assert_eq!(hierarchies.all(), [Group::at([alive])]);
}

#[test]
fn limits_hold_on_this_machine() {
    let mut hierarchies = Hierarchies::find();
    // Where a test is in a group with others, nothing is delegated; version 1 needs none.
    let _ = hierarchies.delegate();
    let controllers = hierarchies.controllers();
    if controllers.processes.is_none() || !nix::unistd::geteuid().is_root() {
        return;
    }
    let name = format!("session-limits-{}", std::process::id());
    let quota = Quota { processes: Some(4), ..Quota::default() };
    let group = hierarchies.make(4_000_001, &name, &Quota::default(), &quota).expect("made");
    let mut exec = crate::exec::Exec::new(Path::new("/bin/sh")).expect("sh");
    let script = "read x; for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; wait";
    exec.arg("-c").arg(script).env("PATH", b"/bin:/usr/bin");
    let (reader, writer) = crate::fd::pipe().expect("a pipe");
    let null = fs::File::options().write(true).open("/dev/null").expect("null");
    exec.fd(0, reader.as_fd()).fd(2, null.as_fd());
    let child = exec.spawn().expect("a child");
    group.add(child.pid()).expect("added");
    drop(writer);
    // The shell gives up at the fork that is refused.
    child.wait().expect("its end");
    assert!(group.usage().processes.is_some_and(|number| number <= 4), "{:?}", group.usage());
    assert!(group.refusals().forks > 0);
    group.kill().expect("killed");
    assert!(group.wait_empty(std::time::Duration::from_secs(10)).expect("readable"));
    group.remove().expect("removed");
}

#[test]
fn who_takes_more_memory_is_ended_and_named() {
    let mut hierarchies = Hierarchies::find();
    let _ = hierarchies.delegate();
    if hierarchies.controllers().memory.is_none() || !nix::unistd::geteuid().is_root() {
        return;
    }
    let name = format!("session-memory-{}", std::process::id());
    let quota = Quota { memory: Some(32 << 20), ..Quota::default() };
    let group = hierarchies.make(4_000_002, &name, &Quota::default(), &quota).expect("made");
    let mut exec = crate::exec::Exec::new(Path::new("/bin/sh")).expect("sh");
    // Looks for the last line of what has none, and keeps it all.
    exec.arg("-c").arg("read x; exec tail /dev/zero").env("PATH", b"/bin:/usr/bin");
    let (reader, writer) = crate::fd::pipe().expect("a pipe");
    exec.fd(0, reader.as_fd());
    let child = exec.spawn().expect("a child");
    group.add(child.pid()).expect("added");
    drop(writer);
    assert_eq!(child.wait().expect("its end"), crate::process::Ended::Signalled(9));
    assert_eq!(group.refusals().killed, 1);
    let known = crate::kernel_log::out_of_memory(0);
    // Not in a container, whose kernel's log is closed.
    if let Some(one) = known.iter().rfind(|one| one.group.ends_with(&name)) {
        assert_eq!((one.name.as_str(), one.limited.ends_with(&name)), ("tail", true), "{one:?}");
    }
    group.remove().expect("removed");
}
