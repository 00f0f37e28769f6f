//! Boots a root folder under its own systemd, in namespaces and control groups of its own.
//!
//! Two processes: [`outside`] takes control groups below our own, so that whoever counts us counts the machine too, and makes the
//! namespaces; [`first`], the first process in them, makes the mounts that systemd expects and becomes systemd.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::pivot_root;

/// This program as the one that makes the namespaces.
pub(crate) const OUTSIDE: &str = "--boot";
/// This program as the first process in them.
pub(crate) const FIRST: &str = "--boot-first";
/// The exit status for "not on this machine".
pub(crate) const NOT_HERE: i32 = 77;
/// What is started there.
pub(crate) const TARGET: &str = "portcullis-test.target";

/// Hierarchies that the machine gets: version 2, systemd's own, and controllers.
const TAKEN: &[&str] =
    &["", "name=systemd", "memory", "pids", "cpu", "cpuacct", "freezer", "devices", "blkio"];
const NONE: MsFlags = MsFlags::empty();

/// A hierarchy of control groups: its own options, our place in it, where it is seen.
#[derive(Debug)]
struct Hierarchy {
    /// Of version 1: `memory`, `cpu,cpuacct`, `name=systemd`. Empty for version 2.
    options: String,
    /// Our own group's folder.
    own: PathBuf,
    /// Where it is mounted, below `/sys/fs/cgroup`.
    at: PathBuf,
}

/// Makes the namespaces and waits for what runs in them.
pub(crate) fn outside(args: &[String]) -> ExitCode {
    let root = args.first().map(String::as_str).unwrap_or_default();
    match try_outside(root) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(u8::try_from(NOT_HERE).unwrap_or(1))
        }
    }
}

fn try_outside(root: &str) -> Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    let us = std::env::current_exe()?;
    let hierarchies = hierarchies();
    let name = format!("portcullis-machine-{}", std::process::id());
    let mut taken = Vec::new();
    for hierarchy in &hierarchies {
        let group = hierarchy.own.join(&name);
        // One of the same number was killed and could not remove it.
        remove(&group);
        let made = fs::create_dir(&group).and_then(|()| fs::write(group.join("cgroup.procs"), "0"));
        made.with_context(|| format!("cannot take a control group in `{}`", hierarchy.own.display()))?;
        taken.push(group);
    }
    let all = [
        CloneFlags::CLONE_NEWCGROUP,
        CloneFlags::CLONE_NEWPID,
        CloneFlags::CLONE_NEWUTS,
        CloneFlags::CLONE_NEWIPC,
        CloneFlags::CLONE_NEWNET,
    ];
    unshare(all.into_iter().collect()).context("cannot make namespaces")?;
    let mut command = Command::new(us);
    command.arg(FIRST).arg(root);
    for hierarchy in &hierarchies {
        command.arg(&hierarchy.options).arg(&hierarchy.at);
    }
    let ended = command.status().context("cannot start the first process");
    for (hierarchy, group) in hierarchies.iter().zip(taken) {
        // Back to where we were, or the group could not go. What stays is empty.
        let _ = fs::write(hierarchy.own.join("cgroup.procs"), "0");
        remove(&group);
    }
    ended.map(drop)
}

fn remove(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

/// What of `/proc/self/cgroup` is mounted below `/sys/fs/cgroup`.
fn hierarchies() -> Vec<Hierarchy> {
    let (groups, mounts) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(options), Some(path)) = (fields.next(), fields.next()) else { continue };
        // Others (`cpuset`, say) take no process before they are configured, and systemd needs none of them.
        if !options.split(',').all(|one| TAKEN.contains(&one)) {
            continue;
        }
        let mounted = mounts.lines().find_map(|mount| {
            let (before, after) = mount.split_once(" - ")?;
            let mut before = before.split(' ').skip(3);
            let (root, at) = (before.next()?, before.next()?);
            let mut after = after.split(' ');
            let (kind, said) = (after.next()?, after.nth(1)?);
            let same = match options {
                "" => kind == "cgroup2",
                options => {
                    kind == "cgroup" && options.split(',').all(|one| said.split(',').any(|it| it == one))
                }
            };
            (same && at.starts_with("/sys/fs/cgroup")).then(|| (root.to_owned(), PathBuf::from(at)))
        });
        let Some((root, at)) = mounted else { continue };
        let below = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path).trim_start_matches('/');
        found.push(Hierarchy { options: options.to_owned(), own: at.join(below), at });
    }
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Makes the machine's mounts and becomes its systemd.
pub(crate) fn first(args: &[String]) -> ExitCode {
    let error = match try_first(args) {
        Err(error) => error,
        Ok(never) => match never {},
    };
    eprintln!("{error:#}");
    ExitCode::FAILURE
}

fn try_first(args: &[String]) -> Result<std::convert::Infallible> {
    set_pdeathsig(Signal::SIGKILL)?;
    let (root, groups) = args.split_first().context("no root")?;
    let root = Path::new(root);
    let place = root.join(crate::machine::PLACE.trim_start_matches('/'));
    // Here, not outside: another root would be the other process's as well, and it has groups to remove by their paths.
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    put(None, Path::new("/"), None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)?;
    let programs = portcullis_testing::place::program("");
    put(programs.to_str(), &place.join("programs"), None, MsFlags::MS_BIND, None)?;
    for (kind, at, data) in [
        ("proc", "proc", None),
        ("sysfs", "sys", None),
        ("tmpfs", "sys/fs/cgroup", Some("mode=755")),
        ("tmpfs", "run", Some("mode=755")),
        ("tmpfs", "tmp", None),
    ] {
        put(Some(kind), &root.join(at), Some(kind), NONE, data)?;
    }
    control_groups(root, groups)?;
    devices(root)?;
    let old = root.join("mnt");
    pivot_root(root, &old).context("cannot change the root")?;
    std::env::set_current_dir("/")?;
    umount2("/mnt", MntFlags::MNT_DETACH).context("cannot let go of the old root")?;
    let mut systemd = Command::new("/lib/systemd/systemd");
    systemd.env_clear().env("container", "portcullis-test").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    systemd.args([&format!("--unit={TARGET}"), "--log-target=console", "--show-status=0"]);
    Err(systemd.exec()).context("cannot become systemd")
}

/// The same hierarchies as outside, from our own groups down.
fn control_groups(root: &Path, groups: &[String]) -> Result<()> {
    let mut named = false;
    for pair in groups.chunks_exact(2) {
        let at = root.join(pair[1].trim_start_matches('/'));
        fs::create_dir_all(&at)?;
        let (kind, data) = match pair[0].as_str() {
            "" => ("cgroup2", None),
            name if name.starts_with("name=") => ("cgroup", Some(format!("none,{name}"))),
            controllers => ("cgroup", Some(controllers.to_owned())),
        };
        named |= pair[0] == "name=systemd" || pair[1] == "/sys/fs/cgroup";
        put(Some(kind), &at, Some(kind), NONE, data.as_deref())?;
    }
    if !named {
        // Version 1 without systemd's own hierarchy: this machine was not started by one.
        let at = root.join("sys/fs/cgroup/systemd");
        fs::create_dir_all(&at)?;
        put(Some("cgroup"), &at, Some("cgroup"), NONE, Some("none,name=systemd"))?;
    }
    Ok(())
}

fn devices(root: &Path) -> Result<()> {
    let dev = root.join("dev");
    put(Some("tmpfs"), &dev, Some("tmpfs"), NONE, Some("mode=755"))?;
    for folder in ["pts", "shm"] {
        fs::create_dir(dev.join(folder))?;
    }
    put(Some("devpts"), &dev.join("pts"), Some("devpts"), NONE, Some("newinstance,ptmxmode=666"))?;
    put(Some("tmpfs"), &dev.join("shm"), Some("tmpfs"), NONE, Some("mode=1777"))?;
    std::os::unix::fs::symlink("pts/ptmx", dev.join("ptmx"))?;
    std::os::unix::fs::symlink("/proc/self/fd", dev.join("fd"))?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        fs::write(dev.join(name), "")?;
        put(Some(&format!("/dev/{name}")), &dev.join(name), None, MsFlags::MS_BIND, None)?;
    }
    Ok(())
}

fn put(from: Option<&str>, to: &Path, kind: Option<&str>, flags: MsFlags, data: Option<&str>) -> Result<()> {
    mount(from, to, kind, flags, data)
        .with_context(|| format!("cannot mount {} at `{}`", kind.unwrap_or("a bind"), to.display()))
}
