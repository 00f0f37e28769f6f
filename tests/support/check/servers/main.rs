//! The servers are real, and answer as the tests of signing in take them to: each lets the right one in and refuses the wrong one,
//! shown with its own client. `cargo xtask test --only servers`.

mod kerberos;
mod openid;
mod postgres;
mod radius;
mod saml;
mod slapd;
mod sssd;
mod stand_in;

use std::process::ExitCode;

use libtest_mimic::Arguments;

/// Side by side: most of the time they wait for a server.
const THREADS: usize = 6;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let tests = [
        slapd::all(),
        postgres::all(),
        stand_in::all(),
        openid::all(),
        kerberos::all(),
        radius::all(),
        sssd::all(),
        saml::all(),
    ];
    let tests = tests.into_iter().flatten().collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}
