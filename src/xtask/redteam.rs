//! `cargo xtask redteam`: installs what the ways need, builds, and tries them where only mounts are private: the kernel's audit
//! system answers nowhere else.

use std::process::{ExitCode, Stdio};

use anyhow::Result;
use clap::Args;

use crate::{jupyter, packages, run};

/// Every way takes a session of its own, twice; a full run takes some ten minutes.
const DEADLINE_SECONDS: u32 = 3600;
/// As in the tests: a place below /run that every account can reach.
const PROGRAMS: &str = "/run/portcullis-programs";
/// The page about what is tried.
const PAGE: &str = "docs/redteam.md";

/// What to try.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Print JSON, with the records, instead of the table
    #[arg(long)]
    json: bool,
    /// Only ways whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Leave out the control: quicker, and proves nothing
    #[arg(long)]
    no_control: bool,
    /// Leave out the sandbox: whether the ways themselves work
    #[arg(long, conflicts_with = "no_control")]
    no_sandbox: bool,
    /// Write docs/redteam.md from the table, and try nothing
    #[arg(long)]
    write: bool,
}

/// Installs, builds, tries. The exit status says whether every way is held, named and proved.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    packages::ensure(packages::BUILD)?;
    if options.write {
        let mut write = run::cargo();
        write.args(["run", "--quiet", "--locked", "-p", "portcullis-redteam", "--", "--write"]);
        run::must(write.arg(run::root().join(PAGE)), "write the page")?;
        return Ok(ExitCode::SUCCESS);
    }
    packages::ensure(packages::ACCOUNTS)?;
    packages::ensure(packages::REDTEAM)?;
    jupyter::ensure()?;
    told(options, "building (the first time takes a few minutes)");
    // What it prints is kept away from the table.
    run::must(
        run::cargo().stdout(Stdio::null()).args([
            "build",
            "--locked",
            "-p",
            "portcullis",
            "-p",
            "portcullis-redteam",
            "--bins",
        ]),
        "build",
    )?;
    let built = run::target_folder()?.join("debug");
    told(options, "trying (a full run takes some ten minutes)");
    let mut command = run::as_root(std::env::current_exe()?);
    command
        .args(["isolated", "--shared-kernel"])
        .args(["--deadline-seconds", &DEADLINE_SECONDS.to_string()])
        .args(["--bind", &format!("{}:{PROGRAMS}", built.display())])
        .args(["--env", "PORTCULLIS_ISOLATED=1", "--env", &format!("PORTCULLIS_PROGRAMS={PROGRAMS}")])
        .args(["--env", &format!("PORTCULLIS_VENV={}", jupyter::folder().display())])
        .arg("--cwd")
        .arg(run::root());
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.args(["--env", &format!("{name}={}", value.to_string_lossy())]);
        }
    }
    command.arg("--").arg(built.join("portcullis-redteam"));
    for (on, flag) in
        [(options.json, "--json"), (options.no_control, "--no-control"), (options.no_sandbox, "--no-sandbox")]
    {
        if on {
            command.arg(flag);
        }
    }
    if let Some(part) = &options.only {
        command.args(["--only", part]);
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
