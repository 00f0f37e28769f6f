//! Keys of `profiles` beside those of `rsession.conf`.

use crate::option::recognised;
use crate::value::{Bool, Int, Signed, Text};

recognised! { GROUP, "Recognised, not implemented";
    Warning "limits come from PAM alone: set them in /etc/security/limits.conf" {
        /// Niceness of the session's processes.
        "nice": Signed<-20, 20> = "0";
        /// Memory of a process in megabytes; 0 for no limit.
        "max-memory-mb": Int<0, 4294967295> = "0";
        /// Processes of the user; 0 for no limit.
        "max-processes": Int<0, 4294967295> = "0";
        /// Open files of a process; 0 for no limit.
        "max-open-files": Int<0, 4294967295> = "0";
        /// Processors that the session may use, from 1, as in `1-4,7`.
        "cpu-affinity": Text = "";
    }
    Warning "session-timeout-minutes alone ends sessions; a session whose kernel computes is never ended for being idle" {
        /// Hours after which an idle session ends even while it computes; 0 for never.
        "session-timeout-kill-hours": Int<0, 87600> = "0";
    }
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
