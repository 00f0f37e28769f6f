//! Options of `jupyter.conf`.

use crate::option::options;
use crate::value::{Bool, LabArgs, OptionalPath};

options! {
    /// JupyterLab.
    Jupyter, "Implemented";

    /// Offer JupyterLab.
    "labs-enabled" labs_enabled: Bool = "1", Hup,
        "unlike RStudio Workbench, which leads with RStudio: here it is the IDE that people come for";
    /// JupyterLab's program; empty for the first of the usual places that exists.
    ///
    /// The usual places are /usr/local/bin/jupyter-lab, /usr/bin/jupyter-lab and /opt/jupyter/bin/jupyter-lab.
    "jupyter-exe" jupyter_exe: OptionalPath = "", NewSessions,
        "where pip, the distribution and a shared environment put it";
    /// Further arguments for JupyterLab.
    ///
    /// Arguments that say where it listens and whom it lets in are refused: the session decides them.
    "lab-args" lab_args: LabArgs = "", NewSessions,
        "everything that is needed is given anyway";
}

/// Where JupyterLab is looked for when `jupyter-exe` is empty, in this order.
pub const JUPYTER_PLACES: [&str; 3] =
    ["/usr/local/bin/jupyter-lab", "/usr/bin/jupyter-lab", "/opt/jupyter/bin/jupyter-lab"];
