//! Enrolling: what is taken, and each refusal by its name.

use serde_json::json;

use crate::passkey::cbor::{CborError, Value};
use crate::passkey::{Algorithm, Challenge, Credential, KeyRefused, Refused, SECONDS, enrol};

use super::authenticator::{Authenticator, RANDOM, challenge};
use super::{NOW, site};

fn refused(authenticator: &Authenticator) -> Refused {
    enrol(challenge(), NOW, &site(), &[], &authenticator.enrol()).expect_err("refused")
}

/// Refused for one change of an honest authenticator.
fn refused_for(change: impl Fn(&mut Authenticator)) -> Refused {
    let mut authenticator = Authenticator::new(Algorithm::Es256);
    change(&mut authenticator);
    refused(&authenticator)
}

#[test]
fn keys_of_all_three_algorithms_are_enrolled_and_kept() {
    for algorithm in Algorithm::ALL {
        let authenticator = Authenticator::new(algorithm);
        let credential = enrol(challenge(), NOW, &site(), &[], &authenticator.enrol()).expect("enrolled");
        assert_eq!((credential.key.algorithm(), credential.counter), (algorithm, 7));
        assert_eq!((credential.id.as_slice(), credential.backup_eligible), (&[0xc1; 32][..], false));
        assert_eq!(Credential::kept(credential.id.clone(), 7, &credential.keep()), Ok(credential));
    }
}

#[test]
fn a_copied_passkey_and_extensions_are_taken() {
    let mut authenticator = Authenticator::new(Algorithm::EdDsa);
    authenticator.flags = 0b1001_1101;
    authenticator.counter = 0;
    authenticator.tail =
        vec![0xa1, 0x6b, b'c', b'r', b'e', b'd', b'P', b'r', b'o', b't', b'e', b'c', b't', 0x02];
    let credential = enrol(challenge(), NOW, &site(), &[], &authenticator.enrol()).expect("enrolled");
    assert!(credential.backup_eligible);
    assert_eq!(Credential::kept(credential.id.clone(), 0, &credential.keep()), Ok(credential));
}

#[test]
fn another_page_another_party_or_another_ceremony_is_refused() {
    let origin = "https://rstudio.example.test.evil.test";
    assert_eq!(refused_for(|a| a.client["origin"] = json!(origin)), Refused::Origin(origin.to_owned()));
    for near in [
        "https://rstudio.example.test:444",
        "http://rstudio.example.test",
        "https://RSTUDIO.example.test",
        "null",
        "",
    ] {
        assert_eq!(refused_for(|a| a.client["origin"] = json!(near)), Refused::Origin(near.to_owned()));
    }
    assert_eq!(refused_for(|a| a.client["crossOrigin"] = json!(true)), Refused::CrossOrigin);
    assert_eq!(refused_for(|a| a.client["topOrigin"] = json!("https://evil.test")), Refused::CrossOrigin);
    assert_eq!(refused_for(|a| a.rp_id = "example.test"), Refused::RelyingParty);
    assert_eq!(refused_for(|a| a.rp_id = "evil.test"), Refused::RelyingParty);
    assert_eq!(
        refused_for(|a| a.client["type"] = json!("webauthn.get")),
        Refused::Ceremony("webauthn.get".to_owned())
    );
}

#[test]
fn a_challenge_is_answered_once_and_in_time() {
    assert_eq!(refused_for(|a| a.client["challenge"] = json!("UVFRUVFR")), Refused::Challenge);
    assert_eq!(refused_for(|a| a.client["challenge"] = json!("")), Refused::Challenge);
    let answer = Authenticator::new(Algorithm::Es256).enrol();
    // The answer to an earlier challenge: the one that waits is another.
    let other = Challenge::new([0x52; 32], NOW);
    assert_eq!(enrol(other, NOW, &site(), &[], &answer), Err(Refused::Challenge));
    for (made, fits) in [(NOW - SECONDS, true), (NOW - SECONDS - 1, false), (NOW + 1, false)] {
        let result = enrol(Challenge::new(RANDOM, made), NOW, &site(), &[], &answer);
        assert_eq!(result.is_ok(), fits, "{made}");
        assert!(fits || result == Err(Refused::Stale));
    }
}

#[test]
fn nobody_there_or_nobody_known_is_refused() {
    assert_eq!(refused_for(|a| a.flags = 0b100), Refused::UserPresent);
    assert_eq!(refused_for(|a| a.flags = 0b001), Refused::UserVerified);
    assert_eq!(refused_for(|a| a.flags = 0), Refused::UserPresent);
    assert_eq!(refused_for(|a| a.flags = 0b1_0101), Refused::Backup);
}

#[test]
fn attestation_is_none_and_says_nothing() {
    assert_eq!(refused_for(|a| a.format = "packed"), Refused::Attestation("packed".to_owned()));
    assert_eq!(
        refused_for(|a| a.statement = vec![(Value::Text("alg"), Value::number(-7))]),
        Refused::AttestationStatement
    );
    let authenticator = Authenticator::new(Algorithm::Es256);
    let mut answer = authenticator.enrol();
    for (object, expected) in [
        (vec![0xa0], Refused::AttestationObject),
        (vec![0x80], Refused::AttestationObject),
        (b"\xa1\x63fmt\x01".to_vec(), Refused::AttestationObject),
        (b"\xa2\x63fmt\x64none\x67attStmt\x80".to_vec(), Refused::AttestationObject),
        (b"\xa2\x63fmt\x64none\x67attStmt\xa0".to_vec(), Refused::AttestationObject),
        (Vec::new(), Refused::Cbor { part: "the attestation object", source: CborError::Truncated }),
    ] {
        answer.attestation_object = object;
        assert_eq!(enrol(challenge(), NOW, &site(), &[], &answer), Err(expected));
    }
}

#[test]
fn an_object_that_is_cut_or_longer_is_refused_at_every_byte() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let whole = authenticator.enrol().attestation_object;
    let attempt = |object: Vec<u8>| {
        let answer = crate::passkey::EnrolAnswer { attestation_object: object, ..authenticator.enrol() };
        enrol(challenge(), NOW, &site(), &[], &answer)
    };
    for end in 0..whole.len() {
        let source = CborError::Truncated;
        let expected = Refused::Cbor { part: "the attestation object", source };
        assert_eq!(attempt(whole[..end].to_vec()), Err(expected), "{end}");
    }
    let more = [&whole[..], &[0]].concat();
    let expected = Refused::Cbor { part: "the attestation object", source: CborError::Trailing(1) };
    assert_eq!(attempt(more), Err(expected));
    // The same within: authenticator data that are cut, in an object that is whole.
    let data = authenticator.data(true);
    for end in 0..data.len() {
        let refused = attempt(authenticator.object(&data[..end])).expect_err("cut");
        let part = "the public key";
        assert!(
            matches!(
                &refused,
                Refused::AuthenticatorData | Refused::Cbor { source: CborError::Truncated, .. }
            ),
            "{end}: {refused:?}, {part}"
        );
    }
    assert_eq!(attempt(authenticator.object(&[&data[..], &[0]].concat())), Err(Refused::AuthenticatorData));
    assert!(attempt(authenticator.object(&data)).is_ok());
}

#[test]
fn oversized_and_deep_objects_are_refused_before_they_are_read() {
    let long = refused_for(|a| a.tail = vec![0; 8192]);
    assert_eq!(long, Refused::Cbor { part: "the attestation object", source: CborError::TooLong(long_of()) });
    let deep = refused_for(|a| {
        a.flags |= 0x80;
        a.tail = vec![0x81; 1000];
    });
    assert_eq!(deep, Refused::Cbor { part: "the extensions", source: CborError::Depth });
    let list = refused_for(|a| {
        a.flags |= 0x80;
        a.tail = vec![0x80];
    });
    assert_eq!(list, Refused::AuthenticatorData);
}

/// How long the object with 8192 bytes more is.
fn long_of() -> usize {
    let mut authenticator = Authenticator::new(Algorithm::Es256);
    authenticator.tail = vec![0; 8192];
    authenticator.enrol().attestation_object.len()
}

#[test]
fn the_credential_is_the_one_that_the_browser_names_and_a_new_one() {
    let authenticator = Authenticator::new(Algorithm::Es256);
    let mut answer = authenticator.enrol();
    assert_eq!(
        enrol(challenge(), NOW, &site(), &[&authenticator.id], &answer),
        Err(Refused::AlreadyEnrolled)
    );
    answer.id = vec![0xc2; 32];
    assert_eq!(enrol(challenge(), NOW, &site(), &[], &answer), Err(Refused::CredentialMismatch));
    answer.attestation_object = authenticator.object(&authenticator.data(false));
    assert_eq!(enrol(challenge(), NOW, &site(), &[], &answer), Err(Refused::NoCredential));
    for length in [0, 15, 1024] {
        assert_eq!(refused_for(|a| a.id = vec![1; length]), Refused::CredentialLength(length));
    }
    for length in [16, 1023] {
        let mut authenticator = Authenticator::new(Algorithm::Es256);
        authenticator.id = vec![1; length];
        assert!(enrol(challenge(), NOW, &site(), &[], &authenticator.enrol()).is_ok(), "{length}");
    }
}

#[test]
fn a_key_that_is_not_taken_is_refused_by_its_reason() {
    let seen = refused_for(|a| a.cose = Some(vec![0xa0]));
    assert_eq!(seen, Refused::Key(KeyRefused::Form));
    let seen = refused_for(|a| a.cose = Some(vec![0xff]));
    assert_eq!(seen, Refused::Cbor { part: "the public key", source: CborError::Unsupported(0xff) });
}
