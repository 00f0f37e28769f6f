//! A person in the real JupyterLab: cells, and what its buttons send.

use super::{notebook, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, Executed, Refused},
    Flags::Shut,
};

const STUB: &str = "in a shell's place stands a program that says that there is none";

pub(super) const ROWS: &[Attempt] = &[
    way(notebook("cell-read"), Shut, "a cell reads a file outside", "Landlock", &[Denied("by-notebook")]),
    way(notebook("cell-list"), Shut, "a cell lists another user's home", "Landlock", &[Denied("/home/bob")]),
    way(
        notebook("cell-write"),
        Shut,
        "a cell writes a file outside",
        "Landlock",
        &[Denied("notebook-written"), Denied("rt-data")],
    ),
    way(notebook("cell-bang"), Shut, "`!echo`", STUB, &[Executed("sh")]),
    way(notebook("cell-bash"), Shut, "`%%bash`", STUB, &[Executed("bash")]),
    way(
        notebook("cell-perl"),
        Shut,
        "`%%perl`",
        "the program is not there for the session",
        &[Executed("perl")],
    ),
    way(
        notebook("cell-awk"),
        Shut,
        "a cell starts a program of the machine's",
        "the program is not there for the session",
        &[Executed("/usr/bin/awk")],
    ),
    way(
        notebook("cell-native"),
        Shut,
        "a cell loads native code of one's own",
        "the home holds data only (`noexec`)",
        &[Denied("uploaded"), Denied("mmap")],
    ),
    way(notebook("terminal"), Shut, "a terminal", "the proxy", &[Refused("shell")]),
];
