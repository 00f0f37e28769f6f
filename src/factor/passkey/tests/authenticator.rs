//! An authenticator and the browser in front of it, whose every word can be replaced by another.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::passkey::cbor::{Value, write};
use crate::passkey::{Algorithm, CHALLENGE_BYTES, Challenge, EnrolAnswer, ProofAnswer};

use super::NOW;

/// The random bytes of the challenge that an honest browser answers.
pub(super) const RANDOM: [u8; CHALLENGE_BYTES] = [0x51; CHALLENGE_BYTES];

pub(super) fn challenge() -> Challenge {
    Challenge::new(RANDOM, NOW - 10)
}

enum Signer {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

/// A key with one credential. The public members are what it says; honest to begin with.
pub(super) struct Authenticator {
    signer: Signer,
    pub(super) id: Vec<u8>,
    pub(super) rp_id: &'static str,
    pub(super) flags: u8,
    pub(super) counter: u32,
    /// Follows the authenticator data.
    pub(super) tail: Vec<u8>,
    pub(super) handle: Option<Vec<u8>>,
    /// What the browser says; type and challenge are added where they are not there.
    pub(super) client: Json,
    pub(super) format: &'static str,
    pub(super) statement: Vec<(Value<'static>, Value<'static>)>,
    /// Instead of its own public key.
    pub(super) cose: Option<Vec<u8>>,
}

impl Authenticator {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let signer = match algorithm {
            Algorithm::Es256 => {
                Signer::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"))
            }
            Algorithm::EdDsa => Signer::EdDsa(Ed25519KeyPair::generate().expect("a key")),
            Algorithm::Rs256 => Signer::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key")),
        };
        Self {
            signer,
            id: vec![0xc1; 32],
            rp_id: "rstudio.example.test",
            flags: 0b101,
            counter: 7,
            tail: Vec::new(),
            handle: None,
            client: json!({ "origin": "https://rstudio.example.test", "crossOrigin": false }),
            format: "none",
            statement: Vec::new(),
            cose: None,
        }
    }

    /// Its public key as an honest authenticator writes it; by hand, not by what is tested.
    pub(super) fn cose(&self) -> Vec<u8> {
        let number = Value::number;
        let key = |pairs: &[(i64, Value<'_>)]| {
            write(&Value::Map(pairs.iter().map(|(label, value)| (number(*label), value.clone())).collect()))
        };
        match &self.signer {
            Signer::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = (Value::Bytes(&point[1..33]), Value::Bytes(&point[33..]));
                key(&[(1, number(2)), (3, number(-7)), (-1, number(1)), (-2, x), (-3, y)])
            }
            Signer::EdDsa(pair) => {
                let x = Value::Bytes(pair.public_key().as_ref());
                key(&[(1, number(1)), (3, number(-8)), (-1, number(6)), (-2, x)])
            }
            Signer::Rs256(pair) => {
                // A SubjectPublicKeyInfo of 2048 bits ends in the modulus, the head of the exponent and 65537.
                let der = pair.public_key().as_der().expect("DER");
                let (rest, exponent) = der.as_ref().split_at(der.as_ref().len() - 3);
                let (n, e) = (Value::Bytes(&rest[rest.len() - 258..rest.len() - 2]), Value::Bytes(exponent));
                key(&[(1, number(3)), (3, number(-257)), (-1, n), (-2, e)])
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.signer {
            Signer::Es256(pair) => {
                pair.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec()
            }
            Signer::EdDsa(pair) => pair.sign(message).as_ref().to_vec(),
            Signer::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
                    .expect("a signature");
                signature
            }
        }
    }

    fn client_data(&self, ceremony: &str) -> Vec<u8> {
        let mut client = self.client.clone();
        let members = client.as_object_mut().expect("an object");
        members.entry("type").or_insert_with(|| ceremony.into());
        members.entry("challenge").or_insert_with(|| URL_SAFE_NO_PAD.encode(RANDOM).into());
        client.to_string().into_bytes()
    }

    pub(super) fn data(&self, credential: bool) -> Vec<u8> {
        let mut data = Sha256::digest(self.rp_id).to_vec();
        data.push(self.flags | if credential { 0x40 } else { 0 });
        data.extend(self.counter.to_be_bytes());
        if credential {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).expect("a short id").to_be_bytes());
            data.extend(&self.id);
            data.extend(self.cose.clone().unwrap_or_else(|| self.cose()));
        }
        data.extend(&self.tail);
        data
    }

    /// An attestation object around any authenticator data.
    pub(super) fn object(&self, data: &[u8]) -> Vec<u8> {
        write(&Value::Map(vec![
            (Value::Text("fmt"), Value::Text(self.format)),
            (Value::Text("attStmt"), Value::Map(self.statement.clone())),
            (Value::Text("authData"), Value::Bytes(data)),
        ]))
    }

    pub(super) fn enrol(&self) -> EnrolAnswer {
        EnrolAnswer {
            id: self.id.clone(),
            client_data: self.client_data("webauthn.create"),
            attestation_object: self.object(&self.data(true)),
        }
    }

    pub(super) fn prove(&self) -> ProofAnswer {
        self.prove_with(self.data(false))
    }

    /// A proof whose authenticator data are these.
    pub(super) fn prove_with(&self, authenticator_data: Vec<u8>) -> ProofAnswer {
        let client_data = self.client_data("webauthn.get");
        let message = [&authenticator_data[..], &Sha256::digest(&client_data)].concat();
        ProofAnswer {
            id: self.id.clone(),
            client_data,
            authenticator_data,
            signature: self.sign(&message),
            user_handle: self.handle.clone(),
        }
    }
}
