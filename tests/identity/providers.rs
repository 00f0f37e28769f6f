//! The sign-in method of OpenID providers against a real one, without the daemon. `cargo xtask test --only providers`.

mod openid;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Side by side: most of the time they wait for a server.
const THREADS: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    libtest_mimic::run(&arguments, openid::all()).exit_code()
}
