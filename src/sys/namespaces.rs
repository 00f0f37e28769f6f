//! Namespaces of a process: processes, mounts and network of its own. Each function is one step, all of them root's.
//!
//! Called by [`crate::exec`] (a child that is process 1) and by the session's start. Nothing here says what a namespace holds:
//! mounts are made in [`crate::mounts`].

use std::io;
use std::os::fd::AsRawFd;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::unistd::{ForkResult, Pid};

/// Forks; the child is process 1 of a process namespace of its own.
///
/// # Safety
/// As of `fork(2)`: where the parent has threads, the child makes async-signal-safe calls only. Handlers of the C library for
/// forks don't run, so the child of a single thread too keeps to system calls.
pub(crate) unsafe fn fork_as_first() -> Result<ForkResult, Errno> {
    let flags = libc::CLONE_NEWPID | libc::SIGCHLD;
    // SAFETY: without a stack and without CLONE_VM this is a fork: the child runs on its own copy of this stack. The other
    // arguments are unused without their flags.
    let pid = Errno::result(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) })?;
    match i32::try_from(pid) {
        Ok(0) => Ok(ForkResult::Child),
        Ok(pid) => Ok(ForkResult::Parent { child: Pid::from_raw(pid) }),
        Err(_) => Err(Errno::EOVERFLOW), // no kernel has such numbers
    }
}

/// Whether this process is process 1 of its namespace.
pub fn is_first_process() -> bool {
    nix::unistd::getpid().as_raw() == 1
}

/// From now on this process's mounts are its own: what it mounts is seen by nobody else, while what the machine mounts and
/// unmounts later is followed (homes that are mounted at their first use, disks that are taken out).
///
/// # Errors
/// Without privilege.
pub fn own_mounts() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // ORDER: before any mount, or it would be made on the machine too.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_SLAVE, None::<&str>)
}

/// From now on System V shared memory, semaphores and queues, and POSIX queues, are this process's own: none of those that the
/// user's other processes have can be named.
///
/// # Errors
/// Without privilege.
pub fn own_shared_memory() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWIPC)
}

/// From now on sockets of this process are of a network of its own, which has nothing but its loopback. Those it has already
/// stay where they are.
///
/// # Errors
/// Without privilege.
pub fn own_network() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    let any = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    // SAFETY: an ifreq is plain bytes, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(b"lo") {
        *place = *byte as libc::c_char;
    }
    // SAFETY: a live socket, and an ifreq with a name that ends with zero; the kernel writes and reads its flags only.
    unsafe {
        Errno::result(libc::ioctl(any.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request))?;
        request.ifr_ifru.ifru_flags |= i16::try_from(libc::IFF_UP).unwrap_or(1);
        Errno::result(libc::ioctl(any.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request))?;
    }
    Ok(())
}

/// In this process namespace no file that is only in memory can be a program (`vm.memfd_noexec`, Linux 6.3). `false` on a
/// kernel without it: then a filter for `memfd_create` has to do it.
///
/// # Errors
/// When the kernel has it and refuses it.
pub fn no_programs_in_memory() -> io::Result<bool> {
    match std::fs::write("/proc/sys/vm/memfd_noexec", "2") {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
