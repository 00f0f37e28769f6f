//! OpenID and SAML providers on Node, for the tests of signing in: the releases of a committed lock, once per machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::{code_server, run};

/// What is installed, and its exact releases with their sums.
const MANIFEST: &str = include_str!("../../tests/support/servers/providers/package.json");
const LOCK: &str = include_str!("../../tests/support/servers/providers/package-lock.json");
/// Written last, with the lock that it was made of: of another lock, or without it, a folder is made anew.
const MARKER: &str = ".complete";
/// Their Node.
const NODE: &str = "bin/node";
/// The oldest Node that oidc-provider runs on.
const NODE_MAJOR: u32 = 20;

/// Where they are: `PORTCULLIS_IDENTITY_PROVIDERS`, or a folder of the machine's cache.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("PORTCULLIS_IDENTITY_PROVIDERS")
        .map_or_else(|| PathBuf::from("/var/cache/portcullis/identity-providers"), PathBuf::from)
}

/// Installs them if they are not there yet; says why when it can't, and goes on: the tests that need them say that they were left
/// out.
pub(crate) fn try_ensure() {
    if let Err(error) = ensure() {
        run::step(&format!(
            "identity providers can't be installed here, their tests are left out: {error:#}"
        ));
    }
}

fn ensure() -> Result<()> {
    let folder = folder();
    let made_of = fs::read_to_string(folder.join(MARKER)).unwrap_or_default();
    if made_of == LOCK && folder.join(NODE).exists() {
        return Ok(());
    }
    run::step(&format!("installing identity providers into {} (once)", folder.display()));
    run::must(run::as_root("rm").arg("-rf").arg(&folder), "remove half-made identity providers")?;
    run::must(run::as_root("mkdir").args(["-p", "-m", "755"]).arg(&folder), "make their folder")?;
    write(&folder.join("package.json"), MANIFEST)?;
    write(&folder.join("package-lock.json"), LOCK)?;
    let mut npm = npm(&folder)?;
    npm.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
        .arg("--prefix")
        .arg(&folder);
    run::must(npm.current_dir("/"), "install identity providers")?;
    run::must(
        run::as_root("chmod").args(["-R", "a+rX,go-w"]).arg(&folder),
        "open the identity providers' files for reading",
    )?;
    write(&folder.join(MARKER), LOCK)
}

/// npm, with the machine's own Node when that is new enough, else with one as code-server has it. Either is then in `bin`.
fn npm(folder: &Path) -> Result<Command> {
    for place in ["/usr/local/bin", "/usr/bin"] {
        let (node, npm) = (Path::new(place).join("node"), Path::new(place).join("npm"));
        if !npm.exists() {
            continue;
        }
        let Ok(version) = run::output(Command::new(&node).arg("--version"), "ask Node for its version")
        else {
            continue;
        };
        let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
        if major.parse::<u32>().is_ok_and(|major| major >= NODE_MAJOR) {
            let bin = folder.join("bin");
            run::must(run::as_root("mkdir").args(["-m", "755"]).arg(&bin), "make the folder for Node")?;
            run::must(run::as_root("ln").arg("-s").arg(node).arg(folder.join(NODE)), "name their Node")?;
            return Ok(run::as_root(npm));
        }
    }
    Ok(run::as_root(code_server::node(folder)?.join("npm")))
}

/// Writes a file as root.
fn write(path: &Path, text: &str) -> Result<()> {
    let mut made = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut made, text.as_bytes())?;
    run::must(run::as_root("cp").arg("--no-preserve=mode").arg(made.path()).arg(path), "write a file")
}
