//! The package on a real systemd: installed with dpkg, started, restarted, upgraded, hung, misconfigured, removed.
//!
//! A machine is booted from this machine's own root, under an overlay that is thrown away, in namespaces of its own
//! ([`boot`]); nothing is downloaded. In it, this same program runs as a service ([`inside`]), does one thing after the other and
//! writes down what came of each; each of these is a test here. Where a machine can't be booted, each says so and is counted as
//! skipped.

#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "the machine's console, and figures that are measured on the way"
)]

mod boot;
mod hardening;
mod inside;
mod machine;

use std::process::ExitCode;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use portcullis_testing::place;

use crate::machine::{Outcome, Report};

/// Booted once, by the first test that asks.
static REPORT: LazyLock<Result<Report, Outcome>> = LazyLock::new(machine::run);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    match args.get(1).map(String::as_str) {
        Some(boot::OUTSIDE) => return boot::outside(&args[2..]),
        Some(boot::FIRST) => return boot::first(&args[2..]),
        Some(inside::WORD) => return inside::run(),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let steps = inside::STEPS
        .iter()
        .map(|(name, _)| Trial::ignorable_test(format!("systemd::{name}"), || told(name)));
    let all = steps.chain(hardening::all()).collect();
    libtest_mimic::run(&arguments, all).exit_code()
}

/// What the machine wrote down about a step.
fn told(name: &str) -> Result<Completion, Failed> {
    if !place::isolated() {
        return Ok(Completion::ignored_with("needs the namespaces of `cargo xtask test`"));
    }
    match &*REPORT {
        Err(Outcome::Skipped(why)) => Ok(Completion::ignored_with(why)),
        Err(Outcome::Failed(why)) => Err(why.into()),
        Ok(report) => match report.steps.iter().find(|step| step.name == name) {
            None => {
                Err(format!("the machine ended before it came to this\n--- it said\n{}", report.log).into())
            }
            Some(step) if step.problem.is_empty() => Ok(Completion::Completed),
            Some(step) => Err(format!("{}\n--- journal\n{}", step.problem, step.journal).into()),
        },
    }
}
