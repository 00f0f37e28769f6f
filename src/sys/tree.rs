//! Ending every descendant of a process that is their subreaper: none can get away by `setsid` or a double fork.
//!
//! Called by the session (as the user) and by the keeper (as root, for what the session could not signal).

use std::collections::HashSet;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use crate::process::{Process, Stat, reap};

/// How many are held by a pidfd at a time; below the usual limit of 1024 descriptors.
const AT_ONCE: usize = 256;
/// Time for the kernel to end one batch before looking again.
const BATCH: Duration = Duration::from_millis(500);

/// What [`kill_descendants`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Killed {
    /// Processes that were sent `SIGKILL`.
    pub killed: u32,
    /// Those that are there still: in uninterruptible sleep, or not ours to signal.
    pub left: u32,
}

/// Every living descendant of `root` (zombies not counted), nearest first.
///
/// # Errors
/// When `/proc` can't be read.
pub fn descendants(root: i32) -> io::Result<Vec<Stat>> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // One that ended meanwhile is none.
        all.extend(Stat::read(pid));
    }
    let mut family = HashSet::from([root]);
    let mut found = Vec::new();
    loop {
        let before = found.len();
        all.retain(|stat| {
            let ours = family.contains(&stat.parent) && stat.pid != root;
            if ours {
                family.insert(stat.pid);
                found.push(*stat);
            }
            !ours
        });
        if found.len() == before {
            found.retain(|stat| !matches!(stat.state, 'Z' | 'X'));
            return Ok(found);
        }
    }
}

/// Kills all descendants of this process, again and again until there are none or the time is over, and reaps them.
/// The caller is a subreaper ([`crate::attributes::subreaper`]), otherwise orphans are missed.
///
/// # Errors
/// When `/proc` can't be read.
pub fn kill_descendants(within: Duration) -> io::Result<Killed> {
    let own = nix::unistd::getpid().as_raw();
    let end = Instant::now() + within;
    let mut killed = HashSet::new();
    loop {
        reap();
        let living = descendants(own)?;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        if living.is_empty() || Instant::now() >= end {
            return Ok(Killed { killed: count(killed.len()), left: count(living.len()) });
        }
        for batch in living.chunks(AT_ONCE) {
            let mut held = Vec::with_capacity(batch.len());
            for stat in batch {
                let Ok(process) = Process::open_started(stat.pid, stat.started) else { continue };
                if process.signal(Signal::SIGKILL).is_ok() {
                    killed.insert((stat.pid, stat.started));
                }
                held.push(process);
            }
            wait_for(&held, BATCH.min(end.saturating_duration_since(Instant::now())));
        }
    }
}

fn wait_for(processes: &[Process], within: Duration) {
    let end = Instant::now() + within;
    let mut living: Vec<&Process> = processes.iter().collect();
    loop {
        living.retain(|process| !process.has_ended());
        let left = end.saturating_duration_since(Instant::now());
        if living.is_empty() || left.is_zero() {
            return;
        }
        let mut polled: Vec<PollFd<'_>> =
            living.iter().map(|process| PollFd::new(process.as_fd(), PollFlags::POLLIN)).collect();
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let _ = poll(&mut polled, timeout); // interrupted or not: the loop looks itself
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::subreaper;
    use crate::exec::Exec;
    use crate::fork::child_for_test;
    use std::io::Read;
    use std::path::Path;

    #[test]
    fn orphans_in_sessions_of_their_own_are_found_and_killed() {
        let code = child_for_test(|| {
            subreaper().expect("subreaper");
            let (reader, writer) = crate::fd::pipe().expect("a pipe");
            let mut exec = Exec::new(Path::new("/bin/sh")).expect("sh");
            // One grandchild that ignores TERM, one orphan in its own session; the shell itself ends at once.
            exec.arg("-c")
                .arg("(trap '' TERM; sleep 1000) & setsid sh -c 'sleep 1000 & sleep 1000' & echo up");
            exec.env("PATH", b"/bin:/usr/bin").fd(1, writer.as_fd());
            let shell = exec.spawn().expect("a child");
            drop(exec);
            drop(writer);
            let _ = std::fs::File::from(reader).read(&mut [0; 3]);
            let _ = shell.wait();
            let killed = kill_descendants(Duration::from_secs(10)).expect("/proc");
            let after = descendants(nix::unistd::getpid().as_raw()).expect("/proc");
            u8::from(killed.killed < 2 || killed.left != 0 || !after.is_empty())
        });
        assert_eq!(code, 0);
    }
}
