//! A short campaign as tests, one for each bar: `cargo xtask test --only torture`.
//!
//! A program of its own, so that the binary that `cargo xtask torture` runs is the one that is tested.
#![expect(clippy::print_stdout, reason = "the harness's own lines")]

use std::process::{Command, ExitCode};

/// Each kind of event more than once; within a minute.
const EVENTS: &str = "40";

fn main() -> ExitCode {
    if std::env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-torture"));
    match command.args(["--as-tests", "--events", EVENTS, "--seed", "25"]).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("test torture ... FAILED\ncannot start it: {error}");
            ExitCode::FAILURE
        }
    }
}
