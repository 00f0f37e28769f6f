//! The demo: everything from an empty machine to a running sign-in page, and back to an empty machine.
//!
//! Nothing is written to `/etc/rstudio`; the one trace in `/etc` is the throw-away account, which is removed at the end
//! or, when the demo was killed, at the next start.

mod account;
mod configuration;
mod daemon;
mod leftovers;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use nix::sys::signal::{SigSet, Signal};

use crate::{jupyter, packages, run};
use account::Account;
use configuration::{Configuration, Flags};
use daemon::Daemon;

/// How to run the demo.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Sign in, run a kernel and try the doors without a person; exit 0 when all of it works
    #[arg(long)]
    smoke: bool,
    /// Port of the sign-in page; with --smoke any free one
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// Folder of the built programs; set when the demo restarts itself as root
    #[arg(long, hide = true)]
    built: Option<PathBuf>,
}

/// Prepares as whoever called, serves as root.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let built = match &options.built {
        Some(built) => built.clone(),
        None => prepare(options.smoke)?,
    };
    if nix::unistd::geteuid().is_root() {
        return serve(options, &built);
    }
    let mut again = run::as_root(std::env::current_exe()?);
    again.arg("demo").arg("--built").arg(&built).args(["--port", &options.port.to_string()]);
    if options.smoke {
        again.arg("--smoke");
    }
    // Ctrl-C goes to the whole terminal group; the part under sudo ends the demo, this one waits for it.
    SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM]).thread_block()?;
    let status = again.status().context("cannot start sudo")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Packages, JupyterLab, a build. Returns the folder of the programs.
fn prepare(smoke: bool) -> Result<PathBuf> {
    packages::ensure(packages::BUILD)?;
    packages::ensure(packages::ACCOUNTS)?;
    jupyter::ensure()?;
    run::step("building (the first time takes a few minutes)");
    let mut build = run::cargo();
    build.args(["build", "--locked", "-p", "portcullis", "--bins"]);
    if smoke {
        build.args(["-p", "portcullis-testing"]);
    }
    run::must(&mut build, "build")?;
    let exe = std::env::current_exe()?;
    Ok(exe.parent().context("a program without a folder")?.to_owned())
}

fn serve(options: &Options, built: &Path) -> Result<ExitCode> {
    // From here on a signal ends the demo in order instead of ending this process. Programs started
    // from here get a clean mask: the standard library resets it.
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    let mut blocked = signals;
    blocked.add(Signal::SIGCHLD);
    blocked.thread_block().context("cannot block signals")?;
    leftovers::clean()?;
    // ORDER: written down before it is made, so that a kill in between leaves nothing unknown.
    let account = Account::choose()?;
    let made_services = account::lacking_services();
    let mark = leftovers::Mark::set(&account, &made_services)?;
    let outcome = serve_in(mark.folder(), &made_services, options, built, &account, &signals);
    run::step("removing the account and the demo's files");
    mark.clean()?;
    outcome
}

fn serve_in(
    folder: &Path,
    services: &[String],
    options: &Options,
    built: &Path,
    account: &Account,
    signals: &SigSet,
) -> Result<ExitCode> {
    account::create_services(services)?;
    account.create()?;
    let port = if options.smoke { 0 } else { options.port };
    let configuration = Configuration::create(folder, port, Flags::Open, &jupyter::ensure()?)?;
    run::step("starting portcullis-launcher");
    // Between the lines of the smoke test only what went wrong is of interest.
    let log = if options.smoke { "warn" } else { "info" };
    let mut daemon = Daemon::start(&configuration, built, folder, log)?;
    let outcome = if options.smoke {
        smoke(&mut daemon, &configuration, account, built, signals)
    } else {
        println!();
        println!("    address    http://{}", daemon.address());
        println!("    user       {}", account.name());
        println!("    password   {}", account.password());
        println!();
        println!("Open the address, sign in, and start JupyterLab. The restricting flags are in");
        println!(
            "{}; change one and send SIGHUP to process {}",
            configuration.rsession().display(),
            daemon.pid()
        );
        println!("to see it hold. Ctrl-C ends the demo and removes the account.");
        println!();
        daemon.wait_for(signals)
    };
    run::step("ending the sessions");
    daemon.end().and(outcome)
}

/// Runs the smoke test with every flag at 1, then with every flag at 0.
fn smoke(
    daemon: &mut Daemon,
    configuration: &Configuration,
    account: &Account,
    built: &Path,
    signals: &SigSet,
) -> Result<ExitCode> {
    let mut good = true;
    for (at, flags) in [Flags::Open, Flags::Closed].into_iter().enumerate() {
        if at > 0 {
            configuration.rewrite(flags)?;
            daemon.reload()?;
        }
        let program = built.join("portcullis-smoke");
        let given = serde_json::json!({
            "address": daemon.address(),
            "user": account.name(),
            "password": account.password(),
            "flags": flags == Flags::Open,
        });
        good &= daemon::feed(&program, &given.to_string(), signals)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
