//! The OpenID provider, walked through by a person's browser; its tokens are judged by jose, which has no part in breaking them.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use portcullis_testing::servers::openid::{CLIENT, FAULTS, Openid, SECRET, Setup};
use portcullis_testing::servers::{must_with, providers};
use portcullis_testing::{Response, Stage, case};
use serde_json::{Value, json};

const JUDGE: &str = include_str!("judge.mjs");
const CALLBACK: &str = "http://127.0.0.1:8787/openid/callback";
/// RFC 7636, appendix B: a verifier and what is told of it first.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Client, what jose says of its token. Those of [`FAULTS`] that are missing here have no token to be judged.
const VERDICTS: &[(&str, &str)] = &[
    (CLIENT, "good"),
    ("wrong-nonce", "nonce"),
    ("no-nonce", "nonce"),
    ("wrong-audience", "aud"),
    ("two-audiences", "azp"),
    ("wrong-issuer", "iss"),
    ("no-signature", "ERR_JOSE_ALG_NOT_ALLOWED"),
    ("public-key-as-secret", "ERR_JOSE_ALG_NOT_ALLOWED"),
    ("client-secret-as-key", "ERR_JOSE_ALG_NOT_ALLOWED"),
    ("expired", "exp"),
    ("not-yet", "nbf"),
    ("no-expiry", "exp"),
    ("no-subject", "sub"),
    ("other-key", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"),
    ("unknown-key", "ERR_JWKS_NO_MATCHING_KEY"),
    ("cut-signature", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"),
    ("wrong-access-hash", "at_hash"),
    ("other-person", "good"),
];

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("servers::openid::lets_in_whom_it_may", lets_in),
        case("servers::openid::breaks_what_it_says", breaks),
        case("servers::openid::refuses_other_addresses_codes_twice_and_flows_without_pkce", refuses),
        case("servers::openid::stops_and_comes_back_with_new_keys", comes_back),
    ]
}

fn link(openid: &Openid, client: &str, redirect: &str, pkce: bool) -> String {
    let pkce =
        if pkce { format!("&code_challenge={CHALLENGE}&code_challenge_method=S256") } else { String::new() };
    format!(
        "{}/auth?client_id={client}&response_type=code&scope=openid+profile+email+groups&redirect_uri={redirect}\
         &nonce=n-1&state=s-1{pkce}",
        openid.issuer()
    )
}

fn query(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

fn swap(openid: &Openid, client: &str, code: &str) -> Result<Response> {
    // RFC 6749, 2.3.1: both parts are written as in a form first.
    let secret = SECRET
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace('+', "%2B")
        .replace('=', "%3D")
        .replace(' ', "+");
    let body =
        format!("grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={VERIFIER}");
    let headers = [
        ("Host", openid.address().to_string()),
        ("Authorization", format!("Basic {}", STANDARD.encode(format!("{client}:{secret}")))),
        ("Content-Type", "application/x-www-form-urlencoded".to_owned()),
    ];
    openid.visitor()?.exchange("POST", "/token", &headers, Some(body.as_bytes()))
}

fn code_for(openid: &Openid, client: &str, login: &str, password: &str) -> Result<String> {
    let back = openid.visitor()?.sign_in(&link(openid, client, CALLBACK, true), login, password)?;
    ensure!(back.starts_with(CALLBACK) && query(&back, "state").as_deref() == Some("s-1"), "back to {back}");
    query(&back, "code").with_context(|| format!("no code: {back}"))
}

/// What jose says of each token: `good`, a claim's name, or its code.
fn judge(openid: &Openid, tokens: &BTreeMap<String, Value>) -> Result<BTreeMap<String, String>> {
    let asked = json!({"issuer": openid.issuer(), "nonce": "n-1", "tokens": tokens});
    let mut node = providers::command("judge.mjs", JUDGE)?;
    node.env("NODE_EXTRA_CA_CERTS", openid.ca_file());
    Ok(serde_json::from_str(&must_with(&mut node, &asked.to_string())?)?)
}

fn lets_in(_: &Stage) -> Result<()> {
    let openid = Openid::shared()?;
    let mut tokens = BTreeMap::new();
    for person in Setup::default().people.into_iter().filter(|person| !person.locked) {
        let code = code_for(openid, CLIENT, &person.login, &person.password)?;
        let answer = swap(openid, CLIENT, &code)?.expect(200)?.json()?;
        let access = answer["access_token"].as_str().context("no access token")?;
        let headers = [("Host", openid.address().to_string()), ("Authorization", format!("Bearer {access}"))];
        let claims = openid.visitor()?.exchange("GET", "/me", &headers, None)?.expect(200)?.json()?;
        for (name, expected) in [
            ("sub", json!(person.sub)),
            ("preferred_username", json!(person.login)),
            ("email", json!(person.email)),
            ("groups", json!(person.groups)),
        ] {
            ensure!(claims[name] == expected, "{}: {name} is {}", person.login, claims[name]);
        }
        tokens.insert(person.login, json!({"answer": answer, "client": CLIENT}));
    }
    for (login, verdict) in judge(openid, &tokens)? {
        ensure!(verdict == "good", "the token of {login}: {verdict}");
    }
    let link = link(openid, CLIENT, CALLBACK, true);
    let wrong = openid.visitor()?.sign_in(&link, "olly", "wrong");
    ensure!(format!("{:#}", wrong.expect_err("a wrong password")).contains("(401)"));
    let locked = openid.visitor()?.sign_in(&link, "locked", "Locked-Pass-1")?;
    ensure!(query(&locked, "error").as_deref() == Some("access_denied"), "locked: {locked}");
    Ok(())
}

fn breaks(_: &Stage) -> Result<()> {
    let openid = Openid::start(&Setup { slow_ms: 300, ..Setup::default() })?;
    let mut tokens = BTreeMap::new();
    for client in std::iter::once(CLIENT).chain(FAULTS.iter().map(|(client, _)| *client)) {
        let code = code_for(&openid, client, "olly", "Olly-Pass-1")?;
        let begun = std::time::Instant::now();
        let answer = swap(&openid, client, &code)?;
        match client {
            "error" => ensure!(answer.status == 500, "{client}: {}", answer.status),
            "not-json" => ensure!(answer.status == 200 && answer.json().is_err(), "{client}"),
            "huge" => ensure!(answer.body.len() > 8 << 20, "{client}: {} bytes", answer.body.len()),
            "slow" => ensure!(begun.elapsed().as_millis() >= 300, "{client}: {:?}", begun.elapsed()),
            "no-token" => ensure!(answer.json()?.get("id_token").is_none(), "{client}"),
            _ => {
                let answer = answer.expect(200)?.json()?;
                if client == "other-person" {
                    let access = answer["access_token"].as_str().context("no access token")?;
                    let headers = [
                        ("Host", openid.address().to_string()),
                        ("Authorization", format!("Bearer {access}")),
                    ];
                    let claims = openid.visitor()?.exchange("GET", "/me", &headers, None)?.json()?;
                    ensure!(claims["sub"] == "somebody-else", "{client}: {claims}");
                }
                tokens.insert(client.to_owned(), json!({"answer": answer, "client": client}));
            }
        }
    }
    let said = judge(&openid, &tokens)?;
    let expected: BTreeMap<String, String> =
        VERDICTS.iter().map(|(client, verdict)| ((*client).to_owned(), (*verdict).to_owned())).collect();
    ensure!(said == expected, "jose says {said:#?}");
    Ok(())
}

fn refuses(_: &Stage) -> Result<()> {
    let openid = Openid::shared()?;
    let elsewhere = link(openid, CLIENT, "http://127.0.0.1:8787/elsewhere", true);
    ensure!(openid.visitor()?.get(&elsewhere)?.status == 400, "another address to come back to");
    let back = openid.visitor()?.get(&link(openid, CLIENT, CALLBACK, false))?;
    let back = back.header("location").unwrap_or_default().to_owned();
    ensure!(query(&back, "error").as_deref() == Some("invalid_request"), "without PKCE: {back}");
    let code = code_for(openid, CLIENT, "olly", "Olly-Pass-1")?;
    swap(openid, CLIENT, &code)?.expect(200)?;
    ensure!(swap(openid, CLIENT, &code)?.json()?["error"] == "invalid_grant", "a code twice");
    let other = code_for(openid, CLIENT, "olly", "Olly-Pass-1")?;
    ensure!(swap(openid, "wrong-nonce", &other)?.json()?["error"] == "invalid_grant", "another's code");
    Ok(())
}

fn comes_back(_: &Stage) -> Result<()> {
    let openid = Openid::start(&Setup { tls: false, algorithm: "ES256", ..Setup::default() })?;
    let key = || Ok::<_, anyhow::Error>(openid.visitor()?.get("/jwks")?.json()?["keys"][0].clone());
    let before = key()?;
    ensure!(before["alg"] == "ES256" && before.get("d").is_none(), "its key: {before}");
    openid.stop()?;
    ensure!(openid.visitor()?.get("/jwks").is_err(), "stopped");
    openid.resume()?;
    ensure!(key()? != before, "a new key");
    Ok(())
}
