//! `cargo xtask bench`: installs what is compared, builds with optimisation, measures inside the tests' namespaces.

mod sandbox;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;
use clap::Args;

use crate::{jupyter, packages, run};

/// What is compared, and what makes the load.
const COMPARED: &[&str] = &["haproxy", "nginx", "openssl", "wrk"];
/// JupyterHub's proxy, from its registry, pinned so that two runs compare the same thing.
const CHP: &str = "5.3.0";
/// A full run takes about ten minutes.
const DEADLINE_SECONDS: u32 = 3600;
/// As in the tests: a place below /run that every account can reach.
const PROGRAMS: &str = "/run/portcullis-programs";
/// The same for the programs of another build.
const OTHER_PROGRAMS: &str = "/run/portcullis-other-programs";

/// How to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Short stretches and few rounds: to see that it works, not to quote
    #[arg(long)]
    quick: bool,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Write the tables to docs/performance.md
    #[arg(long)]
    write: bool,
    /// Leave out the start of JupyterLab
    #[arg(long)]
    no_ide: bool,
    /// Only small requests: for whoever tunes them
    #[arg(long)]
    only_requests: bool,
    /// Only what the policy costs: takes seconds, installs nothing
    #[arg(long, conflicts_with_all = ["only_requests", "write"])]
    only_policy: bool,
    /// Only what the sandbox costs: some minutes; wants a machine whose kernel audits, so no container
    #[arg(long, conflicts_with_all = ["only_requests", "only_policy"])]
    only_sandbox: bool,
    /// Only what signed-in users notice of slow and hostile peers, and how much memory those cost; some ten minutes
    #[arg(long, conflicts_with_all = ["only_requests", "only_policy", "only_sandbox"])]
    only_hostile: bool,
    /// Only how many sign in a second, and what very many sign-ins cost; some seven minutes
    #[arg(long, conflicts_with_all = ["only_requests", "only_policy", "only_sandbox", "only_hostile"])]
    only_people: bool,
    /// With --only-people: the folder of another build's programs (`target/release` of an earlier commit), whose requests are
    /// measured beside
    #[arg(long, requires = "only_people")]
    beside: Option<PathBuf>,
    /// With --only-hostile: only attacks whose name contains this
    #[arg(long, requires = "only_hostile")]
    attack: Option<String>,
}

/// Installs, builds, measures. The exit status says whether every bar holds.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.only_policy {
        return policy(options);
    }
    packages::ensure(packages::BUILD)?;
    packages::ensure(packages::ACCOUNTS)?;
    if options.only_sandbox {
        return sandbox::run(options);
    }
    if options.only_hostile {
        let mut command = isolated(&build()?, &[])?;
        command.arg("--only-hostile");
        if let Some(part) = &options.attack {
            command.args(["--attack", part]);
        }
        run::step("measuring under attack (a full run takes some ten minutes)");
        return finish(command, options);
    }
    if options.only_people {
        packages::ensure(&["wrk"])?;
        let bind = options.beside.as_ref().map(|folder| format!("{}:{OTHER_PROGRAMS}", folder.display()));
        let how: Vec<&str> = bind.iter().flat_map(|bind| ["--bind", bind]).collect();
        let mut command = isolated(&build()?, &how)?;
        command.arg("--only-people");
        if options.beside.is_some() {
            command.args(["--beside", OTHER_PROGRAMS]);
        }
        run::step("measuring with very many sign-ins");
        return finish(command, options);
    }
    packages::ensure(COMPARED)?;
    if !options.no_ide {
        jupyter::ensure()?;
    }
    let chp = configurable_http_proxy()?;
    let release = build()?;
    run::step("measuring (a full run takes about ten minutes)");
    let mut command = isolated(&release, &[])?;
    for (on, flag) in [(options.no_ide, "--no-ide"), (options.only_requests, "--only-requests")] {
        if on {
            command.arg(flag);
        }
    }
    if let Some(program) = chp {
        command.arg("--chp").arg(program);
    }
    finish(command, options)
}

/// Builds what is measured and what measures; the folder of the programs.
fn build() -> Result<PathBuf> {
    run::step("building with optimisation (the first time takes some minutes)");
    let mut cargo = run::cargo();
    cargo.args(["build", "--release", "--locked", "--bins"]);
    for package in ["portcullis", "portcullis-testing", "portcullis-bench"] {
        cargo.args(["-p", package]);
    }
    run::must(&mut cargo, "build")?;
    Ok(run::target_folder()?.join("release"))
}

/// The benchmark's program inside the namespaces of the tests.
fn isolated(release: &Path, how: &[&str]) -> Result<Command> {
    let mut command = run::as_root(std::env::current_exe()?);
    command
        .arg("isolated")
        .args(how)
        .args(["--deadline-seconds", &DEADLINE_SECONDS.to_string()])
        .args(["--bind", &format!("{}:{PROGRAMS}", release.display())])
        .args(["--env", "PORTCULLIS_ISOLATED=1", "--env", &format!("PORTCULLIS_PROGRAMS={PROGRAMS}")])
        .args(["--env", &format!("PORTCULLIS_VENV={}", jupyter::folder().display())])
        .arg("--cwd")
        .arg(run::root());
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.args(["--env", &format!("{name}={}", value.to_string_lossy())]);
        }
    }
    command.arg("--").arg(release.join("portcullis-bench"));
    Ok(command)
}

/// Runs it with what every kind of run knows; its exit status says whether every bar holds.
fn finish(mut command: Command, options: &Options) -> Result<ExitCode> {
    for (on, flag) in [(options.quick, "--quick"), (options.json, "--json")] {
        if on {
            command.arg(flag);
        }
    }
    if options.write {
        command.arg("--write").arg(run::root().join("docs/performance.md"));
    }
    let status = command.stdin(Stdio::null()).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds and measures the policy alone, which needs neither accounts nor namespaces.
fn policy(options: &Options) -> Result<ExitCode> {
    run::step("building with optimisation (the first time takes some minutes)");
    run::must(
        run::cargo().args(["build", "--release", "--locked", "-p", "portcullis-bench", "--bins"]),
        "build",
    )?;
    let mut command = std::process::Command::new(run::target_folder()?.join("release/portcullis-bench"));
    command.arg("--only-policy");
    for (on, flag) in [(options.quick, "--quick"), (options.json, "--json")] {
        if on {
            command.arg(flag);
        }
    }
    let status = command.stdin(Stdio::null()).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Installs it into the machine's cache; says so and goes on without it where there is no npm.
fn configurable_http_proxy() -> Result<Option<PathBuf>> {
    if !run::has("npm") {
        run::step("there is no npm: configurable-http-proxy is left out");
        return Ok(None);
    }
    let folder = PathBuf::from(format!("/var/cache/portcullis/configurable-http-proxy-{CHP}"));
    let program = folder.join("node_modules/configurable-http-proxy/bin/configurable-http-proxy");
    if !program.is_file() {
        run::step("installing configurable-http-proxy");
        run::must(run::as_root("mkdir").arg("-p").arg(&folder), "make its folder")?;
        let mut npm = run::as_root("npm");
        npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&folder);
        npm.arg(format!("configurable-http-proxy@{CHP}")).stdin(Stdio::null());
        run::must(&mut npm, "install configurable-http-proxy")?;
    }
    Ok(Some(program))
}
