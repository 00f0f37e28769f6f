//! The attempts' sources: C is compiled once per run, and all of it is put into a home, as if it had been uploaded.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use portcullis_testing::Account;

/// Where the sources are.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("attempts")
}

/// Where compiled ones are put: a folder of this run's, which only root reads.
#[derive(Debug)]
pub(crate) struct Sources {
    compiled: PathBuf,
}

/// C programs that are linked statically, and the one that is needed as a dynamic program and as a library too.
const STATIC: &[&str] = &["calls", "files", "hole", "limits", "network", "processes", "survive"];

impl Sources {
    /// Compiles.
    pub(crate) fn compile() -> Result<Self> {
        let compiled = PathBuf::from("/run/redteam-compiled");
        fs::create_dir_all(&compiled)?;
        fs::set_permissions(&compiled, fs::Permissions::from_mode(0o700))?;
        let sources = Self { compiled };
        for name in STATIC {
            sources.gcc(name, name, &["-static", "-pthread", "-Wall", "-Wextra"])?;
        }
        sources.gcc("uploaded", "uploaded", &[])?;
        sources.gcc("uploaded", "uploaded.so", &["-shared", "-fPIC"])?;
        Ok(sources)
    }

    fn gcc(&self, source: &str, program: &str, more: &[&str]) -> Result<()> {
        let output = Command::new("gcc")
            .args(["-O1", "-o"])
            .arg(self.compiled.join(program))
            .arg(folder().join(format!("c/{source}.c")))
            .args(more)
            .output()
            .context("cannot start gcc")?;
        if !output.status.success() {
            bail!("cannot compile {source}.c: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// A compiled program.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.compiled.join(name)
    }

    /// Puts everything into an account's home.
    pub(crate) fn upload(&self, account: &Account) -> Result<()> {
        let home = account.home.join("rt");
        for language in ["c", "python", "r", "shell"] {
            let to = home.join(language);
            fs::create_dir_all(&to)?;
            let from = if language == "c" { self.compiled.clone() } else { folder().join(language) };
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    let path = to.join(entry.file_name());
                    fs::copy(entry.path(), &path)?;
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
                    chown(&path, Some(account.uid), Some(account.gid))?;
                }
            }
            chown(&to, Some(account.uid), Some(account.gid))?;
        }
        chown(&home, Some(account.uid), Some(account.gid))?;
        Ok(())
    }
}

/// Where an attempt's program is in a home.
pub(crate) fn uploaded(account: &Account, source: &str) -> PathBuf {
    let path = account.home.join("rt").join(source);
    // C is compiled.
    if source.starts_with("c/") { path.with_extension("") } else { path }
}
