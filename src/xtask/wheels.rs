//! Python packages as files, which a test's person installs by hand: fetched once per machine, never installed by us.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::Result;

use crate::{jupyter, run};

/// Packages with native code, pinned: what one installs into one's own folder runs only where files there may be programs.
const WHEELS: &[&str] = &["numpy==2.4.6", "pillow==13.0.0"];
/// Written last: without it a folder is a half-made one.
const MARKER: &str = ".complete";

/// Where the files are: `PORTCULLIS_WHEELS`, or a folder of the machine's cache.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("PORTCULLIS_WHEELS").map_or_else(
        || PathBuf::from(format!("/var/cache/portcullis/wheels-{}", WHEELS.join("-").replace("==", "-"))),
        PathBuf::from,
    )
}

/// Fetches them if they are not there yet, with the Python of JupyterLab, which they must fit. The tests say that they were left
/// out where that can't be done.
pub(crate) fn try_ensure() {
    if let Err(error) = ensure() {
        run::step(&format!("Python packages can't be fetched here, what needs them is left out: {error:#}"));
    }
}

/// Fetches them if they are not there yet.
pub(crate) fn ensure() -> Result<()> {
    let folder = folder();
    if folder.join(MARKER).is_file() {
        return Ok(());
    }
    run::step(&format!("fetching {} into {} (once)", WHEELS.join(" and "), folder.display()));
    let mut pip = run::as_root(jupyter::folder().join("bin/pip"));
    pip.args(["download", "--quiet", "--progress-bar=off", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary=:all:", "--dest"])
        .arg(&folder)
        .args(WHEELS)
        .stdin(Stdio::null());
    run::must(&mut pip, "fetch Python packages")?;
    run::must(
        run::as_root("chmod").args(["-R", "a+rX,go-w"]).arg(&folder),
        "open the packages' files for reading",
    )?;
    run::must(run::as_root("touch").arg(folder.join(MARKER)), "mark the packages as complete")
}
