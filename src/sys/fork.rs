//! A child that goes on with this program's code: the PAM helper and the keeper.
//!
//! Programs are started by [`crate::exec`], which has no conditions. Here the child runs ordinary Rust code, so the parent
//! must be single-threaded: a lock that another thread held at that instant would never be released in the child.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::errno::Errno;
use nix::unistd::ForkResult;
use thiserror::Error;

use crate::process::Process;
use crate::signals;

/// Why there is no child.
#[derive(Debug, Error)]
pub enum ForkError {
    /// This process has several threads.
    #[error("a process with {0} threads can't fork")]
    Threads(usize),
    /// The kernel refused.
    #[error("can't fork")]
    Fork(#[source] Errno),
}

/// Exit status of a child whose body panicked; as `abort` gives in a shell.
pub const PANICKED: u8 = 134;

/// Forks; the child runs `body` and exits with what it returns. Nothing of the parent is dropped or flushed in the child.
///
/// The child has descriptors 0, 1, 2 and those of `keep` (with their numbers); all others are closed before `body` starts, so
/// it must neither use nor own another one of the parent. All signals are unblocked and have their default effect there,
/// but `SIGPIPE` stays ignored as Rust's start has it.
///
/// # Errors
/// When this process has threads, or the kernel has no room.
pub fn fork(keep: &[BorrowedFd<'_>], body: impl FnOnce() -> u8) -> Result<Process, ForkError> {
    let threads = std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    if threads != 1 {
        return Err(ForkError::Threads(threads));
    }
    let mut keep: Vec<RawFd> = keep.iter().map(AsRawFd::as_raw_fd).collect();
    keep.sort_unstable();
    fork_body(Some(&keep), body)
}

fn fork_body(keep: Option<&[RawFd]>, body: impl FnOnce() -> u8) -> Result<Process, ForkError> {
    // SAFETY: there is one thread (checked by `fork`), so the child's memory is consistent and it may run any code. It never
    // returns from here: it leaves by `_exit`, so no value of the parent's stack is dropped twice.
    match unsafe { nix::unistd::fork() }.map_err(ForkError::Fork)? {
        ForkResult::Parent { child } => Process::open(child.as_raw()).map_err(ForkError::Fork),
        ForkResult::Child => {
            signals::reset_in_child(false);
            if let Some(keep) = keep {
                close_all_but(keep);
            }
            let code = catch_unwind(AssertUnwindSafe(body)).unwrap_or(PANICKED);
            // SAFETY: ends the process; takes a number and does not return.
            unsafe { libc::_exit(i32::from(code)) }
        }
    }
}

/// Closes everything from 3 on that is not in the sorted list.
fn close_all_but(keep: &[RawFd]) {
    let mut from: libc::c_uint = 3;
    for &fd in keep {
        let Ok(fd) = libc::c_uint::try_from(fd) else { continue };
        if fd < from {
            continue;
        }
        if fd > from {
            close_range(from, fd - 1);
        }
        from = fd + 1;
    }
    close_range(from, libc::c_uint::MAX);
}

fn close_range(from: libc::c_uint, to: libc::c_uint) {
    // SAFETY: only numbers. The descriptors belong to values of the parent that this child never uses nor drops (contract of `fork`).
    let closed = unsafe { libc::syscall(libc::SYS_close_range, from, to, 0) };
    if closed != 0 {
        // SAFETY: as above. Without close_range (before Linux 5.9) nothing may go on with the parent's descriptors.
        unsafe { libc::_exit(i32::from(PANICKED)) }
    }
}

/// Runs `body` in a child of a test, where the test harness has threads, and returns its exit status (255 for a signal).
/// Bodies keep to system calls and small allocations (the allocator is consistent over a fork in glibc).
#[cfg(test)]
pub(crate) fn child_for_test(body: impl FnOnce() -> u8) -> u8 {
    let child = fork_body(None, body).expect("a child");
    match child.wait().expect("its end") {
        crate::process::Ended::Exited(code) => u8::try_from(code).expect("a small status"),
        crate::process::Ended::Signalled(_) => 255,
    }
}

/// Makes a program of a test's own. By a child: a file that this process wrote can't be executed as long as another test's
/// child, forked meanwhile, has the descriptor that it was written by (`ETXTBSY`).
#[cfg(test)]
pub(crate) fn program_for_test(text: &[u8], path: &std::path::Path) {
    let source = path.with_extension("text");
    std::fs::write(&source, text).expect("written");
    let mut install = std::process::Command::new("install");
    let made = install.args(["-m", "755", "--"]).arg(&source).arg(path).status().expect("started");
    assert!(made.success(), "{made}");
    std::fs::remove_file(&source).expect("removed");
}

/// Ends a test that means nothing without root: one that returned early would count as passed.
#[cfg(test)]
pub(crate) fn needs_root() {
    assert!(nix::unistd::geteuid().is_root(), "only root can run this test: `cargo xtask test --only unit`");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    #[test]
    fn a_process_with_threads_is_refused() {
        let _other = std::thread::spawn(std::thread::park);
        assert!(matches!(fork(&[], || 0), Err(ForkError::Threads(_))));
    }

    #[test]
    fn the_child_has_only_the_kept_descriptors_and_a_panic_is_a_status() {
        let (kept, _writer) = crate::fd::pipe().expect("a pipe");
        let (other, _writer) = crate::fd::pipe().expect("a pipe");
        let keep = [kept.as_raw_fd()];
        let numbers = (kept.as_raw_fd(), other.as_raw_fd());
        let child = fork_body(Some(&keep), || {
            // SAFETY: F_GETFD only asks whether the number is a descriptor.
            let open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
            u8::from(!open(numbers.0)) + 2 * u8::from(open(numbers.1))
        });
        assert_eq!(child.expect("a child").wait().expect("its end").to_string(), "exit status 0");
        assert!(kept.as_fd().as_raw_fd() == numbers.0, "the parent's own is open still");
        assert_eq!(child_for_test(|| std::panic::resume_unwind(Box::new(()))), PANICKED);
    }
}
