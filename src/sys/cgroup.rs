//! One control group per session, below our own: what is in it can be ended at once, whatever it forks.
//!
//! Version 2 only: the unified mount, or the one beside version 1 (`/sys/fs/cgroup/unified`), where no controllers are needed
//! for `cgroup.kill`. Where neither is writable there is no group, and the descendants are ended one by one ([`crate::tree`]).

use std::fs;
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use thiserror::Error;

use crate::process::Process;

/// Why there is no group.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// No version 2 hierarchy is mounted, or we are in none.
    #[error("no cgroup v2 hierarchy is mounted")]
    NotMounted,
    /// A name that is no single path component.
    #[error("`{0}` is no name for a cgroup")]
    Name(String),
    /// A file of it could not be used.
    #[error("can't use `{path}`")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// The directory of the group this process is in.
    ///
    /// # Errors
    /// When no version 2 hierarchy is mounted.
    pub fn own() -> Result<Self, CgroupError> {
        let read = |path: &str| {
            fs::read_to_string(path).map_err(|source| CgroupError::File { path: path.into(), source })
        };
        let (mounts, groups) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        own_in(&mounts, &groups).map(Self).ok_or(CgroupError::NotMounted)
    }

    /// Makes a group `name` below our own.
    ///
    /// # Errors
    /// When there is no hierarchy or it can't be written; the caller logs that and goes on without.
    pub fn create(name: &str) -> Result<Self, CgroupError> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return Err(CgroupError::Name(name.to_owned()));
        }
        let path = Self::own()?.0.join(name);
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            // Of an earlier session process with this id that is gone: empty, or it would hold its old processes too.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let group = Self(path);
                if group.is_populated()? { Err(group.failed("", error)) } else { Ok(group) }
            }
            Err(source) => Err(CgroupError::File { path, source }),
        }
    }

    /// The group at this directory, made earlier by [`Cgroup::create`].
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Moves a process into it; its children follow.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn add(&self, pid: i32) -> Result<(), CgroupError> {
        fs::write(self.0.join("cgroup.procs"), pid.to_string())
            .map_err(|error| self.failed("cgroup.procs", error))
    }

    /// The processes in it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn pids(&self) -> Result<Vec<i32>, CgroupError> {
        let text = fs::read_to_string(self.0.join("cgroup.procs"));
        let text = text.map_err(|error| self.failed("cgroup.procs", error))?;
        Ok(text.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid > 0).collect())
    }

    /// Whether it or a group below it has a process.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn is_populated(&self) -> Result<bool, CgroupError> {
        let text = fs::read_to_string(self.0.join("cgroup.events"));
        Ok(populated(&text.map_err(|error| self.failed("cgroup.events", error))?))
    }

    /// Kills every process in it and below, at once where the kernel can (since 5.14), else one by one until none is left.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn kill(&self) -> Result<(), CgroupError> {
        match fs::write(self.0.join("cgroup.kill"), "1") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(self.failed("cgroup.kill", error)),
            Ok(()) => return Ok(()),
        }
        // Bounded: what forks faster than this is frozen first by newer kernels.
        for _ in 0..100 {
            let pids = self.pids()?;
            if pids.is_empty() {
                break;
            }
            for process in pids.into_iter().filter_map(|pid| Process::open(pid).ok()) {
                let _ = process.signal(Signal::SIGKILL);
            }
        }
        Ok(())
    }

    /// Waits until nothing is in it, or the time is over; says whether it is empty.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn wait_empty(&self, within: Duration) -> Result<bool, CgroupError> {
        let failed = |error| self.failed("cgroup.events", error);
        let end = Instant::now() + within;
        let mut events = fs::File::open(self.0.join("cgroup.events")).map_err(failed)?;
        loop {
            let mut text = String::new();
            events.rewind().map_err(failed)?;
            events.read_to_string(&mut text).map_err(failed)?;
            let left = end.saturating_duration_since(Instant::now());
            if !populated(&text) || left.is_zero() {
                return Ok(!populated(&text));
            }
            // The kernel raises POLLPRI when the file changes (cgroup-v2 documentation, "[Un]populated Notification").
            let mut polled = [PollFd::new(events.as_fd(), PollFlags::POLLPRI)];
            let _ = poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
        }
    }

    /// Removes it; it must be empty.
    ///
    /// # Errors
    /// When something is in it still.
    pub fn remove(&self) -> Result<(), CgroupError> {
        match fs::remove_dir(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.failed("", error)),
            _ => Ok(()),
        }
    }

    fn failed(&self, file: &str, source: io::Error) -> CgroupError {
        CgroupError::File { path: self.0.join(file), source }
    }
}

fn populated(events: &str) -> bool {
    events.lines().any(|line| line == "populated 1")
}

/// Joins the mount point of version 2 and our path in it. In a container the mount may show a part of the hierarchy only.
fn own_in(mounts: &str, groups: &str) -> Option<PathBuf> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        if after.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = before.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(group).strip_prefix(root).ok()?;
        Some(if below.as_os_str().is_empty() { point.into() } else { Path::new(point).join(below) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Exec;

    #[test]
    fn our_own_group_is_found_on_each_kind_of_mount() {
        let unified = "29 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        let hybrid = "30 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n31 23 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
        let part = "29 23 0:26 /docker/x /sys/fs/cgroup rw - cgroup2 cgroup rw";
        for (mounts, groups, wanted) in [
            (unified, "0::/system.slice/a.service\n", Some("/sys/fs/cgroup/system.slice/a.service")),
            (hybrid, "4:memory:/x\n0::/\n", Some("/sys/fs/cgroup/unified")),
            (part, "0::/docker/x/y\n", Some("/sys/fs/cgroup/y")),
            (part, "0::/elsewhere\n", None),
            ("1 1 0:1 / / rw - ext4 a rw", "0::/\n", None),
            (unified, "4:memory:/x\n", None),
        ] {
            assert_eq!(own_in(mounts, groups), wanted.map(PathBuf::from), "{groups}");
        }
    }

    #[test]
    fn a_group_is_killed_whole() {
        let name = format!("portcullis-test-{}", std::process::id());
        let Ok(group) = Cgroup::create(&name) else { return }; // no writable hierarchy on this machine
        let mut exec = Exec::new(Path::new("/bin/sh")).expect("sh");
        exec.arg("-c").arg("read x; setsid sleep 1000 & sleep 1000 & wait").env("PATH", b"/bin:/usr/bin");
        let (reader, writer) = crate::fd::pipe().expect("a pipe");
        exec.fd(0, reader.as_fd());
        let child = exec.spawn().expect("a child");
        group.add(child.pid()).expect("added");
        assert!(group.is_populated().expect("readable"));
        assert_eq!(group.pids().expect("readable"), [child.pid()]);
        drop(writer);
        group.kill().expect("killed");
        assert_eq!(child.wait().expect("its end"), crate::process::Ended::Signalled(9));
        assert!(group.wait_empty(Duration::from_secs(10)).expect("readable"));
        group.remove().expect("removed");
        group.remove().expect("nothing to do");
    }
}
