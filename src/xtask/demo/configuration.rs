//! The demo's configuration: a folder with the files an administrator would have in /etc/rstudio.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Ports for sessions: 20 are plenty for one person; outside the kernel's range for outgoing connections and of no
/// registered service.
const PORTS: &str = "18700-18719";

/// Whether the restricting flags are off or on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flags {
    /// Terminal, upload and download are allowed.
    Open,
    /// They are refused.
    Closed,
}

/// The files.
#[derive(Debug)]
pub(super) struct Configuration {
    folder: PathBuf,
}

impl Configuration {
    /// Writes all of them below `parent`.
    pub(super) fn create(parent: &Path, port: u16, flags: Flags, jupyter: &Path) -> Result<Self> {
        let configuration = Self { folder: parent.join("rstudio") };
        fs::create_dir_all(&configuration.folder).context("cannot make the configuration's folder")?;
        configuration.write(
            "rserver.conf",
            &format!("# Demo: this machine only.\nwww-address=127.0.0.1\nwww-port={port}\n"),
        )?;
        configuration
            .write("jupyter.conf", &format!("labs-enabled=1\njupyter-exe={}\n", jupyter.display()))?;
        let service = pam_service();
        configuration.write(
            "portcullis.conf",
            &format!("# Which file of /etc/pam.d decides.\npam-service={service}\n"),
        )?;
        configuration.rewrite(flags)?;
        Ok(configuration)
    }

    /// Writes rsession.conf again.
    pub(super) fn rewrite(&self, flags: Flags) -> Result<()> {
        let value = i32::from(flags == Flags::Open);
        self.write(
            "rsession.conf",
            &format!(
                "# Each session gets a port of this range.\nsession-port-range={PORTS}\n\n\
                 # 0 refuses at the proxy, whatever the IDE shows.\n\
                 allow-shell={value}\nallow-file-uploads={value}\nallow-file-downloads={value}\n"
            ),
        )
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The file with the flags.
    pub(super) fn rsession(&self) -> PathBuf {
        self.folder.join("rsession.conf")
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write `{}`", path.display()))
    }
}

/// Ours if the machine has it. Else, on Debian and Ubuntu, ours all the same: PAM falls back to `other`, which asks the
/// common files there. Elsewhere `other` denies everybody, so the demo uses what the console uses.
fn pam_service() -> &'static str {
    let exists = |name: &str| Path::new("/etc/pam.d").join(name).exists();
    if exists("portcullis") || exists("common-auth") || !exists("login") { "portcullis" } else { "login" }
}
