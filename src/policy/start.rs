//! How an IDE is started: program, arguments, environment and files, made from the configuration.
//!
//! Pure: nothing is written or started here. The launcher asks and hands the answer to the session, which acts on it as
//! the person. Arguments can be read by others on the machine, so no secret stands in them.

use portcullis_conf::Settings;
use portcullis_model::session::{Ide, IdeCommand};
use portcullis_model::{Secret, SessionId, Uid, UserName};
use thiserror::Error;

use crate::{Flags, code_server, generic, jupyter, rstudio};

/// What is known of a session before its IDE is started.
#[derive(Debug, Clone)]
pub struct LaunchFacts {
    /// Which session.
    pub id: SessionId,
    /// Whose.
    pub user: UserName,
    /// Its number.
    pub uid: Uid,
    /// Its home directory.
    pub home: String,
    /// Its login shell.
    pub shell: String,
    /// `www-root-path` (`/` or `/rstudio`).
    pub root_path: String,
    /// The names of its groups.
    pub groups: Vec<String>,
    /// The session's private directory.
    pub session_dir: String,
    /// Variables that PAM set.
    pub pam_env: Vec<(String, String)>,
    /// What only the proxy adds to a request.
    pub token: Secret,
}

/// Why an IDE can't be started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// The administrator switched it off.
    #[error("{ide} is switched off by {rule}")]
    Off {
        /// Which IDE.
        ide: String,
        /// The option, its value and its place.
        rule: String,
    },
    /// Nobody declared it, or this version can't start it.
    #[error("{ide} can't be started by this version")]
    NotYet {
        /// Which IDE.
        ide: String,
    },
    /// An application that nobody declared.
    #[error("the application `{app}` is not declared in adapters.conf")]
    Undeclared {
        /// Its name.
        app: String,
    },
    /// The administrator offers it to others.
    #[error("{ide} is not open to this account: {rule}")]
    NotForYou {
        /// Which IDE.
        ide: String,
        /// The option, its value and its place.
        rule: String,
    },
    /// It could be reached by others.
    #[error("{ide} is not started: {why}")]
    Unsafe {
        /// Which IDE.
        ide: String,
        /// Why.
        why: String,
    },
    /// The program is in none of the places.
    #[error("{ide} is not installed: there is no program at {tried}")]
    NotFound {
        /// Which IDE.
        ide: String,
        /// The places, in backquotes.
        tried: String,
    },
    /// `lab-args` sets what the session decides.
    #[error("`{argument}` in lab-args is decided by the session itself: take it out")]
    Argument {
        /// Which.
        argument: String,
    },
    /// A path isn't text, or not absolute.
    #[error("`{path}` is no absolute path in plain text")]
    Path {
        /// Which.
        path: String,
    },
    /// Unix sockets have short names.
    #[error("the socket `{path}` has a name of more than {SOCKET_MAX} bytes; choose a shorter run directory")]
    SocketName {
        /// Which.
        path: String,
    },
}

/// Longest name of a Unix socket (`sun_path` of 108 bytes with its zero).
pub(crate) const SOCKET_MAX: usize = 107;

/// How to start an IDE for a person.
///
/// `exists` says whether there is a file that can be executed; it is asked for each place in turn.
///
/// # Errors
/// See [`CommandError`].
pub fn command(
    ide: Ide,
    settings: &Settings,
    facts: &LaunchFacts,
    exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    command_under(ide, settings, &Flags::resolve(settings, &facts.user, &facts.groups), facts, exists)
}

/// How to start an IDE for a person with these flags, which an exemption may have changed.
///
/// # Errors
/// See [`CommandError`].
pub fn command_under(
    ide: Ide,
    settings: &Settings,
    flags: &Flags,
    facts: &LaunchFacts,
    exists: &dyn Fn(&str) -> bool,
) -> Result<IdeCommand, CommandError> {
    for path in [&facts.home, &facts.session_dir] {
        if !path.starts_with('/') || path.chars().any(char::is_control) {
            return Err(CommandError::Path { path: path.clone() });
        }
    }
    match ide {
        Ide::Jupyter => jupyter::start(settings, flags, facts, exists),
        Ide::CodeServer => code_server::start(settings, flags, facts, exists),
        Ide::App(name) => generic::start(name, settings, facts, exists),
        Ide::Rstudio => rstudio::start(settings, flags, facts, exists),
    }
}

/// Where the session is reached: the root path and `/s/<id>/`, with a slash at its end.
pub(crate) fn base_url(facts: &LaunchFacts) -> String {
    format!("{}/s/{}/", facts.root_path.trim_end_matches('/'), facts.id)
}

/// Where programs are looked for: the IDE's own folder first, so that `!pip` means the IDE's Python.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// UTF-8 everywhere, when the system says nothing.
const LANG: &str = "C.UTF-8";

/// The environment: ours, then what PAM set, which never replaces ours.
pub(crate) fn environment(
    facts: &LaunchFacts,
    program: &str,
    own: &[(&str, String)],
) -> Vec<(String, String)> {
    let said =
        |name: &str| facts.pam_env.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let folder = program.rsplit_once('/').map_or("", |(folder, _)| folder);
    let path = said("PATH").filter(|path| !path.is_empty()).unwrap_or(PATH);
    let path = if path.split(':').any(|entry| entry == folder) {
        path.to_owned()
    } else {
        format!("{folder}:{path}")
    };
    let user = facts.user.as_str();
    let ours = [
        ("HOME", facts.home.clone()),
        ("USER", user.to_owned()),
        ("LOGNAME", user.to_owned()),
        ("SHELL", if facts.shell.is_empty() { "/bin/sh".to_owned() } else { facts.shell.clone() }),
        ("PATH", path),
        ("LANG", said("LANG").unwrap_or(LANG).to_owned()),
    ];
    let mut environment: Vec<(String, String)> =
        ours.iter().chain(own).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    for (name, value) in &facts.pam_env {
        let well_formed = !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
        if well_formed && environment.iter().all(|(known, _)| known != name) {
            environment.push((name.clone(), value.clone()));
        }
    }
    environment
}
