//! A group: one directory in each hierarchy that it needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::base::SESSIONS;
use super::{CgroupError, Controller, Version, failed, read, write};

/// A group, by its directories. It knows nothing else, so whoever has them (an adopting launcher, a remover) has the group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    dirs: Vec<PathBuf>,
}

impl Group {
    /// The group with these directories, made earlier by [`Hierarchies::make`](super::Hierarchies::make).
    pub fn at(dirs: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        Self { dirs: dirs.into_iter().map(|dir| dir.as_ref().to_owned()).collect() }
    }

    /// Its directories.
    pub fn dirs(&self) -> &[PathBuf] {
        &self.dirs
    }

    /// Whether there is none: nothing was made.
    pub fn is_nowhere(&self) -> bool {
        self.dirs.is_empty()
    }

    /// The one in version 2: only that one has `cgroup.events`.
    pub fn unified(&self) -> Option<&Path> {
        self.dirs.iter().find(|dir| dir.join("cgroup.events").exists()).map(PathBuf::as_path)
    }

    /// The group of its user, which holds the user's other sessions too.
    pub fn of_user(&self) -> Self {
        let parents = self.dirs.iter().filter_map(|dir| dir.parent());
        Self::at(parents.filter(|dir| is_users(dir)))
    }

    /// The directory that has this controller's files.
    pub(super) fn dir_of(&self, controller: Controller, version: Version) -> Option<&Path> {
        let file = match (controller, version) {
            (Controller::Memory, Version::V2) => "memory.max",
            (Controller::Memory, Version::V1) => "memory.limit_in_bytes",
            (Controller::Processes, _) => "pids.max",
            (Controller::Processors, Version::V2) => "cpu.max",
            (Controller::Processors, Version::V1) => "cpu.cfs_quota_us",
        };
        self.dirs.iter().find(|dir| dir.join(file).exists()).map(PathBuf::as_path)
    }

    /// Moves a process into it; its children follow.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add(&self, pid: i32) -> Result<(), CgroupError> {
        self.dirs.iter().try_for_each(|dir| write(&dir.join("cgroup.procs"), &pid.to_string()))
    }

    /// The processes in it, by whichever directory is there.
    ///
    /// # Errors
    /// When none can be read.
    pub fn pids(&self) -> Result<Vec<i32>, CgroupError> {
        let mut pids = Vec::new();
        let mut problem = None;
        for dir in &self.dirs {
            match read(&dir.join("cgroup.procs")) {
                // Those of another process namespace show as 0.
                Ok(text) => pids
                    .extend(text.lines().filter_map(|line| line.parse().ok()).filter(|pid: &i32| *pid > 0)),
                Err(error) => problem = Some(error),
            }
        }
        pids.sort_unstable();
        pids.dedup();
        match problem {
            Some(error) if pids.is_empty() && error.kind() != Some(io::ErrorKind::NotFound) => Err(error),
            _ => Ok(pids),
        }
    }

    /// Removes it and, if it was the last of them, its user's and what holds them all; it must be empty.
    ///
    /// # Errors
    /// When something is in it still.
    pub fn remove(&self) -> Result<(), CgroupError> {
        let mut problem = Ok(());
        for dir in &self.dirs {
            match fs::remove_dir(dir) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => problem = Err(failed(dir)(error)),
                _ => {
                    // Where others are in them, they stay.
                    if let Some(parent) = dir.parent().filter(|parent| is_users(parent)) {
                        let _ = fs::remove_dir(parent);
                        let all = parent.parent().filter(|all| all.ends_with(SESSIONS));
                        let _ = all.map(fs::remove_dir);
                    }
                }
            }
        }
        problem
    }
}

fn is_users(dir: &Path) -> bool {
    dir.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("user-"))
}
