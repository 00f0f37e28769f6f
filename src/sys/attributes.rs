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

/// How readily the kernel ends this process and its future children when memory runs out: 0 as any other, -1000 never.
///
/// # Errors
/// Without the privilege to lower it.
pub fn oom_score(score: i32) -> std::io::Result<()> {
    std::fs::write("/proc/self/oom_score_adj", score.to_string())
}

/// Gives up a better place in the queue for the processor than anybody may have. Whoever has a worse one keeps it.
///
/// # Errors
/// Never in practice.
pub fn ordinary_priority() -> Result<(), Errno> {
    // SAFETY: numbers only, and a sched_param of zeros that lives during the call; 0 is this thread.
    unsafe {
        let policy = libc::sched_getscheduler(0) & !libc::SCHED_RESET_ON_FORK;
        if matches!(policy, libc::SCHED_FIFO | libc::SCHED_RR) {
            let zero: libc::sched_param = std::mem::zeroed();
            Errno::result(libc::sched_setscheduler(0, libc::SCHED_OTHER, &raw const zero))?;
        }
        // An error of getpriority looks like -1: then 0 is set, which is no harm.
        if libc::getpriority(libc::PRIO_PROCESS, 0) < 0 {
            Errno::result(libc::setpriority(libc::PRIO_PROCESS, 0, 0))?;
        }
    }
    Ok(())
}

/// This process's place in the queue for the processor, from -20 (first) to 19.
pub fn niceness() -> i32 {
    // SAFETY: numbers only. An error looks like -1, and can't happen for oneself.
    unsafe { libc::getpriority(libc::PRIO_PROCESS, 0) }
}

/// Takes a place in that queue. A better one needs root.
///
/// # Errors
/// `EACCES` without the privilege.
pub fn set_niceness(nice: i32) -> Result<(), Errno> {
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) }).map(drop)
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
    fn a_better_place_is_given_up_and_a_worse_one_kept() {
        let code = child_for_test(|| {
            // SAFETY: numbers only.
            let nice = |wanted| unsafe {
                if libc::setpriority(libc::PRIO_PROCESS, 0, wanted) != 0 {
                    return 0; // not root: there is nothing to give up
                }
                ordinary_priority().expect("set");
                libc::getpriority(libc::PRIO_PROCESS, 0)
            };
            u8::from(nice(-7) != 0) + 2 * u8::from(nice(7) != 7)
        });
        assert_eq!(code, 0);
    }

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
