//! Starting other programs: where the project is, how to become root, how failure reads.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};

/// The project's root folder.
pub(crate) fn root() -> PathBuf {
    // CARGO_MANIFEST_DIR is src/xtask.
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap_or_else(|_| ".".into())
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// A command run as root: directly, or through sudo, which asks for the password on the terminal.
pub(crate) fn as_root(program: impl AsRef<OsStr>) -> Command {
    if nix::unistd::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("sudo");
    command.arg("--").arg(program);
    command
}

/// Says what is about to be done, so that nobody wonders during a long silence.
pub(crate) fn step(text: &str) {
    println!("==> {text}");
}

/// Runs to the end; its output goes where ours goes.
pub(crate) fn must(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot {what}: cannot start {command:?}"))?;
    if !status.success() {
        bail!("cannot {what}: {command:?} ended with {status}");
    }
    Ok(())
}

/// Runs to the end and returns what it wrote to its standard output.
pub(crate) fn output(command: &mut Command, what: &str) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot {what}: cannot start {command:?}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("cannot {what}: {command:?} ended with {}: {}", output.status, why.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("cannot {what}: its output is not UTF-8"))
}

/// Whether a program of this name is on the path.
pub(crate) fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
        || ["/usr/sbin", "/sbin"].iter().any(|folder| std::path::Path::new(folder).join(program).is_file())
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let text = output(
        cargo().args(["metadata", "--no-deps", "--format-version=1"]),
        "ask cargo for its target folder",
    )?;
    let metadata: serde_json::Value = serde_json::from_str(&text)?;
    Ok(PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target")))
}

/// Waits until no other run of this project has the lock of this name; the turn is over when it is dropped, or its process ends.
pub(crate) fn turn(name: &str) -> Result<Flock<File>> {
    let folder = root().join("target");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let path = folder.join(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open `{}`", path.display()))?;
    let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(turn) => return Ok(turn),
        Err((file, _)) => file,
    };
    step(&format!("waiting for another run (`{}`)", path.display()));
    Flock::lock(file, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .context("cannot wait for another run")
}
