//! Signals as something to poll, and clean signals for children.

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};

/// A signal that came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caught {
    /// Which.
    pub signal: Signal,
    /// Who sent it; 0 for the kernel.
    pub sender: i32,
    /// From outside this process's process namespace, of which the senders within know nothing. They can't claim it: who
    /// names another sender than itself has to say that it did.
    pub outside: bool,
}

/// `si_code` of `kill(2)` and the like (asm-generic/siginfo.h).
const SI_USER: i32 = 0;

/// Signals that no longer interrupt but are read from a descriptor. Several of one kind that wait are one.
#[derive(Debug)]
pub struct Signals(SignalFd, SigSet);

impl Signals {
    /// Blocks these signals in this thread (children started by this crate get them unblocked) and opens a non-blocking,
    /// close-on-exec descriptor for them.
    ///
    /// # Errors
    /// When there are no descriptors left.
    pub fn take(signals: &[Signal]) -> Result<Self, Errno> {
        let mut set = SigSet::empty();
        for &signal in signals {
            set.add(signal);
        }
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?, set))
    }

    /// The next one that waits.
    ///
    /// # Errors
    /// Never in practice.
    pub fn next(&self) -> Result<Option<Caught>, Errno> {
        loop {
            let Some(info) = self.0.read_signal()? else { return Ok(None) };
            let number = i32::try_from(info.ssi_signo).unwrap_or(0);
            let sender = i32::try_from(info.ssi_pid).unwrap_or(0);
            if let Ok(signal) = Signal::try_from(number) {
                let outside = sender == 0 && info.ssi_code == SI_USER;
                return Ok(Some(Caught { signal, sender, outside }));
            }
        }
    }
}

impl Signals {
    /// They come to nobody any more and end nothing either; and what a library starts has none of them blocked, as its program has
    /// their default effect. For the last acts of a process.
    pub fn outlive(self) {
        extern "C" fn nothing(_: libc::c_int) {}
        let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
        for signal in &self.1 {
            // Its default effect is none already.
            if signal != Signal::SIGCHLD {
                // SAFETY: the handler does nothing, so it may interrupt anything.
                let _ = unsafe { sigaction(signal, &action) };
            }
        }
        let _ = self.1.thread_unblock();
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// In a fresh child: default effect of every signal, none blocked. Async-signal-safe.
/// `pipe_too` is for programs; our own code keeps `SIGPIPE` ignored, as Rust's start sets it.
pub(crate) fn reset_in_child(pipe_too: bool) {
    // The kernel's `struct sigaction` with room to spare; all zero means SIG_DFL, no flags, empty mask. Not through libc, which
    // refuses its own signals 32 and 33: one of our ancestors may have ignored them.
    let default = [0_u64; 8];
    for signal in 1..=64 {
        if signal != libc::SIGPIPE || pipe_too {
            // SAFETY: reads `default`, which is large enough, and installs no code of ours. KILL and STOP fail harmlessly.
            unsafe {
                libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), std::ptr::null_mut::<u8>(), 8)
            };
        }
    }
    // SAFETY: an all-zero sigset_t is a valid value that sigemptyset initialises; pthread_sigmask only reads it.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_is_read_once_and_none_blocks() {
        let signals = Signals::take(&[Signal::SIGUSR1]).expect("a descriptor");
        assert_eq!(signals.next().expect("read"), None);
        // SAFETY: sends a blocked signal to this very thread.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR1) };
        let caught = signals.next().expect("read").expect("one");
        assert_eq!(caught.signal, Signal::SIGUSR1);
        assert_eq!(caught.sender, nix::unistd::getpid().as_raw());
        assert_eq!(signals.next().expect("read"), None);
    }

    #[test]
    fn signals_that_are_outlived_end_nothing_and_are_not_blocked_in_what_is_started() {
        let signals = Signals::take(&[Signal::SIGUSR2, Signal::SIGCHLD]).expect("a descriptor");
        nix::sys::signal::raise(Signal::SIGUSR2).expect("blocked");
        signals.outlive();
        nix::sys::signal::raise(Signal::SIGUSR2).expect("this test lives on");
        let mask = SigSet::thread_get_mask().expect("a mask");
        assert!(!mask.contains(Signal::SIGUSR2) && !mask.contains(Signal::SIGCHLD));
    }
}
