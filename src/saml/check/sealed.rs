//! Encrypted assertions.

use std::sync::LazyLock;

use portcullis_model::Secret;
use portcullis_saml::{DecryptionKey, Encryption, Expectation, KeyError, Refusal, SignatureError, verify};
use portcullis_testing::saml::{Cipher, Key, Kind};

use crate::{IDP, MALLORY, NOW, answer, expected, replaced};

/// Our own key.
static READER: LazyLock<Key> = LazyLock::new(|| Key::new(Kind::Rsa).expect("a key"));

const GCM: Cipher = Cipher { gcm: true, bits: 256, wrap: "rsa-oaep-mgf1p", beside: false };

fn key(key: &Key) -> DecryptionKey {
    DecryptionKey::from_pem(&Secret::from(key.key_pem.clone())).expect("a key")
}

fn reading() -> Expectation {
    Expectation { decryption: vec![key(&READER)], ..expected() }
}

fn why(text: &str) -> Refusal {
    verify(text.as_bytes(), &reading(), NOW).expect_err("to be refused")
}

#[test]
fn what_is_offered_is_opened() {
    for bits in [128, 256] {
        for wrap in ["rsa-oaep-mgf1p", "rsa-oaep"] {
            for beside in [false, true] {
                for (gcm, inner, outer) in [
                    (true, true, false),
                    (true, false, true),
                    (true, true, true),
                    (false, true, true),
                    (false, false, true),
                ] {
                    let cipher = Cipher { gcm, bits, wrap, beside };
                    let (inner, outer) = (inner.then_some(&*IDP), outer.then_some(&*IDP));
                    let text = answer().sealed(cipher, &READER, inner, outer).expect("an answer");
                    let found = verify(text.as_bytes(), &reading(), NOW);
                    let found = found.unwrap_or_else(|why| panic!("{cipher:?}: {why:?}"));
                    assert_eq!(found.one("Username"), Ok("ada"));
                    assert!(found.encrypted);
                }
            }
        }
    }
}

#[test]
fn a_former_key_still_opens() {
    let text = answer().sealed(GCM, &READER, Some(&IDP), None).expect("an answer");
    let both = Expectation { decryption: vec![key(&MALLORY), key(&READER)], ..expected() };
    assert!(verify(text.as_bytes(), &both, NOW).is_ok());
}

#[test]
fn encryption_is_no_signature() {
    // Anybody can encrypt for us: the certificate is public.
    let text = answer().sealed(GCM, &READER, None, None).expect("an answer");
    assert_eq!(why(&text), Refusal::Unsigned);
    let text = answer().sealed(GCM, &READER, Some(&MALLORY), None).expect("an answer");
    assert_eq!(why(&text), SignatureError::Forged.into());
    let text = answer().sealed(GCM, &READER, Some(&MALLORY), Some(&IDP)).expect("an answer");
    assert_eq!(why(&text), SignatureError::Forged.into());
    let text = answer().sealed(GCM, &READER, Some(&IDP), Some(&MALLORY)).expect("an answer");
    assert_eq!(why(&text), SignatureError::Forged.into());
}

#[test]
fn without_its_key_it_stays_closed() {
    let text = answer().sealed(GCM, &READER, Some(&IDP), None).expect("an answer");
    assert_eq!(verify(text.as_bytes(), &expected(), NOW), Err(Refusal::Encryption(Encryption::NoKey)));
    let other = Expectation { decryption: vec![key(&MALLORY)], ..expected() };
    assert_eq!(verify(text.as_bytes(), &other, NOW), Err(Refusal::Encryption(Encryption::Closed)));
}

/// A wrong key, a wrong tag, another content: one answer, so that it tells nobody how near they are.
#[test]
fn what_was_changed_stays_closed() {
    let text = answer().sealed(GCM, &READER, Some(&IDP), None).expect("an answer");
    let values: Vec<usize> =
        text.match_indices("<xenc:CipherValue>").map(|(at, mark)| at + mark.len()).collect();
    assert_eq!(values.len(), 2);
    for at in values {
        for offset in [0, 40, 100, 300] {
            let mut changed = text.clone().into_bytes();
            changed[at + offset] = if changed[at + offset] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(why(&changed), Refusal::Encryption(Encryption::Closed), "{offset}");
        }
    }
}

#[test]
fn cbc_is_opened_below_a_signature_only() {
    let cipher = Cipher { gcm: false, ..GCM };
    let text = answer().sealed(cipher, &READER, Some(&IDP), None).expect("an answer");
    let name = "http://www.w3.org/2001/04/xmlenc#aes256-cbc".to_owned();
    assert_eq!(why(&text), Refusal::Encryption(Encryption::Unprotected(name)));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let named = |text: &str| match why(text) {
        Refusal::Encryption(Encryption::Algorithm(name)) => name,
        other => panic!("{other:?}"),
    };
    let old = Cipher { wrap: "rsa-1_5", ..GCM };
    let text = answer().sealed(old, &READER, Some(&IDP), None).expect("an answer");
    assert_eq!(named(&text), "http://www.w3.org/2001/04/xmlenc#rsa-1_5");
    let text = answer().sealed(GCM, &READER, Some(&IDP), None).expect("an answer");
    for name in
        ["http://www.w3.org/2001/04/xmlenc#tripledes-cbc", "http://www.w3.org/2009/xmlenc11#aes192-gcm"]
    {
        assert_eq!(named(&replaced(&text, "http://www.w3.org/2009/xmlenc11#aes256-gcm", name)), name);
    }
    let mixed = Cipher { wrap: "rsa-oaep", ..GCM };
    let text = answer().sealed(mixed, &READER, Some(&IDP), None).expect("an answer");
    assert!(named(&replaced(&text, "mgf1sha256", "mgf1sha1")).ends_with("mgf1sha1"));
}

#[test]
fn parts_stand_once_and_in_the_answer() {
    let text = answer().sealed(GCM, &READER, Some(&IDP), None).expect("an answer");
    let part = |name| Refusal::Encryption(Encryption::Part(name));
    let (head, rest) = text.split_once("<xenc:EncryptedKey>").expect("its begin");
    let (wrapped, tail) = rest.split_once("</xenc:EncryptedKey>").expect("its end");
    assert_eq!(why(&format!("{head}{tail}")), part("EncryptedKey"));
    let twice = format!("{head}{0}{0}{tail}", format!("<xenc:EncryptedKey>{wrapped}</xenc:EncryptedKey>"));
    assert_eq!(why(&twice), part("EncryptedKey"));
    let fetched = "<xenc:CipherData><xenc:CipherReference URI=\"https://evil.example/\"/></xenc:CipherData>";
    let (head, rest) = text.split_once("<xenc:CipherData>").expect("its begin");
    let (_, tail) = rest.split_once("</xenc:CipherData>").expect("its end");
    assert_eq!(why(&format!("{head}{fetched}{tail}")), part("CipherValue"));
    // An assertion beside an encrypted one.
    let plain = answer().assertion().expect("text").replace("_assertion", "_beside");
    let beside = replaced(&text, "</samlp:Response>", &format!("{plain}</samlp:Response>"));
    assert_eq!(why(&beside), Refusal::Count { name: "Assertion", count: 2 });
}

#[test]
fn keys_are_read_or_refused() {
    let of = |pem: &str| DecryptionKey::from_pem(&Secret::from(pem.to_owned())).map(|_| ());
    assert_eq!(of(&READER.key_pem), Ok(()));
    let text = answer().sealed(GCM, &READER, Some(&IDP), None).expect("an answer");
    let older = Secret::from(READER.older_key_pem().expect("the older form"));
    let older = DecryptionKey::from_pem(&older).expect("a key");
    assert!(verify(text.as_bytes(), &Expectation { decryption: vec![older], ..expected() }, NOW).is_ok());
    assert_eq!(of(""), Err(KeyError::Pem));
    assert_eq!(of(&READER.certificate_pem), Err(KeyError::Pem));
    assert_eq!(of(&Key::new(Kind::P256).expect("a key").key_pem), Err(KeyError::Rsa));
    assert_eq!(format!("{:?}", key(&READER)), "DecryptionKey([secret])");
}
