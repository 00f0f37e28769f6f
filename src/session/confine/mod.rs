//! From the specification to what holds: the session's rules for files and programs, and its filter for system calls.
//!
//! Both are made before the IDE's process exists and put in force in it, after its last step before the program; the session
//! process itself stays outside, so nothing in the session can reach it. Where set-user-ID programs keep their effect
//! (`allow-sudo`), only root may do that: then they are put in force in the session process, before it becomes the user.
//!
//! It decides nothing: what the specification holds is put in force, or the session does not start. Called by the start and
//! by the IDE's.

mod calls;
pub(crate) mod connections;
mod files;
pub(crate) mod limits;
pub(crate) mod privileges;
pub(crate) mod view;

use std::net::SocketAddr;
use std::os::fd::AsFd;

use nix::errno::Errno;
use portcullis_sys::exec::Exec;
use portcullis_sys::landlock::{LandlockError, Ruleset};
use portcullis_sys::proof::Confined;
use portcullis_sys::seccomp::{Filter, FilterError};
use portcullis_wire::SessionSpec;
use thiserror::Error;

use crate::journal;

/// Why the session is not confined as it must be. The texts are for its owner.
#[derive(Debug, Error)]
pub(crate) enum ConfineError {
    /// The rules for files can't be made.
    #[error("the session's rules for files can't be made")]
    Rules(#[from] LandlockError),
    /// Nothing would work.
    #[error("the home directory `{0}` is not there, or not among the folders of the session")]
    Home(String),
    /// What stands in place of shells must be there to be executed; its folder's programs may be hidden.
    #[error("`{0}`, which stands in place of shells, is not among the programs of the session")]
    Stub(String),
    /// The filter can't be made.
    #[error("the session's filter for system calls can't be made")]
    Calls(#[from] FilterError),
    /// They were put on the group and do nothing.
    #[error("the session's rules on connections don't hold: `{0}` is not refused")]
    Connections(SocketAddr),
    /// The kernel refused.
    #[error("the session's {0} can't be put in force")]
    Force(&'static str, #[source] Errno),
}

/// What confines the IDE, ready to be put in force.
#[derive(Debug)]
pub(crate) struct Confinement {
    rules: Option<Ruleset>,
    filter: Option<Filter>,
}

impl Confinement {
    /// Makes the rules and the filter, with the rights of whoever calls: a path it can't reach grants nothing.
    pub(crate) fn new(spec: &SessionSpec) -> Result<Self, ConfineError> {
        let rules = files::ruleset(spec)?;
        for path in rules.iter().flat_map(Ruleset::left_out) {
            journal::debug(format_args!(
                "no rule for what is not there path={:?}",
                path.display().to_string()
            ));
        }
        Ok(Self { rules, filter: calls::filter(&spec.sandbox)? })
    }

    /// Has the program run under both.
    pub(crate) fn give<'a>(&'a self, exec: &mut Exec<'a>) {
        if let Some(rules) = &self.rules {
            exec.landlock(rules.as_fd(), rules.flags());
        }
        if let Some(filter) = &self.filter {
            exec.filter(filter);
        }
    }
}

/// What confines the IDE's own process: nothing more when this process, whose child it is, is confined already.
pub(crate) fn for_ide(spec: &SessionSpec) -> Result<Option<Confinement>, ConfineError> {
    if spec.sandbox.privileges { Ok(None) } else { Confinement::new(spec).map(Some) }
}

/// With `privileges`, confines this process and all it starts, for ever. Needs root.
pub(crate) fn in_force_now(spec: &SessionSpec) -> Result<(), ConfineError> {
    if !spec.sandbox.privileges {
        return Ok(());
    }
    // ORDER: before the filter, which may close the call.
    limits::processors_now(&spec.sandbox.limits).map_err(|errno| ConfineError::Force("processors", errno))?;
    let Confinement { rules, filter } = Confinement::new(spec)?;
    // ORDER: the filter after the rules, as in the IDE's own process.
    if let Some(rules) = rules {
        rules.restrict_self().map_err(|errno| ConfineError::Force("rules for files", errno))?;
    }
    if let Some(filter) = filter {
        filter.apply().map_err(|errno| ConfineError::Force("filter for system calls", errno))?;
    }
    Ok(())
}

/// What the proof line says that the IDE gets.
pub(crate) fn proven(spec: &SessionSpec) -> Confined {
    let sandbox = &spec.sandbox;
    Confined { landlock: sandbox.rules.as_ref().map(|rules| rules.version), calls: sandbox.calls.is_some() }
}
