//! Processes of the same user outside of the session, other users' `/proc`, and being there when the session is over.

use super::{c, python, r, shell, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, LeftOver, NotThere},
    Flags::{Open, Shut},
};

const C: &str = "c/processes.c";
const P: &str = "python/files.py";
const NAMESPACE: &str = "a process namespace of the session's own";
const SEE: &[crate::attempt::Evidence] = &[NotThere("processes outside have no number in the session")];
const ALL_END: &str = "the end of the namespace's first process ends all of them; the control group, too";

pub(super) const ROWS: &[Attempt] = &[
    way(
        c(C, "signal"),
        Open,
        "signals a process of the same user",
        NAMESPACE,
        &[Denied("kill"), NotThere("processes outside have no number in the session")],
    ),
    way(
        shell("kill"),
        Open,
        "`kill`",
        NAMESPACE,
        &[Denied("kill"), NotThere("processes outside have no number in the session")],
    ),
    way(
        r("kill"),
        Shut,
        "`tools::pskill()`",
        NAMESPACE,
        &[Denied("kill"), NotThere("processes outside have no number in the session")],
    ),
    way(
        c(C, "kill-session"),
        Open,
        "ends the session's own process",
        "Landlock's scope; the namespace's first process takes no signal from inside",
        &[
            Denied("kill"),
            Denied("signal"),
            NotThere("a signal to the first process of a namespace is dropped without an error"),
        ],
    ),
    way(
        c(C, "trace"),
        Open,
        "traces a process of the same user",
        NAMESPACE,
        &[Denied("ptrace"), NotThere("processes outside have no number in the session")],
    ),
    way(
        c(C, "memory-call"),
        Open,
        "reads its memory (`process_vm_readv`)",
        "seccomp",
        &[Denied("process_vm_readv"), NotThere("processes outside have no number in the session")],
    ),
    way(c(C, "memory-file"), Open, "reads its memory (`/proc/PID/mem`)", NAMESPACE, SEE),
    way(
        c(C, "descriptor"),
        Open,
        "takes a descriptor out of it (`pidfd_getfd`)",
        NAMESPACE,
        &[Denied("pidfd"), NotThere("processes outside have no number in the session")],
    ),
    way(
        c(C, "priority"),
        Open,
        "makes it slow",
        NAMESPACE,
        &[Denied("setpriority"), NotThere("processes outside have no number in the session")],
    ),
    way(
        shell("renice"),
        Open,
        "`renice`",
        NAMESPACE,
        &[Denied("setpriority"), NotThere("processes outside have no number in the session")],
    ),
    way(python(P, "processes"), Shut, "lists processes", NAMESPACE, SEE),
    way(python(P, "environ"), Shut, "reads the environment of a process of the same user", NAMESPACE, SEE),
    way(python(P, "maps"), Shut, "reads where its memory is", NAMESPACE, SEE),
    way(python(P, "bobs-arguments"), Shut, "reads the arguments of another user's process", NAMESPACE, SEE),
    way(python(P, "through-process"), Shut, "reads a file through /proc/PID/root", NAMESPACE, SEE),
    way(shell("ps"), Open, "looks for another user's arguments in all of /proc", NAMESPACE, SEE),
    way(
        python(P, "loginuid"),
        Open,
        "chooses under which sign-in it is recorded",
        "the launcher has set it, and only root may",
        &[Denied("write")],
    ),
    way(
        c("c/survive.c", "daemon"),
        Open,
        "stays as a daemon (forked twice, a session of its own)",
        ALL_END,
        &[LeftOver],
    )
    .plainly(),
    way(
        c("c/survive.c", "jumping"),
        Open,
        "stays as a process that is another one every 40 ms",
        ALL_END,
        &[LeftOver],
    )
    .plainly(),
    way(c("c/survive.c", "stopped"), Open, "stays as a stopped process", ALL_END, &[LeftOver]).plainly(),
    way(shell("nohup"), Open, "`nohup … &`", ALL_END, &[LeftOver]).plainly(),
    way(shell("setsid"), Open, "`setsid -f`, deaf to SIGTERM and SIGHUP", ALL_END, &[LeftOver]).plainly(),
];
