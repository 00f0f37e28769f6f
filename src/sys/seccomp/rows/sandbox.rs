//! Calls that lead around the session's other protections.

use super::super::row::{Answer, Named, Row, When};
use super::row;

/// Namespaces as flags. The low byte of `clone`'s flags is a signal, so the time namespace (0x80) exists for `unshare` only.
const NEW: &[Named] = &[
    ("CLONE_NEWNS", 0x0002_0000),
    ("CLONE_NEWCGROUP", 0x0200_0000),
    ("CLONE_NEWUTS", 0x0400_0000),
    ("CLONE_NEWIPC", 0x0800_0000),
    ("CLONE_NEWUSER", 0x1000_0000),
    ("CLONE_NEWPID", 0x2000_0000),
    ("CLONE_NEWNET", 0x4000_0000),
];
const NEW_TIME: &[Named] = &[("CLONE_NEWTIME", 0x80)];

pub(super) const NAMESPACES: &[Row] = &[
    row!(
        SYS_clone,
        When::AnyOf(0, NEW),
        Refused,
        "In a user namespace of one's own one is root: mounts, packet filters and rarely used kernel code come within reach. Browsers in a session need `--no-sandbox`."
    ),
    row!(
        SYS_clone3,
        Unknown,
        "Its flags lie in memory, where a filter can't see them. The C library makes threads and processes by `clone` then."
    ),
    row!(SYS_unshare, When::AnyOf(0, NEW), Refused, "As `clone`. Without these flags it stays open."),
    row!(SYS_unshare, When::AnyOf(0, NEW_TIME), Refused, "As `clone`; clocks of one's own mislead logs."),
    row!(SYS_setns, Refused, "Leads out of the session's view of files, processes and network."),
];

/// Since Linux 6.15; not in the C library's list yet.
const OPEN_TREE_ATTR: libc::c_long = 467;

pub(super) const MOUNTS: &[Row] = &[
    row!(SYS_mount, Refused, "Makes and changes mounts: the session's view is made of them."),
    row!(SYS_umount2, Refused, "Uncovers what a mount hides."),
    row!(SYS_pivot_root, Refused, "Another root is another view."),
    row!(
        SYS_chroot,
        Refused,
        "Another root: set-user-ID programs would trust what they find there (`allow-sudo`)."
    ),
    row!(SYS_fsopen, Refused, "The newer way to mount."),
    row!(SYS_fsconfig, Refused, "The newer way to mount."),
    row!(SYS_fsmount, Refused, "The newer way to mount."),
    row!(SYS_fspick, Refused, "The newer way to change a mount."),
    row!(SYS_move_mount, Refused, "The newer way to mount."),
    row!(SYS_open_tree, Refused, "Clones mounts, without those that hide something."),
    Row {
        constant: "SYS_open_tree_attr",
        number: OPEN_TREE_ATTR,
        when: When::Always,
        answer: Answer::Refused,
        why: "Clones mounts, with other attributes.",
    },
    row!(SYS_mount_setattr, Refused, "Takes `noexec` and the like from a mount."),
];

const ACCESS_AND_TRUNC: u32 = 0o3 | 0o1000;
/// How a file is opened that is emptied without being opened for writing; 3 is "neither, for control calls".
const EMPTYING: &[Named] = &[("O_RDONLY|O_TRUNC", 0o1000), ("3|O_TRUNC", 0o1003)];

pub(super) const TRUNCATION: &[Row] = &[
    row!(
        SYS_truncate,
        Refused,
        "Empties files in folders that may only be read. `ftruncate` needs a file opened for writing."
    ),
    row!(
        SYS_openat,
        When::Is(2, ACCESS_AND_TRUNC, EMPTYING),
        Refused,
        "Opens for reading and empties all the same."
    ),
    row!(SYS_openat2, Unknown, "Its flags lie in memory. Callers take `openat` then."),
];

#[cfg(target_arch = "x86_64")]
pub(super) const TRUNCATION_OF_X86: &[Row] =
    &[row!(SYS_open, When::Is(1, ACCESS_AND_TRUNC, EMPTYING), Refused, "As `openat`.")];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const TRUNCATION_OF_X86: &[Row] = &[];

pub(super) const MEMORY_PROGRAMS: &[Row] = &[row!(
    SYS_memfd_create,
    When::Without(1, ("MFD_NOEXEC_SEAL", 8)),
    Refused,
    "A file that stands nowhere, and can be executed. Libraries use a temporary file then."
)];

pub(super) const TRACING: &[Row] = &[
    row!(SYS_ptrace, Refused, "A process of the same user outside of the session would do as told."),
    row!(SYS_process_vm_readv, Refused, "Reads the memory of the user's processes outside of the session."),
    row!(SYS_process_vm_writev, Refused, "Writes the memory of the user's processes outside of the session."),
];
