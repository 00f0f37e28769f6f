//! Options of `jupyter.conf` that are known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text};

recognised! { OTHER, "Recognised, not implemented";
    Info "only JupyterLab is offered, which opens notebooks as well" {
        /// Offer the classic notebook.
        "notebooks-enabled": Bool = "0";
        /// Subcommand that starts the notebook.
        "notebook-command": Text = "";
        /// Version of the notebook.
        "notebook-version": Text = "auto";
        /// Arguments of the notebook.
        "notebook-args": Text = "--no-browser --allow-root --ip=0.0.0.0";
    }
    Info "the program is jupyter-exe itself, of whatever version it is" {
        /// Subcommand that starts JupyterLab.
        "lab-command": Text = "";
        /// Version of JupyterLab.
        "lab-version": Text = "auto";
    }
    Info "sessions run on this machine" {
        /// Clusters that may run Jupyter.
        "session-clusters": Text = "";
        /// The cluster that is offered first.
        "default-session-cluster": Text = "";
    }
    Info "no login shell's profile is read for Jupyter" {
        /// Skip the login shell's profile.
        "session-no-profile": Bool = "0";
    }
    Warning "kernels are not ended one by one; the session ends after session-timeout-minutes of rsession.conf" {
        /// Minutes after which an idle kernel ends.
        "session-cull-minutes": Int<0, 525600> = "120";
        /// Minutes without kernels after which Jupyter ends.
        "session-shutdown-minutes": Int<0, 525600> = "5";
        /// End idle kernels even while a page shows them.
        "session-cull-connected": Bool = "1";
    }
}
