//! Drives the real launcher over the wire, in the server's place: what a broken or hostile server could send, and every way a
//! sign-in or a session can go, with real PAM, real accounts and the real session process.
//!
//! Started as `portcullis-server` this program hands its channel to the test and waits ([`drive::stand_in`]).

mod apps;
mod attempts;
mod between;
mod configurations;
mod drive;
mod handover;
mod hangs;
mod hostile;
mod journal;
mod limited;
mod rules;
mod sessions;
mod sign_ins;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Conversations with PAM cost a process each; more at a time only slow each other down.
const SIDE_BY_SIDE: usize = 4;

fn main() -> ExitCode {
    if std::env::args_os().next().is_some_and(|name| name.to_string_lossy().ends_with("portcullis-server")) {
        return drive::stand_in();
    }
    if portcullis_testing::place::isolated() {
        drive::cast().expect("the programs can be copied");
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let tests = [
        rules::all(),
        sign_ins::all(),
        sessions::all(),
        between::all(),
        hangs::all(),
        apps::all(),
        attempts::all(),
        hostile::all(),
        handover::all(),
        journal::all(),
        limited::all(),
        configurations::all(),
    ]
    .into_iter()
    .flatten()
    .collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}
