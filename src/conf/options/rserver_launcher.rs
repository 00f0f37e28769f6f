//! Options of `rserver.conf` about Workbench's Job Launcher, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text};

recognised! { LAUNCHER, "Job Launcher: recognised, not implemented";
    Info "Workbench's Job Launcher is not used: Portcullis starts sessions itself, on this machine" {
        /// The Job Launcher's address.
        "launcher-address": Text = "";
        /// The Job Launcher's port.
        "launcher-port": Int<0, 65535> = "5559";
        /// TLS to the Job Launcher.
        "launcher-use-ssl": Bool = "0";
        /// Check the Job Launcher's certificate.
        "launcher-verify-ssl-certs": Bool = "1";
        /// Start sessions by the Job Launcher.
        "launcher-sessions-enabled": Bool = "0";
        /// The cluster that is offered first.
        "launcher-default-cluster": Text = "";
        /// Our address as sessions reach it.
        "launcher-sessions-callback-address": Text = "";
        /// Let sessions check our certificate.
        "launcher-sessions-callback-verify-ssl-certs": Bool = "1";
        /// Seconds for sessions to reach us.
        "launcher-sessions-callback-timeout": Int<0, 4294967295> = "10";
        /// Seconds to connect to sessions.
        "launcher-sessions-connection-timeout-seconds": Int<0, 4294967295> = "3";
        /// Clusters that run sessions.
        "launcher-sessions-clusters": Text = "";
        /// Container image that is offered first.
        "launcher-sessions-container-image": Text = "";
        /// Container images that are offered.
        "launcher-sessions-container-images": Text = "";
        /// Run containers as root.
        "launcher-sessions-container-run-as-root": Bool = "0";
        /// Make the user's account in containers.
        "launcher-sessions-create-container-user": Bool = "1";
        /// Hand the environment to containers.
        "launcher-sessions-forward-container-environment": Bool = "1";
        /// Hand the user's groups to containers.
        "launcher-sessions-container-forward-groups": Bool = "1";
        /// Seconds to wait for a session's answer.
        "launcher-sessions-proxy-timeout-seconds": Text = "";
        /// Bring the session's program along.
        "launcher-sessions-auto-update": Bool = "0";
        /// Run a proxy beside the session.
        "launcher-local-proxy": Text = "";
        /// Clusters that run jobs.
        "launcher-adhoc-clusters": Text = "";
        /// Container images for jobs.
        "launcher-adhoc-container-images": Text = "";
    }
}
