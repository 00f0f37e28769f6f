//! Options of `vscode.conf`.

use crate::option::{options, recognised};
use crate::value::{Bool, CodeServerArgs, OptionalInt, OptionalPath, Text};

options! {
    /// VS Code in the browser, by code-server.
    Vscode, "Implemented";

    /// Offer VS Code where code-server is installed.
    "enabled" enabled: Bool = "1", Hup,
        "unlike RStudio Workbench, where it is 0: it is only offered where an administrator has installed the program";
    /// code-server's program; empty for the first of the usual places that exists.
    ///
    /// The usual places are /usr/local/bin/code-server, /usr/bin/code-server and /opt/code-server/bin/code-server.
    "exe" exe: OptionalPath = "", NewSessions,
        "where its packages and its install script put it";
    /// Further arguments for code-server.
    ///
    /// Arguments that say where it listens, whom it lets in and where it keeps its files are refused: the session decides them.
    "args" args: CodeServerArgs = "", NewSessions,
        "everything that is needed is given anyway";
    /// Hours without a person's act after which VS Code ends; empty for what rsession.conf says.
    ///
    /// Even while it computes; 0 is never. A section of profiles goes before it.
    "session-timeout-kill-hours" session_timeout_kill_hours: OptionalInt<0, 87600> = "", Hup,
        "one rule for every IDE, unless somebody says otherwise";
}

/// Where code-server is looked for when `exe` is empty, in this order.
pub const CODE_SERVER_PLACES: [&str; 3] =
    ["/usr/local/bin/code-server", "/usr/bin/code-server", "/opt/code-server/bin/code-server"];

recognised! { OTHER, "Recognised, not implemented";
    Info "the program is exe itself, of whatever version it is" {
        /// Version of code-server.
        "version": Text = "";
    }
    Info "sessions run on this machine" {
        /// Clusters that may run VS Code.
        "session-clusters": Text = "";
        /// The cluster that is offered first.
        "default-session-cluster": Text = "";
    }
    Info "no login shell's profile is read for VS Code" {
        /// Skip the login shell's profile.
        "session-no-profile": Bool = "0";
    }
    Warning "each person's settings and extensions are in ~/.local/share/code-server" {
        /// Where settings and extensions are kept.
        "user-data-dir": Text = "";
    }
}
