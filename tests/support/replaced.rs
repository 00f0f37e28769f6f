//! A world whose daemon is replaced: by another version, watched by a service manager.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::world::{READY_SECONDS, World};
use crate::{place, process};

impl World {
    /// Copies the programs: the next launcher is started from there, as after an upgrade.
    ///
    /// # Errors
    /// When they can't be copied.
    pub fn upgrade(&mut self) -> Result<()> {
        let folder = self.other_programs()?;
        self.switch_to(&folder);
        Ok(())
    }

    /// A copy of the programs, for [`World::switch_to`].
    ///
    /// # Errors
    /// When they can't be copied.
    pub fn other_programs(&self) -> Result<PathBuf> {
        let folder = self.folder.join(format!("programs-{}", place::next_number()));
        fs::create_dir_all(&folder)?;
        for name in ["portcullis-identity", "portcullis-launcher", "portcullis-server", "portcullis-session"]
        {
            fs::copy(place::program(name), folder.join(name)).with_context(|| format!("no `{name}`"))?;
        }
        Ok(folder)
    }

    /// The next launcher is started from this folder.
    pub fn switch_to(&mut self, folder: &Path) {
        self.programs = Some(folder.to_owned());
    }

    /// Every server that runs, as the launcher keeps them for the next one; the oldest first.
    ///
    /// # Errors
    /// When there is no state.
    pub fn servers(&self) -> Result<Vec<i32>> {
        let text = fs::read_to_string(self.state_dir().join("state.json"))?;
        let state: Value = serde_json::from_str(&text)?;
        let servers = state["state"]["servers"].as_array().context("a state without servers")?;
        let pids = servers.iter().filter_map(|one| i32::try_from(one["process"]["pid"].as_i64()?).ok());
        Ok(pids.filter(|pid| process::is_alive(*pid)).collect())
    }

    /// Waits until the launcher tells its service manager this line.
    ///
    /// # Errors
    /// When it doesn't.
    pub fn await_notification(&mut self, line: &str, seconds: u64) -> Result<()> {
        let launcher = self.launcher.as_mut().context("no launcher")?;
        let alive = || launcher.try_wait().is_ok_and(|over| over.is_none());
        self.readiness.await_line(line, seconds, alive).map(drop)
    }

    /// Waits until the launcher says that it is ready: another server serves, say.
    ///
    /// # Errors
    /// When it doesn't say so.
    pub fn await_ready(&mut self) -> Result<()> {
        self.await_notification("READY=1", READY_SECONDS)
    }

    /// Forgets what the launcher told its service manager so far, so that the next [`World::await_ready`] hears what comes.
    ///
    /// # Errors
    /// When its socket is broken.
    pub fn forget_notifications(&self) -> Result<()> {
        self.readiness.forget()
    }
}
