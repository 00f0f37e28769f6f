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
/// First time for the kernel to end what was killed before looking again; doubled up to the last.
const PAUSE_FIRST: Duration = Duration::from_millis(2);
/// Last of these times: for what sleeps uninterruptibly.
const PAUSE_LAST: Duration = Duration::from_millis(200);
/// How often children are killed and reaped between two walks through `/proc`: orphans join them layer by layer.
const PEELS: usize = 256;

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
/// The caller is a subreaper ([`crate::attributes::subreaper`]), otherwise orphans are missed, and has one thread.
///
/// Faster than what forks: it does not wait between kills, goes before all others where it may, and takes its own children,
/// whom every orphan joins, without a walk through `/proc`, in which a process that only forks and exits is never met.
///
/// # Errors
/// When `/proc` can't be read.
pub fn kill_descendants(within: Duration) -> io::Result<Killed> {
    let own = nix::unistd::getpid().as_raw();
    let end = Instant::now() + within;
    let mut killed = HashSet::new();
    let _first = First::become_it();
    let mut pause = PAUSE_FIRST;
    loop {
        // Who has no child, dead ones included, has no descendant: there is a child at the head of every line. The walk can't
        // say that for sure, since who forks and exits is never where it looks.
        let (mut alone, mut before, known) = (None, Vec::new(), killed.len());
        for _ in 0..PEELS {
            let Some(children) = kill_children(own) else { break };
            alone = Some(children.is_empty());
            killed.extend(children.iter().copied());
            // None left, or the same again: those need time, not signals.
            if children.is_empty() || children == before || Instant::now() >= end {
                break;
            }
            before = children;
            reap();
        }
        reap();
        let living = if alone == Some(true) { Vec::new() } else { descendants(own)? };
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        if alone.unwrap_or(living.is_empty()) || Instant::now() >= end {
            return Ok(Killed { killed: count(killed.len()), left: count(living.len()) });
        }
        let mut held = Vec::with_capacity(AT_ONCE.min(living.len()));
        for stat in &living {
            let Ok(process) = Process::open_started(stat.pid, stat.started) else { continue };
            if process.signal(Signal::SIGKILL).is_ok() {
                killed.insert(stat.pid);
            }
            if held.len() < AT_ONCE {
                held.push(process);
            }
        }
        // The kernel ends them in their own time, which they need some of.
        wait_for(&held, pause.min(end.saturating_duration_since(Instant::now())));
        pause = if killed.len() > known { PAUSE_FIRST } else { (pause * 2).min(PAUSE_LAST) };
    }
}

/// Kills every child of this process that is not dead yet. Only this process reaps them, so no number is another's meanwhile.
/// `None` on a kernel that doesn't tell (CONFIG_PROC_CHILDREN).
fn kill_children(own: i32) -> Option<Vec<i32>> {
    let text = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).ok()?;
    let mut hit = Vec::new();
    for pid in
        text.split_ascii_whitespace().filter_map(|word| word.parse::<i32>().ok()).filter(|pid| *pid > 0)
    {
        // A zombie takes the signal and is none the less dead; it is reaped next.
        if nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).is_ok() {
            hit.push(pid);
        }
    }
    Some(hit)
}

/// This process before all others, as long as the value lives; nothing where it may not (without privilege).
struct First(bool);

impl First {
    fn become_it() -> Self {
        Self(schedule(libc::SCHED_RR, 1))
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if self.0 {
            schedule(libc::SCHED_OTHER, 0);
        }
    }
}

fn schedule(policy: libc::c_int, priority: libc::c_int) -> bool {
    // SAFETY: sched_param is plain numbers, for which zero is a value.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = priority;
    // SAFETY: 0 is this thread; the kernel reads one live sched_param.
    unsafe { libc::sched_setscheduler(0, policy, &raw const param) == 0 }
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
    use crate::fork::{child_for_test, needs_root};
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

    /// Processes that do nothing but fork, and processes that fork and exit, so that each lives for an instant. They end by
    /// themselves at `end`, so that a test that fails leaves none.
    fn bomb(comet: bool, end: Instant) -> ! {
        loop {
            let over = Instant::now() >= end;
            // SAFETY: system calls only, in a process of this test that has one thread and never returns.
            unsafe {
                if over || libc::fork() > 0 && comet {
                    libc::_exit(0);
                }
            }
        }
    }

    #[test]
    fn what_forks_without_end_is_killed() {
        // The limit that keeps this machine usable is none for the user who runs the tests.
        needs_root();
        let code = child_for_test(|| {
            subreaper().expect("subreaper");
            let end = Instant::now() + Duration::from_secs(60);
            for (user, comet) in [(20_077, false), (20_078, true), (20_078, true)] {
                // SAFETY: the child makes system calls only.
                if unsafe { libc::fork() } == 0 {
                    let most = libc::rlimit { rlim_cur: 300, rlim_max: 300 };
                    // SAFETY: a live rlimit, and numbers.
                    let ready = unsafe {
                        libc::setrlimit(libc::RLIMIT_NPROC, &raw const most) == 0
                            && libc::setresgid(user, user, user) == 0
                            && libc::setresuid(user, user, user) == 0
                    };
                    if ready {
                        bomb(comet, end);
                    }
                    // SAFETY: ends the process.
                    unsafe { libc::_exit(1) }
                }
            }
            let own = nix::unistd::getpid().as_raw();
            let grown = || descendants(own).expect("/proc").len() > 250;
            let start = Instant::now();
            while !grown() && start.elapsed() < Duration::from_secs(20) {
                reap();
            }
            let killed = kill_descendants(Duration::from_secs(20)).expect("/proc");
            u8::from(killed.left != 0 || killed.killed < 250 || !descendants(own).expect("/proc").is_empty())
        });
        assert_eq!(code, 0);
    }
}
