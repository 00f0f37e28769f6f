//! The command, for a world: what it says and how it ends.

use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::{World, place};
use serde_json::Value;

/// Runs it.
pub(super) fn portcullis(world: &World, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(place::program("portcullis"));
    command.args(args).arg("--run-dir").arg(world.run_dir());
    command.output().context("cannot run portcullis")
}

/// What it said, on both ways out.
pub(super) fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat()
}

/// Runs it and expects this exit status.
pub(super) fn exits(world: &World, args: &[&str], code: i32) -> Result<String> {
    let output = portcullis(world, args)?;
    ensure!(output.status.code() == Some(code), "{args:?}: {:?}: {}", output.status, said(&output));
    Ok(said(&output))
}

/// Runs it with `--json`.
pub(super) fn json(world: &World, args: &[&str], code: i32) -> Result<Value> {
    let text = exits(world, &[args, &["--json"]].concat(), code)?;
    serde_json::from_str(&text).with_context(|| text)
}

/// Does something once, for all tests of this process that share a server: the same test runs on each database.
pub(super) fn once(done: &Mutex<bool>, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
    if !*done {
        act()?;
        *done = true;
    }
    Ok(())
}
