//! Answers of an identity provider: the good ones are believed, and each bad one is refused by its name.

mod algorithms;
mod conditions;
mod good;
mod metadata;
mod requests;
mod sealed;
mod wrapping;

use std::sync::LazyLock;

use portcullis_saml::{Assertion, Certificate, Expectation, Refusal, Request, Signed, verify};
use portcullis_testing::saml::{Answer, Key, Kind};

/// Our entity id.
const AUDIENCE: &str = "https://door.example/saml/metadata";
/// Our address for answers.
const RECIPIENT: &str = "https://door.example/saml/acs";
/// The tests' time: 2026-03-01T12:00:00Z.
const NOW: u64 = 1_772_366_400;

/// The provider's key.
static IDP: LazyLock<Key> = LazyLock::new(|| Key::new(Kind::Rsa).expect("a key"));
/// Somebody else's.
static MALLORY: LazyLock<Key> = LazyLock::new(|| Key::new(Kind::Rsa).expect("a key"));

fn certificate(key: &Key) -> Certificate {
    Certificate::from_der(&key.certificate).expect("a certificate")
}

fn expected() -> Expectation {
    Expectation {
        issuer: "https://idp.example/metadata".into(),
        certificates: vec![certificate(&IDP)],
        audience: AUDIENCE.into(),
        recipient: RECIPIENT.into(),
        request: Request::Made("_request".into()),
        signed: Signed::Either,
        name_id_format: None,
        decryption: Vec::new(),
    }
}

fn answer() -> Answer {
    Answer::new(AUDIENCE, RECIPIENT, NOW)
}

fn asked(text: &str) -> Result<Assertion, Refusal> {
    verify(text.as_bytes(), &expected(), NOW)
}

fn refused(text: &str) -> Refusal {
    asked(text).expect_err("to be refused")
}

/// The text with one part put in another's place; the part must be there.
fn replaced(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from:?} in {text}");
    text.replacen(from, to, 1)
}
