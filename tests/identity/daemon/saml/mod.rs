//! A SAML provider and the whole daemon: the real one (samlp) for what is right, the tests' own signer for what is wrong.

mod accounts;
mod answers;
pub(super) mod ends;
mod provider;

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::client::Client;
use portcullis_testing::saml::{Answer, Key, Kind, posted, requested};
use portcullis_testing::{Response, Stage, World, case, place};

/// All of them.
pub(super) fn all() -> Vec<Trial> {
    vec![
        case("identity::saml::a_person_of_the_saml_provider_comes_in", provider::comes_in),
        case("identity::saml::answers_in_every_form_that_is_believed_or_not", provider::forms),
        case("identity::saml::metadata_down_and_back", provider::down),
        case("identity::saml::metadata_of_another_authority", provider::authority),
        case("identity::saml::metadata_that_hang", provider::hung),
        case("identity::saml::another_certificate_counts_after_a_reload", provider::rotated),
        case("identity::saml::its_files_are_roots_alone", provider::files),
        case("identity::saml::answers_that_are_not_believed", answers::refused),
        case("identity::saml::an_answer_counts_once_also_after_a_restart", answers::once),
        case("identity::saml::nobody_is_signed_in_who_did_not_ask", answers::unasked),
        case("identity::saml::the_database_is_away", answers::away),
        case("identity::saml::one_network_leaves_others_their_way_to_it", answers::crowd),
        case("identity::saml::names_and_accounts_that_may_not_by_saml", accounts::stay_out),
        case("identity::saml::names_are_rewritten", accounts::rewritten),
        case("identity::saml::a_sign_in_ends_with_the_provider_s_session", ends::ends),
        case("identity::saml::a_person_in_500_groups_of_saml", accounts::many),
    ]
}

/// Our address, as the provider has it; browsers come by a proxy that ends TLS.
const BASE: &str = "https://ide.example";
/// The name of the provider that the own signer is.
const IDP: &str = "https://idp.example/metadata";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// A file of root's.
fn file(stem: &str, text: &str) -> Result<PathBuf> {
    let path = PathBuf::from(format!("/run/{stem}-{}", place::next_number()));
    fs::write(&path, text)?;
    Ok(path)
}

/// A daemon that knows the own signer, by what stands in its configuration.
pub(super) fn world(stage: &Stage, key: &Key, more: &str, own: &str) -> Result<World> {
    let rserver = format!("{}\n{more}", trusting(key)?);
    let world = stage.world().conf("rserver.conf", &rserver).conf("portcullis.conf", own).start()?;
    known(&world)?;
    Ok(world)
}

/// The configuration by which a daemon knows the own signer.
fn trusting(key: &Key) -> Result<String> {
    let certificate = file("idp", &key.certificate_pem)?;
    Ok(format!(
        "auth-saml=1\nauth-cookies-force-secure=1\nauth-saml-sp-base-uri={BASE}\nauth-saml-idp-entity-id={IDP}\n\
         auth-saml-idp-sso-url=https://idp.example/sso\nauth-saml-idp-sign-cert-path={}\n\
         auth-saml-idp-post-binding=1",
        certificate.display()
    ))
}

/// What stands there is read by a process of its own, a moment after the start.
fn known(world: &World) -> Result<()> {
    portcullis_testing::until::is("the provider is known", 30, || {
        world.client().and_then(|client| client.get("/saml/begin")).is_ok_and(|answer| answer.status == 200)
    })
}

pub(super) fn key() -> Result<Key> {
    Key::new(Kind::P256)
}

/// To the provider: the request's id, and what comes back with it.
pub(super) fn goes(client: &Client) -> Result<(String, String)> {
    requested(&client.get("/saml/begin?appUri=/")?.expect(200)?.text())
}

/// An answer for this account to this request.
pub(super) fn answer(user: &str, request: Option<&str>) -> Answer {
    let mut answer = Answer::new(&format!("{BASE}/saml/metadata"), &format!("{BASE}/saml/acs"), now());
    answer.in_response_to = request.map(str::to_owned);
    answer.name_id = format!("{user}@example.test");
    answer.attributes = vec![("Username".into(), vec![user.to_owned()])];
    answer.assertion_id = format!("_{}-{}", place::next_number(), now());
    answer
}

/// Has the browser post it, as a page of the provider's does.
pub(super) fn posts(client: &Client, text: &str, state: &str) -> Result<Response> {
    client
        .request("POST", "/saml/acs")
        .header("Origin", "https://idp.example")
        .header("Accept", "text/html")
        .header("Sec-Fetch-Site", "cross-site")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
        .form(&[("SAMLResponse", &posted(text)), ("RelayState", state)])
        .send()
}

/// An answer that lets nobody in: the status, and no cookie that opens anything.
fn lets_nobody_in(answer: &Response, status: u16) -> Result<()> {
    ensure!(answer.status == status, "{} instead of {status}: {}", answer.status, answer.text());
    ensure!(!answer.all("set-cookie").any(|cookie| cookie.contains("portcullis=v1")), "a cookie");
    Ok(())
}

/// Somebody was denied for this reason, once more than before.
fn denied(world: &World, reason: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
    let fields = [("method", "saml"), ("reason", reason)];
    let before = world.count_audit("sign-in-denied", &fields)?;
    act()?;
    let after = world.count_audit("sign-in-denied", &fields)?;
    ensure!(after == before + 1, "nobody was denied for {reason}: {:?}", world.audit()?.last());
    Ok(())
}
