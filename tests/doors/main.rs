//! Every door of every IDE, in front of the real daemon: what a flag shuts is shut by every way to it, and open when the flag is.
//!
//! The doors are made from the adapters' own tables, row by row and message by message, and from the evasions that other proxies fell
//! to. For each IDE
//! there is one daemon; each flag has an account of its own, by a section of `profiles`. The count is told at the end.
//! `cargo xtask test --only doors`.
#![expect(clippy::print_stderr, reason = "the counts are told")]

mod editor;
mod files;
mod hand;
mod line;
mod person;
mod run;
mod said;
mod sizes;
mod sockets;
mod spellings;
mod table;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use portcullis_testing::case;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One after the other: each uses all cores.
    arguments.test_threads.get_or_insert(1);
    let tests = vec![
        case("doors::jupyter", |stage| run::all(stage, "jupyter")),
        case("doors::code_server", |stage| run::all(stage, "code-server")),
        case("doors::rstudio", |stage| run::all(stage, "rstudio")),
        case("doors::an_application", |stage| run::all(stage, "board")),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}
