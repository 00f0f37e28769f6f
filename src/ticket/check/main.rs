//! Tickets of a real realm, taken by a real browser's hand (`curl --negotiate`): `cargo xtask test --only kerberos`.
//!
//! Each token is accepted as the product does it: by a process of its own with an environment of its own, which is this program
//! once more ([`accept`]).

mod accept;
mod refusals;
mod replays;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use libtest_mimic::{Arguments, Trial};
use portcullis_testing::servers::kerberos::{Kdc, REALM};
use portcullis_testing::servers::negotiate as browser;
use portcullis_testing::{Stage, case};
use portcullis_ticket::principal::{self, PrincipalError};

use accept::{Acceptor, Outcome};

/// Side by side: most of the time they wait for a program.
const THREADS: usize = 4;
/// The service that browsers have tickets for.
const SERVICE: &str = "HTTP/localhost";

fn main() -> ExitCode {
    if let Some(code) = accept::instead_of_tests() {
        return code;
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let tests = [own(), refusals::all(), replays::all()].into_iter().flatten().collect();
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn own() -> Vec<Trial> {
    vec![
        case("kerberos::a_ticket_is_its_owner_s", owner),
        case("kerberos::only_users_of_permitted_realms_without_an_instance_are_named", named),
        case("kerberos::a_key_table_may_be_a_descriptor", descriptor),
        case("kerberos::what_is_delegated_changes_nothing", delegated),
    ]
}

fn owner(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let token = browser::token(kdc, &kdc.ticket("kira", "Kira-Pass-1")?, &[])?;
    let accepted = acceptor.one(&token)?;
    let Outcome::Accepted { principal, mechanism, seconds, answer } = &accepted else {
        anyhow::bail!("{accepted:?}");
    };
    ensure!(principal == "kira@EXAMPLE.TEST" && mechanism == "Negotiated" && *answer > 0, "{accepted:?}");
    // Ten hours by the KDC's settings, and the five minutes that clocks may differ.
    ensure!((9 * 3600..=10 * 3600 + 300).contains(seconds), "{accepted:?}");
    // For this host's key alone, too.
    let token = browser::token(kdc, &kdc.ticket("kira", "Kira-Pass-1")?, &[])?;
    let accepted = Acceptor { service: "HTTP@localhost", ..acceptor }.one(&token)?;
    ensure!(accepted.principal() == Some("kira@EXAMPLE.TEST"), "{accepted:?}");
    Ok(())
}

fn named(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    for (who, password, realms, expected) in [
        ("kira", "Kira-Pass-1", &[REALM][..], Ok("kira".to_owned())),
        ("Upper", "Upper-Pass-1", &["OTHER.TEST", REALM], Ok("Upper".to_owned())),
        ("kira/admin", "Admin-Pass-1", &[REALM], Err(PrincipalError::Instance)),
        ("kira", "Kira-Pass-1", &["OTHER.TEST"], Err(PrincipalError::Realm(REALM.to_owned()))),
        ("kira", "Kira-Pass-1", &[], Err(PrincipalError::Realm(REALM.to_owned()))),
    ] {
        let token = browser::token(kdc, &kdc.ticket(who, password)?, &[])?;
        let accepted = acceptor.one(&token)?;
        let name = accepted.principal().unwrap_or_default();
        let seen = principal::user(name, realms);
        ensure!(seen == expected, "{who}: {accepted:?}: {seen:?}");
    }
    Ok(())
}

fn descriptor(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let token = browser::token(kdc, &kdc.ticket("kira", "Kira-Pass-1")?, &[])?;
    // As a launcher hands it over that alone may read the file: the content in memory, by number.
    let memory = nix::sys::memfd::memfd_create(c"keys", nix::sys::memfd::MFdFlags::empty())?;
    std::fs::copy(
        &acceptor.key_table,
        format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memory)),
    )?;
    let acceptor = Acceptor {
        key_table: format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&memory)).into(),
        ..acceptor
    };
    let accepted = acceptor.one(&token)?;
    ensure!(accepted.principal() == Some("kira@EXAMPLE.TEST"), "{accepted:?}");
    Ok(())
}

fn delegated(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let cache = kdc.ticket("kira", "Kira-Pass-1")?;
    let plain = browser::token(kdc, &cache, &[])?;
    let ran = portcullis_testing::servers::run(
        kdc.as_owner("/usr/bin/kinit", &cache).args(["-f", "kira"]),
        "Kira-Pass-1\n",
    )?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let token = browser::token(kdc, &cache, &["--delegation", "always"])?;
    ensure!(token.len() > plain.len() + 500, "there is a ticket in it: {} and {}", token.len(), plain.len());
    let accepted = acceptor.one(&token)?;
    ensure!(accepted.principal() == Some("kira@EXAMPLE.TEST"), "{accepted:?}");
    Ok(())
}
