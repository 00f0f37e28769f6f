//! Who is let in, and who isn't.

use anyhow::{Result, ensure};
use portcullis_model::name_rule::{NameError, account_name};
use portcullis_model::proof::{Failure, MethodName};
use portcullis_testing::Stage;
use portcullis_testing::servers::openid::{Openid, Person, SECRET, Setup};

use super::method::{Conf, begin, examine, go};

pub(super) fn success(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let outcome = Conf::usual(provider).sign_in(provider, "olly", "Olly-Pass-1")?;
    let proven = outcome.proven()?;
    ensure!(proven.provider.to_string() == format!("openid:{}", provider.issuer()), "{proven:?}");
    ensure!(proven.unique.as_bytes() == b"sub-olly" && proven.user == "olly", "{proven:?}");
    ensure!(proven.attributes.email.as_deref() == Some("olly@example.test"), "{proven:?}");
    let groups: Vec<&str> = proven.groups.iter().map(|group| group.name.as_str()).collect();
    ensure!(groups == ["analysts", "portcullis-users"], "{groups:?}");
    let lonely = Conf::usual(provider).sign_in(provider, "lonely", "Lonely-Pass-1")?;
    ensure!(lonely.proven()?.groups.is_empty());
    Ok(())
}

pub(super) fn algorithms(_: &Stage) -> Result<()> {
    for algorithm in ["PS256", "ES256", "EdDSA"] {
        let people = vec![Person::new("olly", "Olly-Pass-1", &[])];
        let provider = Openid::start(&Setup { algorithm, people, ..Setup::default() })?;
        let outcome = Conf::usual(&provider).sign_in(&provider, "olly", "Olly-Pass-1")?;
        ensure!(outcome.proven()?.user == "olly", "{algorithm}");
    }
    Ok(())
}

pub(super) fn wrong(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    for (login, password) in [("olly", "olly-pass-1"), ("nobody", "Olly-Pass-1"), ("olly", "")] {
        let refused = Conf::usual(provider).sign_in(provider, login, password).err();
        ensure!(refused.is_some_and(|why| why.to_string().contains("401")), "{login} {password}");
    }
    Ok(())
}

pub(super) fn locked(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let refused = Conf::usual(provider).sign_in(provider, "locked", "Locked-Pass-1").err();
    let text = refused.map(|why| why.to_string()).unwrap_or_default();
    ensure!(text.contains("no code") && text.contains("error=access_denied"), "{text}");
    Ok(())
}

pub(super) fn once(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let method = Conf::usual(provider).method()?;
    let back = go(&method, provider, "olly", "Olly-Pass-1")?;
    examine(&method, &back).proven()?;
    ensure!(matches!(examine(&method, &back).refused()?, Failure::Rejected(_)));
    Ok(())
}

pub(super) fn bound(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let method = Conf::usual(provider).method()?;
    let (one, two) =
        (go(&method, provider, "olly", "Olly-Pass-1")?, go(&method, provider, "lonely", "Lonely-Pass-1")?);
    // A stolen code in another flow: the provider compares the verifier.
    let stolen = super::method::Back { pending: one.pending.clone(), code: two.code, issuer: two.issuer };
    ensure!(matches!(examine(&method, &stolen).refused()?, Failure::Rejected(_)));
    // The right verifier, and another flow's nonce.
    let mut mixed = one;
    mixed.pending.nonce = two.pending.nonce;
    let failure = examine(&method, &mixed).refused()?;
    ensure!(failure.to_string().contains("answers another request"), "{failure}");
    // Another way back than the configured one is not even asked about.
    let mut elsewhere = go(&method, provider, "olly", "Olly-Pass-1")?;
    elsewhere.pending.redirect_uri = "https://127.0.0.1:9999/openid/callback".into();
    ensure!(examine(&method, &elsewhere).refused()? == Failure::Evidence);
    // The provider says who it is (RFC 9207), and a way back that doesn't is none of its.
    let mut unnamed = go(&method, provider, "olly", "Olly-Pass-1")?;
    ensure!(unnamed.issuer.take().is_some_and(|issuer| issuer == provider.issuer()));
    ensure!(matches!(examine(&method, &unnamed).refused()?, Failure::Rejected(_)));
    Ok(())
}

pub(super) fn many(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let outcome = Conf::usual(provider).sign_in(provider, "many", "Many-Pass-1")?;
    ensure!(outcome.proven()?.groups.len() == 500);
    Ok(())
}

pub(super) fn unicode(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let outcome = Conf::usual(provider).sign_in(provider, "jürgen", "Jürgen-Paß-1")?;
    let proven = outcome.proven()?;
    ensure!(proven.user == "jürgen" && proven.groups[0].name == "größe", "{proven:?}");
    ensure!(account_name(MethodName::Openid, &proven.user, []).is_ok());
    let outcome = Conf::usual(provider).sign_in(provider, "Upper.Case", "Upper-Pass-1")?;
    let name = account_name(MethodName::Openid, &outcome.proven()?.user, []);
    ensure!(name == Err(NameError::Capitals), "{name:?}");
    Ok(())
}

pub(super) fn odd(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let outcome = Conf::usual(provider).sign_in(provider, "../../etc", "Path-Pass-1")?;
    let name = account_name(MethodName::Openid, &outcome.proven()?.user, []);
    ensure!(matches!(name, Err(NameError::Form(_))), "{name:?}");
    Ok(())
}

pub(super) fn told(_: &Stage) -> Result<()> {
    let provider = Openid::shared()?;
    let method = Conf::usual(provider).method()?;
    ensure!(begin(&method)?.is_ok());
    let back = go(&method, provider, "olly", "Olly-Pass-1")?;
    let outcome = examine(&method, &back);
    outcome.proven()?;
    let told: String = outcome.steps.iter().map(|step| format!("{step}\n{step:?}\n")).collect();
    ensure!(told.contains("preferred_username = `olly`") && told.contains("sub = `sub-olly`"), "{told}");
    let secrets = [
        back.pending.nonce.expose(),
        back.pending.verifier.expose(),
        back.code.as_bytes(),
        SECRET.as_bytes(),
    ];
    for secret in secrets {
        ensure!(!told.contains(std::str::from_utf8(secret)?), "a secret in: {told}");
    }
    Ok(())
}
