//! Options of `rserver.conf` that only Workbench has, about its front end, pages and sessions; known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text};

recognised! { PAGES, "Front end and pages: recognised, not implemented";
    Info "there is no nginx in front: the server itself speaks TLS and HTTP/2" {
        /// The nginx program.
        "server-nginx-path": Text = "bin/rserver-http";
        /// Templates of nginx's configuration.
        "server-nginx-conf-template-path": Text = "conf";
        /// nginx's configuration.
        "server-nginx-conf-path": Text = "/var/lib/rstudio-server/conf";
        /// Library path of nginx.
        "server-nginx-ld-library-path": Text = "";
        /// Directives for nginx's part `http`.
        "server-nginx-http-directives-path": Text = "/etc/rstudio/nginx.http.conf";
        /// Directives for nginx's part `server`.
        "server-nginx-server-directives-path": Text = "/etc/rstudio/nginx.server.conf";
        /// Directives for nginx's location.
        "server-nginx-site-directives-path": Text = "/etc/rstudio/nginx.site.conf";
    }
    Info "requests are not logged one by one; the audit log has sign-ins, sessions, refusals and transfers" {
        /// Log every request.
        "server-access-log": Bool = "0";
    }
    Info "no licence is needed" {
        /// Kind of licence.
        "server-license-type": Text = "local";
        /// Seconds between looks for a licence.
        "license-retry-seconds": Text = "";
    }
    Warning "machines don't know of each other: each serves its own sessions" {
        /// Share sessions between machines.
        "load-balancing-enabled": Bool = "0";
        /// Script that chooses a machine.
        "server-balancer-path": Text = "bin/rserver-balancer";
        /// Look up the machines' addresses.
        "resolve-load-balancer-nodes": Bool = "0";
    }
    Info "pages for administrators show times in UTC, to those who are in admin-group or admin-superuser-group alone" {
        /// Show the log in the server's time zone.
        "admin-monitor-log-use-server-time-zone": Bool = "0";
        /// Show pages for administrators to everybody who may see them.
        "force-admin-ui-enabled": Bool = "0";
    }
    Info "there is no interface for programs" {
        /// Answer programs that have a token.
        "workbench-api-enabled": Bool = "0";
        /// Answer programs of administrators.
        "workbench-api-admin-enabled": Bool = "0";
        /// Answer programs that act for others.
        "workbench-api-super-admin-enabled": Bool = "0";
        /// Offer credentials for Databricks.
        "databricks-enabled": Bool = "0";
    }
}

recognised! { SESSIONS, "Sessions: recognised, not implemented";
    Warning "people may have several sessions; set session-limit=1 in rsession.conf for one" {
        /// Allow several sessions of one person.
        "server-multiple-sessions": Bool = "1";
    }
    Info "the home page is always shown" {
        /// Show a home page after signing in.
        "server-user-home-page": Bool = "1";
    }
    Info "projects are not shared by the server; directories with group rights are" {
        /// Share projects between people.
        "server-project-sharing": Bool = "1";
        /// Directory whose projects may be shared.
        "server-project-sharing-root-dir": Text = "";
        /// Directory for what sharing needs.
        "server-shared-storage-path": Text = "/var/lib/rstudio-server/shared-storage";
    }
    Info "one R is run, that of rsession-which-r: no version is chosen" {
        /// Offer several versions of R.
        "r-versions-multiple": Bool = "1";
        /// Look for versions of R.
        "r-versions-scan": Bool = "1";
        /// File with the versions found.
        "r-versions-path": Text = "/var/lib/rstudio-server/r-versions";
        /// Script that switches environment modules on.
        "modules-bin-path": Text = "";
    }
    Warning "sessions are started without a command around them" {
        /// Command around the session's program.
        "rsession-exec-command": Text = "";
    }
    Info "no login shell's profile is read for a session" {
        /// Skip the login shell's profile.
        "rsession-no-profile": Bool = "0";
    }
    Info "the last lines of a session's output are shown when it fails" {
        /// Write diagnostics of sessions.
        "rsession-diagnostics-enabled": Bool = "0";
        /// Directory for diagnostics.
        "rsession-diagnostics-dir": Text = "/tmp";
        /// Trace system calls of sessions.
        "rsession-diagnostics-strace-enabled": Bool = "0";
        /// Library that reports crashes.
        "rsession-diagnostics-libsegfault": Text = "";
    }
    Info "sessions are on this machine and let in nobody but the server's own process" {
        /// TLS between server and sessions.
        "session-ssl-enabled": Bool = "1";
    }
    Info "streams of one person are bounded by connections-max of portcullis.conf alone" {
        /// Streams that one person may have.
        "max-streams-per-user": Int<0, 4294967295> = "0";
    }
}
