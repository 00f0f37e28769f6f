//! Options of `rsession.conf` about RStudio's own pages and sockets, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, NfsAcl, Text};

recognised! { IDE, "RStudio's pages: recognised, not implemented";
    Info "this is about RStudio's own pages: its session is told what it knows of these" {
        /// Kind of terminal that the console is.
        "session-default-console-term": Text = "xterm-256color";
        /// Force colours on the console.
        "session-default-clicolor-force": Bool = "1";
        /// Project that new users begin with.
        "session-first-project-template-path": Text = "";
        /// Directory for a project's own state.
        "session-project-user-data-dir": Text = "";
        /// Let people move that directory.
        "session-allow-project-user-data-dir-override": Bool = "1";
        /// Files to open at the start.
        "open-files": Text = "";
        /// Show help at the start.
        "show-help-home": Bool = "0";
        /// Address of the documentation.
        "docs-url": Text = "";
        /// Show who is signed in.
        "show-user-identity": Bool = "1";
        /// Server that is offered for publishing.
        "default-rsconnect-server": Text = "";
        /// Put built packages into the package's folder.
        "package-output-to-package-folder": Bool = "0";
        /// Answer pages that show tutorials.
        "tutorial-api-enabled": Bool = "0";
        /// Tell the page around a tutorial.
        "tutorial-api-parent-notify-enabled": Bool = "0";
        /// Origin of the page around a tutorial.
        "tutorial-api-client-origin": Text = "";
        /// Kind of access lists on NFS, for shared projects.
        "nfs-acl-version": NfsAcl = "";
        /// Kind of names in NFSv4 access lists.
        "nfs4-principal-type": Text = "username";
        /// Domain in NFSv4 access lists.
        "nfs4-domain": Text = "";
        /// List all users when a project is shared.
        "project-sharing-enumerate-server-users": Bool = "0";
    }
}

recognised! { SOCKETS, "RStudio's sockets: recognised, not implemented";
    Info "this is about RStudio's own protocol: its session is told what it knows of these" {
        /// Answer long requests later.
        "session-async-rpc-enabled": Bool = "1";
        /// Milliseconds after which a request is long.
        "session-async-rpc-timeout-ms": Int<0, 4294967295> = "200";
        /// Answer some requests while R computes.
        "session-handle-offline-enabled": Bool = "1";
        /// Milliseconds after which R counts as computing.
        "session-handle-offline-timeout-ms": Int<0, 4294967295> = "200";
        /// Seconds between pings of the terminal's socket.
        "websocket-ping-seconds": Int<0, 4294967295> = "10";
        /// Seconds to connect the terminal's socket.
        "websocket-connect-timeout": Int<0, 4294967295> = "3";
        /// How much the terminal's socket logs.
        "websocket-log-level": Int<0, 4294967295> = "0";
        /// Milliseconds for the handshake of the terminal's socket.
        "websocket-handshake-timeout": Int<0, 4294967295> = "5000";
    }
    Warning "RStudio's server gives this to its sessions on their command line; it is of no use in a file" {
        /// Path under which the session is served.
        "session-root-path": Text = "";
        /// Mark the session's cookies Secure.
        "session-use-secure-cookies": Bool = "0";
        /// The session's cookies' attribute SameSite.
        "session-same-site": Text = "";
        /// Keep session state in files rather than in the database.
        "session-use-file-storage": Bool = "1";
        /// Port of the session.
        "www-port": Text = "8787";
        /// Address of the session.
        "www-address": Text = "127.0.0.1";
        /// Run the session without a server.
        "standalone": Bool = "0";
        /// Check signatures of requests.
        "verify-signatures": Bool = "0";
        /// Reuse the session's port.
        "www-reuse-ports": Bool = "0";
        /// Port of the terminal's socket.
        "terminal-port": Text = "";
        /// User of the session.
        "user-identity": Text = "";
        /// Project of the session.
        "project": Text = "";
        /// Number of the session within the project.
        "scope": Text = "";
        /// Secret between server and session.
        "launcher-token": Text = "";
    }
}
