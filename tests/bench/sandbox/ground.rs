//! Ways of running the same thing: outside of any session, in one without the sandbox, in one with all of it.

use anyhow::Result;
use portcullis_testing::{Stage, World, place};

use super::Plan;

/// PAM that names who signed in to the kernel's audit system, as services of a distribution do.
const PAM: &str = "auth required pam_unix.so nodelay\naccount required pam_unix.so\npassword required pam_unix.so\n\
                   session required pam_loginuid.so\nsession required pam_unix.so\n";
/// Everything that the kernel can be asked to hold: the longest rules.
const STRICT: &str = "allow-shell=0\nallow-package-installation=0\nallow-vcs=0\nrestrict-directory-view=1";

/// What holds in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing: `session-sandbox=off`.
    Nothing,
    /// What holds by default.
    Default,
    /// All flags.
    Strict,
    /// All flags, and every refusal is recorded.
    StrictWithRefusals,
}

/// Starts a world with the double in JupyterLab's place.
///
/// # Errors
/// When it does not become ready.
pub(super) fn start(stage: &Stage, plan: &Plan<'_>, held: Held, recorded: bool) -> Result<World> {
    let recorded = if recorded { "auto" } else { "off" };
    let mut conf = format!("audit-programs={recorded}\nsession-programs={}", plan.program.display());
    if let Some(numpy) = plan.numpy {
        conf.push_str(&format!("\nsession-folders={}", numpy.display()));
    }
    match held {
        Held::Nothing => conf.push_str("\nsession-sandbox=off"),
        Held::StrictWithRefusals => conf.push_str("\naudit-refusals=1"),
        Held::Default | Held::Strict => {}
    }
    // No script in front of it: there may be no shell.
    let program = place::program("portcullis-double-ide");
    stage
        .world()
        .pam(PAM)
        .ide_program(&program.display().to_string())
        .conf("jupyter.conf", "lab-args=--double-work")
        .conf("rsession.conf", if matches!(held, Held::Nothing | Held::Default) { "" } else { STRICT })
        .conf("portcullis.conf", &conf)
        .start()
}
