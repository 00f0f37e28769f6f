//! Bombs, each bounded by itself and by a control group of the test's.

use super::{c, way};
use crate::attempt::{
    Attempt,
    Evidence::{Denied, Limit, NotThere},
    Flags::Limited,
};

const C: &str = "c/limits.c";
const GROUP: &str = "a control group";

pub(super) const ROWS: &[Attempt] = &[
    way(
        c(C, "forks"),
        Limited,
        "400 processes at once",
        "a control group (`max-processes`)",
        &[Limit("processes")],
    ),
    way(c(C, "memory"), Limited, "700 MB of memory", "a control group (`max-memory-mb`)", &[Limit("memory")]),
    way(
        c(C, "tmp"),
        Limited,
        "160 MB in /tmp",
        "`session-tmp-mb`",
        &[Limit("temporary"), Limit("tmp"), Denied("write")],
    ),
    way(
        c(C, "shm"),
        Limited,
        "160 MB in /dev/shm",
        "`session-tmp-mb`",
        &[Limit("temporary"), Limit("tmp"), Denied("write")],
    ),
    way(
        c(C, "var-tmp"),
        Limited,
        "160 MB in /var/tmp",
        "`session-tmp-mb`",
        &[Limit("temporary"), Limit("tmp"), Denied("write")],
    ),
    way(
        c(C, "inodes"),
        Limited,
        "60000 files in /tmp",
        "`session-tmp-mb`",
        &[Limit("temporary"), Limit("tmp"), Limit("memory"), Denied("open")],
    ),
    way(
        c(C, "descriptors"),
        Limited,
        "3000 open files",
        "`max-open-files`",
        &[Limit("files"), Denied("open")],
    ),
    way(
        c(C, "raise"),
        Limited,
        "raises its own limits (`setrlimit`)",
        "ordinary limits: only root raises them",
        &[Denied("limit")],
    ),
    way(
        c(C, "nice"),
        Limited,
        "as important as everybody (`setpriority`)",
        "`nice`: only root takes it back",
        &[Denied("setpriority")],
    ),
    way(
        c(C, "affinity"),
        Limited,
        "all processors (`sched_setaffinity`)",
        "`cpu-affinity`",
        &[
            Denied("affinity"),
            Denied("203"),
            NotThere("the kernel takes what is not allowed out of the wish"),
        ],
    ),
    way(
        c(C, "processors"),
        Limited,
        "two processors, busy",
        GROUP,
        &[Limit("processor"), NotThere("who wants more waits: nothing is refused")],
    ),
];
