//! A provider that is broken, lies, is somebody else, slow or away.

use anyhow::{Context as _, Result, ensure};
use portcullis_model::proof::Failure;
use portcullis_testing::Stage;
use portcullis_testing::servers::authority::Authority;
use portcullis_testing::servers::openid::{CLIENT, FAULTS, Openid, Person, Setup};

use super::method::{Conf, begin, examine, go};

/// What each broken answer is refused as: a part of the reason.
const REASONS: &[(&str, &str)] = &[
    ("wrong-nonce", "the proof does not hold: the ID token answers another request"),
    ("no-nonce", "the proof does not hold: the ID token has no `nonce`"),
    ("wrong-audience", "the proof does not hold: the ID token is for another client"),
    ("two-audiences", "the proof does not hold: the ID token was issued to another client"),
    ("wrong-issuer", "the proof does not hold: the ID token is another provider's"),
    ("no-signature", "the proof does not hold: the ID token's algorithm `none` is not taken"),
    ("public-key-as-secret", "the proof does not hold: the ID token's algorithm `HS256` is not taken"),
    ("client-secret-as-key", "the proof does not hold: the ID token's algorithm `HS256` is not taken"),
    ("expired", "the proof does not hold: the ID token has expired"),
    ("not-yet", "the proof does not hold: the ID token is of the future"),
    ("no-expiry", "the proof does not hold: the ID token has no `exp`"),
    ("no-subject", "the proof does not hold: the ID token has no `sub`"),
    ("other-key", "the proof does not hold: the ID token's signature does not hold"),
    ("unknown-key", "the proof does not hold: the provider has no such key"),
    ("cut-signature", "the proof does not hold: the ID token's signature does not hold"),
    ("wrong-access-hash", "the proof does not hold: the ID token belongs to another access token"),
    ("no-token", "the provider answered wrongly: the token endpoint gave no ID token"),
    ("not-json", "the provider answered wrongly: the token endpoint's answer is not JSON"),
    ("huge", "the provider answered wrongly: the answer has more than"),
    ("error", "the provider answered wrongly: the token endpoint answered 500"),
];
/// Faults with a test of their own.
const ELSEWHERE: &[&str] = &["slow", "other-person"];

pub(super) fn tokens(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    for (fault, what) in FAULTS.iter().filter(|(fault, _)| !ELSEWHERE.contains(fault)) {
        let (_, reason) =
            REASONS.iter().find(|(known, _)| known == fault).context("a fault without a reason")?;
        let outcome = Conf::usual(provider).client(fault).sign_in(provider, "olly", "Olly-Pass-1")?;
        let failure = outcome.refused().with_context(|| format!("{fault}: {what}"))?.to_string();
        ensure!(failure.starts_with(reason), "{fault}: {failure}");
    }
    Ok(())
}

pub(super) fn userinfo(_: &Stage) -> Result<()> {
    let people = vec![Person::new("olly", "Olly-Pass-1", &[])];
    let provider = Openid::start(&Setup { people, ..Setup::default() })?;
    // No token has this claim: so userinfo is asked.
    let conf = Conf::usual(&provider).with("auth-openid-username-claim=nickname");
    let missing = conf.clone().sign_in(&provider, "olly", "Olly-Pass-1")?.refused()?;
    ensure!(missing.to_string().contains("says no `nickname`"), "{missing}");
    let other = conf.client("other-person").sign_in(&provider, "olly", "Olly-Pass-1")?.refused()?;
    ensure!(other.to_string().contains("userinfo speaks of somebody else"), "{other}");
    Ok(())
}

pub(super) fn slow(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let outcome = Conf::usual(provider).client("slow").sign_in(provider, "olly", "Olly-Pass-1")?;
    ensure!(outcome.refused()? == Failure::Slow);
    Ok(())
}

pub(super) fn secret(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let outcome = Conf::usual(provider).secret("wrong").sign_in(provider, "olly", "Olly-Pass-1")?;
    let failure = outcome.refused()?;
    ensure!(matches!(failure, Failure::Configuration(_)), "{failure}");
    ensure!(!failure.to_string().contains("wrong\""), "{failure}");
    Ok(())
}

pub(super) fn certificates(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let stranger = Authority::new("Another authority")?;
    let other = Conf::usual(provider).trusting(stranger.certificate()).method()?;
    ensure!(begin(&other)? == Err(Failure::Certificate), "another authority's certificate");
    ensure!(begin(&Conf::usual(provider).method()?)?.is_ok());
    // Signed by the authority that we trust, and still not this machine's, or not of today.
    let authority = Authority::new("Provider authority")?;
    for pair in [authority.server_named(&["elsewhere.test"])?, authority.expired()?] {
        let broken =
            Openid::start(&Setup { certificate: Some(pair), people: Vec::new(), ..Setup::default() })?;
        let method = Conf::usual(&broken).trusting(authority.certificate()).method()?;
        ensure!(begin(&method)? == Err(Failure::Certificate));
    }
    Ok(())
}

pub(super) fn clear(_: &Stage) -> Result<()> {
    let provider = Openid::start(&Setup { tls: false, people: Vec::new(), ..Setup::default() })?;
    let error = Conf::usual(&provider).method().err().context("http is taken")?;
    ensure!(format!("{error:#}").contains("https"), "{error:#}");
    // By https to a port that speaks none.
    let method = Conf::usual(&provider).issuer(&provider.issuer().replace("http://", "https://")).method()?;
    ensure!(matches!(begin(&method)?, Err(Failure::Protocol(_))));
    Ok(())
}

pub(super) fn issuer(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    for issuer in [format!("{}/", provider.issuer()), provider.issuer().replace("127.0.0.1", "localhost")] {
        let method = Conf::usual(provider).issuer(&issuer).method()?;
        let refused = begin(&method)?.err().with_context(|| format!("{issuer} is taken"))?;
        ensure!(refused.to_string().contains("not the configured issuer"), "{issuer}: {refused}");
    }
    Ok(())
}

pub(super) fn down(_: &Stage) -> Result<()> {
    let people = vec![Person::new("olly", "Olly-Pass-1", &[])];
    let provider = Openid::start(&Setup { people, ..Setup::default() })?;
    let method = Conf::usual(&provider).method()?;
    examine(&method, &go(&method, &provider, "olly", "Olly-Pass-1")?).proven()?;
    let back = go(&method, &provider, "olly", "Olly-Pass-1")?;
    provider.stop()?;
    ensure!(examine(&method, &back).refused()? == Failure::Unreachable);
    // Nobody has asked before: nothing is known.
    let fresh = Conf::usual(&provider).client(CLIENT).method()?;
    ensure!(begin(&fresh)? == Err(Failure::Unreachable));
    // It is back with other keys under the same name.
    provider.resume()?;
    examine(&method, &go(&method, &provider, "olly", "Olly-Pass-1")?).proven()?;
    Ok(())
}

pub(super) fn hung(_: &Stage) -> Result<()> {
    let provider = Openid::start(&Setup { people: Vec::new(), ..Setup::default() })?;
    let method = Conf::usual(&provider).method()?;
    provider.hang()?;
    ensure!(begin(&method)? == Err(Failure::Slow));
    provider.go_on()?;
    Ok(())
}
