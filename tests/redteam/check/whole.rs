//! Runs the whole red team as tests, one for each way: `cargo xtask test --only redteam`.
//!
//! A program of its own, so that the binary that `cargo xtask redteam` runs is the one that is tested.
#![expect(clippy::print_stdout, reason = "the harness's own lines")]

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis-redteam"));
    command.arg("--as-tests");
    // As with the standard harness: a part of a test's name.
    if let Some(part) = std::env::args().skip(1).find(|arg| !arg.starts_with('-')) {
        command.args(["--only", &part]);
    }
    if std::env::args().any(|arg| arg == "--list") {
        return ExitCode::SUCCESS;
    }
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("test redteam ... FAILED\ncannot start it: {error}");
            ExitCode::FAILURE
        }
    }
}
