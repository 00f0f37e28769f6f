//! Interfaces of the kernel that are large, rarely used and often broken.

use super::super::row::{Answer, Row, When};
use super::row;

pub(super) const INTERFACES: &[Row] = &[
    row!(SYS_bpf, Refused, "Code in the kernel; unprivileged use is off on most machines anyway."),
    row!(SYS_perf_event_open, Refused, "Counters that tell of other processes; a long list of past holes."),
    row!(
        SYS_io_uring_setup,
        Refused,
        "Opens, sends and connects without a system call that a filter sees. Node and others use threads then."
    ),
    row!(SYS_io_uring_enter, Refused, "As `io_uring_setup`, on a ring that came from elsewhere."),
    row!(SYS_io_uring_register, Refused, "As `io_uring_setup`, on a ring that came from elsewhere."),
    row!(SYS_userfaultfd, Refused, "Stops the kernel in the middle of a copy: it makes races certain."),
    row!(
        SYS_keyctl,
        Refused,
        "Keys belong to the user, not to the session. Kerberos caches of the kind `KEYRING:` can't be read; use `FILE:` or `KCM:`."
    ),
    row!(SYS_add_key, Refused, "As `keyctl`."),
    row!(SYS_request_key, Refused, "As `keyctl`; it starts a program of root's."),
    row!(SYS_open_by_handle_at, Refused, "Opens a file by its number, past every folder on the way."),
    row!(SYS_name_to_handle_at, Refused, "The other half of `open_by_handle_at`."),
    row!(SYS_fanotify_init, Refused, "Watches whole file systems. IDEs use `inotify`."),
    row!(SYS_pidfd_getfd, Refused, "Takes an open file from another process."),
    row!(SYS_process_madvise, Refused, "Drops another process's memory from its caches."),
    row!(
        SYS_personality,
        When::IsNot(
            0,
            &[
                ("PER_LINUX", 0),
                ("PER_LINUX32", 0x8),
                ("UNAME26", 0x2_0000),
                ("UNAME26|PER_LINUX32", 0x2_0008),
                ("ADDR_NO_RANDOMIZE", 0x4_0000),
                ("ask", u32::MAX),
            ]
        ),
        Refused,
        "Old ways of laying out memory, among them one in which all that is read can be executed. Debuggers turn off randomness."
    ),
];

pub(super) const OLD: &[Row] = &[
    row!(SYS_lookup_dcookie, Refused, "For a profiler that is gone."),
    row!(SYS_nfsservctl, Refused, "For a server that is gone."),
    row!(SYS_acct, Refused, "Root's: a log of all processes."),
    row!(SYS_quotactl, Refused, "Root's: limits of file systems."),
    row!(SYS_quotactl_fd, Refused, "Root's: limits of file systems."),
];

#[cfg(target_arch = "x86_64")]
pub(super) const OF_X86: &[Row] = &[
    row!(SYS_iopl, Refused, "Ports of devices."),
    row!(SYS_ioperm, Refused, "Ports of devices."),
    row!(SYS_modify_ldt, Refused, "Segments for 16-bit programs; a source of holes in the kernel's entry."),
    row!(SYS_uselib, Refused, "Libraries in the format before ELF."),
    row!(SYS__sysctl, Refused, "Kernel settings by number; gone since 5.5."),
    row!(SYS_sysfs, Refused, "Names of file systems by number; obsolete."),
    row!(SYS_ustat, Refused, "Free space by number of a device; obsolete."),
];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OF_X86: &[Row] = &[];
