//! The plan of a session: what the kernel lets its processes reach, from configuration, flags and the machine's facts.
//!
//! Pure: it asks about files through [`Files`] and touches nothing. A plan holds only what the machine has; what was wanted and
//! isn't there is said beside it ([`Fallen`]), or ends the start where it is demanded ([`NotConfined`]). Flags of the effect
//! `audit` restrict nothing here, since [`Flags`] has them lifted; so has it those that an exemption lifts. Called by the launcher
//! for every session; keeper and session process put the answer in force.

mod files;
mod held;
mod layers;
mod limits;
mod network;
mod order;
mod programs;
mod reach;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod view;

use portcullis_conf::{SessionOptions, Settings, Wanted};
use portcullis_model::host::HostFacts;
use portcullis_model::sandbox::{Calls, Rules, Sandbox};
use portcullis_model::session::{Ide, IdeCommand};
use thiserror::Error;

use crate::{Flags, LaunchFacts};

pub use files::Files;
pub use held::{Held, Short};
pub use layers::{Found, Layer, layers};
pub use order::{Part, at_least};

/// Programs that sessions have where `allow-shell=0`, with the reason of each, for the reference.
pub fn reasons() -> impl Iterator<Item = (&'static str, &'static str)> {
    table::ROWS.iter().map(|row| (row.path, row.why))
}

/// Folders of temporary files: in a view they are the session's own.
pub(crate) const TEMPORARY: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];

/// Newest version of Landlock's interface that is known here: what later ones add is not used.
const LANDLOCK_KNOWN: u32 = 9;
/// From this version on, Landlock keeps signals and abstract sockets in, which is worth rules without any about files.
const LANDLOCK_SCOPES: u32 = 6;
/// From this version on, Landlock knows truncation.
pub(crate) const LANDLOCK_TRUNCATE: u32 = 3;

/// For which session a plan is asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The configuration.
    pub settings: &'a Settings,
    /// The person's flags, exemptions applied.
    pub flags: &'a Flags,
    /// The session.
    pub facts: &'a LaunchFacts,
    /// What is started.
    pub ide: Ide,
    /// How it is started.
    pub command: &'a IdeCommand,
}

/// What is known of the machine.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    /// What its kernel can hold.
    pub host: &'a HostFacts,
    /// Its files.
    pub files: &'a dyn Files,
    /// What stands in place of shells (`portcullis-session`).
    pub stub: &'a str,
}

impl std::fmt::Debug for Machine<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("host", &self.host).field("stub", &self.stub).finish_non_exhaustive()
    }
}

/// A plan, and what it lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What is put in force.
    pub sandbox: Sandbox,
    /// What was wanted and is not there.
    pub fallen: Vec<Fallen>,
}

/// A layer that was wanted for a session and that the machine hasn't got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallen {
    /// Which.
    pub layer: Layer,
    /// What would hold by it, without its full stop.
    pub effect: String,
    /// Why it is not there.
    pub why: String,
    /// What to do.
    pub hint: String,
}

/// Why a session is not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{rule}` can't be held on this machine: {why}")]
pub struct NotConfined {
    /// The option, its value and its place.
    pub rule: String,
    /// What is missing.
    pub why: String,
    /// What to do.
    pub hint: String,
}

/// The plan of a session.
///
/// # Errors
/// [`NotConfined`] where the configuration demands what the machine hasn't got.
pub fn sandbox(asked: &Asked<'_>, machine: &Machine<'_>) -> Result<Plan, NotConfined> {
    let options = asked.settings.session_for(&asked.facts.user, &asked.facts.groups);
    let mut fallen = Vec::new();
    let limits = limits::limits(&options, machine.host, &mut fallen);
    let network = network::network(asked, &options, machine.host, &mut fallen)?;
    if options.confinement.session_sandbox == Wanted::Off {
        return Ok(Plan { sandbox: Sandbox { limits, network, ..Sandbox::default() }, fallen });
    }
    let mut sandbox =
        Sandbox { limits, network, privileges: options.confinement.allow_sudo, ..Sandbox::default() };
    files_and_programs(asked, &options, machine, &mut sandbox, &mut fallen);
    match (options.confinement.session_sandbox, fallen.first()) {
        (Wanted::Required, Some(first)) => Err(demanded(&options, first)),
        _ => Ok(Plan { sandbox, fallen }),
    }
}

/// View, programs, rules on files, and system calls.
fn files_and_programs(
    asked: &Asked<'_>,
    options: &SessionOptions,
    machine: &Machine<'_>,
    sandbox: &mut Sandbox,
    fallen: &mut Vec<Fallen>,
) {
    let (host, files, flags) = (machine.host, machine.files, asked.flags);
    let said = |paths: &[std::path::PathBuf]| -> Vec<String> {
        // The files are UTF-8, so are their paths.
        paths.iter().filter_map(|path| path.to_str()).map(str::to_owned).collect()
    };
    let sealed = !flags.shell.value && !flags.packages.value;
    let mut said_folders = said(&options.confinement.session_folders);
    reach::of_app(asked).into_iter().for_each(|path| files::add(&mut said_folders, path));
    let kept = view::kept(asked, machine);
    let data = if sealed { view::data_only(asked, machine) } else { Vec::new() };
    let limits = &sandbox.limits;
    let closed = !flags.shell.value
        || flags.restrict_directories.value
        || network::narrow(&sandbox.network)
        || limits.session.is_some()
        || limits.user.is_some()
        || sandbox.privileges;
    if host.namespaces {
        let tmp_mb = options.confinement.session_tmp_mb;
        sandbox.view = Some(view::view(asked, &sandbox.network, tmp_mb, data.clone(), kept.clone(), closed));
    } else {
        let effect =
            "`/tmp`, `/proc` and the services of others are out of reach, and all of a session ends with it";
        fallen.push(Layer::View.fallen(host, effect.to_owned()));
    }
    if host.landlock.is_some() {
        let said_programs = said(&options.confinement.session_programs);
        sandbox.programs = programs::programs(asked, &said_programs, files, machine.stub);
    } else if !flags.shell.value {
        fallen.push(Layer::Files.fallen(host, "`allow-shell=0` holds for code too".to_owned()));
    }
    if let Some(view) = sandbox.view.as_mut().filter(|_| closed) {
        let programs = sandbox.programs.iter().flat_map(|programs| programs.allowed.iter().cloned());
        let said: Vec<_> = said_folders.iter().cloned().chain(programs).collect();
        view.kept.extend(view::of_run(asked, machine, &sandbox.network, &said));
    }
    let reach = if flags.restrict_directories.value {
        if host.landlock.is_none() {
            let effect = "`restrict-directory-view=1` holds for code too".to_owned();
            fallen.push(Layer::Files.fallen(host, effect));
        }
        Some(reach::reach(asked, &said_folders, &kept, files, machine.stub))
    } else {
        sealed.then(|| reach::sealed(asked, &data, &kept, files))
    };
    sandbox.rules = host.landlock.and_then(|version| {
        let wanted = reach.is_some() || sandbox.programs.is_some() || version >= LANDLOCK_SCOPES;
        wanted.then_some(Rules { version: version.min(LANDLOCK_KNOWN), reach })
    });
    if host.seccomp {
        sandbox.calls = Some(Calls {
            no_truncate: sandbox
                .rules
                .as_ref()
                .is_some_and(|rules| rules.reach.is_some() && rules.version < LANDLOCK_TRUNCATE),
            no_memory_programs: sandbox.programs.is_some(),
        });
    } else {
        let effect = "system calls that no IDE needs are closed".to_owned();
        fallen.push(Layer::Calls.fallen(host, effect));
    }
}

fn demanded(options: &SessionOptions, fallen: &Fallen) -> NotConfined {
    NotConfined {
        rule: format!("session-sandbox=required ({})", options.origin("session-sandbox")),
        why: fallen.why.clone(),
        hint: fallen.hint.clone(),
    }
}
