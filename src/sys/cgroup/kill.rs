//! Ending everything in a group, also where it forks faster than its processes can be listed.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::{CgroupError, Group, failed, read, write};
use crate::process::Process;

/// Rounds of freezing and killing. A frozen group forks nothing, so one is enough but for who was not to be frozen in time.
const ROUNDS: usize = 100;
/// Looks whether a group of version 1 is frozen: one that is in a system call gets there when that ends.
const LOOKS: usize = 50;
/// Between two of them.
const BETWEEN: Duration = Duration::from_millis(1);

impl Group {
    /// Kills every process in it and below: at once where the kernel can (version 2 since 5.14), else frozen and one by one.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn kill(&self) -> Result<(), CgroupError> {
        for dir in self.dirs() {
            match write(&dir.join("cgroup.kill"), "1") {
                Err(error) if error.kind() == Some(io::ErrorKind::NotFound) => {}
                done => return done,
            }
        }
        for _ in 0..ROUNDS {
            self.freeze();
            let pids = self.pids();
            for process in pids.iter().flatten().filter_map(|pid| Process::open(*pid).ok()) {
                let _ = process.signal(Signal::SIGKILL);
            }
            // ORDER: thawed whatever came: the frozen of version 1 don't die, and nobody else would thaw them.
            self.thaw();
            if pids?.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn freeze(&self) {
        for dir in self.dirs() {
            // Neither file where there is no freezer: then it is a race, which who kills wins in the end or not.
            let _ = write(&dir.join("cgroup.freeze"), "1");
            let state = dir.join("freezer.state");
            if write(&state, "FROZEN").is_ok() {
                for _ in 0..LOOKS {
                    if read(&state).is_ok_and(|text| text.trim() == "FROZEN") {
                        break;
                    }
                    std::thread::sleep(BETWEEN);
                }
            }
        }
    }

    fn thaw(&self) {
        for dir in self.dirs() {
            let _ = write(&dir.join("cgroup.freeze"), "0");
            let _ = write(&dir.join("freezer.state"), "THAWED");
        }
    }

    /// Waits until nothing is in it, or the time is over; says whether it is empty.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn wait_empty(&self, within: Duration) -> Result<bool, CgroupError> {
        let end = Instant::now() + within;
        if let Some(dir) = self.unified() {
            return wait_unified(dir, end);
        }
        loop {
            let pids = self.pids()?;
            let left = end.saturating_duration_since(Instant::now());
            if pids.is_empty() || left.is_zero() {
                return Ok(pids.is_empty());
            }
            match pids.iter().find_map(|pid| Process::open(*pid).ok()) {
                // Version 1 tells nobody; the end of one of its processes does.
                Some(process) if !process.has_ended() => {
                    let mut polled = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
                    let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
                }
                _ => std::thread::sleep(BETWEEN),
            }
        }
    }
}

fn wait_unified(dir: &Path, end: Instant) -> Result<bool, CgroupError> {
    let path = dir.join("cgroup.events");
    let mut events = File::open(&path).map_err(failed(&path))?;
    loop {
        let mut text = String::new();
        events.rewind().and_then(|()| events.read_to_string(&mut text)).map_err(failed(&path))?;
        let populated = text.lines().any(|line| line == "populated 1");
        let left = end.saturating_duration_since(Instant::now());
        if !populated || left.is_zero() {
            return Ok(!populated);
        }
        // The kernel raises POLLPRI when the file changes (cgroup-v2 documentation, "[Un]populated Notification").
        let mut polled = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
        let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
    }
}

#[cfg(test)]
mod tests;
