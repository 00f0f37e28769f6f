//! Which sets of system calls are closed, from the specification and what else holds.

use portcullis_model::sandbox::Sandbox;
use portcullis_sys::seccomp::{Filter, FilterError, Sets};

/// The kernel's own rule about programs in memory, of the process namespace (Linux 6.3).
const MEMORY_PROGRAMS: &str = "/proc/sys/vm/memfd_noexec";

/// The filter; `None` where the specification has none.
pub(super) fn filter(sandbox: &Sandbox) -> Result<Option<Filter>, FilterError> {
    let kernels = std::fs::read_to_string(MEMORY_PROGRAMS).unwrap_or_default();
    sets(sandbox, kernels.trim()).map(Filter::new).transpose()
}

/// `kernels` is what the kernel's own rule says: from 2 on, it makes no program in memory whatever is asked for.
fn sets(sandbox: &Sandbox, kernels: &str) -> Option<Sets> {
    let calls = sandbox.calls?;
    let kernel_closes = kernels.parse::<u32>().is_ok_and(|level| level >= 2);
    Some(Sets {
        truncation: calls.no_truncate,
        memory_programs: calls.no_memory_programs && !kernel_closes,
        // Under any ruleset the kernel lets nobody trace what is outside; and what has no number can't be named.
        tracing: sandbox.rules.is_none() && sandbox.view.is_none(),
        processors: !sandbox.limits.processors.is_empty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::sandbox::{Calls, Rules};

    #[test]
    fn a_set_is_closed_here_unless_something_stronger_holds() {
        assert_eq!(sets(&Sandbox::default(), "2"), None);
        let calls = Calls { no_truncate: false, no_memory_programs: true };
        let alone = Sandbox { calls: Some(calls), ..Sandbox::default() };
        for (kernels, closed) in [("", true), ("0", true), ("1", true), ("2", false), ("x", true)] {
            let sets = sets(&alone, kernels).expect("calls");
            assert_eq!(
                (sets.memory_programs, sets.tracing, sets.truncation),
                (closed, true, false),
                "{kernels}"
            );
        }
        let rules = Some(Rules { version: 7, reach: None });
        assert!(!sets(&Sandbox { rules, ..alone }, "").expect("calls").tracing);
    }

    #[test]
    fn every_combination_compiles() {
        for bits in 0..4 {
            let calls = Calls { no_truncate: bits & 1 != 0, no_memory_programs: bits & 2 != 0 };
            let sandbox = Sandbox { calls: Some(calls), ..Sandbox::default() };
            assert!(filter(&sandbox).expect("compiled").is_some());
        }
    }
}
