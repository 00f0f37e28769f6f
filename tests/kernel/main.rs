//! The record of programs, tried with the kernel's audit itself: it answers in the machine's first process and network
//! namespaces only, so these tests run with private mounts (`cargo xtask isolated --shared-kernel`), one after the other.
//!
//! Where the kernel's audit can't be had (in a container, say), each says so and is counted as skipped.

#![expect(clippy::print_stderr, reason = "figures that are measured on the way are told")]

mod crash;
mod machine;
mod programs;
mod refusals;
mod scene;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use portcullis_sys::audit::{Control, ours};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    leftovers();
    // The kernel's rules and state are one for all.
    arguments.test_threads = Some(1);
    let tests = [programs::all(), refusals::all(), crash::all(), machine::all()];
    libtest_mimic::run(&arguments, tests.into_iter().flatten().collect()).exit_code()
}

/// Rules that an earlier run left which was killed: nobody else may have any while this one has the kernel.
fn leftovers() {
    if let Ok(mut control) = Control::open() {
        let gone = ours().iter().all(|rule| control.delete(rule).is_ok());
        let off = control.set_enabled(false).is_ok();
        eprintln!("the kernel's audit as it is after a boot: {}", gone && off);
    }
}
