//! The whole flow against a provider of our own by real TLS on the loopback: right, and wrong in every way.

use std::time::Duration;

use portcullis_model::Secret;
use portcullis_model::account::Provider as Whose;
use portcullis_model::proof::{Evidence, Failure, Flow};
use serde_json::{Value, json};

use super::signer::{CLIENT, NONCE, NOW, Signer, claims, claims_with};
use super::*;

mod stand_in;

use stand_in::{Reply, StandIn};

/// Less than anybody waits for, more than the loopback takes on a busy machine.
const PATIENT: Duration = Duration::from_secs(20);
const VERIFIER: &str = "verifier-verifier-verifier-verifier-verifier";
const BASE: &str = "https://portcullis.example/sub";

fn settings(issuer: &str) -> Settings {
    Settings {
        issuer: issuer.into(),
        client: CLIENT.into(),
        secret: Some(Secret::from("s3cret&more".to_owned())),
        scopes: vec!["groups".into()],
        username_claim: "preferred_username".into(),
        groups_claim: Some("groups".into()),
        base: Some(BASE.into()),
    }
}

fn openid(provider: &StandIn, within: Duration) -> Openid {
    Openid::with(settings(provider.issuer()), provider.roots(), || NOW, within).expect("settings")
}

fn evidence() -> Evidence {
    Evidence::Code {
        code: Secret::from("the-code".to_owned()),
        nonce: Secret::from(NONCE.to_owned()),
        verifier: Secret::from(VERIFIER.to_owned()),
        redirect_uri: flow::redirect_uri(BASE),
        issuer: None,
        proven_since: None,
    }
}

/// What a stand-in signs: its issuer is known only when it listens.
fn by(provider: &StandIn, mut claims: Value) -> Value {
    claims["iss"] = json!(provider.issuer());
    claims
}

fn tokens(signer: &Signer, claims: &Value) -> Reply {
    Reply::json(&json!({"id_token": signer.token(claims), "access_token": "at", "token_type": "Bearer"}))
}

async fn prove(openid: &Openid) -> Result<Proven, Failure> {
    openid.prove(evidence(), &mut Told::silent()).await
}

#[tokio::test]
async fn a_code_becomes_a_person() {
    let signer = Signer::ec("e");
    let provider = StandIn::start(&[&signer]).await;
    provider.answer("/token", tokens(&signer, &by(&provider, claims())));
    let openid = openid(&provider, PATIENT);
    let flow = Flow {
        state: "s".repeat(32),
        nonce: "n".repeat(32),
        challenge: "c".repeat(43),
        redirect_uri: flow::redirect_uri(BASE),
        anew: false,
    };
    let begin = openid.begin(&flow, &mut Told::silent()).await.expect("an address");
    assert!(
        begin.url.starts_with(&format!("{}/auth?response_type=code&client_id={CLIENT}&", provider.issuer())),
        "{begin:?}"
    );
    let mut told = Told::kept();
    let anna = openid.prove(evidence(), &mut told).await.expect("a person");
    assert_eq!(anna.provider, Whose::OpenId(provider.issuer().into()));
    assert_eq!((anna.unique.as_bytes(), anna.user.as_str()), (b"248289761001".as_slice(), "anna"));
    assert_eq!(anna.attributes.first.as_deref(), Some("Anna"));
    assert_eq!(
        anna.groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(),
        ["analysts", "staff"]
    );
    assert_eq!(anna.until, None);
    // The code went with its verifier, and we named ourselves by Basic.
    let asked = provider.asked("/token");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].body.contains("&code_verifier=verifier-verifier-"), "{}", asked[0].body);
    assert_eq!(asked[0].authorization.as_deref(), Some("Basic cG9ydGN1bGxpcy1jbGllbnQ6czNjcmV0JTI2bW9yZQ=="));
    // Metadata and keys were fetched once for both; nothing secret is told.
    assert_eq!(
        (provider.asked("/.well-known/openid-configuration").len(), provider.asked("/jwks").len()),
        (1, 1)
    );
    let steps = told.take();
    let shown: String = steps.iter().map(|step| format!("{step}\n{step:?}\n")).collect();
    assert!(shown.contains("preferred_username = `anna`"), "{shown}");
    for secret in ["the-code", VERIFIER, NONCE, "s3cret", "eyJ"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}

#[tokio::test]
async fn tokens_that_prove_nothing() {
    let (signer, stranger) = (Signer::rsa("r"), Signer::rsa("r"));
    let provider = StandIn::start(&[&signer]).await;
    let openid = openid(&provider, PATIENT);
    let changed = |name: &str, value: Value| by(&provider, claims_with(name, value));
    let right = by(&provider, claims());
    let headed = |head: Value| signer.token_with(&head, &right);
    let rejected = |why: TokenError| Failure::rejected(&why.to_string());
    for (what, token, failure) in [
        ("nonce", signer.token(&changed("nonce", json!("other"))), rejected(TokenError::Nonce)),
        ("aud", signer.token(&changed("aud", json!("other"))), rejected(TokenError::Audience)),
        ("issuer", signer.token(&claims()), rejected(TokenError::Issuer)),
        ("expired", signer.token(&changed("exp", json!(NOW - 3600))), rejected(TokenError::Expired)),
        ("old", signer.token(&changed("iat", json!(NOW - 3600))), rejected(TokenError::Old)),
        ("access token", signer.token(&changed("at_hash", json!("x"))), rejected(TokenError::AccessToken)),
        ("no sub", signer.token(&changed("sub", Value::Null)), rejected(TokenError::Claim("sub"))),
        ("other key", stranger.token(&right), rejected(TokenError::Signature)),
        ("none", headed(json!({"alg": "none"})), rejected(TokenError::Algorithm("none".into()))),
        (
            "HS256",
            headed(json!({"alg": "HS256", "kid": "r"})),
            rejected(TokenError::Algorithm("HS256".into())),
        ),
        ("huge", "x".repeat(token::TOKEN_MAX + 1), rejected(TokenError::TooLong)),
        ("nonsense", "a.b.c".into(), rejected(TokenError::Malformed)),
    ] {
        provider.answer("/token", Reply::json(&json!({"id_token": token, "access_token": "at"})));
        assert_eq!(prove(&openid).await.err(), Some(failure), "{what}");
    }
    provider.answer("/token", tokens(&signer, &right));
    assert!(prove(&openid).await.is_ok());
}

#[tokio::test]
async fn keys_that_changed_are_fetched_once() {
    let (old, new, stranger) = (Signer::ec("old"), Signer::ec("new"), Signer::ec("stranger"));
    let provider = StandIn::start(&[&old]).await;
    let openid = openid(&provider, PATIENT);
    provider.answer("/token", tokens(&old, &by(&provider, claims())));
    assert!(prove(&openid).await.is_ok());
    provider.keys(&[&new]);
    provider.answer("/token", tokens(&new, &by(&provider, claims())));
    assert!(prove(&openid).await.is_ok(), "the new key is fetched");
    assert_eq!(provider.asked("/jwks").len(), 2);
    // A key that isn't there doesn't make us ask again and again.
    provider.answer("/token", tokens(&stranger, &by(&provider, claims())));
    for _ in 0..3 {
        assert_eq!(prove(&openid).await.err(), Some(Failure::rejected("the provider has no such key")));
    }
    assert_eq!(provider.asked("/jwks").len(), 2);
    // What the provider gave up opens nothing.
    provider.answer("/token", tokens(&old, &by(&provider, claims())));
    assert_eq!(prove(&openid).await.err(), Some(Failure::rejected("the provider has no such key")));
}

#[tokio::test]
async fn userinfo_is_asked_for_what_is_missing_alone() {
    let signer = Signer::ed("d");
    let provider = StandIn::start(&[&signer]).await;
    let openid = openid(&provider, PATIENT);
    let without = by(&provider, claims_with("preferred_username", Value::Null));
    provider.answer("/token", tokens(&signer, &without));
    provider.answer(
        "/me",
        Reply::json(&json!({"sub": "248289761001", "preferred_username": "anna", "groups": ["wheel"]})),
    );
    let anna = prove(&openid).await.expect("a person");
    assert_eq!((anna.user.as_str(), anna.groups.len()), ("anna", 2));
    assert_eq!(provider.asked("/me")[0].authorization.as_deref(), Some("Bearer at"));
    for (reply, failure) in [
        (
            Reply::json(&json!({"sub": "1", "preferred_username": "root"})),
            Failure::rejected("userinfo speaks of somebody else"),
        ),
        (
            Reply::json(&json!({"sub": "248289761001"})),
            Failure::rejected("the provider says no `preferred_username`"),
        ),
        (Reply::status(401), Failure::protocol("userinfo answered 401")),
        (Reply::text("a.b.c"), Failure::protocol("userinfo is not JSON")),
    ] {
        provider.answer("/me", reply);
        assert_eq!(prove(&openid).await.err(), Some(failure));
    }
    provider.answer("/token", tokens(&signer, &by(&provider, claims())));
    let before = provider.asked("/me").len();
    assert!(prove(&openid).await.is_ok());
    assert_eq!(provider.asked("/me").len(), before, "nothing was missing");
}

#[tokio::test]
async fn evidence_that_is_not_of_this_method() {
    let signer = Signer::ec("e");
    let provider = StandIn::start(&[&signer]).await;
    provider.answer("/token", tokens(&signer, &by(&provider, claims())));
    let openid = openid(&provider, PATIENT);
    let changed = |change: fn(&mut Secret, &mut Secret, &mut Secret, &mut String)| {
        let mut changed = evidence();
        if let Evidence::Code { code, nonce, verifier, redirect_uri, .. } = &mut changed {
            change(code, nonce, verifier, redirect_uri);
        }
        changed
    };
    let large = || Secret::new(vec![b'x'; 5000]);
    for evidence in [
        Evidence::Nothing,
        Evidence::Form { user: "anna".into(), password: Secret::from("x".to_owned()) },
        changed(|code, _, _, _| *code = Secret::default()),
        changed(|_, nonce, _, _| *nonce = Secret::default()),
        changed(|_, _, verifier, _| *verifier = Secret::default()),
        changed(|_, _, _, uri| *uri = "https://evil.example/openid/callback".into()),
        Evidence::Code {
            code: large(),
            nonce: large(),
            verifier: large(),
            redirect_uri: String::new(),
            issuer: None,
            proven_since: None,
        },
    ] {
        assert_eq!(openid.prove(evidence, &mut Told::silent()).await.err(), Some(Failure::Evidence));
    }
    assert_eq!(provider.asked("/token").len(), 0, "none of it went to the provider");
    // The way back of another provider's (RFC 9207).
    let named = |issuer: &str| {
        let mut named = evidence();
        if let Evidence::Code { issuer: said, .. } = &mut named {
            *said = Some(issuer.into());
        }
        named
    };
    let mixed = openid.prove(named("https://evil.example"), &mut Told::silent()).await;
    assert_eq!(mixed.err(), Some(Failure::rejected("the way back names another provider")));
    assert!(openid.prove(named(provider.issuer()), &mut Told::silent()).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_names_itself_on_the_way_back_must_be_named() {
    let signer = Signer::ec("e");
    let provider = StandIn::start(&[&signer]).await;
    provider.metadata(|document| document["authorization_response_iss_parameter_supported"] = json!(true));
    provider.answer("/token", tokens(&signer, &by(&provider, claims())));
    let openid = openid(&provider, PATIENT);
    assert_eq!(
        prove(&openid).await.err(),
        Some(Failure::rejected("the way back does not name the provider"))
    );
}

#[tokio::test]
async fn answers_of_a_provider_that_is_not_well() {
    let signer = Signer::ec("e");
    for (path, reply, failure) in [
        ("/token", Reply::status(500), Failure::protocol("the token endpoint answered 500")),
        ("/token", Reply::status(503), Failure::Unreachable),
        (
            "/token",
            Reply::text(&"x".repeat(ANSWER_MAX + 1)),
            Failure::protocol("the answer has more than 196608 bytes"),
        ),
        (
            "/token",
            Reply::redirect("https://evil.example/token"),
            Failure::protocol("the token endpoint answered 307"),
        ),
        ("/token", Reply::Cut, Failure::protocol("the answer is not valid HTTP")),
        (
            "/jwks",
            Reply::json(&json!({"keys": []})),
            Failure::protocol("none of the keys can verify a token"),
        ),
        ("/jwks", Reply::status(404), Failure::protocol("keys answered 404")),
        (
            "/.well-known/openid-configuration",
            Reply::redirect("https://evil.example/"),
            Failure::protocol("discovery answered 307"),
        ),
        (
            "/.well-known/openid-configuration",
            Reply::text("{}"),
            Failure::protocol("the provider's metadata is not of the form of OpenID Connect Discovery"),
        ),
    ] {
        let provider = StandIn::start(&[&signer]).await;
        provider.answer(path, reply);
        assert_eq!(prove(&openid(&provider, PATIENT)).await.err(), Some(failure), "{path}");
    }
    let provider = StandIn::start(&[&signer]).await;
    provider.metadata(|document| document["issuer"] = json!("https://evil.example"));
    let failure = "the provider names itself `https://evil.example`, which is not the configured issuer";
    assert_eq!(prove(&openid(&provider, PATIENT)).await.err(), Some(Failure::protocol(failure)));
}

#[tokio::test]
async fn a_provider_that_can_not_be_reached_or_trusted() {
    let signer = Signer::ec("e");
    let provider = StandIn::start(&[&signer]).await;
    // It takes connections and never answers.
    provider.answer("/.well-known/openid-configuration", Reply::Never);
    assert_eq!(prove(&openid(&provider, Duration::from_millis(300))).await.err(), Some(Failure::Slow));
    // Another authority's certificate, and another machine's.
    let other = StandIn::start(&[&signer]).await;
    let mistrusting =
        Openid::with(settings(provider.issuer()), other.roots(), || NOW, PATIENT).expect("settings");
    assert_eq!(prove(&mistrusting).await.err(), Some(Failure::Certificate));
    let named = provider.issuer().replace("localhost", "127.0.0.1");
    let elsewhere = Openid::with(settings(&named), provider.roots(), || NOW, PATIENT).expect("settings");
    assert_eq!(prove(&elsewhere).await.err(), Some(Failure::Certificate));
    // Nobody listens; whoever comes within some seconds is told the same without another try.
    let gone = openid(&provider, PATIENT);
    provider.stop().await;
    assert_eq!(prove(&gone).await.err(), Some(Failure::Unreachable));
    assert_eq!(prove(&gone).await.err(), Some(Failure::Unreachable));
}

#[test]
fn settings_that_can_not_work() {
    let with = |change: fn(&mut Settings)| {
        let mut settings = settings("https://idp.example");
        change(&mut settings);
        Openid::new(settings, b"").err()
    };
    assert!(matches!(with(|_| {}), Some(SetupError::Roots(_))));
    assert!(matches!(
        with(|settings| settings.issuer = "http://idp.example".into()),
        Some(SetupError::Issuer(_))
    ));
    assert!(matches!(with(|settings| settings.client.clear()), Some(SetupError::NoClient)));
    assert!(matches!(with(|settings| settings.username_claim.clear()), Some(SetupError::Claim)));
    // Settings are shown in no log with their secret.
    assert!(!format!("{:?}", settings("https://idp.example")).contains("s3cret"));
}
