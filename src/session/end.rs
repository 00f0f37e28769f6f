//! The end: nothing of the session is left running when this process reports it.
//!
//! The keeper comes after it as root, with the session's cgroup where there is one, for what could not be signalled from here.

use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use portcullis_sys::cgroup::Group;
use portcullis_sys::process::{Process, reap};
use portcullis_sys::tree::kill_descendants;
use portcullis_wire::{Channel, Report, WireError};

use crate::ide::Ide;
use crate::journal;
use crate::reports::Reports;

/// For the kernel to end what was killed; longer is uninterruptible sleep, on a network file system for instance.
const KILL_WITHIN: Duration = Duration::from_secs(5);
/// For the launcher to take the last reports.
const TELL_WITHIN: Duration = Duration::from_secs(1);

/// Kills the IDE if it runs still, and then everything else; returns how many others there were.
pub(crate) fn kill_all(ide: Option<&Ide>, cgroups: &[String]) -> u32 {
    if let Some(ide) = ide.filter(|ide| ide.runs()) {
        ide.signal(Signal::SIGKILL);
        wait(ide.process(), KILL_WITHIN);
    }
    let mut killed = match kill_descendants(KILL_WITHIN) {
        Err(error) => {
            journal::error(format_args!("the session's processes can't be listed error={error}"));
            0
        }
        Ok(done) => {
            if done.left > 0 {
                journal::warn(format_args!("processes are left for the keeper count={}", done.left));
            }
            done.killed
        }
    };
    // Whoever got into the group without being our descendant. Not by `cgroup.kill`: this process is in the group too.
    for process in strangers(cgroups) {
        if process.signal(Signal::SIGKILL).is_ok() {
            killed = killed.saturating_add(1);
            wait(&process, Duration::from_secs(1));
        }
    }
    reap();
    killed
}

fn strangers(cgroups: &[String]) -> Vec<Process> {
    let own = nix::unistd::getpid().as_raw();
    // Gone, or not readable: nothing to do here.
    let pids = Group::at(cgroups).pids().unwrap_or_default();
    pids.into_iter().filter(|pid| *pid != own).filter_map(|pid| Process::open(pid).ok()).collect()
}

fn wait(process: &Process, within: Duration) {
    let mut polled = [PollFd::new(std::os::fd::AsFd::as_fd(process), PollFlags::POLLIN)];
    let _ = poll(&mut polled, PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX)); // late or not: we go on
}

/// Gives the launcher a moment to take what it has not been told yet.
pub(crate) fn tell_last(launcher: Option<&Channel>, reports: &mut Reports, left_over: u32) {
    reports.push(Report::Ended { left_over });
    let Some(launcher) = launcher else { return };
    let until = Instant::now() + TELL_WITHIN;
    while let Err(WireError::WouldBlock) = reports.flush(launcher) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return journal::warn(format_args!("the launcher did not take the last reports"));
        }
        let mut polled = [PollFd::new(std::os::fd::AsFd::as_fd(launcher), PollFlags::POLLOUT)];
        let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
    }
}
