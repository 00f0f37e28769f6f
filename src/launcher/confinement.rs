//! What holds the server beside its account: system calls, files, capabilities.
//!
//! The server reads what strangers send, so it has what it needs and nothing else: it talks over sockets, reads the files of
//! packages, and writes, executes, opens and signals nothing. A unit of its own would say the same in systemd's words
//! (`etc/systemd/server-confinement.conf`, docs/hardening.md); made here, it holds without a service manager too, and for every server
//! that is started while another one finishes. Called by the start of a server.

use std::path::{Path, PathBuf};

use portcullis_conf::Settings;
use portcullis_model::host::HostFacts;
use portcullis_sys::exec::Exec;
use portcullis_sys::landlock::{Access, Handled, LandlockError, Rule, Ruleset};
use portcullis_sys::seccomp::{Filter, FilterError};
use std::os::fd::AsFd as _;
use thiserror::Error;

/// Public files of packages: libraries for the server itself, RStudio's page.
const READ: &[&str] =
    &["/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.preload", "/etc/localtime", "/dev/urandom"];
/// Whatever starts a program that is linked dynamically: where it is, by architecture.
const LINKERS: &[&str] =
    &["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1", "/lib/ld-musl-x86_64.so.1"];

/// Why the server can't be confined although this machine has what it takes.
#[derive(Debug, Error)]
pub(crate) enum ConfinementError {
    /// Files.
    #[error("cannot make the server's rules for files")]
    Files(#[source] LandlockError),
    /// System calls.
    #[error("cannot make the server's filter for system calls")]
    Calls(#[source] FilterError),
}

/// Rules and filter, ready for one server or several.
#[derive(Debug)]
pub(crate) struct Confinement {
    files: Option<Ruleset>,
    calls: Option<Filter>,
}

impl Confinement {
    /// What this machine can hold of it.
    pub(crate) fn of_server(
        program: &Path,
        settings: &Settings,
        host: &HostFacts,
    ) -> Result<Self, ConfinementError> {
        let files =
            host.landlock.map(|version| Ruleset::new(version, Handled::Files, &rules(program, settings)));
        let calls = host.seccomp.then(Filter::server);
        Ok(Self {
            files: files.transpose().map_err(ConfinementError::Files)?,
            calls: calls.transpose().map_err(ConfinementError::Calls)?,
        })
    }

    /// What of it this machine can't hold, in words; empty where it can all of it.
    pub(crate) fn lacking(&self) -> Vec<&'static str> {
        let files = self.files.is_none().then_some("files (no Landlock)");
        let calls = self.calls.is_none().then_some("system calls (no seccomp)");
        files.into_iter().chain(calls).collect()
    }

    /// Has a program started under it.
    pub(crate) fn hold<'a>(&'a self, exec: &mut Exec<'a>) {
        exec.no_capabilities().no_new_privs();
        if let Some(rules) = &self.files {
            exec.landlock(rules.as_fd(), rules.flags());
        }
        if let Some(filter) = &self.calls {
            exec.filter(filter);
        }
    }
}

/// Everything that is not here is out of the server's reach.
fn rules(program: &Path, settings: &Settings) -> Vec<Rule> {
    let read = Access { read: true, ..Access::default() };
    let run = Access { read: true, execute: true, ..Access::default() };
    let rule = |path: PathBuf, access| Rule { path, access, links: true };
    let mut rules: Vec<Rule> = READ.iter().map(|path| rule(path.into(), read)).collect();
    rules.push(rule("/dev/null".into(), Access { read: true, write: true, ..Access::default() }));
    rules.push(rule(settings.rstudio_pages(), read));
    rules.extend(LINKERS.iter().map(|path| rule(path.into(), run)));
    rules.push(rule(program.to_owned(), run));
    rules
}
