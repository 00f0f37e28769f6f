//! Options of `rserver.conf` about auditing and monitoring, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, RecordForm, Text};

recognised! { AUDIT, "Auditing: recognised, not implemented";
    Info "the audit log is audit/audit.jsonl in the state directory" {
        /// Directory for audit records.
        "audit-data-path": Text = "/var/lib/rstudio-server/audit";
    }
    Info "records of consoles are in the audit log with all others, as JSON lines, and stay there" {
        /// Form of these records.
        "audit-r-console-format": RecordForm = "csv";
        /// Compress these records.
        "audit-r-console-compress": Bool = "0";
        /// Months for which these records are kept; 0 for ever.
        "audit-r-console-user-limit-months": Int<0, 4294967295> = "0";
    }
    Info "starts and ends of sessions are always in the audit log, as JSON lines, and stay there" {
        /// Record starts and ends of sessions.
        "audit-r-sessions": Bool = "1";
        /// Form of these records.
        "audit-r-sessions-format": RecordForm = "csv";
        /// Megabytes of these records.
        "audit-r-sessions-limit-mb": Int<0, 4294967295> = "1024";
        /// Months for which these records are kept.
        "audit-r-sessions-limit-months": Int<0, 4294967295> = "13";
    }
}

recognised! { MONITOR, "Monitoring: recognised, not implemented";
    Info "the machine's load is not recorded" {
        /// Directory for records of the load.
        "monitor-data-path": Text = "/var/lib/rstudio-server/monitor";
        /// Record the load in round-robin files.
        "monitor-rrd-enabled": Bool = "1";
        /// The program that reads them.
        "monitor-rrd-rrdtool-binary": Text = "/usr/bin/rrdtool";
        /// Record the load of each person.
        "monitor-rstudio-session-metrics": Bool = "1";
        /// Write the load to the standard error.
        "monitor-stderr-enabled": Bool = "0";
        /// Send the load to Graphite.
        "monitor-graphite-enabled": Bool = "0";
        /// Graphite's host.
        "monitor-graphite-host": Text = "127.0.0.1";
        /// Graphite's port.
        "monitor-graphite-port": Int<0, 65535> = "2003";
        /// Our name for Graphite.
        "monitor-graphite-client-id": Text = "";
    }
}
