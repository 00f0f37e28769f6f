//! Reads `/proc`: who runs as whom, what is whose child, how much memory it takes.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// What `/proc/PID/status` and its neighbours say.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its parent's.
    pub parent: i32,
    /// `R`, `S`, `Z` …
    pub state: String,
    /// Real, effective, saved and file-system uid.
    pub uids: Vec<u32>,
    /// The same of the group.
    pub gids: Vec<u32>,
    /// Supplementary groups.
    pub groups: Vec<u32>,
    /// All lines by their name.
    pub status: BTreeMap<String, String>,
    /// Its program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// All processes, but kernel threads.
pub fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| read(entry.file_name().to_str()?.parse().ok()?).ok()).collect()
}

/// One process.
///
/// # Errors
/// When it is gone.
pub fn read(pid: i32) -> Result<Process> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("no such process")?;
    let status: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    let field = |name: &str| status.get(name).cloned().unwrap_or_default();
    let numbers = |name: &str| field(name).split_whitespace().filter_map(|text| text.parse().ok()).collect();
    let args = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    Ok(Process {
        pid,
        parent: field("PPid").parse().unwrap_or(0),
        state: field("State").chars().take(1).collect(),
        uids: numbers("Uid"),
        gids: numbers("Gid"),
        groups: numbers("Groups"),
        program: fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default(),
        args: args.split(|byte| *byte == 0).map(|arg| String::from_utf8_lossy(arg).into_owned()).collect(),
        status,
    })
}

impl Process {
    /// The last part of its program's path.
    pub fn name(&self) -> &str {
        self.program.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Its environment.
    ///
    /// # Errors
    /// When it is gone.
    pub fn environment(&self) -> Result<BTreeMap<String, String>> {
        let bytes = fs::read(format!("/proc/{}/environ", self.pid))?;
        Ok(bytes
            .split(|byte| *byte == 0)
            .filter_map(|pair| {
                String::from_utf8_lossy(pair).split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()))
            })
            .collect())
    }

    /// What its descriptors point to.
    pub fn descriptors(&self) -> BTreeMap<i32, String> {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else { return BTreeMap::new() };
        let target = |entry: fs::DirEntry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((number, fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned()))
        };
        entries.flatten().filter_map(target).collect()
    }

    /// Proportional set size in kilobytes: its own memory and its share of what it shares.
    pub fn pss_kb(&self) -> Option<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

/// Whether it runs (a zombie doesn't).
pub fn is_alive(pid: i32) -> bool {
    read(pid).is_ok_and(|process| process.state != "Z" && process.state != "X")
}

/// The children, grandchildren … of a process.
pub fn descendants(pid: i32) -> Vec<Process> {
    let all = all();
    let mut found: Vec<Process> = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for process in all.iter().filter(|process| process.parent == parent) {
            parents.push(process.pid);
            found.push(process.clone());
        }
    }
    found
}

/// Those that run as this user.
pub fn of_user(uid: u32) -> Vec<Process> {
    all().into_iter().filter(|process| process.state != "Z" && process.uids.contains(&uid)).collect()
}

/// `kill -9`.
///
/// # Errors
/// When it is gone already.
pub fn kill_hard(pid: i32) -> Result<()> {
    kill(Pid::from_raw(pid), Signal::SIGKILL).with_context(|| format!("cannot kill process {pid}"))
}

/// Any other signal.
///
/// # Errors
/// When it is gone.
pub fn signal(pid: i32, signal: Signal) -> Result<()> {
    kill(Pid::from_raw(pid), signal).with_context(|| format!("cannot send {signal} to process {pid}"))
}
