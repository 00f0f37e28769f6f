//! System calls by name: those that rules ask for, and those that a filter is known to refuse.

/// A name and its number on this machine's own architecture.
pub(super) type Call = (&'static str, libc::c_long);

macro_rules! calls {
    ($(#[$doc:meta])* $list:ident: $($name:literal $number:ident),* $(; $($old:literal $old_number:ident),*)?) => {
        $(#[$doc])*
        pub(super) const $list: &[Call] = &[
            $(($name, libc::$number),)*
            // Calls that newer architectures never had.
            $($(#[cfg(target_arch = "x86_64")] ($old, libc::$old_number),)*)?
        ];
    };
}

calls! {
    /// Starting a program.
    EXEC: "execve" SYS_execve, "execveat" SYS_execveat
}
calls! {
    /// Those whose refusal (`EACCES`, `EPERM`) is an attempt at something that is not the caller's.
    REFUSED: "openat" SYS_openat, "openat2" SYS_openat2, "truncate" SYS_truncate, "ftruncate" SYS_ftruncate,
    "renameat" SYS_renameat, "renameat2" SYS_renameat2, "linkat" SYS_linkat, "symlinkat" SYS_symlinkat,
    "unlinkat" SYS_unlinkat, "mkdirat" SYS_mkdirat, "mknodat" SYS_mknodat, "fchmod" SYS_fchmod,
    "fchmodat" SYS_fchmodat, "fchown" SYS_fchown, "fchownat" SYS_fchownat, "setxattr" SYS_setxattr,
    "lsetxattr" SYS_lsetxattr, "fsetxattr" SYS_fsetxattr, "connect" SYS_connect, "bind" SYS_bind,
    "sendto" SYS_sendto, "sendmsg" SYS_sendmsg, "sendmmsg" SYS_sendmmsg, "socket" SYS_socket,
    "ptrace" SYS_ptrace, "process_vm_readv" SYS_process_vm_readv, "process_vm_writev" SYS_process_vm_writev,
    "pidfd_getfd" SYS_pidfd_getfd, "pidfd_send_signal" SYS_pidfd_send_signal, "kill" SYS_kill, "tkill" SYS_tkill,
    "tgkill" SYS_tgkill, "mount" SYS_mount, "umount2" SYS_umount2, "move_mount" SYS_move_mount,
    "fsopen" SYS_fsopen, "fsmount" SYS_fsmount, "open_tree" SYS_open_tree, "mount_setattr" SYS_mount_setattr,
    "pivot_root" SYS_pivot_root, "chroot" SYS_chroot, "setuid" SYS_setuid, "setgid" SYS_setgid,
    "setreuid" SYS_setreuid, "setregid" SYS_setregid, "setresuid" SYS_setresuid, "setresgid" SYS_setresgid,
    "setgroups" SYS_setgroups, "capset" SYS_capset, "unshare" SYS_unshare, "setns" SYS_setns, "clone" SYS_clone,
    "clone3" SYS_clone3, "bpf" SYS_bpf, "perf_event_open" SYS_perf_event_open, "userfaultfd" SYS_userfaultfd,
    "io_uring_setup" SYS_io_uring_setup, "keyctl" SYS_keyctl, "add_key" SYS_add_key,
    "request_key" SYS_request_key, "init_module" SYS_init_module, "finit_module" SYS_finit_module,
    "delete_module" SYS_delete_module, "kexec_load" SYS_kexec_load, "reboot" SYS_reboot, "swapon" SYS_swapon,
    "swapoff" SYS_swapoff, "sethostname" SYS_sethostname, "setdomainname" SYS_setdomainname,
    "settimeofday" SYS_settimeofday, "clock_settime" SYS_clock_settime, "open_by_handle_at" SYS_open_by_handle_at,
    "syslog" SYS_syslog, "acct" SYS_acct, "fanotify_init" SYS_fanotify_init, "chdir" SYS_chdir,
    "memfd_create" SYS_memfd_create, "mmap" SYS_mmap, "mprotect" SYS_mprotect, "prlimit64" SYS_prlimit64,
    "setrlimit" SYS_setrlimit, "setpriority" SYS_setpriority, "sched_setaffinity" SYS_sched_setaffinity,
    "sched_setscheduler" SYS_sched_setscheduler;
    "open" SYS_open, "creat" SYS_creat, "rename" SYS_rename, "link" SYS_link, "symlink" SYS_symlink,
    "unlink" SYS_unlink, "mkdir" SYS_mkdir, "rmdir" SYS_rmdir, "mknod" SYS_mknod, "chmod" SYS_chmod,
    "chown" SYS_chown, "lchown" SYS_lchown
}
calls! {
    /// Making processes and threads (`EAGAIN`: their number is limited).
    FORK: "clone" SYS_clone, "clone3" SYS_clone3; "fork" SYS_fork, "vfork" SYS_vfork
}
calls! {
    /// Filling a file system (`ENOSPC`).
    WRITE: "write" SYS_write, "writev" SYS_writev, "pwrite64" SYS_pwrite64, "pwritev" SYS_pwritev,
    "pwritev2" SYS_pwritev2, "fallocate" SYS_fallocate, "copy_file_range" SYS_copy_file_range,
    "sendfile" SYS_sendfile, "splice" SYS_splice, "openat" SYS_openat, "mkdirat" SYS_mkdirat;
    "open" SYS_open, "creat" SYS_creat, "mkdir" SYS_mkdir
}
calls! {
    /// Reaching for a process: who isn't there (`ESRCH`) may be hidden.
    PROCESS: "kill" SYS_kill, "tkill" SYS_tkill, "tgkill" SYS_tgkill, "ptrace" SYS_ptrace,
    "process_vm_readv" SYS_process_vm_readv, "process_vm_writev" SYS_process_vm_writev,
    "pidfd_open" SYS_pidfd_open
}
calls! {
    /// Opening (`EMFILE`: their number is limited).
    DESCRIPTOR: "openat" SYS_openat, "socket" SYS_socket, "dup" SYS_dup, "dup3" SYS_dup3, "pipe2" SYS_pipe2,
    "epoll_create1" SYS_epoll_create1, "eventfd2" SYS_eventfd2, "accept4" SYS_accept4, "fcntl" SYS_fcntl,
    "memfd_create" SYS_memfd_create, "socketpair" SYS_socketpair;
    "open" SYS_open, "dup2" SYS_dup2, "pipe" SYS_pipe
}
calls! {
    /// Others that a filter may refuse: only their names are needed.
    OTHERS: "io_uring_enter" SYS_io_uring_enter, "io_uring_register" SYS_io_uring_register,
    "name_to_handle_at" SYS_name_to_handle_at,
    "fsconfig" SYS_fsconfig, "fspick" SYS_fspick, "personality" SYS_personality, "quotactl" SYS_quotactl,
    "vhangup" SYS_vhangup, "nfsservctl" SYS_nfsservctl, "lookup_dcookie" SYS_lookup_dcookie,
    "ioctl" SYS_ioctl, "prctl" SYS_prctl, "kcmp" SYS_kcmp, "seccomp" SYS_seccomp, "mbind" SYS_mbind,
    "move_pages" SYS_move_pages, "migrate_pages" SYS_migrate_pages, "set_mempolicy" SYS_set_mempolicy,
    "process_madvise" SYS_process_madvise, "adjtimex" SYS_adjtimex, "clock_adjtime" SYS_clock_adjtime,
    "socketpair" SYS_socketpair, "landlock_restrict_self" SYS_landlock_restrict_self,
    "memfd_secret" SYS_memfd_secret, "vmsplice" SYS_vmsplice, "shmat" SYS_shmat, "mmap" SYS_mmap,
    "mprotect" SYS_mprotect, "setsockopt" SYS_setsockopt;
    "kexec_file_load" SYS_kexec_file_load, "ioperm" SYS_ioperm, "iopl" SYS_iopl, "modify_ldt" SYS_modify_ldt, "uselib" SYS_uselib, "ustat" SYS_ustat,
    "sysfs" SYS_sysfs, "_sysctl" SYS__sysctl
}

/// The architecture's own number for the kernel (`AUDIT_ARCH_…`).
#[cfg(target_arch = "x86_64")]
pub(super) const ARCH: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
pub(super) const ARCH: u32 = 0xC000_00B7;

/// The 32-bit architecture that the same kernel may run, and its `execve` and `execveat`.
#[cfg(target_arch = "x86_64")]
pub(super) const NARROW: (u32, [u32; 2]) = (0x4000_0003, [11, 358]);
#[cfg(target_arch = "aarch64")]
pub(super) const NARROW: (u32, [u32; 2]) = (0x4000_0028, [11, 387]);

/// How a start of a program is called in words.
pub const EXECUTE: &str = "execve";

/// Whether it starts a program.
pub fn is_exec(arch: u32, number: u32) -> bool {
    (arch == NARROW.0 && NARROW.1.contains(&number)) || within(EXEC, arch, number)
}

/// Whether it makes a process or thread.
pub fn is_fork(arch: u32, number: u32) -> bool {
    within(FORK, arch, number)
}

/// Whether it may fill a file system.
pub fn writes(arch: u32, number: u32) -> bool {
    within(WRITE, arch, number)
}

/// Whether it is for another process.
pub fn is_for_process(arch: u32, number: u32) -> bool {
    within(PROCESS, arch, number)
}

/// Which process a call is for, of those of [`is_for_process`].
pub fn process_of(arch: u32, number: u32, args: [u64; 2]) -> i32 {
    let ptrace = arch == ARCH && u32::try_from(libc::SYS_ptrace) == Ok(number);
    // The lower half counts: `pid_t` has 32 bits.
    let [a, b, c, d, ..] = args[usize::from(ptrace)].to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

/// Its name, or its number where the name is not known.
pub fn name(arch: u32, number: u32) -> String {
    if arch != ARCH {
        let which = if arch == NARROW.0 { "32-bit" } else { "foreign" };
        return format!("{which} system call {number}");
    }
    let all = [EXEC, REFUSED, FORK, WRITE, PROCESS, DESCRIPTOR, OTHERS].into_iter().flatten();
    let known = all.into_iter().find(|(_, known)| u32::try_from(*known) == Ok(number));
    known.map_or_else(|| format!("system call {number}"), |(name, _)| (*name).to_owned())
}

fn within(list: &[Call], arch: u32, number: u32) -> bool {
    arch == ARCH && list.iter().any(|(_, known)| u32::try_from(*known) == Ok(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_numbers() {
        let number = |call| u32::try_from(call).expect("small");
        assert_eq!(name(ARCH, number(libc::SYS_execve)), "execve");
        assert_eq!(name(ARCH, number(libc::SYS_bpf)), "bpf");
        assert_eq!(name(ARCH, 100_000), "system call 100000");
        assert_eq!(name(NARROW.0, 11), "32-bit system call 11");
        assert!(is_exec(ARCH, number(libc::SYS_execveat)) && is_exec(NARROW.0, 11));
        assert!(!is_exec(ARCH, 11) && is_fork(ARCH, number(libc::SYS_clone)));
        assert!(writes(ARCH, number(libc::SYS_write)) && !writes(NARROW.0, 4));
    }
}
