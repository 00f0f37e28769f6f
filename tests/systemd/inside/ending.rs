//! Removal ends everything and keeps what is the administrator's; purging leaves nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use portcullis_testing::{process, until};

use super::Scene;
use super::scene::{SECONDS, output, run};

pub(super) fn removed(scene: &mut Scene) -> Result<()> {
    scene.answers()?;
    run("dpkg", &["--remove", "portcullis"])?;
    ensure!(!process::is_alive(scene.ide), "the session's IDE runs on");
    until::is("every process is gone", SECONDS, || left().is_empty())?;
    for gone in ["/usr/bin/portcullis", "/usr/lib/portcullis", "/run/portcullis"] {
        ensure!(!Path::new(gone).exists(), "{gone} is left");
    }
    for kept in
        ["/etc/pam.d/portcullis", "/etc/rstudio/portcullis.conf", "/var/lib/portcullis/audit/audit.jsonl"]
    {
        ensure!(Path::new(kept).exists(), "{kept} is gone");
    }
    Ok(())
}

/// Processes of ours, and of somebody's session.
fn left() -> Vec<String> {
    let ours = |one: &process::Process| {
        one.name().starts_with("portcullis") && !one.args.iter().any(|arg| arg == super::WORD)
    };
    process::all().into_iter().filter(ours).map(|one| format!("{} {:?}", one.pid, one.args)).collect()
}

pub(super) fn purged(scene: &mut Scene) -> Result<()> {
    let said = run("dpkg", &["--purge", "portcullis"])?;
    ensure!(said.contains("audit log"), "it isn't said that the audit log goes: {said}");
    for gone in [
        "/etc/pam.d/portcullis",
        "/etc/rstudio/portcullis.conf",
        "/var/lib/portcullis",
        "/run/portcullis",
        "/usr/share/doc/portcullis",
        "/usr/lib/systemd/system/portcullis.service",
        "/etc/systemd/system/multi-user.target.wants/portcullis.service",
    ] {
        ensure!(fs::symlink_metadata(gone).is_err(), "{gone} is left");
    }
    // Theirs, not the package's.
    ensure!(Path::new("/etc/rstudio/rserver.conf").exists(), "the administrator's own file is gone");
    run("getent", &["passwd", "portcullis"])?;
    ensure!(left().is_empty(), "processes are left: {:?}", left());
    let mut groups = Vec::new();
    named(Path::new("/sys/fs/cgroup"), &mut groups);
    ensure!(groups.is_empty(), "control groups are left: {groups:?}");
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    let ours: Vec<&str> =
        places.filter(|at| at.contains("/portcullis") && !at.starts_with(crate::machine::PLACE)).collect();
    ensure!(ours.is_empty(), "mounts are left: {ours:?}");
    let unit = output("systemctl", &["cat", "portcullis.service"])?;
    ensure!(!unit.status.success(), "systemd knows the unit still");
    scene.socket = None;
    Ok(())
}

fn named(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with("portcullis") && !name.contains("test")) {
                found.push(entry.path());
            }
            named(&entry.path(), found);
        }
    }
}
