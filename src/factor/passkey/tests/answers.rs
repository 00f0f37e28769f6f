//! The JSON that comes from our page, and the JSON that goes to it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value as Json, json};

use crate::passkey::{
    Algorithm, EnrolAnswer, Person, ProofAnswer, Refused, enrol, enrol_options, prove, prove_options,
};

use super::authenticator::{Authenticator, RANDOM, challenge};
use super::{ACCOUNT, NOW, site};

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn enrol_json() -> Json {
    let answer = Authenticator::new(Algorithm::Es256).enrol();
    json!({
        "id": text(&answer.id), "rawId": text(&answer.id), "type": "public-key",
        "authenticatorAttachment": "cross-platform", "clientExtensionResults": {},
        "response": {
            "clientDataJSON": text(&answer.client_data), "attestationObject": text(&answer.attestation_object),
            "transports": ["usb"], "publicKeyAlgorithm": -7,
        },
    })
}

fn read(json: &Json) -> Result<EnrolAnswer, Refused> {
    EnrolAnswer::read(json.to_string().as_bytes())
}

#[test]
fn what_a_browser_sends_is_read_and_holds() {
    let answer = read(&enrol_json()).expect("an answer");
    let credential = enrol(challenge(), NOW, &site(), &[], &answer).expect("enrolled");
    assert_eq!(credential.key.algorithm(), Algorithm::Es256);

    let mut authenticator = Authenticator::new(Algorithm::EdDsa);
    let credential = enrol(challenge(), NOW, &site(), &[], &authenticator.enrol()).expect("enrolled");
    authenticator.counter += 1;
    let answer = authenticator.prove();
    for handle in [json!(null), json!(""), json!(text(ACCOUNT.as_bytes()))] {
        let sent = json!({
            "id": text(&answer.id), "rawId": text(&answer.id), "type": "public-key",
            "response": {
                "clientDataJSON": text(&answer.client_data), "signature": text(&answer.signature),
                "authenticatorData": text(&answer.authenticator_data), "userHandle": handle,
            },
        });
        let read = ProofAnswer::read(sent.to_string().as_bytes()).expect("an answer");
        assert!(prove(challenge(), NOW, &site(), ACCOUNT, std::slice::from_ref(&credential), &read).is_ok());
    }
}

#[test]
fn what_no_browser_sends_is_refused_by_its_name() {
    let changed = |pointer: &str, to: Json| {
        let mut json = enrol_json();
        *json.pointer_mut(pointer).expect("a member") = to;
        read(&json).expect_err("refused")
    };
    assert_eq!(changed("/type", json!("password")), Refused::CredentialType);
    assert_eq!(changed("/rawId", json!(text(&[0xc2; 32]))), Refused::CredentialMismatch);
    assert_eq!(changed("/id", json!(7)), Refused::Answer);
    assert_eq!(changed("/response", json!([])), Refused::Answer);
    for bad in ["a", "YQ==", "Y+8", "YR", "Y Q", "ü"] {
        assert_eq!(
            changed("/response/clientDataJSON", json!(bad)),
            Refused::Base64("clientDataJSON"),
            "{bad}"
        );
    }
    let long = changed("/response/clientDataJSON", json!(text(&[0; 2049])));
    assert_eq!(long, Refused::TooLong { part: "clientDataJSON", limit: 2048 });
    let long = changed("/response/attestationObject", json!(text(&[0; 4097])));
    assert_eq!(long, Refused::TooLong { part: "attestationObject", limit: 4096 });
    for bad in ["", "[]", "{}", "null", "{\"id\":\"a\",\"id\":\"b\"}"] {
        assert_eq!(EnrolAnswer::read(bad.as_bytes()), Err(Refused::Answer), "{bad}");
        assert_eq!(ProofAnswer::read(bad.as_bytes()), Err(Refused::Answer), "{bad}");
    }
    let deep = "[".repeat(16 * 1024);
    assert_eq!(EnrolAnswer::read(deep.as_bytes()), Err(Refused::Answer));
    let long = Refused::TooLong { part: "the answer", limit: 16 * 1024 };
    assert_eq!(EnrolAnswer::read(" ".repeat(16 * 1024 + 1).as_bytes()), Err(long));
}

#[test]
fn the_longest_answer_that_is_taken_fits_its_limit() {
    let id = text(&[1; 1023]);
    let json = json!({
        "id": id, "rawId": id, "type": "public-key",
        "response": { "clientDataJSON": text(&[0; 2048]), "attestationObject": text(&[0; 4096]) },
    });
    assert!(read(&json).is_ok());
}

#[test]
fn options_ask_for_what_is_verified() {
    let person = Person { account: ACCOUNT, user: "alice", display: "Alice \"</script>" };
    let options = enrol_options(&site(), &person, &challenge(), &[&[1; 16]]);
    let options: Json = serde_json::from_str(&options).expect("JSON");
    let expected = json!({
        "rp": { "id": "rstudio.example.test", "name": "Portcullis" },
        "user": { "id": text(ACCOUNT.as_bytes()), "name": "alice", "displayName": "Alice \"</script>" },
        "challenge": text(&RANDOM),
        "pubKeyCredParams": [
            { "type": "public-key", "alg": -7 },
            { "type": "public-key", "alg": -8 },
            { "type": "public-key", "alg": -257 },
        ],
        "timeout": 300_000,
        "excludeCredentials": [{ "type": "public-key", "id": text(&[1; 16]) }],
        "authenticatorSelection": {
            "residentKey": "discouraged", "requireResidentKey": false, "userVerification": "required",
        },
        "attestation": "none",
    });
    assert_eq!(options, expected);
    let options = prove_options(&site(), &challenge(), &[&[1; 16], &[2; 16]]);
    let options: Json = serde_json::from_str(&options).expect("JSON");
    let expected = json!({
        "challenge": text(&RANDOM),
        "timeout": 300_000,
        "rpId": "rstudio.example.test",
        "allowCredentials": [
            { "type": "public-key", "id": text(&[1; 16]) },
            { "type": "public-key", "id": text(&[2; 16]) },
        ],
        "userVerification": "required",
    });
    assert_eq!(options, expected);
}
