//! System calls that no IDE needs: each was the way into some kernel.

use super::{c, shell, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, NotThere},
    Flags::Open,
};

const C: &str = "c/calls.c";
const S: &str = "seccomp";

pub(super) const ROWS: &[Attempt] = &[
    way(c(C, "user-namespace"), Open, "a user namespace (`unshare`)", S, &[Denied("unshare")]),
    way(c(C, "clone"), Open, "a user namespace (`clone`)", S, &[Denied("clone")]),
    way(
        c(C, "clone3"),
        Open,
        "a user namespace (`clone3`)",
        S,
        &[NotThere(
            "answered as by a kernel without it, for every thread that starts: a record of each would say nothing",
        )],
    ),
    way(shell("unshare"), Open, "`unshare -r`", S, &[Denied("unshare")]),
    way(
        c(C, "setns"),
        Open,
        "enters the namespace of a process outside",
        "a process namespace of the session's own",
        &[Denied("setns"), NotThere("processes outside have no number in the session")],
    ),
    way(
        shell("nsenter"),
        Open,
        "`nsenter`",
        "a process namespace of the session's own",
        &[Denied("setns"), NotThere("processes outside have no number in the session")],
    ),
    way(c(C, "mount"), Open, "mounts, as root of a user namespace", S, &[Denied("unshare"), Denied("mount")]),
    way(c(C, "open-tree"), Open, "the newer calls for mounts (`open_tree`)", S, &[Denied("open_tree")]),
    way(c(C, "io-uring"), Open, "a ring (`io_uring_setup`)", S, &[Denied("io_uring")]),
    way(c(C, "io-uring-open"), Open, "opens a file by a ring", S, &[Denied("io_uring"), Denied("by-ring")]),
    way(c(C, "i386-any"), Open, "any 32-bit call (`int 0x80`)", S, &[Denied("32"), Denied("seccomp")]),
    way(c(C, "i386-open"), Open, "opens a file by a 32-bit call", S, &[Denied("32"), Denied("seccomp")]),
    way(c(C, "i386-exec"), Open, "starts a program by a 32-bit call", S, &[Denied("32"), Denied("seccomp")]),
    way(c(C, "add-key"), Open, "leaves a key for all processes of the user", S, &[Denied("add_key")]),
    way(c(C, "keyctl"), Open, "reaches the user's keys", S, &[Denied("keyctl")]),
    way(c(C, "perf"), Open, "the kernel's counters", S, &[Denied("perf_event_open")]),
    way(c(C, "userfaultfd"), Open, "page faults handled by itself", S, &[Denied("userfaultfd")]),
    way(c(C, "vsock"), Open, "a socket towards the hypervisor", S, &[Denied("socket")]),
    way(c(C, "personality"), Open, "whatever is read is code (`personality`)", S, &[Denied("personality")]),
    way(c(C, "ldt"), Open, "the table of segments (`modify_ldt`)", S, &[Denied("modify_ldt")]),
    way(c(C, "tiocsti"), Open, "types into a terminal (`TIOCSTI`)", S, &[Denied("ioctl")]),
    way(
        c(C, "file-handle"),
        Open,
        "a handle to a file that needs no path",
        S,
        &[Denied("name_to_handle_at")],
    ),
    way(
        c("c/processes.c", "descriptor-inside"),
        Open,
        "takes descriptors out of processes (`pidfd_getfd`)",
        S,
        &[Denied("pidfd_getfd")],
    ),
];
