//! Tries to get out of sessions: each way with the sandbox, where it must fail and be named in the audit log, and without it
//! as the control, where it must succeed, or it proves nothing.
//!
//! Started by `cargo xtask redteam` with private mounts. It makes accounts, worlds and targets as root; every attempt itself
//! runs as code of a real session's, behind a real sign-in. It must not run anywhere else: it changes /etc and /home.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks there")]

mod attempt;
mod bystanders;
mod control_group;
mod evidence;
mod field;
mod inside;
mod notebook;
mod outcome;
mod page;
mod plain;
mod report;
mod run;
mod sources;
mod table;
mod targets;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;

/// Ways out of a session, tried.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Only ways whose name contains this
    #[arg(long)]
    only: Option<String>,
    /// Leave out the control: to see quickly what is held, proves nothing
    #[arg(long)]
    no_control: bool,
    /// Leave out the sandbox: to see whether the ways themselves work
    #[arg(long, conflicts_with = "no_control")]
    no_sandbox: bool,
    /// Print what comes of each way as the standard harness of tests does
    #[arg(long, conflicts_with_all = ["json", "no_control", "no_sandbox"])]
    as_tests: bool,
    /// Write the page about what is tried to this file, and try nothing
    #[arg(long)]
    write: Option<PathBuf>,
}

fn main() -> ExitCode {
    run(&Cli::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(cli: &Cli) -> Result<ExitCode> {
    if let Some(path) = &cli.write {
        std::fs::write(path, page::markdown())?;
        println!("wrote {}", path.display());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(why) = lacks().filter(|_| cli.as_tests) {
        println!(
            "test redteam ... ignored, {why}\n\ntest result: ok. 0 passed; 0 failed; 1 ignored; 0 measured"
        );
        return Ok(ExitCode::SUCCESS);
    }
    if !portcullis_testing::place::isolated() {
        bail!(
            "this changes accounts and mounts of the machine; `cargo xtask redteam` runs it where they are thrown away"
        );
    }
    let report = run::everything(cli)?;
    if cli.as_tests {
        print!("{}", report.as_tests());
    } else if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{report}");
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Why it can't be run here, if so.
fn lacks() -> Option<String> {
    if !portcullis_testing::place::isolated() {
        return Some("needs the mounts of `cargo xtask test`".into());
    }
    let error = portcullis_sys::audit::Control::open().err()?;
    Some(format!("the kernel's audit can't be had here: {error}"))
}
