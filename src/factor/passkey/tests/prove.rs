//! Proving: what is taken, and each refusal by its name.

use portcullis_model::AccountId;
use serde_json::json;

use crate::passkey::{Algorithm, Challenge, Credential, Proven, Refused, SECONDS, enrol, prove};

use super::authenticator::{Authenticator, RANDOM, challenge};
use super::{ACCOUNT, NOW, site};

/// An authenticator that is enrolled, and counted on.
fn enrolled(algorithm: Algorithm) -> (Authenticator, Credential) {
    let mut authenticator = Authenticator::new(algorithm);
    let credential = enrol(challenge(), NOW, &site(), &[], &authenticator.enrol()).expect("enrolled");
    authenticator.counter += 1;
    (authenticator, credential)
}

fn attempt(authenticator: &Authenticator, credential: &Credential) -> Result<Proven, Refused> {
    let credentials = std::slice::from_ref(credential);
    prove(challenge(), NOW, &site(), ACCOUNT, credentials, &authenticator.prove())
}

/// Refused for one change of an honest authenticator, after it was taken without.
fn refused_for(change: impl Fn(&mut Authenticator)) -> Refused {
    let (mut authenticator, credential) = enrolled(Algorithm::Es256);
    assert_eq!(attempt(&authenticator, &credential), Ok(Proven { at: 0, counter: 8 }));
    change(&mut authenticator);
    attempt(&authenticator, &credential).expect_err("refused")
}

#[test]
fn keys_of_all_three_algorithms_prove_themselves() {
    for algorithm in Algorithm::ALL {
        let (mut authenticator, credential) = enrolled(algorithm);
        let mut other = credential.clone();
        other.id[0] ^= 1;
        authenticator.handle = Some(ACCOUNT.as_bytes().to_vec());
        let proven = prove(challenge(), NOW, &site(), ACCOUNT, &[other, credential], &authenticator.prove());
        assert_eq!(proven, Ok(Proven { at: 1, counter: 8 }), "{algorithm:?}");
    }
}

#[test]
fn another_page_another_party_or_another_ceremony_is_refused() {
    let origin = "https://evil.test";
    assert_eq!(refused_for(|a| a.client["origin"] = json!(origin)), Refused::Origin(origin.to_owned()));
    assert_eq!(refused_for(|a| a.client["crossOrigin"] = json!(true)), Refused::CrossOrigin);
    assert_eq!(refused_for(|a| a.rp_id = "evil.test"), Refused::RelyingParty);
    let create = "webauthn.create";
    assert_eq!(refused_for(|a| a.client["type"] = json!(create)), Refused::Ceremony(create.to_owned()));
}

#[test]
fn an_answer_counts_for_its_challenge_alone() {
    let (authenticator, credential) = enrolled(Algorithm::Es256);
    let (answer, credentials) = (authenticator.prove(), [credential]);
    let with = |challenge| prove(challenge, NOW, &site(), ACCOUNT, &credentials, &answer);
    assert!(with(challenge()).is_ok());
    assert_eq!(with(Challenge::new([0x52; 32], NOW)), Err(Refused::Challenge), "replayed");
    assert_eq!(with(Challenge::new(RANDOM, NOW - SECONDS - 1)), Err(Refused::Stale));
    assert_eq!(with(Challenge::new(RANDOM, NOW + 1)), Err(Refused::Stale));
}

#[test]
fn a_counter_that_does_not_go_up_is_refused() {
    assert_eq!(refused_for(|a| a.counter = 7), Refused::Counter { kept: 7, seen: 7 });
    assert_eq!(refused_for(|a| a.counter = 6), Refused::Counter { kept: 7, seen: 6 });
    assert_eq!(refused_for(|a| a.counter = 0), Refused::Counter { kept: 7, seen: 0 });
    // One that never counts stays as it is, and may begin to.
    let (mut authenticator, mut credential) = enrolled(Algorithm::Es256);
    (authenticator.counter, credential.counter) = (0, 0);
    assert_eq!(attempt(&authenticator, &credential), Ok(Proven { at: 0, counter: 0 }));
    authenticator.counter = 1;
    assert_eq!(attempt(&authenticator, &credential), Ok(Proven { at: 0, counter: 1 }));
    // The last number is no way round.
    (authenticator.counter, credential.counter) = (0, u32::MAX);
    assert_eq!(attempt(&authenticator, &credential), Err(Refused::Counter { kept: u32::MAX, seen: 0 }));
}

#[test]
fn nobody_there_or_nobody_known_is_refused() {
    assert_eq!(refused_for(|a| a.flags = 0b100), Refused::UserPresent);
    assert_eq!(refused_for(|a| a.flags = 0b001), Refused::UserVerified);
    assert_eq!(refused_for(|a| a.flags = 0b1101), Refused::Backup, "it was not so when it was enrolled");
    assert_eq!(refused_for(|a| a.flags = 0b1_0101), Refused::Backup);
}

#[test]
fn a_credential_is_its_account_s_alone() {
    let (authenticator, credential) = enrolled(Algorithm::Es256);
    let nobody: [Credential; 0] = [];
    let answer = authenticator.prove();
    let with =
        |credentials: &[Credential], account| prove(challenge(), NOW, &site(), account, credentials, &answer);
    assert_eq!(with(&nobody, ACCOUNT), Err(Refused::UnknownCredential));
    let mut other = credential.clone();
    other.id.push(0);
    assert_eq!(with(&[other], ACCOUNT), Err(Refused::UnknownCredential));
    assert_eq!(refused_for(|a| a.handle = Some(vec![6; 16])), Refused::UserHandle);
    // Without a handle the account is who owns the credential.
    assert!(with(&[credential], AccountId::from_bytes([6; 16])).is_ok());
}

#[test]
fn a_signature_of_another_key_or_over_other_bytes_is_refused() {
    for algorithm in Algorithm::ALL {
        let (authenticator, credential) = enrolled(algorithm);
        let credentials = [credential];
        let with = |answer| prove(challenge(), NOW, &site(), ACCOUNT, &credentials, &answer);
        let good = authenticator.prove();
        for at in [0, good.signature.len() / 2, good.signature.len() - 1] {
            let mut bad = good.clone();
            bad.signature[at] ^= 1;
            assert_eq!(with(bad), Err(Refused::Signature), "{algorithm:?} {at}");
        }
        let mut bad = good.clone();
        bad.signature.clear();
        assert_eq!(with(bad), Err(Refused::Signature));
        let mut bad = good.clone();
        bad.authenticator_data[36] ^= 0x40;
        assert_eq!(with(bad), Err(Refused::Signature), "a counter that was changed on the way");
        let mut bad = good.clone();
        bad.client_data.push(b' ');
        assert_eq!(with(bad), Err(Refused::Signature), "client data that were changed on the way");
        for other in Algorithm::ALL {
            let mut forged = Authenticator::new(other).prove();
            forged.id.clone_from(&good.id);
            assert_eq!(with(forged), Err(Refused::Signature), "{other:?} for {algorithm:?}");
        }
    }
}

#[test]
fn data_that_are_cut_longer_or_have_a_credential_are_refused() {
    let (mut authenticator, credential) = enrolled(Algorithm::EdDsa);
    let credentials = [credential];
    let with = |answer| prove(challenge(), NOW, &site(), ACCOUNT, &credentials, &answer);
    let data = authenticator.data(false);
    for end in 0..data.len() {
        let answer = authenticator.prove_with(data[..end].to_vec());
        assert_eq!(with(answer), Err(Refused::AuthenticatorData), "{end}");
    }
    assert_eq!(with(authenticator.prove_with([&data[..], &[0]].concat())), Err(Refused::AuthenticatorData));
    assert_eq!(with(authenticator.prove_with(authenticator.data(true))), Err(Refused::UnexpectedCredential));
    let long = Refused::TooLong { part: "authenticatorData", limit: 4096 };
    assert_eq!(with(authenticator.prove_with(vec![0; 4097])), Err(long));
    authenticator.client["padding"] = json!("x".repeat(2048));
    assert_eq!(with(authenticator.prove()), Err(Refused::TooLong { part: "clientDataJSON", limit: 2048 }));
}

#[test]
fn client_data_are_json_with_each_member_once() {
    let (authenticator, credential) = enrolled(Algorithm::EdDsa);
    let credentials = [credential];
    let good = authenticator.prove();
    for bad in [
        "",
        "[]",
        "{}",
        "\u{feff}{}",
        r#"{"type":"webauthn.get","challenge":"x"}"#,
        r#"{"type":"webauthn.get","challenge":"x","origin":"o","origin":"p"}"#,
        r#"{"type":"webauthn.get","challenge":"x","origin":7}"#,
        r#"{"type":"webauthn.get","challenge":"x","origin":"o"} x"#,
    ] {
        let answer = crate::passkey::ProofAnswer { client_data: bad.into(), ..good.clone() };
        let seen = prove(challenge(), NOW, &site(), ACCOUNT, &credentials, &answer);
        assert_eq!(seen, Err(Refused::ClientData), "{bad}");
    }
}
