//! Programs that are started, told by a program of ours on the kernel's own tracepoint: no other call costs more.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
pub(super) use portcullis_sys::bpf::Execution;
use portcullis_sys::bpf::{BpfError, Executions};
use thiserror::Error;

use super::setup::{SetupError, start_probe};

/// Longest wait for the probe.
const PROVEN_WITHIN: Duration = Duration::from_secs(2);
/// Read at once while it is waited for.
const AT_ONCE: usize = 1024;
/// Most arguments kept, and most bytes of one and of all: as the kernel's audit is read (`portcullis_sys::audit::Args`).
const ARGS_MAX: usize = 256;
/// See [`ARGS_MAX`].
const ARG_MAX: usize = 4096;
/// See [`ARGS_MAX`].
const ALL_MAX: usize = 16 * 1024;

/// Why it can't be used.
#[derive(Debug, Error)]
pub(super) enum TracedError {
    /// It can't be loaded or attached.
    #[error("no program that watches starts can be loaded into the kernel")]
    Load(#[from] BpfError),
    /// The proof failed.
    #[error("it can't be proven that it works")]
    Probe(#[from] SetupError),
    /// It told nothing.
    #[error("a program was started for proof and was not told of within {} s", PROVEN_WITHIN.as_secs())]
    Silent,
}

/// The tracepoint.
#[derive(Debug)]
pub(super) struct Traced {
    executions: Executions,
    /// How many it had lost at the last look.
    lost_before: u64,
}

impl Traced {
    /// Loads it and proves that it tells of a program that is started.
    pub(super) fn begin() -> Result<Self, TracedError> {
        let executions = Executions::begin()?;
        let (mark, _) = start_probe()?;
        let end = Instant::now() + PROVEN_WITHIN;
        let mut told = false;
        loop {
            executions.take(AT_ONCE, |one| told |= one.argv.contains(&mark));
            let left = end.saturating_duration_since(Instant::now());
            match (told, left.is_zero()) {
                (true, _) => return Ok(Self { executions, lost_before: 0 }),
                (false, true) => return Err(TracedError::Silent),
                (false, false) => {}
            }
            let mut polled = [PollFd::new(executions.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        }
    }

    /// The descriptor to poll.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.executions.as_fd()
    }

    /// Whether half of the room for what was not taken yet is used.
    pub(super) fn is_filling(&self) -> bool {
        self.executions.is_filling()
    }

    /// What came, at most so many.
    pub(super) fn take(&self, most: usize, mut each: impl FnMut(Execution)) {
        self.executions.take(most, |one| each(bounded(one)));
    }

    /// How many more it lost since the last look.
    pub(super) fn lost(&mut self) -> u64 {
        let lost = self.executions.lost();
        lost.saturating_sub(std::mem::replace(&mut self.lost_before, lost))
    }
}

fn bounded(mut one: Execution) -> Execution {
    one.cut |= one.argv.len() > ARGS_MAX;
    one.argv.truncate(ARGS_MAX);
    let mut room = ALL_MAX;
    for arg in &mut one.argv {
        let most = ARG_MAX.min(room);
        if arg.len() > most {
            let end = (0..=most).rev().find(|at| arg.is_char_boundary(*at)).unwrap_or(0);
            arg.truncate(end);
            one.cut = true;
        }
        room -= arg.len();
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_bounded_and_that_is_said() {
        let of = |argv: Vec<String>| bounded(Execution { argv, ..Execution::default() });
        assert!(!of(vec!["a".into(), "b".into()]).cut);
        let long = of(vec!["é".repeat(ARG_MAX), "end".into()]);
        assert!(long.cut && long.argv[0].len() == ARG_MAX && long.argv[1] == "end");
        let many = of(vec!["x".repeat(1000); 300]);
        assert!(many.cut && many.argv.len() == ARGS_MAX);
        assert!(many.argv.iter().map(String::len).sum::<usize>() <= ALL_MAX);
    }
}
