//! The server's filter: what it is for passes, what it is against doesn't, each in a process of its own.

use std::io::{Read as _, Write as _};

use super::{Arguments, call};
use crate::fork::child_for_test;
use crate::seccomp::{Filter, Identity, passing};

fn as_server(act: impl FnOnce() -> u8) -> u8 {
    let (filter, started) = (Filter::server().expect("compiled"), Filter::started().expect("compiled"));
    child_for_test(|| {
        crate::attributes::no_new_privs().expect("set");
        filter.apply().expect("in force");
        started.apply().expect("in force");
        act()
    })
}

#[test]
fn the_server_can_do_its_work() {
    let code = as_server(|| {
        let thread = std::thread::spawn(|| 7).join().is_ok_and(|it| it == 7);
        let file = std::fs::read("/etc/passwd").is_ok_and(|text| !text.is_empty());
        let talks = std::os::unix::net::UnixStream::pair().is_ok_and(|(mut one, mut other)| {
            one.write_all(b"x").is_ok() && other.read_exact(&mut [0]).is_ok()
        });
        let owners = crate::listeners::listeners(1).is_ok();
        u8::from(!thread) + 2 * u8::from(!file) + 4 * u8::from(!talks) + 8 * u8::from(!owners)
    });
    assert_eq!(code, 0);
}

#[test]
fn the_server_can_do_nothing_else() {
    let none: Arguments = [0; 6];
    let refused: &[(&str, libc::c_long, Arguments)] = &[
        ("open a port", libc::SYS_bind, none),
        ("listen", libc::SYS_listen, none),
        ("start a program", libc::SYS_execve, none),
        ("start a program by descriptor", libc::SYS_execveat, none),
        ("signal", libc::SYS_kill, none),
        ("signal by descriptor", libc::SYS_pidfd_send_signal, none),
        ("change a mode", libc::SYS_fchmodat, none),
        ("remove", libc::SYS_unlinkat, none),
        ("make a folder", libc::SYS_mkdirat, none),
        ("rename", libc::SYS_renameat2, none),
        ("mount", libc::SYS_mount, none),
        ("trace", libc::SYS_ptrace, none),
        ("read memory", libc::SYS_process_vm_readv, none),
        ("become another", libc::SYS_setresuid, none),
        ("a namespace", libc::SYS_clone, [0x1000_0000, 0, 0, 0, 0, 0]),
        ("a file in memory", libc::SYS_memfd_create, none),
        ("io_uring", libc::SYS_io_uring_setup, none),
        ("BPF", libc::SYS_bpf, none),
        ("keys", libc::SYS_keyctl, none),
        ("the clock", libc::SYS_clock_settime, none),
        ("a limit", libc::SYS_prlimit64, [0, 7, 16, 0, 0, 0]),
        ("a priority", libc::SYS_setpriority, none),
        ("written and executed", libc::SYS_mmap, [0, 4096, 7, 0x22, usize::MAX, 0]),
        ("executed after it was written", libc::SYS_mprotect, [0, 4096, 5, 0, 0, 0]),
        ("a raw socket", libc::SYS_socket, [2, 3, 1, 0, 0, 0]),
        ("its own traces", libc::SYS_prctl, [24, 0, 0, 0, 0, 0]),
        ("the machine's name", libc::SYS_sethostname, none),
        ("another personality", libc::SYS_personality, [8, 0, 0, 0, 0, 0]),
    ];
    for (what, number, arguments) in refused {
        assert_eq!(i32::from(as_server(|| call(*number, *arguments))), libc::EPERM, "{what}");
    }
    assert_eq!(i32::from(as_server(|| call(libc::SYS_socket, [17, 3, 0, 0, 0, 0]))), libc::EAFNOSUPPORT);
    assert_eq!(i32::from(as_server(|| call(libc::SYS_clone3, none))), libc::ENOSYS);
}

/// Without the filter the same calls answer otherwise, or the test above proves nothing.
#[test]
fn without_the_filter_it_could() {
    let plain = |number, arguments| child_for_test(|| call(number, arguments));
    for (number, arguments) in [
        (libc::SYS_bind, [0; 6]),
        (libc::SYS_execve, [0; 6]),
        (libc::SYS_unlinkat, [0; 6]),
        (libc::SYS_mmap, [0, 4096, 7, 0x22, usize::MAX, 0]),
        (libc::SYS_prctl, [24, 1000, 0, 0, 0, 0]),
    ] {
        assert_ne!(i32::from(plain(number, arguments)), libc::EPERM, "{number}");
    }
}

#[test]
fn each_call_is_listed_once() {
    let mut all: Vec<libc::c_long> = passing().flat_map(|passing| passing.calls).copied().collect();
    all.sort_unstable();
    let listed = all.len();
    all.dedup();
    assert_eq!(all.len(), listed);
    assert!(passing().all(|passing| !passing.why.is_empty()));
}

#[test]
fn the_identity_programs_files_are_beside_the_servers_list() {
    let own: Vec<libc::c_long> = super::rows::identity::FILES
        .iter()
        .chain(super::rows::identity::FILES_ON_X86)
        .flat_map(|one| one.calls)
        .copied()
        .collect();
    let servers: Vec<libc::c_long> = passing().flat_map(|passing| passing.calls).copied().collect();
    assert!(!own.is_empty() && own.iter().all(|call| !servers.contains(call)));
    let filter = |role| Filter::identity(role).expect("compiled");
    let (with, without) = (filter(Identity::Files), filter(Identity::Connections));
    assert!(with.programs[0].code.len() > without.programs[0].code.len());
}

/// What examines one proof reads files and talks to its parent; it can't ask or tell anybody else.
#[test]
fn a_role_of_one_proof_talks_to_nobody() {
    let as_role = |role, act: fn() -> u8| {
        let filter = Filter::identity(role).expect("compiled");
        child_for_test(move || {
            crate::attributes::no_new_privs().expect("set");
            filter.apply().expect("in force");
            act()
        })
    };
    for (what, expected, act) in [
        ("a connection", libc::ENOSYS, (|| call(libc::SYS_socket, [2, 1, 0, 0, 0, 0])) as fn() -> u8),
        ("a socket of this machine", libc::ENOSYS, || call(libc::SYS_socket, [1, 1, 0, 0, 0, 0])),
        ("a kernel's socket", libc::ENOSYS, || call(libc::SYS_socket, [16, 3, 0, 0, 0, 0])),
        ("connect", libc::EPERM, || call(libc::SYS_connect, [3, 0, 0, 0, 0, 0])),
        ("a pair", libc::EPERM, || call(libc::SYS_socketpair, [1, 1, 0, 0, 0, 0])),
        ("a file's removal", libc::EPERM, || call(libc::SYS_unlinkat, [0; 6])),
        ("a signal", libc::EPERM, || call(libc::SYS_kill, [0; 6])),
    ] {
        assert_eq!(i32::from(as_role(Identity::Alone, act)), expected, "{what}");
    }
    let reads = || u8::from(std::fs::read("/etc/passwd").is_err());
    assert_eq!(as_role(Identity::Alone, reads), 0);
    // A role that connects may; so it is the filter that refuses above.
    assert_eq!(as_role(Identity::Connections, || call(libc::SYS_socket, [2, 1, 0, 0, 0, 0])), 0);
}
