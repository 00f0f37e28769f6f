//! What an authenticator sends: CBOR, authenticator data, attestation objects, and the JSON around them.

use portcullis_factor::passkey::authenticator::{AuthenticatorData, ID_MAX, ID_MIN, unattested};
use portcullis_factor::passkey::cbor::{BYTES_MAX, DEPTH_MAX, ITEMS_MAX, Value, read, read_whole, write};
use portcullis_factor::passkey::{Credential, EnrolAnswer, ProofAnswer, PublicKey};

use crate::Target;

/// A value has one spelling and its limits; whatever holds a key holds one that is kept and read back.
pub(super) const CBOR: Target = Target {
    name: "cbor",
    run: cbor,
    seeds,
    words: &[
        "\u{1}\u{2}\u{3}",
        "cfmtdnone",
        "gattStmt",
        "hauthDataX",
        "crossOrigin",
        "{\"id\":\"",
        "\",\"rawId\":\"",
        "\",\"type\":\"public-key\",\"response\":{\"clientDataJSON\":\"",
        "\"attestationObject\":\"",
        "AAAA",
    ],
};

fn cbor(data: &[u8]) {
    if let Ok((value, rest)) = read(data) {
        assert!(data.len() <= BYTES_MAX);
        let (items, depth) = measure(&value);
        assert!(items <= ITEMS_MAX && depth <= DEPTH_MAX, "{items} values, {depth} deep");
        // One value, one spelling: a second one would pass where bytes are compared.
        let taken = &data[..data.len() - rest.len()];
        assert_eq!(write(&value), taken);
        assert_eq!(read_whole(taken), Ok(value.clone()));
        assert_eq!(read_whole(data).is_ok(), rest.is_empty());
        if let Ok(key) = PublicKey::of_cose(&value) {
            kept(&key);
        }
    }
    let inner = unattested(data).ok();
    for bytes in [Some(data), inner].into_iter().flatten() {
        let Ok(data) = AuthenticatorData::read(bytes) else { continue };
        if let Some(new) = data.credential {
            assert!((ID_MIN..=ID_MAX).contains(&new.id.len()));
            kept(&new.key);
        }
        assert!(AuthenticatorData::read(&[bytes, &[0]].concat()).is_err(), "something may follow");
    }
    if let Ok(answer) = EnrolAnswer::read(data) {
        let _ = unattested(&answer.attestation_object);
    }
    if let Ok(answer) = ProofAnswer::read(data) {
        let _ = AuthenticatorData::read(&answer.authenticator_data);
    }
}

/// A key that was taken is the same after it was kept.
fn kept(key: &PublicKey) {
    let credential = Credential { id: vec![7; ID_MIN], key: key.clone(), counter: 1, backup_eligible: false };
    let again = Credential::kept(vec![7; ID_MIN], 1, &credential.keep());
    assert_eq!(again, Ok(credential));
}

/// How many values there are, and how deep they are nested.
fn measure(value: &Value<'_>) -> (u32, u32) {
    let inside: Vec<&Value<'_>> = match value {
        Value::Array(values) => values.iter().collect(),
        Value::Map(pairs) => pairs.iter().flat_map(|(key, value)| [key, value]).collect(),
        _ => return (1, 0),
    };
    let add = |(items, depth): (u32, u32), value: &&Value<'_>| {
        let (more, deep) = measure(value);
        (items + more, depth.max(deep))
    };
    let (items, depth) = inside.iter().fold((1, 0), add);
    (items, depth + 1)
}

fn seeds() -> Vec<Vec<u8>> {
    // The point of RFC 8032, section 7.1, test 1, as a COSE key.
    let point = [
        0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e,
        0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
    ];
    let number = Value::number;
    let key = write(&Value::Map(vec![
        (number(1), number(1)),
        (number(3), number(-8)),
        (number(-1), number(6)),
        (number(-2), Value::Bytes(&point)),
    ]));
    let head = [&[0x11; 32][..], &[0b0100_0101], &[0, 0, 0, 1], &[0; 16], &[0, 16], &[0xc1; 16]].concat();
    let data = [&head[..], &key].concat();
    let object = write(&Value::Map(vec![
        (Value::Text("fmt"), Value::Text("none")),
        (Value::Text("attStmt"), Value::Map(Vec::new())),
        (Value::Text("authData"), Value::Bytes(&data)),
    ]));
    let mixed = write(&Value::Array(vec![
        Value::Map(vec![(Value::Text("a"), Value::Array(vec![Value::Null, Value::Bool(true)]))]),
        Value::Unsigned(u64::MAX),
        Value::Negative(1000),
    ]));
    let json = br#"{"id":"wcE","rawId":"wcE","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"oA"}}"#;
    let proof = br#"{"id":"wcE","rawId":"wcE","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA","signature":"AA"}}"#;
    vec![key, data, object, mixed, json.to_vec(), proof.to_vec()]
}
