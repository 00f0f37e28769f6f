//! Files beside the ones that are read: what it means that they aren't, and names that look like a slip.

use crate::option::FileKind;
use crate::problem::{Problem, Severity};
use crate::sources::HEALTH_CHECK;

/// Files of Workbench that are not read, with what that means.
pub(crate) const KNOWN: &[(&str, &str)] = &[
    (
        "logging.conf",
        "the log goes to the standard error, which the service manager keeps; PORTCULLIS_LOG says how much",
    ),
    ("env-vars", "set the daemon's environment in its service unit"),
    ("rdplogin.html", "there is no desktop program"),
    ("file-locks", "there are no lock files to tune"),
    ("repos.conf", "RStudio sessions are not run by this version"),
    ("rstudio-prefs.json", "RStudio sessions are not run by this version"),
    ("crash-handler.conf", "RStudio sessions are not run by this version"),
    ("r-versions", "RStudio sessions are not run by this version"),
    ("rsession-profile", "no script is run before a session"),
    ("session-rpc-key", "sessions have no need to call the server"),
    ("google-client-secret", "signing in by Google is not offered"),
    ("google-accounts", "signing in by Google is not offered"),
    ("notifications.conf", "no messages are shown to people in their sessions"),
    ("load-balancer", "machines don't know of each other: each serves its own sessions"),
    ("launcher.conf", "Workbench's Job Launcher is not used: sessions are started on this machine"),
    ("launcher.pem", "Workbench's Job Launcher is not used"),
    ("launcher.pub", "Workbench's Job Launcher is not used"),
    ("launcher-env", "Workbench's Job Launcher is not used"),
    ("positron.conf", "Positron is not offered"),
    ("nginx.http.conf", "there is no nginx in front"),
    ("nginx.server.conf", "there is no nginx in front"),
    ("nginx.site.conf", "there is no nginx in front"),
];

pub(crate) fn check(names: &[String], problems: &mut Vec<Problem>) {
    // The first of them is read.
    let mut health = names.iter().filter(|name| name.starts_with(HEALTH_CHECK));
    health.next();
    for name in health {
        let text = "this file is not read: the first whose name begins with `health-check` is";
        problems.push(Problem::of_file(name, Severity::Warning, text));
    }
    for name in names {
        if let Some((_, effect)) = KNOWN.iter().find(|(known, _)| known == name) {
            problems.push(Problem::of_file(name, Severity::Info, format!("this file is not read: {effect}")));
        } else if let Some(near) = nearest(name).filter(|_| !name.starts_with(HEALTH_CHECK)) {
            let text = "there is no such file, so nothing in it holds";
            problems.push(
                Problem::of_file(name, Severity::Warning, text).hint(format!("did you mean `{near}`?")),
            );
        }
    }
}

/// A file that is read and whose name differs by a slip; `rsession.conf.bak` is no slip.
fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    FileKind::ALL.into_iter().map(FileKind::name).find(|known| {
        let distance = strsim::damerau_levenshtein(&lower, known);
        distance <= 2 && distance < known.len() / 3
    })
}
