//! PAM stacks that ask a server: sssd with a directory, Kerberos, RADIUS. The daemon knows nothing of what is behind PAM.

mod kerberos;
mod radius;
mod sssd;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{World, case};

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("identity::pam::sssd_and_a_directory", sssd::run),
        case("identity::pam::kerberos", kerberos::run),
        case("identity::pam::radius", radius::run),
    ]
}

/// Somebody comes in, and the audit log says so.
fn comes_in(world: &World, name: &str, password: &str) -> Result<()> {
    world.client()?.sign_in(name, password)?;
    world.await_audit("sign-in", &[("user", name), ("method", "pam")], 5).map(drop)
}

/// Somebody doesn't, whatever is behind it, and leaves without a cookie.
fn stays_out(world: &World, name: &str, password: &str) -> Result<()> {
    let client = world.client()?;
    let answer = client.try_sign_in(name, password)?;
    ensure!(!client.is_signed_in()?, "{name} was let in");
    ensure!(answer.header("set-cookie").is_none(), "{name} got a cookie");
    Ok(())
}

/// The same, with this reason in the audit log.
fn is_denied(world: &World, name: &str, password: &str, reason: &str) -> Result<()> {
    let before = world.count_audit("sign-in-denied", &[("user", name), ("reason", reason)])?;
    stays_out(world, name, password)?;
    let after = world.count_audit("sign-in-denied", &[("user", name), ("reason", reason)])?;
    ensure!(after == before + 1, "{name} was not denied for {reason}: {:?}", world.audit()?.last());
    Ok(())
}
