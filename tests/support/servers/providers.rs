//! What the OpenID and the SAML provider have in common: Node, and the folder that `cargo xtask fetch` installs them into.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::daemon::Daemon;
use super::write;
use crate::stage;

/// Their Node, in the folder of what is installed.
const NODE: &str = "bin/node";

/// Where they are installed.
fn installed() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("PORTCULLIS_IDENTITY_PROVIDERS")?);
    (folder.join(".complete").is_file() && folder.join(NODE).exists()).then_some(folder)
}

/// Ends the test as skipped where they are not.
///
/// # Errors
/// That.
pub(super) fn need() -> Result<PathBuf> {
    installed().map_or_else(|| stage::skip("identity providers are not installed on this machine"), Ok)
}

/// A script of the tests' own with the providers' modules, to be run to its end; its text is written to a new folder.
///
/// # Errors
/// When it can't be written; skipped where they are not installed.
pub fn command(name: &str, script: &str) -> Result<Command> {
    let folder = super::folder("script")?;
    let installed = place(name, script, &folder)?;
    let mut command = Command::new(installed.join(NODE));
    command.arg(folder.join(name)).env("NODE_ENV", "production");
    Ok(command)
}

/// Starts a script in a server's folder; it finds its settings in `setup.json` there.
pub(super) fn start(name: &str, script: &str, folder: &Path, address: SocketAddr) -> Result<Daemon> {
    let installed = place(name, script, folder)?;
    let args = [name, "setup.json"].map(|file| folder.join(file).display().to_string());
    let environment = [("NODE_ENV", "production")];
    let mut daemon =
        Daemon::start_with(&installed.join(NODE), &args, None, &folder.join("log"), &environment)?;
    daemon.await_port(address)?;
    Ok(daemon)
}

/// Writes a script where Node finds the modules that it wants: beside it.
fn place(name: &str, script: &str, folder: &Path) -> Result<PathBuf> {
    let installed = need()?;
    write(&folder.join(name), script, 0o644)?;
    let modules = folder.join("node_modules");
    if !modules.is_symlink() {
        std::os::unix::fs::symlink(installed.join("node_modules"), modules)?;
    }
    Ok(installed)
}
