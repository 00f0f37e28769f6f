//! Limits that each process has by itself; those of the session as a whole are its control group's.
//!
//! What PAM set for the person's session (`pam_limits`) is never raised, only lowered.

use nix::errno::Errno;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::Pid;
use portcullis_model::sandbox::{Limits, Sandbox};
use portcullis_sys::attributes;
use portcullis_sys::exec::{Exec, Limit};

/// Has the program start with them. `nofile` is the limit of descriptors that the user's session has.
pub(crate) fn give(sandbox: &Sandbox, nofile: (u64, u64), exec: &mut Exec<'_>) -> Result<(), Errno> {
    let limits = &sandbox.limits;
    let (soft, hard) = descriptors(limits.open_files, nofile);
    exec.nofile(soft, hard);
    if let Some(megabytes) = limits.process_memory_mb {
        let bytes = lower(megabytes.saturating_mul(1 << 20), getrlimit(Resource::RLIMIT_DATA)?);
        exec.limit(Limit::Data, bytes, bytes);
    }
    if let Some(processes) = limits.account_processes {
        let processes = lower(processes, getrlimit(Resource::RLIMIT_NPROC)?);
        exec.limit(Limit::Processes, processes, processes);
    }
    // Memory in a file of the home directory is asked for by those who want it (`ulimit -c`).
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    exec.limit(Limit::Core, 0, hard);
    // Worse places in the queue are anybody's to take; who has a worse one keeps it.
    if limits.nice > attributes::niceness() {
        exec.nice(limits.nice);
    }
    if !sandbox.privileges {
        exec.processors(&limits.processors);
    }
    Ok(())
}

/// Takes the processors for this process and what it starts: with `privileges` nothing that comes later may choose them.
pub(crate) fn processors_now(limits: &Limits) -> Result<(), Errno> {
    if limits.processors.is_empty() {
        return Ok(());
    }
    let mut all = CpuSet::new();
    for number in &limits.processors {
        all.set(usize::from(*number))?;
    }
    sched_setaffinity(Pid::from_raw(0), &all)
}

/// A better place in the queue is root's to give: this process takes it for itself and what it starts. Who was given a worse
/// one by PAM keeps it.
pub(crate) fn raise_priority(limits: &Limits) -> Result<(), Errno> {
    let now = attributes::niceness();
    if limits.nice < now && now <= 0 { attributes::set_niceness(limits.nice) } else { Ok(()) }
}

/// The configured limit is the most, and so is what there is.
fn lower(configured: u64, (soft, hard): (u64, u64)) -> u64 {
    configured.min(soft).min(hard)
}

/// The configured number is the most; nobody gets more by it than the user's session has.
fn descriptors(configured: Option<u64>, (soft, hard): (u64, u64)) -> (u64, u64) {
    let hard = hard.min(configured.unwrap_or(hard));
    // Who configures a number wants it usable, not only allowed.
    let soft = if configured.is_some() { hard } else { soft };
    (soft, hard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_never_more_than_the_users_session_has() {
        assert_eq!(descriptors(None, (1024, 4096)), (1024, 4096));
        assert_eq!(descriptors(Some(100), (1024, 4096)), (100, 100));
        assert_eq!(descriptors(Some(2000), (1024, 4096)), (2000, 2000));
        assert_eq!(descriptors(Some(9000), (1024, 4096)), (4096, 4096));
    }

    #[test]
    fn what_pam_set_lower_stays() {
        assert_eq!(lower(100, (u64::MAX, u64::MAX)), 100);
        assert_eq!(lower(100, (50, 200)), 50);
        assert_eq!(lower(100, (50, 60)), 50);
    }
}
