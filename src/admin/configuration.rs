//! Reads a configuration for a command that needs one in force.

use std::path::Path;

use anyhow::{Context as _, bail};
use portcullis_conf::{Problem, Settings, Sources, load};

/// The settings of a directory.
///
/// # Errors
/// Its errors, all of them: a configuration with errors is not in force.
pub(crate) fn usable(dir: &Path) -> anyhow::Result<Settings> {
    let sources = Sources::read(dir).context("cannot read the configuration")?;
    let loaded = load(&sources);
    if !loaded.is_usable() {
        let errors = loaded.problems.iter().filter(|problem| problem.is_error());
        let told: Vec<String> = errors.map(|problem: &Problem| problem.render(dir)).collect();
        bail!("this configuration is not one that can be in force:\n{}", told.join("\n"));
    }
    Ok(loaded.settings)
}
