//! Which flags the kernel holds for code as well: what their levels are made of.
//!
//! The same conditions as in the plan, and no more: a flag is held only where every way past it that is known is closed.

use portcullis_conf::{FileKind, SessionNetwork, SessionOptions, Settings, Wanted};
use portcullis_model::UserName;
use portcullis_model::host::HostFacts;

use super::LANDLOCK_TRUNCATE;
use super::layers::Layer;
use crate::Flags;
use crate::flag::{self, About};

/// Why the kernel doesn't hold a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// In one sentence without its full stop.
    pub why: String,
    /// What would make it.
    pub raise: String,
}

/// What the kernel holds of a person's flags on a machine. The default holds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    files: Option<Result<(), Short>>,
    programs: Option<Result<(), Short>>,
    publishing: Option<Result<(), Short>>,
}

impl Held {
    /// For a person with these flags.
    pub fn of(
        settings: &Settings,
        flags: &Flags,
        user: &UserName,
        groups: &[String],
        host: &HostFacts,
    ) -> Self {
        Self::by(&settings.session_for(user, groups), &off(settings), flags, host)
    }

    fn by(options: &SessionOptions, off: &str, flags: &Flags, host: &HostFacts) -> Self {
        let on = if options.confinement.session_sandbox == Wanted::Off {
            Err(Short {
                why: format!("{off}: nothing is held for code"),
                raise: "set `session-sandbox=auto`".to_owned(),
            })
        } else {
            Ok(())
        };
        Self {
            files: Some(on.clone().and_then(|()| files(host))),
            programs: Some(on.and_then(|()| programs(flags, host))),
            publishing: Some(publishing(options, host)),
        }
    }

    /// Everything that can be held, for the reference.
    #[cfg(test)]
    pub(crate) const fn full() -> Self {
        Self { files: Some(Ok(())), programs: Some(Ok(())), publishing: None }
    }

    /// What the kernel does for this flag, or why nothing; `None` where no layer is about it.
    pub fn flag(&self, about: &About) -> Option<Result<&'static str, &Short>> {
        let (held, how) = match about.name {
            name if name == flag::DIRECTORIES.name => (&self.files, FILES),
            name if name == flag::SHELL.name => (&self.programs, PROGRAMS),
            name if [flag::PUBLISH.name, flag::EXTERNAL_PUBLISH.name, flag::RPUBS_PUBLISH.name]
                .contains(&name) =>
            {
                (&self.publishing, PUBLISHING)
            }
            _ => return None,
        };
        held.as_ref().map(|held| held.as_ref().map(|()| how))
    }
}

const FILES: &str = "every process of the session is kept to the same folders as its pages, and to what programs need of the system";
const PROGRAMS: &str = "no process of the session can execute a shell or a program that is on no list, and no file it writes is executed or mapped as machine code";
const PUBLISHING: &str = "`session-network=none`: nothing of the session reaches another machine";

fn off(settings: &Settings) -> String {
    format!("`session-sandbox=off` ({})", settings.origin(FileKind::Portcullis, "session-sandbox"))
}

fn needs(host: &HostFacts, layers: &[Layer]) -> Result<(), Short> {
    match layers.iter().map(|layer| layer.found(host)).find(|found| !found.here) {
        Some(missing) => {
            Err(Short { why: format!("{}: {}", missing.name, missing.state), raise: missing.hint })
        }
        None => Ok(()),
    }
}

fn files(host: &HostFacts) -> Result<(), Short> {
    // Without a view, `/tmp` and `/proc` are everybody's, and a service outside opens files for whoever asks.
    needs(host, &[Layer::Files, Layer::View])?;
    if host.landlock.is_some_and(|version| version < LANDLOCK_TRUNCATE) {
        needs(host, &[Layer::Calls])?;
    }
    Ok(())
}

fn programs(flags: &Flags, host: &HostFacts) -> Result<(), Short> {
    // Filters, or files in memory and other ABIs would be ways to execute what is on no list.
    needs(host, &[Layer::Files, Layer::View, Layer::Calls])?;
    if flags.packages.value {
        return Err(Short {
            why: "packages may be installed, so files of a person's own are loaded as machine code: the dynamic linker runs a program \
                  from home that can't be executed"
                .to_owned(),
            raise: "set `allow-package-installation=0` too: nothing in home is machine code then".to_owned(),
        });
    }
    Ok(())
}

fn publishing(options: &SessionOptions, host: &HostFacts) -> Result<(), Short> {
    if options.confinement.session_network == SessionNetwork::None
        && (host.network_namespace || host.connections)
    {
        return Ok(());
    }
    let why = "code can send data to whatever `session-network` leaves open".to_owned();
    Err(Short {
        why,
        raise: "set `session-network=none`: nothing else tells publishing from other traffic".to_owned(),
    })
}
