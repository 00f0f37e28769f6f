//! Options of `rserver.conf` about watching the daemon: health, metrics, pages for administrators.

use crate::option::options;
use crate::value::{Bool, Commas, Int};

options! {
    /// Health, metrics, pages for administrators.
    Operation, "Watching the daemon";

    /// Answer `/health-check`, without a sign-in.
    ///
    /// With lines such as `active-sessions: 3`, or with the text of the first file beside this one whose name begins with
    /// `health-check`; that name is the address then. `/healthz` and `/readyz` are always answered.
    "server-health-check-enabled" server_health_check_enabled: Bool = "0", Hup,
        "as RStudio Workbench: how busy a machine is, is nobody's business unless somebody asks for it";

    /// Serve metrics for Prometheus at `/metrics`, on 127.0.0.1 alone.
    ///
    /// Every account of the machine can read them there; they name no person.
    "metrics-enabled" metrics_enabled: Bool = "0", Restart,
        "nothing listens that nobody asked for";
    /// Port for metrics.
    "metrics-port" metrics_port: Int<1024, 65535> = "8989", Restart,
        "as RStudio Workbench; from 1024 on, because the server has no privilege to take another";

    /// Offer pages for administrators at `/admin`.
    "admin-enabled" admin_enabled: Bool = "0", Hup,
        "as RStudio Workbench";
    /// Groups whose members see those pages; without one, members of admin-superuser-group alone.
    "admin-group" admin_group: Commas = "", Hup,
        "who is an administrator, only an administrator knows; unlike older versions of Workbench, nobody is one by default";
    /// Groups whose members see those pages and act there: end sessions and sign-ins of others.
    "admin-superuser-group" admin_superuser_group: Commas = "", Hup,
        "as RStudio Workbench: looking is not acting";
}
