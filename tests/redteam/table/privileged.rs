//! A hole in a set-user-ID program: without `allow-sudo` it has no effect; with it, root is confined as everybody else.

use super::{c, shell, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, Executed, NotThere},
    Flags::{Open, Privileged},
};

// The one that root made set-user-ID is what runs, no uploaded copy.
const H: &str = "c/hole.c";
const NO_NEW: &str = "`no_new_privs`";
const L: &str = "Landlock, which holds root too";
const S: &str = "seccomp, which holds root too";

pub(super) const ROWS: &[Attempt] = &[
    way(
        shell("set-user-id"),
        Open,
        "a set-user-ID program reads /etc/shadow",
        NO_NEW,
        &[Denied("/etc/shadow"), Denied("hole"), Executed("hole")],
    )
    .plainly(),
    way(
        shell("capability"),
        Open,
        "a program with capabilities of its own reads /etc/shadow",
        NO_NEW,
        &[Denied("/etc/shadow"), Denied("capable"), Executed("capable")],
    )
    .plainly(),
    way(
        shell("su"),
        Open,
        "`su` with another's password",
        NO_NEW,
        &[
            Denied("su"),
            Denied("/etc/shadow"),
            Denied("unix_chkpwd"),
            Denied("setgid"),
            Denied("setuid"),
            Denied("setgroups"),
        ],
    )
    .plainly(),
    way(c(H, "audit-log"), Privileged, "writes to the audit log", L, &[Denied("audit.jsonl")]).plainly(),
    way(
        c(H, "audit-moved"),
        Privileged,
        "moves the audit log away",
        L,
        &[Denied("audit.jsonl"), Denied("/audit")],
    )
    .plainly(),
    way(c(H, "configuration"), Privileged, "changes the configuration", L, &[Denied("rsession.conf")])
        .plainly(),
    way(c(H, "key"), Privileged, "reads the key of cookies", L, &[Denied("secure-cookie-key")]).plainly(),
    way(
        c(H, "bob"),
        Privileged,
        "becomes another user and reads a private file",
        L,
        &[Denied("private.txt")],
    )
    .plainly(),
    way(
        c(H, "launcher"),
        Privileged,
        "signals the launcher",
        "a process namespace of the session's own",
        &[Denied("kill"), NotThere("processes outside have no number in the session")],
    )
    .plainly(),
    way(
        c(H, "launcher-traced"),
        Privileged,
        "traces the launcher",
        S,
        &[Denied("ptrace"), NotThere("processes outside have no number in the session")],
    )
    .plainly(),
    way(
        c(H, "setns"),
        Privileged,
        "enters the launcher's mounts",
        "a process namespace of the session's own",
        &[Denied("setns"), NotThere("processes outside have no number in the session")],
    )
    .plainly(),
    way(
        c(H, "admin-socket"),
        Privileged,
        "has the launcher lift flags, as root",
        "the socket is hidden from the session",
        &[Denied("connect"), Denied("sock"), NotThere("it is hidden from the session")],
    )
    .plainly(),
    way(c(H, "cgroup"), Privileged, "leaves the session's control group", L, &[Denied("cgroup")]).plainly(),
    way(
        c(H, "device"),
        Privileged,
        "makes a device in the home",
        L,
        &[Denied("mknod"), Denied("rt-device"), Denied("make a device")],
    )
    .plainly(),
    way(
        c(H, "handle"),
        Privileged,
        "opens a file by a handle",
        S,
        &[Denied("name_to_handle_at"), Denied("open_by_handle_at")],
    )
    .plainly(),
    way(c(H, "mount"), Privileged, "mounts", S, &[Denied("unshare"), Denied("mount")]).plainly(),
    way(c(H, "chroot"), Privileged, "another root folder", S, &[Denied("chroot")]).plainly(),
    way(
        c(H, "kernel-setting"),
        Privileged,
        "sets which program the kernel starts when one crashes",
        L,
        &[Denied("core_pattern")],
    )
    .plainly(),
    way(c(H, "loginuid"), Privileged, "leaves the record of programs", L, &[Denied("write")]).plainly(),
    way(c(H, "bpf"), Privileged, "loads a program into the kernel", S, &[Denied("bpf")]).plainly(),
    way(c(H, "syslog"), Privileged, "reads the kernel's log", S, &[Denied("syslog")]).plainly(),
    way(c(H, "packets"), Privileged, "packets past all rules (`AF_PACKET`)", S, &[Denied("socket")])
        .plainly(),
];
