//! Private mounts only, for what the kernel has once: processes and network are the machine's own.
//!
//! Without a process namespace nothing ends by itself: the first process inside takes every orphan and ends all it has when
//! the program has ended, when it is told to, and when its parent dies. Only its own descendants are ever signalled.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// Held while one runs: two would see each other's audit rules.
const LOCK: &str = "/run/portcullis-shared-kernel.lock";
/// Time for everything that was killed to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// Between two looks: the kernel ends them in its own time.
const PAUSE: Duration = Duration::from_millis(5);

/// Waits until no other run has the kernel.
pub(super) fn turn() -> Result<Flock<File>> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(LOCK)
        .with_context(|| format!("cannot open `{LOCK}` (this needs root)"))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(turn) => return Ok(turn),
        Err((file, _)) => file,
    };
    eprintln!("waiting: another run has the kernel (`{LOCK}`)");
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .context("cannot wait for the kernel")
}

/// Numbers of the accounts that tests make in here, which no other run's have: its processes are seen here, and must not be
/// taken for ours. Told to the tests: in `/etc/login.defs` they would be what this machine says of its people.
pub(super) const ACCOUNTS: (&str, &str) = ("PORTCULLIS_ACCOUNTS", "40000-49999");

/// Orphans of all that is started from here on become ours. Returns the signal that is to come when our parent dies: one
/// that leaves the time to end them.
pub(super) fn adopt_orphans() -> Result<Signal> {
    set_child_subreaper(true).context("cannot take orphans")?;
    Ok(Signal::SIGTERM)
}

/// From now on a signal to end ends the descendants; what waits for the program then goes on.
pub(super) fn end_when_told() -> Result<()> {
    let mut told = SigSet::empty();
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().for_each(|signal| told.add(signal));
    // ORDER: after the program was started: it must not inherit the mask.
    told.thread_block().context("cannot block signals")?;
    std::thread::spawn(move || {
        while told.wait().is_ok() {
            end_descendants(false);
        }
    });
    Ok(())
}

/// Kills every descendant until none is left; `reaps` when nobody else here waits for them.
pub(super) fn end_descendants(reaps: bool) {
    let end = Instant::now() + GONE_WITHIN;
    while Instant::now() < end {
        while reaps
            && matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(status) if status != WaitStatus::StillAlive)
        {
        }
        let left = descendants(getpid().as_raw());
        if left.is_empty() {
            return;
        }
        for pid in left {
            // One that has ended meanwhile is as good.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(PAUSE);
    }
    eprintln!("error: processes are left over: {:?}", descendants(getpid().as_raw()));
}

/// Living descendants.
fn descendants(root: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut all: Vec<(i32, i32)> = entries
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name, in parentheses, may hold anything; state and parent follow the last one.
            let mut rest = stat.rsplit_once(')')?.1.split_ascii_whitespace();
            let alive = !matches!(rest.next()?, "Z" | "X");
            alive.then_some((pid, rest.next()?.parse().ok()?))
        })
        .collect();
    let (mut family, mut found) = (HashSet::from([root]), Vec::new());
    loop {
        let before = found.len();
        all.retain(|&(pid, parent)| {
            let ours = family.contains(&parent) && pid != root;
            if ours {
                family.insert(pid);
                found.push(pid);
            }
            !ours
        });
        if found.len() == before {
            return found;
        }
    }
}
