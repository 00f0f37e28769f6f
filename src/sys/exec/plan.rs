//! What the child does between the fork and the `execve`: system calls only, on memory that the parent made ready.
//!
//! Called by [`crate::exec`] alone. Nothing here may allocate, lock or panic: the parent may have had threads.

use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use nix::errno::Errno;

use super::{Exec, ExecStep, Identity, Limit};
use crate::seccomp::Filter;
use crate::signals;

/// A step and an errno.
pub(super) const FAILURE_LEN: usize = 5;

/// Everything the child needs, as plain memory.
pub(super) struct Plan<'p> {
    exec: &'p Exec<'p>,
    argv: Vec<*const libc::c_char>,
    envp: Vec<*const libc::c_char>,
    /// Where from (first the parent's descriptor, then a copy above all places) and to.
    moves: Vec<(RawFd, RawFd)>,
    above: RawFd,
    failure: RawFd,
    /// The parent's end of the pipe for failures: the child's copy of it.
    parents_end: RawFd,
    ruleset: Option<RawFd>,
    filters: Vec<(libc::sock_fprog, libc::c_ulong)>,
    parent: libc::pid_t,
}

impl<'p> Plan<'p> {
    pub(super) fn new(exec: &'p Exec<'p>, null: &OwnedFd, (reader, failure): (&OwnedFd, &OwnedFd)) -> Self {
        let mut argv: Vec<_> = exec.args.iter().map(|arg| arg.as_ptr()).collect();
        argv.push(std::ptr::null());
        let mut envp: Vec<_> = exec.env.iter().map(|pair| pair.as_ptr().cast()).collect();
        envp.push(std::ptr::null());
        let mut moves: Vec<_> = exec.fds.iter().map(|(to, fd)| (fd.as_raw_fd(), *to)).collect();
        if !moves.iter().any(|(_, to)| *to == 0) {
            moves.push((null.as_raw_fd(), 0));
        }
        let above = moves.iter().map(|(_, to)| *to).max().unwrap_or(2).max(2) + 1;
        let ruleset = exec.landlock.map(|(fd, _)| fd.as_raw_fd());
        let filters = exec.filter.map(Filter::programs).unwrap_or_default();
        // Whoever is outside of one's process namespace has the number 0 there.
        let parent = if exec.first_process { 0 } else { nix::unistd::getpid().as_raw() };
        let (failure, parents_end) = (failure.as_raw_fd(), reader.as_raw_fd());
        Self { exec, argv, envp, moves, above, failure, parents_end, ruleset, filters, parent }
    }

    /// Runs in the child only.
    pub(super) fn become_program(&mut self) -> ! {
        let Err((step, errno)) = self.steps();
        let mut report = [0; FAILURE_LEN];
        report[0] = step as u8;
        report[1..].copy_from_slice(&errno.to_ne_bytes());
        // SAFETY: writes from a live array to the pipe's end, then ends the process.
        unsafe {
            libc::write(self.failure, report.as_ptr().cast(), report.len());
            libc::_exit(127)
        }
    }

    fn steps(&mut self) -> Result<std::convert::Infallible, (ExecStep, i32)> {
        let check = |step: ExecStep, result: i64| {
            if result < 0 { Err((step, Errno::last_raw())) } else { Ok(result) }
        };
        let exec = self.exec;
        // SAFETY: every call in this block is async-signal-safe and gets numbers, or pointers to memory that the parent made
        // before the fork and that lives until the execve: NUL-terminated strings, null-terminated lists, limits, masks, filters.
        unsafe {
            // ORDER: all copies above the highest place first, so that no place is overwritten while it is a source.
            let copy = |fd| {
                let high = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, self.above);
                check(ExecStep::Descriptors, i64::from(high)).map(|_| high)
            };
            self.failure = copy(self.failure)?;
            // Its copy here would keep the pipe open when the parent is gone.
            libc::close(self.parents_end);
            for (from, _) in &mut self.moves {
                *from = copy(*from)?;
            }
            if let Some(ruleset) = &mut self.ruleset {
                *ruleset = copy(*ruleset)?;
            }
            // ORDER: then everything becomes close-on-exec; dup2 makes the places that stay.
            let all = libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            check(ExecStep::Descriptors, all)?;
            for (from, to) in &self.moves {
                check(ExecStep::Descriptors, libc::dup2(*from, *to).into())?;
            }
            if exec.own_session {
                check(ExecStep::Session, libc::setsid().into())?;
            }
            if let Some(mask) = exec.umask {
                libc::umask(mask);
            }
            for (limit, values) in &exec.limits {
                // The type of the first argument is the C library's own choice.
                let set = match limit {
                    Limit::Files => libc::setrlimit(libc::RLIMIT_NOFILE, values),
                    Limit::Core => libc::setrlimit(libc::RLIMIT_CORE, values),
                    Limit::Data => libc::setrlimit(libc::RLIMIT_DATA, values),
                    Limit::Processes => libc::setrlimit(libc::RLIMIT_NPROC, values),
                };
                check(ExecStep::Limits, set.into())?;
            }
            // ORDER: before the ids, since a better place in the queue is root's to give.
            if let Some(nice) = exec.nice {
                check(ExecStep::Limits, libc::setpriority(libc::PRIO_PROCESS, 0, nice).into())?;
            }
            if !exec.processors.is_empty() {
                let (mask, bytes) = (exec.processors.as_ptr(), exec.processors.len() * 8);
                check(ExecStep::Limits, libc::syscall(libc::SYS_sched_setaffinity, 0, bytes, mask))?;
            }
            if let Some(score) = &exec.oom_score {
                // ORDER: before the ids: the file is root's. Refused (in a container, say) is as if it had not been asked for.
                let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
                if file >= 0 {
                    libc::write(file, score.as_ptr().cast(), score.len());
                    libc::close(file);
                }
            }
            if exec.no_capabilities {
                // ORDER: before the ids: it takes a capability to give them up. Numbers beyond the kernel's last are refused, and
                // so is all of it to a root without that capability, who has none to pass on.
                for capability in 0..64_u64 {
                    libc::prctl(libc::PR_CAPBSET_DROP, capability, 0_u64, 0_u64, 0_u64);
                }
            }
            if exec.no_new_privs {
                let set = libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1_u64, 0_u64, 0_u64, 0_u64);
                check(ExecStep::Identity, set.into())?;
            }
            if let Some(Identity { uid, gid, groups }) = &exec.identity {
                // ORDER: groups, gid, uid: each needs the privilege that the last gives up. The calls themselves, not the C library's
                // functions of these names: those make all threads of the process do the same, and after a fork that the library
                // didn't make they wait for threads that are the parent's.
                let step = ExecStep::Identity;
                check(step, libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr()))?;
                check(step, libc::syscall(libc::SYS_setresgid, *gid, *gid, *gid))?;
                check(step, libc::syscall(libc::SYS_setresuid, *uid, *uid, *uid))?;
                let back = libc::syscall(libc::SYS_setresuid, 0, 0, 0) == 0
                    || libc::syscall(libc::SYS_setresgid, 0, 0, 0) == 0;
                if *uid != 0 && back {
                    return Err((step, libc::EPERM));
                }
            }
            // ORDER: after the ids, since a change of ids clears it; then look whether the parent went before.
            if let Some(signal) = exec.death_signal {
                check(ExecStep::Parent, libc::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong).into())?;
                // In a namespace of its own the child can't tell one parent from another; nobody at the pipe's other end does it.
                let mut polled = libc::pollfd { fd: self.failure, events: 0, revents: 0 };
                let gone = libc::poll(&raw mut polled, 1, 0) > 0 && polled.revents & libc::POLLERR != 0;
                if libc::getppid() != self.parent || gone {
                    return Err((ExecStep::Parent, libc::ESRCH));
                }
            }
            if let Some(dir) = &exec.cwd {
                check(ExecStep::Directory, libc::chdir(dir.as_ptr()).into())?;
            }
            signals::reset_in_child(true);
            // ORDER: last of all, for what stands above needs files and calls that may be closed; the filter after the rules,
            // so that it need not let their call through.
            if let (Some(ruleset), Some((_, flags))) = (self.ruleset, exec.landlock) {
                check(ExecStep::Rules, libc::syscall(libc::SYS_landlock_restrict_self, ruleset, flags))?;
            }
            for (program, flags) in &self.filters {
                let set = libc::SECCOMP_SET_MODE_FILTER;
                check(ExecStep::Calls, libc::syscall(libc::SYS_seccomp, set, *flags, &raw const *program))?;
            }
            libc::execve(exec.program.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
        }
        Err((ExecStep::Program, Errno::last_raw()))
    }
}
