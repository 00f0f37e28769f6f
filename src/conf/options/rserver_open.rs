//! Options of `rserver.conf` that open-source RStudio Server has, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text};

recognised! { SERVER, "Server: recognised, not implemented";
    Info "the daemon does not check itself and exit; `portcullis check-config` checks the configuration" {
        /// Check the installation, then exit.
        "verify-installation": Bool = "0";
        /// Account to check the installation with.
        "verify-user": Text = "";
        /// Check to run.
        "verify-test": Text = "";
    }
    Info "the daemon runs in the foreground, in `/`, without a pid file: the service manager watches it" {
        /// Working directory of the daemon.
        "server-working-dir": Text = "/";
        /// Go to the background.
        "server-daemonize": Bool = "1";
        /// File with the daemon's process number.
        "server-pid-file": Text = "/var/run/rstudio-server.pid";
        /// Set the umask.
        "server-set-umask": Bool = "1";
    }
    Info "run state is in /run/portcullis and lasting state in /var/lib/portcullis, or where the launcher's arguments say" {
        /// Directory for sockets and run state.
        "server-data-dir": Text = "/var/run/rstudio-server";
        /// Keep session state in files rather than in the database.
        "session-use-file-storage": Bool = "1";
        /// Directory with the list of revoked sign-ins.
        "auth-revocation-list-dir": Text = "";
    }
    Warning "no AppArmor profile is taken on; the service unit can set one" {
        /// Confine the daemon by AppArmor.
        "server-app-armor-enabled": Bool = "0";
    }
    Warning "the server listens on www-address and www-port, not on this socket" {
        /// Unix socket to listen on.
        "www-socket": Text = "";
    }
    Info "RStudio's page is served without them" {
        /// Directory with symbol maps.
        "www-symbol-maps-path": Text = "";
        /// Emulate stack traces in browsers.
        "www-use-emulated-stack": Text = "";
        /// HTML below the sign-in form of the desktop program.
        "auth-rdp-login-page-html": Text = "/etc/rstudio/rdplogin.html";
    }
    Info "programs on local ports are never passed on to browsers" {
        /// Pass on programs that listen on local ports.
        "www-proxy-localhost": Bool = "1";
    }
    Info "no browser is turned away for what it says of itself" {
        /// Refuse old browsers.
        "www-verify-user-agent": Bool = "1";
    }
    Info "no statistics are logged" {
        /// Seconds between statistics in the log.
        "www-stats-monitor-seconds": Int<0, 4294967295> = "0";
        /// Seconds between looks at the machine.
        "monitor-interval-seconds": Int<0, 4294967295> = "60";
    }
    Info "R's library path is that of R's own home; rsession-ld-library-path adds to it" {
        /// Script that prints R's library path.
        "rldpath-path": Text = "r-ldpath";
    }
    Error "flags in that file would not hold; move them to rsession.conf beside this file" {
        /// Another file instead of rsession.conf.
        "rsession-config-file": Text = "";
    }
    Info "session-start-timeout-seconds of portcullis.conf says how long a start may take" {
        /// Seconds for which a starting session is waited for.
        "rsession-proxy-max-wait-secs": Int<0, 4294967295> = "30";
    }
    Warning "limits come from PAM alone: set them in /etc/security/limits.conf" {
        /// Memory of a session in megabytes.
        "rsession-memory-limit-mb": Int<0, 4294967295> = "0";
        /// Stack of a session in megabytes.
        "rsession-stack-limit-mb": Int<0, 4294967295> = "0";
        /// Processes of a session.
        "rsession-process-limit": Int<0, 4294967295> = "0";
    }
    Info "database.conf is read where the other files are, and says how long it is waited for" {
        /// Another file instead of database.conf.
        "database-config-file": Text = "";
        /// Seconds to wait for the database.
        "db-connection-timeout": Int<0, 4294967295> = "15";
    }
    Warning "accounts, their numbers and their groups are always checked" {
        /// Check that accounts exist and may sign in.
        "auth-validate-users": Bool = "1";
    }
    Info "passwords are protected by TLS alone: set ssl-enabled=1, or end TLS in front" {
        /// Encrypt the password in the browser.
        "auth-encrypt-password": Bool = "1";
    }
    Info "the launcher asks PAM itself, in a process per sign-in" {
        /// Program that asks PAM.
        "auth-pam-helper-path": Text = "rserver-pam";
        /// PAM needs privileges.
        "auth-pam-requires-priv": Bool = "1";
    }
}
