//! `cargo xtask torture`: builds, and kills, restarts and upgrades a Portcullis under load inside the tests' namespaces.

use std::process::{ExitCode, Stdio};

use anyhow::Result;
use clap::Args;

use crate::{jupyter, packages, run};

/// 500 events take some half an hour; whoever asks for minutes gets them, and this besides.
const SLACK_SECONDS: u64 = 2 * 3600;
/// As in the tests: a place below /run that every account can reach.
const PROGRAMS: &str = "/run/portcullis-programs";

/// How much of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many events: 500, or as many as the minutes allow
    #[arg(long)]
    events: Option<usize>,
    /// End after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// What the series of events is made of; the same seed makes the same series
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Somebody works in a real JupyterLab too; installs it
    #[arg(long)]
    jupyter: bool,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Builds, runs. The exit status says whether nothing was lost.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    packages::ensure(packages::BUILD)?;
    packages::ensure(packages::ACCOUNTS)?;
    if options.jupyter {
        jupyter::ensure()?;
    }
    told(options, "building (the first time takes a few minutes)");
    let mut cargo = run::cargo();
    // What it prints is kept away from the table.
    cargo.stdout(Stdio::null()).args(["build", "--locked", "--bins"]);
    for package in ["portcullis", "portcullis-testing", "portcullis-torture"] {
        cargo.args(["-p", package]);
    }
    run::must(&mut cargo, "build")?;
    let built = run::target_folder()?.join("debug");
    told(options, "breaking things (500 events take some half an hour)");
    let deadline = options.minutes.unwrap_or_default() * 60 + SLACK_SECONDS;
    let mut command = run::as_root(std::env::current_exe()?);
    command
        .arg("isolated")
        .args(["--deadline-seconds", &deadline.to_string()])
        .args(["--bind", &format!("{}:{PROGRAMS}", built.display())])
        .args(["--env", "PORTCULLIS_ISOLATED=1", "--env", &format!("PORTCULLIS_PROGRAMS={PROGRAMS}")])
        .args(["--env", &format!("PORTCULLIS_VENV={}", jupyter::folder().display())])
        .arg("--cwd")
        .arg(run::root());
    if let Some(value) = std::env::var_os("PATH") {
        command.args(["--env", &format!("PATH={}", value.to_string_lossy())]);
    }
    command.arg("--").arg(built.join("portcullis-torture"));
    command.args(["--seed", &options.seed.to_string()]);
    if let Some(events) = options.events {
        command.args(["--events", &events.to_string()]);
    }
    if let Some(minutes) = options.minutes {
        command.args(["--minutes", &minutes.to_string()]);
    }
    for (on, flag) in [(options.jupyter, "--jupyter"), (options.json, "--json")] {
        if on {
            command.arg(flag);
        }
    }
    let status = command.stdin(Stdio::null()).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Says what is done, but not where JSON is to come.
fn told(options: &Options, text: &str) {
    if !options.json {
        run::step(text);
    }
}
