//! Kills, restarts, reloads and upgrades a Portcullis at random while people use it, signs them out and revokes them, and
//! counts what was lost: sessions, revocations, audit records, bytes, and on events in order requests and WebSockets.
//!
//! Started by `cargo xtask torture` inside the namespaces of the tests: it makes accounts and worlds as root, and must not run
//! anywhere else. The same seed makes the same series of events; what the load does meanwhile is the machine's doing.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks there")]

mod acts;
mod board;
mod campaign;
mod cells;
mod doors;
mod events;
mod ledger;
mod load;
mod people;
mod random;
mod report;
mod settle;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Parser;

/// A campaign of losses.
#[derive(Debug, Parser)]
pub(crate) struct Cli {
    /// How many events: 500, or as many as the minutes allow
    #[arg(long)]
    events: Option<usize>,
    /// End after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
    /// What the series of events is made of
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Somebody works in a real JupyterLab too
    #[arg(long)]
    jupyter: bool,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Print what comes of each bar as the standard harness of tests does
    #[arg(long, conflicts_with = "json")]
    as_tests: bool,
}

fn main() -> ExitCode {
    run(&Cli::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(cli: &Cli) -> Result<ExitCode> {
    if !portcullis_testing::place::isolated() {
        if cli.as_tests {
            println!("test torture ... ignored, needs the namespaces of `cargo xtask test`\n");
            println!("test result: ok. 0 passed; 0 failed; 1 ignored; 0 measured");
            return Ok(ExitCode::SUCCESS);
        }
        bail!(
            "this changes accounts of the machine; `cargo xtask torture` runs it where they are thrown away"
        );
    }
    let report = campaign::run(cli)?;
    if cli.as_tests {
        print!("{}", report.as_tests());
    } else if cli.json {
        println!("{}", report.json()?);
    } else {
        println!("{report}");
    }
    Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
