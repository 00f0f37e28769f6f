//! Keys of `profiles` beside those of `rsession.conf` and `portcullis.conf`.

use crate::option::{options, recognised};
use crate::value::{Bool, Int, Processors, Signed, Text};

options! {
    /// How much of the machine one session takes.
    Limits, "Limits of a session";

    /// Memory of a session in megabytes; 0 for no limit.
    ///
    /// Of all its processes together, temporary files included. Its owner is warned before it is reached. Where the machine has
    /// no control groups it is a limit on the address space of each process instead.
    "max-memory-mb" max_memory_mb: Int<0, 4294967295> = "0", NewSessions,
        "as RStudio Workbench";
    /// Processes and threads of a session; 0 for no limit.
    "max-processes" max_processes: Int<0, 4194304> = "0", NewSessions,
        "as RStudio Workbench";
    /// Open files of a process; 0 for no limit.
    "max-open-files" max_open_files: Int<0, 1048576> = "0", NewSessions,
        "as RStudio Workbench: PAM's limits hold";
    /// Hundredths of a processor that a session may use; 0 for no limit.
    ///
    /// 250 is two processors and a half.
    "max-processor-percent" max_processor_percent: Int<0, 100000> = "0", NewSessions,
        "the kernel shares processors fairly while all are wanted";
    /// Niceness of a session's processes: above 0, others go first.
    "nice" nice: Signed<-20, 20> = "0", NewSessions,
        "as RStudio Workbench";
    /// Processors that a session may use, from 1, as in `1-4,7`; empty for all.
    "cpu-affinity" cpu_affinity: Processors = "", NewSessions,
        "as RStudio Workbench";
}

recognised! { OTHER, "Recognised, not implemented";
    Info "RStudio sessions are not run by this version" {
        /// Version of R.
        "r-version": Text = "";
        /// Offer several versions of R.
        "r-versions-multiple": Bool = "1";
    }
    Info "Positron sessions are not run by this version" {
        /// Settings that Positron enforces.
        "positron-enforced-settings": Text = "";
    }
}
