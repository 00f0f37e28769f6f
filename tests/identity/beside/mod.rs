//! Ways to sign in beside the form, through the whole daemon: an OpenID provider, a proxy's header, `auth-none`.

pub(crate) mod header;
mod nobody;
pub(crate) mod openid;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Response, World, case};

/// All of them.
pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("identity::openid::a_person_of_the_provider_comes_in", openid::comes_in),
        case("identity::openid::names_and_accounts_that_may_not", openid::stay_out),
        case("identity::openid::a_provider_that_lies_or_is_away", openid::broken),
        case("identity::openid::its_secret_is_roots_alone", openid::secret),
        case("identity::header::a_proxy_signs_people_in", header::comes_in),
        case("identity::header::names_and_proxies_that_are_not_believed", header::stay_out),
        case("identity::header::a_secret_name", header::secret),
        case("identity::nobody::one_account_on_its_own_machine", nobody::comes_in),
        case("identity::nobody::accounts_that_may_not", nobody::stay_out),
    ]
}

/// Writes a file that nobody else may read.
fn secret_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

/// An answer that lets nobody in: the status, and no cookie that opens anything.
fn lets_nobody_in(answer: &Response, status: u16) -> Result<()> {
    ensure!(answer.status == status, "{} instead of {status}: {}", answer.status, answer.text());
    ensure!(!answer.all("set-cookie").any(|cookie| cookie.starts_with("portcullis=v1")), "a cookie");
    Ok(())
}

/// Somebody was denied for this reason, once more than before.
fn denied(world: &World, method: &str, reason: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let fields = [("method", method), ("reason", reason)];
    let before = world.count_audit("sign-in-denied", &fields)?;
    act()?;
    let after = world.count_audit("sign-in-denied", &fields)?;
    ensure!(after == before + 1, "nobody was denied for {reason}: {:?}", world.audit()?.last());
    Ok(())
}
