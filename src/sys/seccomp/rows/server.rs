//! What the server may call. The other way round than for sessions: it runs one program that we know, so what passes is listed
//! and everything else is refused.
//!
//! Not in the list, and so closed: opening ports, starting programs (the server closes `execve` itself once it runs), signals to
//! others, making, removing and changing files, mounts, namespaces, keys, BPF, `ptrace`, io_uring, clocks, limits, priorities.

use super::super::row::{Answer, Named, Row, WHOLE, When};
use super::row;

/// Calls that pass, and what needs them.
#[derive(Debug, Clone, Copy)]
pub struct Passing {
    /// What needs them.
    pub why: &'static str,
    /// Their numbers.
    pub calls: &'static [libc::c_long],
}

macro_rules! passing {
    ($why:literal: $($call:ident)*) => { Passing { why: $why, calls: &[$(libc::$call),*] } };
}

/// Everything that passes.
pub(in crate::seccomp) const PASSING: &[Passing] = &[
    passing!("connections, and descriptors that come over them":
        SYS_read SYS_readv SYS_write SYS_writev SYS_close SYS_fcntl SYS_ioctl SYS_dup SYS_dup3 SYS_pipe2
        SYS_socket SYS_socketpair SYS_connect SYS_accept4 SYS_getsockname SYS_getpeername SYS_getsockopt
        SYS_setsockopt SYS_sendto SYS_recvfrom SYS_sendmsg SYS_recvmsg SYS_sendmmsg SYS_recvmmsg SYS_shutdown
        SYS_close_range SYS_splice),
    passing!("waiting for them":
        SYS_epoll_create1 SYS_epoll_ctl SYS_epoll_pwait SYS_epoll_pwait2 SYS_ppoll SYS_pselect6 SYS_eventfd2),
    passing!("reading files of packages, and the linker's at the start (which ones: Landlock)":
        SYS_openat SYS_openat2 SYS_fstat SYS_newfstatat SYS_statx SYS_lseek SYS_pread64 SYS_readlinkat
        SYS_faccessat SYS_faccessat2 SYS_getcwd SYS_getdents64 SYS_fadvise64),
    passing!("memory; none that was written can be executed (see the rows)":
        SYS_mmap SYS_munmap SYS_mremap SYS_mprotect SYS_madvise SYS_brk SYS_membarrier),
    passing!("threads":
        SYS_clone SYS_clone3 SYS_futex SYS_set_robust_list SYS_get_robust_list SYS_rseq SYS_set_tid_address
        SYS_gettid SYS_getpid SYS_getppid SYS_sched_yield SYS_sched_getaffinity SYS_exit SYS_exit_group
        SYS_tgkill SYS_restart_syscall SYS_prctl SYS_seccomp),
    passing!("its own signals":
        SYS_rt_sigaction SYS_rt_sigprocmask SYS_rt_sigreturn SYS_sigaltstack SYS_rt_sigtimedwait),
    passing!("time and randomness":
        SYS_clock_gettime SYS_clock_getres SYS_clock_nanosleep SYS_nanosleep SYS_gettimeofday SYS_getrandom),
    passing!("looking at itself":
        SYS_getuid SYS_geteuid SYS_getgid SYS_getegid SYS_getresuid SYS_getresgid SYS_getgroups SYS_uname
        SYS_sysinfo SYS_getrusage SYS_prlimit64),
    passing!("being started; Landlock leaves it this program and the linker": SYS_execve),
];

/// The older forms of some of them, which one architecture has.
#[cfg(target_arch = "x86_64")]
pub(in crate::seccomp) const PASSING_ON_X86: &[Passing] = &[passing!("the older forms of calls above":
    SYS_open SYS_stat SYS_lstat SYS_access SYS_readlink SYS_dup2 SYS_pipe SYS_accept SYS_epoll_wait SYS_poll
    SYS_select SYS_time SYS_getrlimit SYS_arch_prctl)];
#[cfg(not(target_arch = "x86_64"))]
pub(in crate::seccomp) const PASSING_ON_X86: &[Passing] = &[];

const WRITTEN_AND_EXECUTED: When = When::Is(2, 6, &[("PROT_WRITE|PROT_EXEC", 6)]);
const FAMILIES: &[Named] = &[("AF_UNIX", 1), ("AF_INET", 2), ("AF_INET6", 10), ("AF_NETLINK", 16)];
const INTERNET: When = When::Is(0, WHOLE, &[("AF_INET", 2), ("AF_INET6", 10)]);
const NETLINK: When = When::Is(0, WHOLE, &[("AF_NETLINK", 16)]);
const OTHER_TYPES: When = When::Is(
    1,
    0xf,
    &[("SOCK_RAW", 3), ("SOCK_RDM", 4), ("SOCK_SEQPACKET", 5), ("SOCK_DCCP", 6), ("SOCK_PACKET", 10)],
);
/// What a program says about itself: names of threads and memory, its dump, its parent's end, filters.
const OF_ITSELF: &[Named] = &[
    ("PR_SET_PDEATHSIG", 1),
    ("PR_GET_PDEATHSIG", 2),
    ("PR_GET_DUMPABLE", 3),
    ("PR_SET_DUMPABLE", 4),
    ("PR_SET_NAME", 15),
    ("PR_GET_NAME", 16),
    ("PR_SET_NO_NEW_PRIVS", 38),
    ("PR_GET_NO_NEW_PRIVS", 39),
    ("PR_SET_VMA", 0x5356_4d41),
];

/// What of the passing calls is closed all the same.
pub(in crate::seccomp) const CLOSED: &[Row] = &[
    row!(
        SYS_mmap,
        WRITTEN_AND_EXECUTED,
        Refused,
        "Machine code is what the linker mapped, and nothing that came later."
    ),
    row!(SYS_mprotect, When::AnyOf(2, &[("PROT_EXEC", 4)]), Refused, "As `mmap`."),
    row!(
        SYS_socket,
        When::IsNot(0, FAMILIES),
        NoFamily,
        "It talks to browsers and sessions, and asks the kernel whose a listener is."
    ),
    row!(SYS_socket, When::Both(&INTERNET, &OTHER_TYPES), Refused, "Raw packets."),
    row!(
        SYS_socket,
        When::Both(&NETLINK, &When::IsNot(2, &[("NETLINK_ROUTE", 0), ("NETLINK_SOCK_DIAG", 4)])),
        NoProtocol,
        "Whose a listener is, and routes."
    ),
    row!(SYS_prctl, When::IsNot(0, OF_ITSELF), Refused, "Everything else changes what holds it."),
    row!(SYS_prlimit64, When::IsNot(2, &[("no new limit", 0)]), Refused, "Limits are looked at, not set."),
];

/// What the server gives up itself once it runs.
pub(in crate::seccomp) const STARTED: &[Row] = &[
    row!(SYS_execve, Refused, "It starts no program."),
    row!(SYS_execveat, Refused, "It starts no program."),
];
