//! Limits: of the session and of all sessions of its user, by what the machine has.

use portcullis_conf::SessionOptions;
use portcullis_model::host::HostFacts;
use portcullis_model::sandbox::{Limits, Quota};

use super::Fallen;
use super::layers::Layer;

/// The limits of a session. Where a controller is missing, the kernel's older limits of a process stand in, which hold less.
pub(super) fn limits(options: &SessionOptions, host: &HostFacts, fallen: &mut Vec<Fallen>) -> Limits {
    let (own, all) = (&options.limits, &options.confinement);
    let some = |number: u32| (number > 0).then_some(u64::from(number));
    let wanted = |memory: u32, processes: u32, percent: u32| Quota {
        memory_mb: some(memory),
        processes: some(processes),
        processor_percent: (percent > 0).then_some(percent),
    };
    let session = wanted(own.max_memory_mb, own.max_processes, own.max_processor_percent);
    let user = wanted(all.user_max_memory_mb, all.user_max_processes, all.user_max_processor_percent);
    let mut limits = Limits {
        session,
        user,
        open_files: some(own.max_open_files),
        nice: own.nice,
        processors: own.cpu_affinity.clone(),
        ..Limits::default()
    };
    if !host.controls("memory") {
        limits.process_memory_mb = smaller(session.memory_mb, user.memory_mb);
        if limits.process_memory_mb.is_some() {
            let effect = "memory is limited for a session; now it is for each of its processes".to_owned();
            fallen.push(Layer::Memory.fallen(host, effect));
        }
        (limits.session.memory_mb, limits.user.memory_mb) = (None, None);
    }
    if !host.controls("pids") {
        limits.account_processes = smaller(session.processes, user.processes);
        if limits.account_processes.is_some() {
            let effect = "processes are counted for a session; now all of the account's are".to_owned();
            fallen.push(Layer::Processes.fallen(host, effect));
        }
        (limits.session.processes, limits.user.processes) = (None, None);
    }
    if !host.controls("cpu") {
        if session.processor_percent.or(user.processor_percent).is_some() {
            fallen.push(Layer::Processors.fallen(host, "processor time is limited".to_owned()));
        }
        (limits.session.processor_percent, limits.user.processor_percent) = (None, None);
    }
    limits
}

fn smaller(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
