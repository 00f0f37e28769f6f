//! Everything that the tests need from elsewhere, which takes minutes on a fresh machine.
//!
//! `.ci/run` starts `cargo xtask fetch` in the background, so that the network and apt run beside the compiler; `cargo xtask test`
//! then waits for it, and finds all there. What is there already costs a look.

use std::process::ExitCode;

use anyhow::Result;

use crate::{code_server, identity_providers, jupyter, packages, run, wheels};

/// Fetches for all sets of tests.
pub(crate) fn run() -> Result<ExitCode> {
    needed(None)?;
    run::step("everything that the tests need is there");
    Ok(ExitCode::SUCCESS)
}

/// Fetches for one set of tests, or for all. One run at a time: a half-made folder is removed by whoever comes next.
pub(crate) fn needed(only: Option<&str>) -> Result<()> {
    let wants = |sets: &[&str]| only.is_none_or(|set| sets.contains(&set));
    // Without these nothing is compiled: they wait for nobody but apt.
    packages::ensure(packages::BUILD)?;
    let _turn = run::turn("fetch.lock")?;
    if wants(&["e2e", "doors", "kernel", "redteam", "torture", "identity", "servers"]) {
        packages::ensure(packages::ACCOUNTS)?;
    }
    if wants(&["redteam"]) {
        packages::ensure(packages::REDTEAM)?;
    }
    if wants(&["e2e"]) {
        packages::ensure(packages::BROWSER)?;
        packages::ensure(packages::APPS)?;
        packages::ensure(packages::KERNELS)?;
        packages::try_ensure_guests(packages::FAIL2BAN, "the test of fail2ban's filter");
    }
    if wants(&["systemd"]) {
        packages::ensure(packages::SYSTEMD)?;
    }
    if wants(&["directories", "identity", "kerberos", "servers", "store"]) {
        packages::ensure_guests(packages::IDENTITY)?;
    }
    if wants(&["directories", "directory"]) {
        packages::try_ensure_guests(packages::DIRECTORY, "the tests of a domain controller");
    }
    if wants(&["oracle", "servers"]) {
        packages::ensure(packages::XML)?;
    }
    if wants(&["e2e", "redteam"]) {
        jupyter::ensure()?;
    }
    if wants(&["e2e"]) {
        wheels::try_ensure();
    }
    if wants(&["identity", "oracle", "providers", "servers"]) {
        identity_providers::try_ensure();
    }
    if wants(&["e2e"]) {
        // Last: minutes of compiling.
        code_server::try_ensure();
    }
    Ok(())
}
