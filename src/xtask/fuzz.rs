//! Fuzzes every parser with coverage: `tests/fuzz`, built with libFuzzer on the stable compiler.
//!
//! Coverage is LLVM's, asked for by flags that stable rustc passes on; this program is the compiler's wrapper for the
//! workspace's own crates, so dependencies are neither instrumented nor built twice. There is no address sanitizer: the code
//! that is fuzzed has no `unsafe`, and overflows and broken assertions panic.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{packages, run};

/// Set for the compiler's wrapper, so that it knows what it is.
const WRAPPER: &str = "PORTCULLIS_FUZZ_WRAPPER";
/// Time for each target with `--smoke`.
const SMOKE_SECONDS: u64 = 300;
/// Longest input: a body's head, a few frames, a small file. Longer ones find the same, slower.
const LONGEST: &str = "-max_len=8192";
/// An input that takes longer is a finding.
const SLOW: &str = "-timeout=5";
/// So is one that takes more memory (MiB): a thousand times its own length.
const MEMORY: &str = "-rss_limit_mb=512";
/// What rustc is told for our own crates.
const INSTRUMENT: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Copt-level=2",
    "-Cdebug-assertions=on",
];

/// What to fuzz, and how long.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only these targets (`--list` names them)
    targets: Vec<String>,
    /// Every target for five minutes, as many at once as there are cores
    #[arg(long)]
    smoke: bool,
    /// Seconds for each target; without it and without --smoke, 60
    #[arg(long)]
    seconds: Option<u64>,
    /// So many targets at once; without it, as many as there are cores
    #[arg(long, value_name = "NUMBER")]
    at_once: Option<std::num::NonZeroUsize>,
    /// Name the targets and what they hold
    #[arg(long)]
    list: bool,
}

/// When cargo calls this program in rustc's place: the compiler's exit code.
pub(crate) fn instrument() -> Option<ExitCode> {
    std::env::var_os(WRAPPER)?;
    let mut args = std::env::args_os().skip(1);
    let status = Command::new(args.next()?).args(args).args(INSTRUMENT).status();
    Some(if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds, runs and counts.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    packages::ensure(packages::BUILD)?;
    let program = build()?;
    let all = names(&program)?;
    if options.list {
        all.iter().for_each(|name| println!("{name}"));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(unknown) = options.targets.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`; there are {}", all.join(", "));
    }
    let wanted: Vec<_> =
        all.into_iter().filter(|name| options.targets.is_empty() || options.targets.contains(name)).collect();
    let seconds = options.seconds.unwrap_or(if options.smoke { SMOKE_SECONDS } else { 60 });
    let cores = options.at_once.or_else(|| std::thread::available_parallelism().ok()).map_or(1, usize::from);
    let whole = u64::try_from(wanted.len().div_ceil(cores)).unwrap_or(1) * seconds;
    run::step(&format!(
        "{} targets, {seconds} s each, {cores} at once: {} min",
        wanted.len(),
        whole.div_ceil(60)
    ));
    let (mut waiting, mut running, mut findings) = (VecDeque::from(wanted), Vec::new(), 0);
    while !(waiting.is_empty() && running.is_empty()) {
        while running.len() < cores {
            let Some(name) = waiting.pop_front() else { break };
            running.push(Running::start(&program, name, seconds)?);
        }
        let mut still = Vec::new();
        for mut one in running {
            match one.child.try_wait()? {
                Some(status) => findings += usize::from(!one.tell(status.success())?),
                None => still.push(one),
            }
        }
        running = still;
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("{findings} findings");
    Ok(if findings == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn folder(part: &str) -> PathBuf {
    run::root().join("target/fuzz").join(part)
}

fn build() -> Result<PathBuf> {
    run::step("building the targets with coverage (the first time takes a few minutes)");
    let mut cargo = run::cargo();
    cargo
        .args(["build", "--locked", "--package", "portcullis-fuzz", "--features", "guided"])
        .args(["--bin", "portcullis-fuzz"])
        .env("RUSTC_WORKSPACE_WRAPPER", std::env::current_exe()?)
        .env(WRAPPER, "1");
    run::must(&mut cargo, "build the fuzz targets")?;
    Ok(run::root().join("target/debug/portcullis-fuzz"))
}

fn names(program: &Path) -> Result<Vec<String>> {
    let text = run::output(Command::new(program).env("PORTCULLIS_FUZZ_LIST", "1"), "list the fuzz targets")?;
    Ok(text.lines().map(str::to_owned).collect())
}

#[derive(Debug)]
struct Running {
    name: String,
    log: PathBuf,
    findings: PathBuf,
    child: Child,
}

impl Running {
    fn start(program: &Path, name: String, seconds: u64) -> Result<Self> {
        let (corpus, findings) = (folder("corpus").join(&name), folder("findings").join(&name));
        for made in [&corpus, &findings, &folder("logs")] {
            fs::create_dir_all(made).with_context(|| format!("cannot make `{}`", made.display()))?;
        }
        let (log, words) =
            (folder("logs").join(format!("{name}.log")), folder("logs").join(format!("{name}.words")));
        let known = run::root().join("tests/fuzz/regressions").join(&name);
        let child = Command::new(program)
            .env("PORTCULLIS_FUZZ", &name)
            .env("PORTCULLIS_FUZZ_SEEDS", &corpus)
            .env("PORTCULLIS_FUZZ_WORDS", &words)
            .args([LONGEST, SLOW, MEMORY, "-print_final_stats=1"])
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-dict={}", words.display()))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg(&corpus)
            .args(known.is_dir().then_some(known))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("cannot start the target `{name}`"))?;
        Ok(Self { name, log, findings, child })
    }

    /// Says how it ended; false for a finding.
    fn tell(&self, good: bool) -> Result<bool> {
        let log = String::from_utf8_lossy(&fs::read(&self.log)?).into_owned();
        let after = |mark: &str| {
            let line = log.lines().rev().find(|line| line.contains(mark))?;
            line.split(mark).nth(1)?.split_whitespace().next().map(str::to_owned)
        };
        let runs = after("stat::number_of_executed_units:").unwrap_or_else(|| "?".into());
        let reached = after("cov: ").unwrap_or_else(|| "?".into());
        let outcome = if good { "no finding" } else { "FINDING" };
        println!("{:<20} {runs:>10} inputs, {reached:>6} edges reached: {outcome}", self.name);
        if !good {
            let lines: Vec<_> = log.lines().collect();
            let panicked = lines.iter().rposition(|line| line.contains("panicked at")).unwrap_or(0);
            lines.iter().skip(panicked).take(20).for_each(|line| println!("    {line}"));
            println!(
                "    the input is in {}; put it into tests/fuzz/regressions/{}",
                self.findings.display(),
                self.name
            );
        }
        Ok(good)
    }
}
