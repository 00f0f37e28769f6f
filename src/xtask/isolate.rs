//! Private namespaces for tests: whatever they do to accounts, PAM, mounts, ports or processes vanishes with them.
//!
//! [`enter`] makes the namespaces and starts [`init`] as their first process, which lays throw-away overlays over the
//! folders that tests write to, runs the program and reaps. When the caller dies, everything inside dies.
//!
//! What the kernel has only once (its audit subsystem answers in the first process and network namespaces alone) can't be
//! tried in there: with `--shared-kernel` only the mounts are private ([`shared`]).

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, wait};
use nix::unistd::Pid;

use crate::loopback;

mod shared;

/// Folders whose changes are thrown away.
const OVERLAID: &[&str] = &["etc", "home", "var/lib", "var/spool", "var/mail"];
/// Where overlays keep their upper layers: inside the new /run, a tmpfs.
const LAYERS: &str = "/run/.layers";

/// What to run, and with what.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// End everything after so many seconds
    #[arg(long, default_value_t = 3600)]
    deadline_seconds: u64,
    /// Variables to set, NAME=VALUE: sudo keeps few
    #[arg(long = "env", value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Show a folder at a second place, FROM:TO; TO is made
    #[arg(long = "bind", value_name = "FROM:TO")]
    bind: Vec<String>,
    /// Private mounts only: the machine's processes and network, one such run at a time
    #[arg(long)]
    shared_kernel: bool,
    /// Working directory
    #[arg(long)]
    cwd: Option<PathBuf>,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

/// Makes the namespaces and waits for what runs in them.
pub(crate) fn enter(options: &Options) -> Result<ExitCode> {
    set_pdeathsig(Signal::SIGKILL).context("cannot tie this process to its parent")?;
    // ORDER: before the mounts are our own; afterwards the kernel names a program on another mount by its place on that one.
    let ourselves = std::env::current_exe()?;
    let (_turn, namespaces) = if options.shared_kernel {
        (Some(shared::turn()?), CloneFlags::CLONE_NEWNS)
    } else {
        (None, CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID | CloneFlags::CLONE_NEWNET)
    };
    unshare(namespaces).context("cannot make private namespaces (this needs root)")?;
    let mut init = Command::new(ourselves);
    init.arg("isolated-init").args(["--deadline-seconds", &options.deadline_seconds.to_string()]);
    for (flag, values) in [("--env", &options.env), ("--bind", &options.bind)] {
        for value in values {
            init.args([flag, value]);
        }
    }
    if options.shared_kernel {
        init.arg("--shared-kernel");
    }
    if let Some(cwd) = &options.cwd {
        init.arg("--cwd").arg(cwd);
    }
    let status =
        init.arg("--").args(&options.command).status().context("cannot start inside the namespaces")?;
    Ok(ExitCode::from(byte(status.code().or_else(|| status.signal().map(|signal| 128 + signal)))))
}

/// The first process inside.
pub(crate) fn init(options: &Options) -> Result<ExitCode> {
    let ends_us = if options.shared_kernel { shared::adopt_orphans()? } else { Signal::SIGKILL };
    set_pdeathsig(ends_us).context("cannot tie this process to its parent")?;
    furnish(options)?;
    let (program, args) = options.command.split_first().context("no program given")?;
    let mut command = Command::new(program);
    command.args(args);
    for pair in &options.env {
        if let Some((name, value)) = pair.split_once('=') {
            command.env(name, value);
        }
    }
    if options.shared_kernel {
        command.env(shared::ACCOUNTS.0, shared::ACCOUNTS.1);
    }
    if let Some(cwd) = &options.cwd {
        command.current_dir(cwd);
    }
    let child = command.spawn().with_context(|| format!("cannot start `{}`", program.to_string_lossy()))?;
    let child = Pid::from_raw(i32::try_from(child.id()).context("a process id that is none")?);
    let (done, ended) = mpsc::channel::<()>();
    let deadline = Duration::from_secs(options.deadline_seconds);
    let shared = options.shared_kernel;
    if shared {
        shared::end_when_told()?;
    }
    std::thread::spawn(move || {
        if ended.recv_timeout(deadline) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("error: the deadline of {} s passed; all processes are ended", deadline.as_secs());
            if shared {
                shared::end_descendants(false);
            } else {
                // -1 from the first process means: everything in here but itself.
                let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
            }
        }
    });
    let code = reap_until(child);
    drop(done);
    if shared {
        shared::end_descendants(true);
    }
    Ok(ExitCode::from(code))
}

/// Reaps whatever was left to the first process until `child` is gone. The kernel ends the rest when we exit.
fn reap_until(child: Pid) -> u8 {
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => return byte(Some(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                return byte(Some(128 + signal as i32));
            }
            Err(Errno::ECHILD) => return byte(None),
            Ok(_) | Err(_) => {}
        }
    }
}

fn byte(code: Option<i32>) -> u8 {
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

fn furnish(options: &Options) -> Result<()> {
    // Folders to show elsewhere are opened before anything is covered.
    let binds = options
        .bind
        .iter()
        .filter_map(|bind| bind.split_once(':'))
        .map(|(from, to)| Ok((fs::File::open(from).with_context(|| format!("cannot open `{from}`"))?, to)))
        .collect::<Result<Vec<_>>>()?;
    mount_at(None, "/", None, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None)?;
    if !options.shared_kernel {
        mount_at(Some("proc"), "/proc", Some("proc"), MsFlags::empty(), None)?;
    }
    mount_at(Some("tmpfs"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=755"))?;
    for lower in OVERLAID {
        let target = Path::new("/").join(lower);
        if !target.is_dir() {
            continue;
        }
        let layer = Path::new(LAYERS).join(lower.replace('/', "-"));
        let (upper, work) = (layer.join("upper"), layer.join("work"));
        for folder in [&upper, &work] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // The merged folder takes its mode and owner from the upper one.
        let like = fs::metadata(&target)?;
        fs::set_permissions(&upper, fs::Permissions::from_mode(like.mode() & 0o7777))?;
        std::os::unix::fs::chown(&upper, Some(like.uid()), Some(like.gid()))?;
        let data = format!("lowerdir=/{lower},upperdir={},workdir={}", upper.display(), work.display());
        mount_at(Some("overlay"), &format!("/{lower}"), Some("overlay"), MsFlags::empty(), Some(&data))?;
    }
    for (from, to) in &binds {
        use std::os::fd::AsRawFd;
        fs::create_dir_all(to)?;
        let from = format!("/proc/self/fd/{}", from.as_raw_fd());
        mount_at(Some(&from), to, None, MsFlags::MS_BIND, None)?;
    }
    if options.shared_kernel { Ok(()) } else { loopback::up() }
}

fn mount_at(
    from: Option<&str>,
    to: &str,
    kind: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> Result<()> {
    mount(from, to, kind, flags, data)
        .with_context(|| format!("cannot mount {} at {to}", kind.unwrap_or("a bind")))
}
