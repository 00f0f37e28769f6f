//! Measures Portcullis beside nginx, haproxy, configurable-http-proxy and nothing at all, in one interleaved run.
//!
//! Started by `cargo xtask bench` inside the namespaces of the tests, with release builds. Rounds are interleaved: each round
//! loads every target once, so that a noisy minute disturbs all alike; medians and ratios are reported.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks there")]

mod hostile;
mod http_load;
mod ide_start;
mod measure;
mod ours;
mod page;
mod peers;
mod people;
mod policy;
mod report;
mod sandbox;
mod sign_ins;
mod stats;
mod target;
mod transfer;
mod upstream;
mod usage;
mod websocket_load;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use crate::measure::Scope;
use crate::page::Part;

/// Benchmarks of Portcullis.
#[derive(Debug, Parser)]
struct Cli {
    /// Short stretches and few rounds: to see that it works, not to quote
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Write the tables to this file too
    #[arg(long)]
    write: Option<PathBuf>,
    /// The configurable-http-proxy program; left out of the tables without it
    #[arg(long)]
    chp: Option<PathBuf>,
    /// Leave out the start of JupyterLab
    #[arg(long)]
    no_ide: bool,
    /// Only small requests: for whoever tunes them
    #[arg(long)]
    only_requests: bool,
    /// Only the policy: no server, nothing else to install
    #[arg(long, conflicts_with_all = ["only_requests", "write"])]
    only_policy: bool,
    /// Only what the sandbox costs; wants the machine's own process and network namespaces
    #[arg(long, conflicts_with_all = ["only_requests", "only_policy"], requires = "program")]
    only_sandbox: bool,
    /// Only what signed-in users notice of slow and hostile peers, and how much memory those cost
    #[arg(long, conflicts_with_all = ["only_requests", "only_policy", "only_sandbox"])]
    only_hostile: bool,
    /// Only how many sign in a second, and what very many sign-ins cost
    #[arg(long, conflicts_with_all = ["only_requests", "only_policy", "only_sandbox", "only_hostile"])]
    only_people: bool,
    /// With --only-people: the folder of another build's programs, whose requests are measured beside
    #[arg(long, requires = "only_people")]
    beside: Option<PathBuf>,
    /// With --only-hostile: only attacks whose name contains this
    #[arg(long, requires = "only_hostile")]
    attack: Option<String>,
    /// Be the peers of an attack; started by this program itself
    #[arg(long, hide = true)]
    hostile_peer: Option<String>,
    /// Sign people in by PAM alone, with this service; started by this program itself
    #[arg(long, hide = true, requires = "pam_seconds")]
    pam_peer: Option<String>,
    /// For how long; not at all means one of them, once
    #[arg(long, hide = true)]
    pam_seconds: Option<f64>,
    /// In a process each
    #[arg(long, hide = true)]
    pam_each: bool,
    /// A static program that ends at once
    #[arg(long)]
    program: Option<PathBuf>,
    /// A folder with numpy in it; nothing is computed without it
    #[arg(long)]
    numpy: Option<PathBuf>,
}

fn main() -> ExitCode {
    run(&Cli::parse()).unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(cli: &Cli) -> Result<ExitCode> {
    if let Some(name) = &cli.hostile_peer {
        hostile::peer(name)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(service), Some(seconds)) = (&cli.pam_peer, cli.pam_seconds) {
        sign_ins::peer(service, seconds, cli.pam_each)?;
        return Ok(ExitCode::SUCCESS);
    }
    let report = if cli.only_hostile {
        measure::hostile_alone(cli.quick, cli.attack.as_deref())?
    } else if cli.only_people {
        measure::people_alone(cli.quick, cli.beside.as_deref())?
    } else if cli.only_policy {
        measure::policy_alone(cli.quick)?
    } else if let (true, Some(program)) = (cli.only_sandbox, &cli.program) {
        measure::sandbox_alone(cli.quick, program, cli.numpy.as_deref())?
    } else {
        let scope = Scope { quick: cli.quick, ide: !cli.no_ide, only_requests: cli.only_requests };
        measure::everything(&scope, cli.chp.as_deref())?
    };
    let markdown = report.markdown();
    if let Some(path) = &cli.write {
        let part = match (cli.only_sandbox, cli.only_hostile, cli.only_people) {
            (true, ..) => Part::Sandbox,
            (_, true, _) => Part::Hostile,
            (.., true) => Part::People,
            _ => Part::Proxy,
        };
        page::write(path, part, &markdown)?;
    }
    if cli.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{markdown}");
    }
    Ok(if report.bars.iter().all(|bar| bar.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
