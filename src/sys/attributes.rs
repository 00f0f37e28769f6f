//! What a process says about itself to the kernel before it does anything else: each function is one `prctl` or one mask.
//!
//! All are one-way or inherited, so their order matters to the caller; see the `ORDER:` comments in the session's start.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;

/// From now on no `execve` grants anything: set-user-ID bits and file capabilities are ignored, for ever and for all children.
///
/// # Errors
/// Never on a kernel since 3.5.
pub fn no_new_privs() -> Result<(), Errno> {
    nix::sys::prctl::set_no_new_privs()
}

/// Whether others of the same user may read this process's memory, attach to it or find its core.
/// An `execve` sets it again, so the programs a session starts stay debuggable by their owner.
///
/// # Errors
/// Never in practice.
pub fn dumpable(yes: bool) -> Result<(), Errno> {
    nix::sys::prctl::set_dumpable(yes)
}

/// Orphaned descendants become children of this process, so that none gets away from it.
///
/// # Errors
/// Never in practice.
pub fn subreaper() -> Result<(), Errno> {
    nix::sys::prctl::set_child_subreaper(true)
}

/// The kernel sends this process `signal` when its parent's thread ends.
///
/// A change of ids clears the setting, so call it after the drop. `parent` is who is expected to be the parent: if it is
/// another one by now, the signal will never come and this is an error.
///
/// # Errors
/// [`Errno::ESRCH`] when the parent is gone already.
pub fn die_with_parent(parent: i32, signal: Signal) -> Result<(), Errno> {
    nix::sys::prctl::set_pdeathsig(Some(signal))?;
    if nix::unistd::getppid().as_raw() == parent { Ok(()) } else { Err(Errno::ESRCH) }
}

/// Sets the mask for new files and returns the one before.
pub fn umask(mask: u32) -> u32 {
    nix::sys::stat::umask(Mode::from_bits_truncate(mask)).bits()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::child_for_test;

    #[test]
    fn attributes_hold_and_show_in_status() {
        let code = child_for_test(|| {
            no_new_privs().expect("nnp");
            dumpable(false).expect("dumpable");
            subreaper().expect("subreaper");
            umask(0o077);
            die_with_parent(nix::unistd::getppid().as_raw(), Signal::SIGTERM).expect("a parent");
            let status = std::fs::read_to_string("/proc/self/status").expect("status");
            u8::from(
                !(status.contains("NoNewPrivs:\t1\n")
                    && status.contains("Umask:\t0077\n")
                    && die_with_parent(1, Signal::SIGTERM) == Err(Errno::ESRCH)),
            )
        });
        assert_eq!(code, 0);
    }
}
