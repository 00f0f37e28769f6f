use std::os::unix::process::CommandExt as _;
use std::process::Command;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::*;
use crate::fork::program_for_test;

/// Without root, or where the kernel can't: then there is nothing to try.
fn begin() -> Option<Executions> {
    if !nix::unistd::geteuid().is_root() || std::fs::File::open(super::super::btf::KERNEL).is_err() {
        return None;
    }
    Some(Executions::begin().expect("a program in the kernel"))
}

/// Runs it in a login session of its own where that can be had; returns the number of its process.
fn start(command: &mut Command) -> u32 {
    // SAFETY: system calls only: the child's own login id is written once.
    unsafe {
        command.pre_exec(|| {
            let file = libc::open(c"/proc/self/loginuid".as_ptr(), libc::O_WRONLY);
            libc::write(file, c"12345".as_ptr().cast(), 5);
            libc::close(file);
            Ok(())
        })
    };
    let mut child = command.spawn().expect("it starts");
    child.wait().expect("it ends");
    child.id()
}

/// What was told of a process; the tests of this program run side by side.
fn told(executions: &Executions, pid: u32) -> Execution {
    let mut found = None;
    let pid = i32::try_from(pid).expect("a number of a process");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while found.is_none() {
        assert!(std::time::Instant::now() < deadline, "nothing was told of {pid}");
        let mut polled = [PollFd::new(executions.as_fd(), PollFlags::POLLIN)];
        poll(&mut polled, PollTimeout::from(1000_u16)).expect("polled");
        executions.take(1024, |one| {
            if one.pid == pid {
                found = Some(one);
            }
        });
    }
    found.expect("found")
}

/// Whether numbers of processes are the machine's here: in a namespace of its own a test knows others.
fn numbers_are_the_machines() -> bool {
    let own = std::fs::read_link("/proc/self/ns/pid").expect("a namespace");
    own.as_os_str() == "pid:[4026531836]"
}

#[test]
fn a_program_is_told_with_arguments_and_folder() {
    let Some(executions) = begin() else { return };
    if !numbers_are_the_machines() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("a b/\u{e4}/c");
    std::fs::create_dir_all(&deep).expect("folders");
    let pid =
        start(Command::new("/bin/true").args(["one", "", "two words", "li\nne", "\"q\""]).current_dir(&deep));
    let found = told(&executions, pid);
    assert_eq!(found.argv, ["/bin/true", "one", "", "two words", "li\nne", "\"q\""]);
    assert_eq!(found.program, std::fs::canonicalize("/bin/true").expect("a path").display().to_string());
    assert_eq!(found.cwd, deep.canonicalize().expect("a path").display().to_string());
    assert_eq!(found.ppid, i32::try_from(std::process::id()).expect("a number"));
    assert!(!found.cut && found.uid == 0 && found.session != u32::MAX, "{found:?}");
    assert_eq!(executions.lost(), 0);
}

#[test]
fn paths_go_over_mounts_and_what_is_too_long_is_cut() {
    let Some(executions) = begin() else { return };
    if !numbers_are_the_machines() {
        return;
    }
    // A file system of its own below the root's.
    let found = told(&executions, start(Command::new("/bin/true").current_dir("/proc/self/net")));
    assert!(found.cwd.starts_with("/proc/") && found.cwd.ends_with("/net"), "{}", found.cwd);
    let found = told(&executions, start(Command::new("/bin/true").current_dir("/")));
    assert_eq!(found.cwd, "/");
    let long = "x".repeat(20_000);
    let found = told(&executions, start(Command::new("/bin/true").arg(&long)));
    assert!(found.cut && found.argv[1].len() > 8000 && long.starts_with(&found.argv[1]));
    // Of a script its interpreter is executed; its own path is an argument.
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("s");
    program_for_test(b"#!/bin/sh\nexit 0\n", &script);
    let found = told(&executions, start(&mut Command::new(&script)));
    assert_eq!(found.argv, ["/bin/sh".to_owned(), script.display().to_string()]);
    let gone = folder.path().join("gone");
    std::fs::create_dir(&gone).expect("a folder");
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "rmdir ../gone; exec /bin/true"]).current_dir(&gone);
    // The shell, then what takes its place: the last that is told of this process, in a folder that is not there any more.
    let found = told(&executions, start(&mut command));
    assert_eq!((found.argv.len(), found.cwd.ends_with("/gone")), (1, true), "{found:?}");
}

#[test]
fn what_is_broken_is_no_event_and_nothing_panics() {
    let mut event = vec![0_u8; HEADER];
    event[0] = 7;
    event[12] = 3;
    event[16] = 6;
    event[20] = 6;
    event.extend(b"true\0bin\0\0tmp\0\0a\0b c\0");
    let found = Execution::read(&event).expect("an event");
    assert_eq!((found.program.as_str(), found.cwd.as_str()), ("/bin/true", "/tmp"));
    assert_eq!((found.argv, found.pid, found.session), (vec!["a".into(), "b c".into()], 7, 3));
    for length in 0..event.len() {
        assert_eq!(Execution::read(&event[..length]), None, "{length}");
    }
    for at in 0..event.len() {
        let mut other = event.clone();
        other[at] = 0xff;
        let _ = Execution::read(&other);
    }
}
