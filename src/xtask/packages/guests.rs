//! Packages that bring daemons, PAM modules and name services, installed without letting them take part in the machine.
//!
//! The tests start the daemons themselves, in namespaces, with configurations of their own. On the machine nothing listens
//! because of them, nobody signs in through them, and no name is looked up in them.

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use anyhow::Result;

use super::missing;
use crate::run;

/// What packages ask before they start a daemon (Debian Policy 9.11, invoke-rc.d): 101 is "no".
const POLICY: &str = "/usr/sbin/policy-rc.d";
/// Ours: one that an interrupted run left is taken away by the next.
const NOTHING_STARTS: &[u8] = b"#!/bin/sh\n# Left by an interrupted `cargo xtask fetch`.\nexit 101\n";
/// Who is asked for accounts; packages of name services add themselves.
const NAME_SERVICES: &str = "/etc/nsswitch.conf";
/// PAM modules that packages add to everybody's sign-in.
const PROFILES: &str = "/usr/share/pam-configs";
/// Units that packages enable for the next boot.
const UNITS: &str = "/etc/systemd/system/multi-user.target.wants";
/// Daemons with a unit for a runlevel alone.
const SCRIPTS: &str = "/etc/rc2.d";

/// As [`super::ensure`], and the machine goes on as it did.
pub(crate) fn ensure(wanted: &[&str]) -> Result<()> {
    if missing(wanted).is_empty() {
        return Ok(());
    }
    let (units, scripts) = (names(UNITS), names(SCRIPTS));
    let (profiles, services) = (names(PROFILES), fs::read(NAME_SERVICES).unwrap_or_default());
    let outcome = with_policy(|| super::ensure(wanted));
    // Also after a failure: half of them may be installed.
    for unit in names(UNITS).difference(&units) {
        run::must(run::as_root("systemctl").args(["disable", "--quiet", unit]), "leave a daemon off")?;
    }
    for script in names(SCRIPTS).difference(&scripts).filter_map(|script| script.get(3..)) {
        run::must(run::as_root("update-rc.d").args([script, "disable"]), "leave a daemon off")?;
    }
    let added: Vec<String> = names(PROFILES).difference(&profiles).cloned().collect();
    if !added.is_empty() {
        let mut remove = run::as_root("pam-auth-update");
        remove.args(["--package", "--remove"]).args(added).stdin(Stdio::null());
        run::must(&mut remove, "leave the machine's sign-in as it was")?;
    }
    if fs::read(NAME_SERVICES).unwrap_or_default() != services {
        write(NAME_SERVICES, &services)?;
    }
    outcome
}

/// The same for what can be gone without; says why when it can't be had.
pub(crate) fn try_ensure(wanted: &[&str], for_what: &str) {
    if let Err(error) = ensure(wanted) {
        run::step(&format!("{for_what} are left out, their packages can't be installed here: {error:#}"));
    }
}

/// Does it while daemons are not started, unless the machine has a policy of its own.
fn with_policy(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let theirs = fs::read(POLICY).is_ok_and(|policy| policy != NOTHING_STARTS);
    if theirs || !run::has("dpkg") {
        return work();
    }
    write(POLICY, NOTHING_STARTS)?;
    run::must(run::as_root("chmod").args(["755", POLICY]), "keep daemons from being started")?;
    let outcome = work();
    run::must(run::as_root("rm").args(["-f", POLICY]), "let daemons be started again")?;
    outcome
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Writes a file as root, in its place: who has it open goes on with it.
fn write(path: &str, bytes: &[u8]) -> Result<()> {
    let mut made = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut made, bytes)?;
    run::must(
        run::as_root("cp").arg("--no-preserve=mode,ownership").arg(made.path()).arg(path),
        "write a file",
    )
}
