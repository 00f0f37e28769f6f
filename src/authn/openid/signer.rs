//! A provider's keys for the tests: signs what it is told, right or wrong.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    self, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::keys::Keys;

/// Seconds since 1970 that the tests take for now.
pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://idp.example";
pub(super) const CLIENT: &str = "portcullis-client";
pub(super) const NONCE: &str = "n-0123456789abcdef";

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

pub(super) struct Signer {
    kid: &'static str,
    pair: Pair,
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Signer {
    pub(super) fn rsa(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))) }
    }

    pub(super) fn ec(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key")) }
    }

    pub(super) fn ed(kid: &'static str) -> Self {
        Self { kid, pair: Pair::Ed(Ed25519KeyPair::generate().expect("a key")) }
    }

    /// The algorithm that it signs with when nothing else is said.
    pub(super) fn usual(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// Its public half.
    pub(super) fn jwk(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                // RFC 8017, A.1.1: a sequence of two numbers, the first of 256 bytes behind a zero, the second 65537.
                let der = pair.public_key().as_ref();
                assert_eq!((der.len(), &der[265..]), (270, [2, 3, 1, 0, 1].as_slice()));
                let (n, e) = (&der[9..265], &der[267..]);
                json!({"kty": "RSA", "kid": self.kid, "use": "sig", "n": text(n), "e": text(e)})
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid, "x": text(&point[1..33]), "y": text(&point[33..])})
            }
            Pair::Ed(pair) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": self.kid, "x": text(pair.public_key().as_ref())})
            }
        }
    }

    /// What everybody may know of it, as bytes: what an attacker takes for a secret.
    pub(super) fn public(&self) -> Vec<u8> {
        self.jwk().to_string().into_bytes()
    }

    /// A token with this head, signed as its algorithm says, or as usual when we don't know it.
    pub(super) fn token_with(&self, head: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", text(head.to_string().as_bytes()), text(claims.to_string().as_bytes()));
        let made = self.sign(head["alg"].as_str().unwrap_or_default(), signed.as_bytes());
        format!("{signed}.{}", text(&made))
    }

    /// A token as a provider makes it.
    pub(super) fn token(&self, claims: &Value) -> String {
        self.token_with(&json!({"alg": self.usual(), "typ": "JWT", "kid": self.kid}), claims)
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let how: &dyn signature::RsaEncoding = match algorithm {
                    "RS384" => &signature::RSA_PKCS1_SHA384,
                    "RS512" => &signature::RSA_PKCS1_SHA512,
                    "PS256" => &signature::RSA_PSS_SHA256,
                    "PS384" => &signature::RSA_PSS_SHA384,
                    "PS512" => &signature::RSA_PSS_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                let mut made = vec![0; pair.public_modulus_len()];
                pair.sign(how, &random, message, &mut made).expect("a signature");
                made
            }
            Pair::Ec(pair) => pair.sign(&random, message).expect("a signature").as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// What a right token says.
pub(super) fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": CLIENT, "sub": "248289761001", "nonce": NONCE, "iat": NOW - 5, "exp": NOW + 300,
        "preferred_username": "anna", "email": "anna@example.com", "email_verified": true,
        "given_name": "Anna", "family_name": "Example", "groups": ["staff", "analysts"],
    })
}

/// Right claims but for one.
pub(super) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().expect("an object").remove(name)),
        value => claims[name] = value,
    }
    claims
}

/// The set of these keys.
pub(super) fn keys(signers: &[&Signer]) -> Keys {
    let set = json!({"keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>()});
    Keys::parse(set.to_string().as_bytes()).expect("keys")
}
