//! Runs every test and counts.
//!
//! Cargo builds the test programs; each then runs in namespaces of its own ([`crate::isolate`]), so that a test may add
//! accounts, write PAM services and bind any port. Every program prints the `test result:` line of the standard harness;
//! the sum of those lines is what is reported, and a program that ends without one counts as a failure.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{code_server, fetch, identity_providers, jupyter, run, wheels};

/// One program's time: the longest set starts real IDEs and a browser, some twelve minutes on two quiet processors.
const DEADLINE_SECONDS: u64 = 2400;
/// Where tests see the built programs: below /run, so that every account may execute them wherever the project lies.
const PROGRAMS: &str = "/run/portcullis-programs";

/// The sets that need the machine's own process and network namespaces: the kernel's audit answers nowhere else.
const SHARED_KERNEL: &[&str] = &["kernel ", "redteam "];

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only this set: `unit`, or the name of a folder of tests (`e2e`, `layers`)
    #[arg(long)]
    only: Option<String>,
    /// Arguments for the test programs, e.g. a part of a test's name
    #[arg(last = true)]
    rest: Vec<String>,
}

/// A test program that cargo built.
#[derive(Debug)]
struct Program {
    name: String,
    path: PathBuf,
    folder: PathBuf,
}

#[derive(Debug, Default)]
struct Count {
    passed: u32,
    failed: u32,
    skipped: u32,
    failures: Vec<String>,
    skips: Vec<String>,
}

/// Installs, builds, runs, counts.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    fetch::needed(options.only.as_deref())?;
    let programs = build(options.only.as_deref())?;
    let mut total = Count::default();
    for program in &programs {
        run::step(&format!("tests of {}", program.name));
        total.add(run_program(program, &options.rest)?);
    }
    if options.only.is_none() && options.rest.is_empty() {
        run::step("examples in the documentation");
        let mut doc = run::cargo();
        doc.args(["test", "--workspace", "--doc", "--locked"]);
        total.add(count(doc, "documentation")?);
    }
    println!();
    for line in &total.skips {
        println!("skipped: {line}");
    }
    for line in &total.failures {
        println!("failed: {line}");
    }
    println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Cargo's messages, as far as they matter here.
#[derive(Debug, Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    profile: Option<Profile>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Profile {
    test: bool,
}

fn build(only: Option<&str>) -> Result<Vec<Program>> {
    run::step("building (the first time takes a few minutes)");
    let mut cargo = run::cargo();
    cargo.args(["test", "--no-run", "--locked", "--message-format=json-render-diagnostics"]);
    // Always the whole workspace: with a part of it, cargo would choose other features and compile dependencies again.
    cargo.arg("--workspace");
    match only {
        None => {}
        Some("unit") => {
            cargo.args(["--lib", "--bins"]);
        }
        // With its own test, the double of an IDE is built; others find it beside the daemon's programs.
        Some(set) => {
            cargo.args(["--test", "double", "--test", set]);
            if ["drive", "redteam", "session", "torture"].contains(&set) {
                // The daemon's programs are built with a test of their own package.
                cargo.args(["--test", "layers"]);
            }
        }
    }
    let output = cargo.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cannot build the tests; cargo's messages above say why");
    }
    let mut programs = Vec::new();
    for line in output.stdout.lines() {
        let Ok(message) = serde_json::from_str::<Message>(&line?) else { continue };
        let (Some(path), Some(manifest), Some(target), Some(Profile { test: true })) =
            (message.executable, message.manifest_path, message.target, message.profile)
        else {
            continue;
        };
        if only.is_some_and(|set| set != "unit" && set != target.name) {
            continue;
        }
        let folder = manifest.parent().context("a manifest without a folder")?.to_owned();
        programs.push(Program {
            name: format!("{} ({})", target.name, target.kind.join(", ")),
            path,
            folder,
        });
    }
    // Quick sets first: a broken rule shows before minutes of black-box tests.
    programs.sort_by_key(|program| (program.name.ends_with("(test)"), program.name.clone()));
    Ok(programs)
}

fn run_program(program: &Program, rest: &[String]) -> Result<Count> {
    // Two folders up from target/debug/deps/NAME are the programs.
    let built =
        program.path.parent().and_then(|deps| deps.parent()).context("a test program outside of target")?;
    let mut command = run::as_root(std::env::current_exe()?);
    command.arg("isolated");
    if SHARED_KERNEL.iter().any(|set| program.name.starts_with(set)) {
        command.arg("--shared-kernel");
    }
    command
        .args(["--deadline-seconds", &DEADLINE_SECONDS.to_string()])
        .args(["--bind", &format!("{}:{PROGRAMS}", built.display())])
        .args(["--env", "PORTCULLIS_ISOLATED=1"])
        .args(["--env", &format!("PORTCULLIS_PROGRAMS={PROGRAMS}")])
        .args(["--env", &format!("PORTCULLIS_VENV={}", jupyter::folder().display())])
        .args(["--env", &format!("PORTCULLIS_CODE_SERVER={}", code_server::folder().display())])
        .args(["--env", &format!("PORTCULLIS_WHEELS={}", wheels::folder().display())])
        .args(["--env", &format!("PORTCULLIS_IDENTITY_PROVIDERS={}", identity_providers::folder().display())])
        .args(["--env", &format!("CARGO_MANIFEST_DIR={}", program.folder.display())]);
    for name in
        ["PATH", "CARGO", "CARGO_HOME", "RUSTUP_HOME", "HOME", "PORTCULLIS_SCREENSHOTS", "PORTCULLIS_MATRIX"]
    {
        if let Some(value) = std::env::var_os(name) {
            command.args(["--env", &format!("{name}={}", value.to_string_lossy())]);
        }
    }
    command.arg("--cwd").arg(&program.folder).arg("--").arg(&program.path).args(rest);
    count(command, &program.name)
}

/// Runs a test program (or several, one after the other), shows its output and adds up its results.
fn count(mut command: Command, name: &str) -> Result<Count> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let stdout = child.stdout.take().context("no pipe to the test program")?;
    let mut total = Count::default();
    let mut results = 0;
    for line in BufReader::new(stdout).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{line}");
        if let Some(part) = Count::parse(&line) {
            results += 1;
            total.add(part);
        } else if let Some((test, verdict)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        {
            if verdict.starts_with("FAILED") {
                total.failures.push(format!("{name}: {}", test.trim()));
            } else if let Some(why) = verdict.strip_prefix("ignored") {
                total.skips.push(format!("{name}: {}{why}", test.trim()));
            }
        }
    }
    let status = child.wait()?;
    if results == 0 || (!status.success() && total.failed == 0) {
        total.failed += 1;
        total.failures.push(format!("{name}: the program ended with {status} before it had counted"));
    }
    Ok(total)
}

impl Count {
    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let mut found = Self::default();
        for part in counts.split(';') {
            let (number, word) = part.trim().split_once(' ')?;
            match word {
                "passed" => found.passed = number.parse().ok()?,
                "failed" => found.failed = number.parse().ok()?,
                "ignored" => found.skipped = number.parse().ok()?,
                _ => break,
            }
        }
        Some(found)
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.failures.extend(other.failures);
        self.skips.extend(other.skips);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_harness_line_is_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 4 ignored; 0 measured; 7 filtered out; finished in 1.20s";
        let count = Count::parse(line).expect("a result");
        assert_eq!((count.passed, count.failed, count.skipped), (12, 3, 4));
        assert!(Count::parse("test sign_in::right ... ok").is_none());
    }
}
