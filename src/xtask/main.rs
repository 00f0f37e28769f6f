//! What a developer or a newcomer runs: `cargo xtask demo|test|bench|fuzz|redteam|torture|dist|ci|generate|fetch`.
//!
//! It installs, builds, starts and checks; it holds nothing that the daemon needs. Programs are started with an argument
//! list each, never through a shell.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks there")]

mod bench;
mod ci;
mod code_server;
mod demo;
mod dist;
mod fetch;
mod fuzz;
mod generate;
mod identity_providers;
mod isolate;
mod jupyter;
mod loopback;
mod packages;
mod redteam;
mod run;
mod test;
mod torture;
mod wheels;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Demo, tests and checks of Portcullis.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing, build, and serve a throw-away account on http://127.0.0.1:8787 until Ctrl-C
    Demo(demo::Options),
    /// Run every test, installing what they need; the last line is their count
    Test(test::Options),
    /// Measure beside nginx, haproxy and configurable-http-proxy; exit status 1 when a bar is missed
    Bench(bench::Options),
    /// Feed every parser with inputs that nobody thought of; exit status 1 when something doesn't hold
    Fuzz(fuzz::Options),
    /// Try to get out of sessions by every known way, with the sandbox and without; exit status 1 when one doesn't hold
    Redteam(redteam::Options),
    /// Kill, restart and upgrade a Portcullis under load; exit status 1 when something was lost
    Torture(torture::Options),
    /// Build the programs and make a .deb and an .rpm of them; prints where they are, their sizes and sums
    Dist(dist::Options),
    /// Check formatting, lints, documentation, layers and generated files
    Ci,
    /// Install everything that the tests need, ahead of them: packages, JupyterLab, code-server, identity providers
    Fetch,
    /// Write the files that are generated from the code (docs/options, etc)
    Generate,
    /// Run a program in private mount, process and network namespaces with throw-away /etc, /home and /run
    Isolated(isolate::Options),
    /// First process inside the namespaces; started by `isolated`
    #[command(hide = true)]
    IsolatedInit(isolate::Options),
}

fn main() -> ExitCode {
    if let Some(code) = fuzz::instrument() {
        return code;
    }
    let outcome = match Cli::parse().command {
        Command::Demo(options) => demo::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Redteam(options) => redteam::run(&options),
        Command::Torture(options) => torture::run(&options),
        Command::Dist(options) => dist::run(&options),
        Command::Ci => ci::run(),
        Command::Fetch => fetch::run(),
        Command::Generate => generate::run(),
        Command::Isolated(options) => isolate::enter(&options),
        Command::IsolatedInit(options) => isolate::init(&options),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
