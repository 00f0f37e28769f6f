//! Options of `rsession.conf` about limits and a session's life, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text, YesNoAsk};

recognised! { LIMITS, "Limits: recognised, not implemented";
    Info "sessions are not ended for their memory" {
        /// Per cent of free memory below which large sessions are ended.
        "abort-free-mem-percent": Int<0, 100> = "5";
        /// Leave sessions alone that are over their memory limit.
        "allow-over-limit-sessions": Bool = "0";
    }
    Info "nobody is warned of large files in commits" {
        /// Bytes of a file that a commit warns of.
        "git-commit-large-file-size": Int<0, 4294967295> = "5242880";
    }
    Warning "RStudio's whole page is shown: there is no smaller one to offer in its place" {
        /// RStudio's whole page.
        "allow-full-ui": Bool = "1";
    }
}

recognised! { LIFE, "A session's life: recognised, not implemented";
    Info "this is about R: RStudio's session is told, and says itself whether it can be suspended" {
        /// Open database connections prevent suspending.
        "session-connections-block-suspend": Bool = "1";
        /// External pointers prevent suspending.
        "session-external-pointers-block-suspend": Bool = "1";
        /// A half-typed statement doesn't prevent suspending.
        "session-suspend-on-incomplete-statement": Bool = "0";
        /// Environment variables that are not kept when a session is suspended.
        "session-ephemeral-env-vars": Text = "";
    }
    Info "all processes of a session end with it" {
        /// End child processes with the session.
        "session-quit-child-processes-on-exit": Bool = "0";
    }
    Warning "no script is run before a session" {
        /// Script to run before a session.
        "session-preflight-script": Text = "";
    }
    Info "no folder or profile is made for new users; pam_mkhomedir can" {
        /// Make the folder Public for new users.
        "session-create-public-folder": Bool = "0";
        /// Make an R profile for new users.
        "session-create-profile": Bool = "0";
    }
    Info "sessions start in the home directory" {
        /// Directory in which sessions start.
        "session-default-working-dir": Text = "~";
        /// Directory for new projects.
        "session-default-new-project-dir": Text = "~";
    }
    Info "this is about R: RStudio's session is told what it knows of these" {
        /// Run the R profile when a session is resumed.
        "session-rprofile-on-resume-default": Bool = "0";
        /// Save the workspace at the end.
        "session-save-action-default": YesNoAsk = "ask";
    }
}
