//! Signing in through the real daemon, against real identity servers that the tests start. `cargo xtask test --only identity`.
//!
//! [`table`] says for each way to sign in and each thing that may go wrong which test shows it, here or beside the crate that does it.
#![expect(clippy::print_stdout, reason = "tests of ends and checks say how long they took")]

mod beside;
mod daemon;
mod pam;
mod table;

use std::process::ExitCode;
use std::sync::Mutex;

use libtest_mimic::Arguments;

/// Side by side: most of the time they wait for a server.
const THREADS: usize = 6;

/// Whose turn it is to say what Kerberos does on this machine (`/etc/krb5.conf`), which there is one of.
static KERBEROS: Mutex<()> = Mutex::new(());

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let tests = [beside::all(), daemon::all(), pam::all(), table::all()];
    libtest_mimic::run(&arguments, tests.into_iter().flatten().collect()).exit_code()
}
