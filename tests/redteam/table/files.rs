//! Files that ordinary permissions open to everybody, outside of the folders that the session may reach.

use super::{c, python, r, shell, way};
use crate::attempt::{
    Attempt, Evidence,
    Evidence::{Denied, NotThere},
    Flags::{Open, Shut},
};

const C: &str = "c/files.c";
const P: &str = "python/files.py";
const L: &str = "Landlock";
const READ_ONLY: &str = "outside of what it may write, the session's mounts are read-only";
/// Links and moves end at the border of a mount before anybody is asked.
const BORDER: &str = "the home is a mount of its own; Landlock";
const NO_BORDER: Evidence =
    NotThere("between mounts there are no links and moves; copies are refused and named");
const OWN_TMP: &str = "temporary files are the session's own";

pub(super) const ROWS: &[Attempt] = &[
    way(python(P, "read"), Shut, "reads a file", L, &[Denied("by-python")]),
    way(python(P, "list"), Shut, "lists a folder", L, &[Denied("rt-data")]),
    way(python(P, "link"), Shut, "reads a file through a symbolic link in the home", L, &[Denied("by-link")]),
    way(
        python(P, "copy-out"),
        Shut,
        "copies a file out of the home",
        L,
        &[Denied("python-copied"), Denied("rt-data")],
    ),
    way(python(P, "bobs-home"), Shut, "reads a file in another user's home", L, &[Denied("notes.txt")]),
    way(
        python(P, "tmp"),
        Open,
        "reads what somebody left in /tmp",
        OWN_TMP,
        &[NotThere("/tmp is the session's own")],
    ),
    way(
        python(P, "shm"),
        Open,
        "reads what somebody left in /dev/shm",
        OWN_TMP,
        &[NotThere("/dev/shm is the session's own")],
    ),
    way(
        python(P, "other-session"),
        Open,
        "lists the private folder of another session of the same user",
        L,
        &[Denied("/sessions"), NotThere("other sessions' folders are hidden")],
    ),
    way(
        python(P, "terminal"),
        Open,
        "writes to another terminal of the same user",
        "terminals are the session's own",
        &[Denied("/dev/pts"), NotThere("terminals are the session's own")],
    ),
    way(r("read"), Shut, "`readLines()`", L, &[Denied("by-r")]),
    way(r("list"), Shut, "`list.files()`", L, &[Denied("rt-data")]),
    way(r("write"), Shut, "`writeLines()`", L, &[Denied("r-written"), Denied("rt-data")]),
    way(r("copy"), Shut, "`file.copy()`", L, &[Denied("r-copied"), Denied("rt-data")]),
    way(r("remove"), Shut, "`file.remove()`", L, &[Denied("r-removed"), Denied("rt-data")]),
    way(shell("cat"), Open, "`cat`", L, &[Denied("by-shell")]),
    way(shell("list"), Open, "`ls`", L, &[Denied("rt-data")]),
    way(shell("redirect"), Open, "`>`", L, &[Denied("shell-written"), Denied("rt-data")]),
    way(
        shell("mv"),
        Open,
        "`mv` out of the home",
        L,
        &[Denied("shell-moved"), Denied("rt-data"), Denied("rt-mv")],
    ),
    way(
        shell("ln"),
        Open,
        "`ln` of a file outside into the home",
        BORDER,
        &[Denied("shell-linked"), Denied("rt-ln"), NO_BORDER],
    ),
    way(shell("tar"), Open, "`tar`", L, &[Denied("in-tar"), Denied("rt-data")]),
    way(shell("find"), Open, "`find` below /home", L, &[Denied("/home")]),
    way(shell("glob"), Open, "`cd` and a pattern", L, &[Denied("rt-data")]),
    way(c(C, "write"), Open, "makes a file", L, &[Denied("c-written"), Denied("rt-data")]),
    way(c(C, "append"), Open, "appends to a file", L, &[Denied("appended")]),
    way(c(C, "truncate"), Open, "empties a file by its path", L, &[Denied("truncated")]),
    way(c(C, "remove"), Open, "removes a file", L, &[Denied("removed"), Denied("rt-data")]),
    way(c(C, "folder"), Open, "makes a folder", L, &[Denied("c-folder"), Denied("rt-data")]),
    way(
        c(C, "hard-link"),
        Open,
        "makes a hard link to a file in the home and reads it",
        BORDER,
        &[Denied("linked"), NO_BORDER],
    ),
    way(
        c(C, "move-in"),
        Open,
        "moves a file into the home and reads it",
        BORDER,
        &[Denied("moved"), NO_BORDER],
    ),
    way(
        c(C, "unnamed"),
        Open,
        "gives an unnamed file of the home a name outside",
        L,
        &[Denied("c-unnamed"), Denied("rt-data"), Denied("link")],
    ),
    way(c(C, "own-root"), Open, "reads through /proc/self/root", L, &[Denied("own-root")]),
    way(c(C, "beneath"), Open, "enters the folder and reads by a relative path", L, &[Denied("beneath")]),
    way(
        c(C, "handed-over"),
        Open,
        "reads below a folder whose descriptor an unconfined process handed over",
        L,
        &[Denied("handed-over")],
    ),
    way(c(C, "race"), Open, "swaps a link between look and use, 20000 times", L, &[Denied("raced")]),
    way(c(C, "bobs-home"), Open, "reads a file in another user's home", L, &[Denied("notes.txt")]),
    way(
        c(C, "mode"),
        Open,
        "opens a file of one's own outside for everybody (`chmod`)",
        READ_ONLY,
        &[Denied("own"), Denied("chmod")],
    ),
    way(
        c(C, "attribute"),
        Open,
        "writes an attribute of a file of one's own outside",
        READ_ONLY,
        &[Denied("own"), Denied("setxattr")],
    ),
];
