//! A shell by any route, programs of the machine, programs of one's own: with `allow-shell=0` and no packages to be installed.

use super::{python, r, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, Executed, Ran},
    Flags::Shut,
};

const P: &str = "python/programs.py";
const STUB: &str = "in a shell's place stands a program that says that there is none";
const GONE: &str = "the program is not there for the session";
const DATA: &str = "home and temporary folders hold data only (`noexec`)";
const MEMORY: &str = "memory is no program (`vm.memfd_noexec`, seccomp)";

pub(super) const ROWS: &[Attempt] = &[
    way(python(P, "os-system"), Shut, "`os.system()`", STUB, &[Executed("sh")]),
    way(python(P, "subprocess-shell"), Shut, "`subprocess.run(…, shell=True)`", STUB, &[Executed("sh")]),
    way(python(P, "popen"), Shut, "`os.popen()`", STUB, &[Executed("sh")]),
    way(
        python(P, "libc-system"),
        Shut,
        "the C library's `system()`, through ctypes",
        STUB,
        &[Executed("sh")],
    ),
    way(
        python(P, "pty-spawn"),
        Shut,
        "bash on a terminal of its own (`pty.spawn`)",
        STUB,
        &[Executed("bash")],
    ),
    way(python(P, "exec-dash"), Shut, "`os.execv(\"/usr/bin/dash\")`", STUB, &[Executed("dash")]),
    way(python(P, "posix-spawn"), Shut, "`posix_spawn()` of bash", STUB, &[Executed("bash")]),
    way(
        python(P, "own-copy"),
        Shut,
        "a copy of bash in the home",
        "there is no bash to copy, and the home holds data only",
        &[Executed("rt-shell"), Denied("bash")],
    ),
    way(python(P, "script"), Shut, "a script of one's own with `#!/bin/sh`", DATA, &[Executed("rt-script")]),
    way(python(P, "perl"), Shut, "perl", GONE, &[Executed("perl")]),
    way(python(P, "awk"), Shut, "awk's `system()`", GONE, &[Executed("awk")]),
    way(python(P, "env"), Shut, "`env bash`", GONE, &[Executed("env"), Executed("bash")]),
    way(python(P, "find"), Shut, "`find -exec`", GONE, &[Executed("find")]),
    way(python(P, "xargs"), Shut, "`xargs sh`", GONE, &[Executed("xargs")]),
    way(python(P, "tclsh"), Shut, "Tcl's `exec`", GONE, &[Executed("tclsh")]),
    way(python(P, "make"), Shut, "a makefile", GONE, &[Executed("make")]),
    way(python(P, "vi"), Shut, "vim's `:!`", GONE, &[Executed("vim")]),
    way(python(P, "gdb"), Shut, "gdb's `shell`", GONE, &[Executed("gdb")]),
    way(python(P, "nohup"), Shut, "`nohup bash`", GONE, &[Executed("nohup")]),
    way(python(P, "setsid"), Shut, "`setsid bash`", GONE, &[Executed("setsid")]),
    way(python(P, "node"), Shut, "Node's `child_process`, where Node may run", STUB, &[Executed("sh")]),
    way(python(P, "git-alias"), Shut, "a git alias with `!`", STUB, &[Executed("sh"), Executed("git")]),
    way(python(P, "git-editor"), Shut, "git's editor", STUB, &[Executed("sh"), Executed("git")]),
    way(
        python(P, "git-credential"),
        Shut,
        "git's helper for passwords",
        STUB,
        &[Executed("sh"), Executed("git")],
    ),
    way(python(P, "git-ssh"), Shut, "git's command for ssh", STUB, &[Executed("sh"), Executed("git")]),
    way(python(P, "uploaded"), Shut, "an uploaded program", DATA, &[Executed("uploaded")]),
    way(
        python(P, "ld-so"),
        Shut,
        "an uploaded program, started by the dynamic loader",
        DATA,
        &[Denied("uploaded"), Denied("mmap"), Executed("ld-linux")],
    ),
    way(
        python(P, "ld-so-bash"),
        Shut,
        "bash, started by the dynamic loader",
        "the stub is what is there, and it can't be mapped from elsewhere",
        &[Denied("bash"), Executed("ld-linux"), Ran("/usr/bin/bash")],
    ),
    way(
        python(P, "memfd"),
        Shut,
        "a program in memory (`memfd_create`)",
        MEMORY,
        &[Executed("memfd"), Executed("/proc/self/fd"), Denied("memfd")],
    ),
    way(
        python(P, "execveat"),
        Shut,
        "a program without a name (`execveat`)",
        MEMORY,
        &[Executed("memfd"), Executed("/dev/fd"), Denied("memfd"), Denied("execveat")],
    ),
    way(
        python(P, "unnamed"),
        Shut,
        "a program in a file that was never named (`O_TMPFILE`)",
        DATA,
        &[Executed("/proc/self/fd")],
    ),
    way(python(P, "tmp"), Shut, "a program in /tmp", DATA, &[Executed("/tmp/rt-uploaded")]),
    way(python(P, "shm"), Shut, "a program in /dev/shm", DATA, &[Executed("/dev/shm/rt-uploaded")]),
    way(
        python(P, "library"),
        Shut,
        "a library of one's own in Python (`ctypes.CDLL`)",
        DATA,
        &[Denied("uploaded"), Denied("mmap")],
    ),
    way(
        python(P, "mapped"),
        Shut,
        "a file of one's own mapped as code (`mmap`)",
        DATA,
        &[Denied("uploaded"), Denied("mmap")],
    ),
    way(
        python(P, "preload"),
        Shut,
        "a library of one's own in every program (`LD_PRELOAD`)",
        DATA,
        &[Denied("uploaded"), Denied("mmap")],
    ),
    way(python(P, "su"), Shut, "`su`, with another's password", GONE, &[Executed("su")]).plainly(),
    way(python(P, "mount"), Shut, "the set-user-ID program `mount`", GONE, &[Executed("mount")]).plainly(),
    way(r("system"), Shut, "`system()`", STUB, &[Executed("sh")]),
    way(r("system2"), Shut, "`system2(\"/bin/bash\")`", STUB, &[Executed("sh"), Executed("bash")]),
    way(r("pipe"), Shut, "`pipe()`", STUB, &[Executed("sh")]),
    way(
        r("library"),
        Shut,
        "native code of one's own (`dyn.load`)",
        DATA,
        &[Denied("uploaded"), Denied("mmap")],
    ),
];
