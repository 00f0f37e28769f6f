//! What a demo leaves on the machine while it runs, written down before it is made, so that the next demo can clean up
//! after one that was killed.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::account::{self, Account};
use crate::run;

/// One folder per demo, named like its account. Root's alone to write, unlike a folder for temporary files.
const FOLDER: &str = "/var/lib/portcullis-demo";
const NOTE: &str = "demo.json";

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    /// The demo's process and when it started (`/proc/PID/stat`, field 22).
    pid: u32,
    started: u64,
    /// The service's accounts that this demo made.
    made_services: Vec<String>,
}

/// The folder of a running demo.
#[derive(Debug)]
pub(super) struct Mark {
    folder: PathBuf,
}

impl Mark {
    /// Writes down what is about to be used.
    pub(super) fn set(account: &Account, made_services: &[String]) -> Result<Self> {
        let folder = Path::new(FOLDER).join(account.name());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(&folder)
            .context("cannot make the demo's folder")?;
        let pid = std::process::id();
        let started = started(pid).context("cannot read our own start time")?;
        let note = Note { pid, started, made_services: made_services.to_vec() };
        fs::write(folder.join(NOTE), serde_json::to_vec(&note)?).context("cannot write the demo's note")?;
        Ok(Self { folder })
    }

    /// The demo's folder: programs, configuration, state.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes the account and the folder.
    pub(super) fn clean(self) -> Result<()> {
        sweep(&self.folder)
    }
}

/// Cleans up after demos that are no longer there.
pub(super) fn clean() -> Result<()> {
    let Ok(entries) = fs::read_dir(FOLDER) else { return Ok(()) };
    for entry in entries {
        let folder = entry?.path();
        let note = read(&folder);
        if note.as_ref().is_some_and(|note| started(note.pid) == Some(note.started)) {
            continue;
        }
        run::step(&format!("cleaning up after a demo that was killed: {}", folder.display()));
        sweep(&folder)?;
    }
    Ok(())
}

fn sweep(folder: &Path) -> Result<()> {
    let note = read(folder);
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    end_launcher(folder);
    if name.starts_with(account::PREFIX) {
        end_processes(name);
        account::remove(name)?;
    }
    fs::remove_dir_all(folder).with_context(|| format!("cannot remove `{}`", folder.display()))?;
    // The parent goes with the last demo; another demo may still need the service's accounts.
    if let (Ok(()), Some(note)) = (fs::remove_dir(FOLDER), note) {
        account::remove_services(&note.made_services)?;
    }
    Ok(())
}

fn read(folder: &Path) -> Option<Note> {
    serde_json::from_slice(&fs::read(folder.join(NOTE)).ok()?).ok()
}

/// When a process started, in ticks since boot; `None` when there is no such process, or only its remains.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may hold anything; fields are counted after the last bracket, where field 3 is the first.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X"))) {
        return None;
    }
    fields.get(19)?.parse().ok()
}

/// Ends the processes of a killed demo's daemon: those that run a program of its folder.
fn end_launcher(folder: &Path) {
    for (pid, _) in processes() {
        let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        if program.starts_with(folder.join("libexec")) {
            end(pid);
        }
    }
}

/// Ends what still runs as the throw-away account, e.g. a job that outlived a killed daemon.
fn end_processes(name: &str) {
    let uid = Command::new("id").args(["-u", "--", name]).stderr(Stdio::null()).output();
    let Some(uid) = uid.ok().and_then(|out| String::from_utf8(out.stdout).ok()?.trim().parse::<u32>().ok())
    else {
        return;
    };
    for (pid, owner) in processes() {
        if owner == uid {
            end(pid);
        }
    }
}

fn processes() -> Vec<(i32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let process = |entry: fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, entry.metadata().ok()?.uid()))
    };
    entries.flatten().filter_map(process).collect()
}

fn end(pid: i32) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
}
