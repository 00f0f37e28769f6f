//! A control group of the test's own, below the one it was started in: whatever an attempt exhausts, the machine survives it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use portcullis_testing::until;

/// Memory and processes of everything that the test starts, together.
const LIMITS: &[(&str, &str, &str)] =
    &[("memory", "memory.limit_in_bytes", "6442450944"), ("pids", "pids.max", "3000")];

/// The groups; they are removed when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Bound {
    groups: Vec<(PathBuf, PathBuf)>,
}

impl Bound {
    /// Makes them and moves this process into them; what it starts follows.
    pub(crate) fn enter() -> Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup").context("cannot read our control groups")?;
        let mut bound = Self::default();
        for (controller, file, limit) in LIMITS {
            let Some(parent) = own_group(&own, controller).filter(|path| path.is_dir()) else { continue };
            let group = parent.join(format!("redteam-{}", std::process::id()));
            fs::create_dir(&group).with_context(|| format!("cannot make `{}`", group.display()))?;
            bound.groups.push((group.clone(), parent));
            fs::write(group.join(file), limit)
                .with_context(|| format!("cannot limit `{}`", group.display()))?;
            fs::write(group.join("cgroup.procs"), std::process::id().to_string())
                .with_context(|| format!("cannot enter `{}`", group.display()))?;
        }
        anyhow::ensure!(
            bound.groups.len() == LIMITS.len(),
            "no control groups that bound memory and processes: a bomb that is not held would take the machine"
        );
        Ok(bound)
    }
}

fn own_group(own: &str, controller: &str) -> Option<PathBuf> {
    let line = own.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        controllers.split(',').any(|one| one == controller).then_some(path)
    })?;
    Some(Path::new("/sys/fs/cgroup").join(controller).join(line.trim_start_matches('/')))
}

impl Drop for Bound {
    fn drop(&mut self) {
        for (group, parent) in &self.groups {
            // What is still in it, we ourselves among others, goes back; then it can go.
            let emptied = until::is("the control group is empty", 10, || {
                let pids = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
                for pid in pids.lines() {
                    let _ = fs::write(parent.join("cgroup.procs"), pid);
                }
                remove(group)
            });
            if let Err(error) = emptied {
                eprintln!("warning: {} stays: {error:#}", group.display());
            }
        }
    }
}

/// Removes a group and those below it.
fn remove(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove(&entry.path());
        }
    }
    fs::remove_dir(group).is_ok()
}
