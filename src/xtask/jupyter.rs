//! JupyterLab in a virtual environment of its own, readable by every account, made once per machine.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Result;

use crate::{packages, run};

/// The release that the route tables and the tests were written against.
pub(crate) const JUPYTERLAB: &str = "4.6.6";
/// Its server, pinned because the routes are the server's.
const JUPYTER_SERVER: &str = "2.21.1";
/// Its panel for version control, added later to environments that lack it.
const JUPYTERLAB_GIT: &str = "0.55.0";
/// Written last: without it a folder is a half-made one.
const MARKER: &str = ".complete";

/// Where the environment is: `PORTCULLIS_VENV`, or a folder of the machine's cache.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("PORTCULLIS_VENV")
        .map_or_else(|| PathBuf::from(format!("/var/cache/portcullis/jupyter-{JUPYTERLAB}")), PathBuf::from)
}

/// Makes the environment if it is not there yet; returns the path of `jupyter-lab`.
pub(crate) fn ensure() -> Result<PathBuf> {
    let folder = folder();
    let program = folder.join("bin/jupyter-lab");
    if folder.join(MARKER).is_file() && program.is_file() {
        add_git(&folder)?;
        return Ok(program);
    }
    packages::ensure(packages::JUPYTER)?;
    run::step(&format!(
        "installing JupyterLab {JUPYTERLAB} into {} (once; a minute or two)",
        folder.display()
    ));
    // A half-made environment of an interrupted run goes away first. Scripts carry the folder's path, so it is made in
    // its place and the marker, written last, makes it count.
    remove(&folder)?;
    if let Some(parent) = folder.parent() {
        run::must(
            run::as_root("mkdir").args(["-p", "-m", "755"]).arg(parent),
            "make the folder for JupyterLab",
        )?;
    }
    // Debian's own Python: one from somebody's home could not be read by other users.
    let mut venv = run::as_root("/usr/bin/python3");
    venv.args(["-m", "venv"]).arg(&folder).stdin(Stdio::null());
    run::must(&mut venv, "make a virtual environment")?;
    let mut pip = run::as_root(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--progress-bar=off", "--no-input", "--disable-pip-version-check"])
        .args([format!("jupyterlab=={JUPYTERLAB}"), format!("jupyter_server=={JUPYTER_SERVER}")])
        .args(["ipykernel", "nbconvert"])
        .stdin(Stdio::null());
    run::must(&mut pip, "install JupyterLab")?;
    run::must(
        run::as_root("chmod").args(["-R", "a+rX,go-w"]).arg(&folder),
        "open JupyterLab's files for reading",
    )?;
    run::must(run::as_root("touch").arg(folder.join(MARKER)), "mark JupyterLab as complete")?;
    add_git(&folder)?;
    Ok(program)
}

/// Adds the panel for version control, once: a few seconds.
fn add_git(folder: &Path) -> Result<()> {
    let marker = folder.join(format!("{MARKER}-git-{JUPYTERLAB_GIT}"));
    if marker.is_file() {
        return Ok(());
    }
    run::step(&format!("installing jupyterlab-git {JUPYTERLAB_GIT} (once)"));
    let mut pip = run::as_root(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--progress-bar=off", "--no-input", "--disable-pip-version-check"])
        .arg(format!("jupyterlab-git=={JUPYTERLAB_GIT}"))
        .stdin(Stdio::null());
    run::must(&mut pip, "install jupyterlab-git")?;
    run::must(
        run::as_root("chmod").args(["-R", "a+rX,go-w"]).arg(folder),
        "open JupyterLab's files for reading",
    )?;
    run::must(run::as_root("touch").arg(marker), "mark jupyterlab-git as complete")
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        run::must(run::as_root("rm").arg("-rf").arg(folder), "remove a half-made JupyterLab")?;
    }
    Ok(())
}
