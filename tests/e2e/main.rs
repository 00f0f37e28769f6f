//! Black-box tests: the real programs, real PAM and accounts, a double of an IDE or the real JupyterLab, a real browser.
//!
//! One program, so that everything is linked once. `cargo xtask test --only e2e -- NAME` runs a part of it.

#![expect(clippy::print_stderr, reason = "figures that are measured on the way are told")]

mod accounts;
mod apps;
mod attacks;
mod bad_input;
mod browser;
mod code_server;
mod code_server_browser;
mod console;
mod crash;
mod dashboard;
mod effects;
mod exemptions;
mod explain;
mod flags;
mod full_disk;
mod guessing;
mod handover;
mod headers;
mod health;
mod idle;
mod jupyter;
mod jupyter_browser;
mod limits;
mod matrix;
mod memory;
mod metrics;
mod neighbours;
mod network;
mod operations;
mod options;
mod own_account;
mod plan;
mod prompts;
mod refusals;
mod reload;
mod revocations;
mod rstudio;
mod secure;
mod sessions;
mod sign_in;
mod sockets;
mod starts;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Worlds that run side by side: most of a test's time is waiting for PAM and for processes to come and go.
const SIDE_BY_SIDE: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let tests = [
        sign_in::all(),
        guessing::all(),
        refusals::all(),
        accounts::all(),
        prompts::all(),
        sessions::all(),
        starts::all(),
        limits::all(),
        flags::all(),
        handover::all(),
        effects::all(),
        exemptions::all(),
        explain::all(),
        headers::all(),
        full_disk::all(),
        health::all(),
        metrics::all(),
        dashboard::all(),
        sockets::all(),
        console::all(),
        secure::all(),
        bad_input::all(),
        attacks::all(),
        neighbours::all(),
        network::all(),
        options::all(),
        own_account::all(),
        plan::all(),
        reload::all(),
        operations::all(),
        revocations::all(),
        crash::all(),
        idle::all(),
        memory::all(),
        jupyter::all(),
        matrix::all(),
        jupyter_browser::all(),
        rstudio::all(),
        apps::all(),
        code_server::all(),
        code_server_browser::all(),
        browser::all(),
    ];
    libtest_mimic::run(&arguments, tests.into_iter().flatten().collect()).exit_code()
}
