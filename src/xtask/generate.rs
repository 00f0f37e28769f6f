//! Files made from the code and committed: the option reference and the commented sample configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::run;

/// Writes those that changed.
pub(crate) fn run() -> Result<ExitCode> {
    let root = run::root();
    for path in stale(&root)? {
        let text = files().into_iter().find(|(name, _)| root.join(name) == path).map(|(_, text)| text);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))?;
        }
        fs::write(&path, text.unwrap_or_default())
            .with_context(|| format!("cannot write `{}`", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Paths whose file is missing or differs.
pub(crate) fn stale(root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for (name, text) in files() {
        let path = root.join(name);
        let current = match fs::read_to_string(&path) {
            Ok(current) => Some(current),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        };
        if current.as_deref() != Some(text.as_str()) {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Path below the root, and text.
fn files() -> Vec<(PathBuf, String)> {
    portcullis_conf::generate::files().into_iter().map(|(path, text)| (path.into(), text)).collect()
}
