//! Tickets that must not be taken, each refused by its reason.

use std::path::Path;

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::servers::kerberos::Kdc;
use portcullis_testing::servers::negotiate as browser;
use portcullis_testing::servers::run;
use portcullis_testing::{Stage, case, until};

use super::SERVICE;
use super::accept::Acceptor;

/// A ticket of two seconds is over by then, on a machine that is busy with other tests.
const SECONDS: u64 = 60;

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("kerberos::a_ticket_for_another_service_is_refused", another_service),
        case("kerberos::keys_that_are_old_missing_or_of_another_realm_refuse", keys),
        case("kerberos::a_ticket_that_has_expired_is_refused", expired),
        case("kerberos::clocks_that_differ_refuse", skew),
        case("kerberos::a_token_that_was_changed_or_cut_is_refused", changed),
        case("kerberos::a_negotiation_without_a_ticket_has_no_second_round", unfinished),
    ]
}

/// A token of kira's.
fn token(kdc: &Kdc) -> Result<Vec<u8>> {
    browser::token(kdc, &kdc.ticket("kira", "Kira-Pass-1")?, &[])
}

fn another_service(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let token = token(kdc)?;
    // The key of the ticket's service is in the table, and the ticket holds; but another service is asked for.
    let both = acceptor.replays.join("both");
    std::fs::copy(&acceptor.key_table, &both)?;
    let add = format!("addprinc -randkey imap/localhost\nktadd -k {} imap/localhost\n", both.display());
    kdc.administer(&add)?;
    let both = Acceptor { key_table: both, ..acceptor.clone() };
    let refused = Acceptor { service: "imap", ..both.clone() }.one(&token)?;
    ensure!(refused.is_for("Key"), "{refused:?}");
    // Another service's key alone.
    let refused = Acceptor { key_table: kdc.keytab("host/localhost")?, ..acceptor }.one(&token)?;
    ensure!(refused.is("Prepare"), "{refused:?}");
    let accepted = both.one(&token)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    Ok(())
}

fn keys(_: &Stage) -> Result<()> {
    // A realm of its own: new keys would disturb the others.
    let (kdc, other) = (Kdc::start("NEWKEYS.TEST")?, Kdc::start("OTHER.TEST")?);
    let old = Acceptor::of(&kdc, kdc.keytab(SERVICE)?)?;
    let new = Acceptor { key_table: kdc.keytab(SERVICE)?, ..old.clone() };
    let token = token(&kdc)?;
    let refused = old.one(&token)?;
    ensure!(refused.is_for("Key"), "{refused:?}");
    let refused = Acceptor { key_table: other.keytab(SERVICE)?, ..old.clone() }.one(&token)?;
    ensure!(refused.is_for("Key"), "{refused:?}");
    for (table, said) in [("/nonexistent/keys", "not found"), ("/dev/null", ""), ("/etc/passwd", "")] {
        let refused = Acceptor { key_table: Path::new(table).to_owned(), ..old.clone() }.one(&token)?;
        ensure!(refused.is("Prepare") && format!("{refused:?}").contains(said), "{table}: {refused:?}");
    }
    let accepted = new.one(&token)?;
    ensure!(accepted.principal() == Some("kira@NEWKEYS.TEST"), "{accepted:?}");
    Ok(())
}

fn expired(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?.with_default("clockskew = 1")?;
    let cache = kdc.ticket("kira", "Kira-Pass-1")?;
    let mut kinit = kdc.as_owner("/usr/bin/kinit", &cache);
    // The client refuses a ticket that is over sooner than that.
    let ran = run(kinit.args(["-l", "4s", "kira"]), "Kira-Pass-1\n")?;
    ensure!(ran.code == Some(0), "{ran:?}");
    let token = browser::token(kdc, &cache, &[])?;
    until::is("the ticket has expired", SECONDS, || {
        acceptor
            .fresh()
            .and_then(|acceptor| acceptor.one(&token))
            .is_ok_and(|outcome| outcome.is_for("Expired"))
    })
}

fn skew(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?.with_default("clockskew = 1")?;
    let token = token(kdc)?;
    until::is("the token is too old for a clock that is so exact", SECONDS, || {
        acceptor.fresh().and_then(|acceptor| acceptor.one(&token)).is_ok_and(|outcome| outcome.is_for("Skew"))
    })?;
    // By the usual measure it is young.
    let accepted = Acceptor { configuration: kdc.config_file(), ..acceptor }.fresh()?.one(&token)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    Ok(())
}

/// Whatever of it is changed: it is another token that fails, or the same ticket, which was here before.
fn changed(_: &Stage) -> Result<()> {
    let kdc = Kdc::shared()?;
    let acceptor = Acceptor::shared()?;
    let token = token(kdc)?;
    let accepted = acceptor.one(&token)?;
    ensure!(accepted.principal().is_some(), "{accepted:?}");
    // About sixty places of some 750 bytes.
    for at in (0..token.len()).step_by(13) {
        let mut changed = token.clone();
        changed[at] ^= 0x10;
        let refused = acceptor.one(&changed)?;
        ensure!(refused.principal().is_none(), "byte {at}: {refused:?}");
    }
    for end in [0, 1, 17, 40, token.len() / 2, token.len() - 1] {
        let refused = acceptor.one(&token[..end])?;
        ensure!(refused.principal().is_none(), "cut at {end}: {refused:?}");
    }
    Ok(())
}

fn unfinished(_: &Stage) -> Result<()> {
    let acceptor = Acceptor::shared()?;
    // SPNEGO that says "Kerberos, please" and nothing more.
    let ask = b"\x60\x1b\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x11\x30\x0f\xa0\x0d\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02";
    let refused = acceptor.one(ask)?;
    ensure!(refused.is("Unfinished"), "{refused:?}");
    Ok(())
}
