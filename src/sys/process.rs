//! Processes that are there: held by a pidfd, so that a number that was used again is never hit.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

/// How a process ended; prints in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// With a status.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
}

impl Ended {
    fn from_status(status: WaitStatus) -> Option<(i32, Self)> {
        match status {
            WaitStatus::Exited(pid, code) => Some((pid.as_raw(), Self::Exited(code))),
            WaitStatus::Signaled(pid, signal, _) => Some((pid.as_raw(), Self::Signalled(signal as i32))),
            _ => None,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit status {code}"),
            Self::Signalled(number) => match Signal::try_from(*number) {
                Ok(signal) => write!(f, "killed by {signal}"),
                Err(_) => write!(f, "killed by signal {number}"),
            },
        }
    }
}

/// A process, ours or another's, that can't be mistaken. Its descriptor polls readable once the process has ended.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    pidfd: OwnedFd,
}

impl Process {
    /// Takes hold of whoever has this number now.
    ///
    /// # Errors
    /// `ESRCH` when nobody has.
    pub fn open(pid: i32) -> Result<Self, Errno> {
        // SAFETY: numbers only; a descriptor (close-on-exec by definition) or -1 comes back.
        let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) })?;
        let fd = RawFd::try_from(fd).map_err(|_| Errno::EBADF)?;
        // SAFETY: the kernel has just opened this descriptor for us; nobody else owns it.
        Ok(Self { pid, pidfd: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Takes hold of the process that has this number and started at that time ([`start_time`]): the one that was meant.
    ///
    /// # Errors
    /// `ESRCH` when it is gone, or the number belongs to another by now.
    pub fn open_started(pid: i32, started: u64) -> Result<Self, Errno> {
        let process = Self::open(pid)?;
        // ORDER: compared after the pidfd is held; what the number means can't change unnoticed any more.
        match start_time(pid) {
            Ok(found) if found == started && !process.has_ended() => Ok(process),
            _ => Err(Errno::ESRCH),
        }
    }

    /// Its number.
    pub const fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// `ESRCH` when it has ended, `EPERM` when it is another's.
    pub fn signal(&self, signal: Signal) -> Result<(), Errno> {
        let no_info = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the pidfd is ours; a null siginfo means "as kill(2)".
        let sent = unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, self.pidfd.as_raw_fd(), signal as i32, no_info, 0)
        };
        Errno::result(sent).map(drop)
    }

    /// Whether it has ended (it may be a zombie still).
    pub fn has_ended(&self) -> bool {
        let mut polled = [PollFd::new(self.pidfd.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut polled, PollTimeout::ZERO), Ok(ready) if ready > 0)
    }

    /// Waits for this child's end and takes its status.
    ///
    /// # Errors
    /// `ECHILD` when it is no child of ours, or was reaped.
    pub fn wait(&self) -> Result<Ended, Errno> {
        loop {
            match waitid(Id::PIDFd(self.pidfd.as_fd()), WaitPidFlag::WEXITED) {
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
                Ok(status) => {
                    if let Some((_, ended)) = Ended::from_status(status) {
                        return Ok(ended);
                    }
                }
            }
        }
    }

    /// Takes this child's status if it has ended.
    ///
    /// # Errors
    /// `ECHILD` when it is no child of ours, or was reaped.
    pub fn try_wait(&self) -> Result<Option<Ended>, Errno> {
        let status = waitid(Id::PIDFd(self.pidfd.as_fd()), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG)?;
        Ok(Ended::from_status(status).map(|(_, ended)| ended))
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }
}

/// Takes the status of every child that has ended; orphans that came to a subreaper among them.
pub fn reap() -> Vec<(i32, Ended)> {
    let mut all = Vec::new();
    loop {
        match waitpid(Pid::from_raw(-1), Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return all,
            Ok(status) => all.extend(Ended::from_status(status)),
            Err(Errno::EINTR) => {}
            Err(_) => return all, // ECHILD: none left
        }
    }
}

/// What `/proc/PID/stat` says of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Its number.
    pub pid: i32,
    /// Its parent's number.
    pub parent: i32,
    /// Its state, e.g. `R`, `S`, `Z`.
    pub state: char,
    /// When it started, in clock ticks since boot: with the number, a name that is not used twice.
    pub started: u64,
}

impl Stat {
    /// Reads that of `pid`.
    ///
    /// # Errors
    /// Not found when there is no such process.
    pub fn read(pid: i32) -> io::Result<Self> {
        let text = std::fs::read(format!("/proc/{pid}/stat"))?;
        Self::parse(pid, &String::from_utf8_lossy(&text)).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// The name stands in parentheses and may hold anything, so counting starts after the last one.
    fn parse(pid: i32, text: &str) -> Option<Self> {
        let (_, rest) = text.rsplit_once(')')?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?; // field 3
        let parent = fields.next()?.parse().ok()?; // field 4
        let started = fields.nth(17)?.parse().ok()?; // field 22
        Some(Self { pid, parent, state, started })
    }
}

/// When a process started, in clock ticks since boot (field 22 of `/proc/PID/stat`).
///
/// # Errors
/// Not found when there is no such process.
pub fn start_time(pid: i32) -> io::Result<u64> {
    Stat::read(pid).map(|stat| stat.started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let text = "7 (a) R 9 (b) S 42 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2";
        let stat = Stat::parse(7, text).expect("a stat");
        assert_eq!(stat, Stat { pid: 7, parent: 42, state: 'S', started: 987_654 });
    }

    #[test]
    fn a_process_is_held_by_number_and_start() {
        let own = nix::unistd::getpid().as_raw();
        let started = start_time(own).expect("ours");
        assert!(!Process::open_started(own, started).expect("ours").has_ended());
        assert_eq!(Process::open_started(own, started + 1).expect_err("another"), Errno::ESRCH);
    }

    #[test]
    fn ends_are_said_in_words() {
        assert_eq!(Ended::Exited(3).to_string(), "exit status 3");
        assert_eq!(Ended::Signalled(9).to_string(), "killed by SIGKILL");
        assert_eq!(Ended::Signalled(40).to_string(), "killed by signal 40");
    }
}
