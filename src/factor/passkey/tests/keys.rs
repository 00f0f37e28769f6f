//! COSE keys: each confusion of algorithm, type and curve, and numbers that are no key.

use std::sync::LazyLock;

use crate::passkey::cbor::{Value, read_whole};
use crate::passkey::{Algorithm, Credential, KeptError, KeyRefused, PublicKey};

use super::authenticator::Authenticator;

const LABELS: [i64; 5] = [1, 3, -1, -2, -3];

/// An honest key of each algorithm, made once: those of RSA take time.
fn cose(algorithm: Algorithm) -> &'static [u8] {
    static KEYS: LazyLock<[(Algorithm, Vec<u8>); 3]> =
        LazyLock::new(|| Algorithm::ALL.map(|each| (each, Authenticator::new(each).cose())));
    &KEYS.iter().find(|(found, _)| *found == algorithm).expect("all of them").1
}

/// What becomes of an honest key after a change of its pairs.
fn after(
    algorithm: Algorithm,
    change: impl FnOnce(&mut Vec<(Value<'_>, Value<'_>)>),
) -> Result<PublicKey, KeyRefused> {
    let cose = cose(algorithm);
    let Value::Map(mut pairs) = read_whole(cose).expect("CBOR") else { panic!("a map") };
    change(&mut pairs);
    PublicKey::of_cose(&Value::Map(pairs))
}

fn set(pairs: &mut [(Value<'_>, Value<'_>)], label: i64, to: Value<'static>) {
    let pair = pairs.iter_mut().find(|(found, _)| *found == Value::number(label)).expect("a label");
    pair.1 = to;
}

#[test]
fn a_key_is_read_and_written_as_an_authenticator_writes_it() {
    for algorithm in Algorithm::ALL {
        let cose = cose(algorithm);
        let key = PublicKey::of_cose(&read_whole(cose).expect("CBOR")).expect("a key");
        assert_eq!((key.algorithm(), key.to_cose().as_slice()), (algorithm, cose));
    }
}

#[test]
fn an_algorithm_of_another_type_is_confusion() {
    for algorithm in Algorithm::ALL {
        for other in Algorithm::ALL.into_iter().filter(|other| *other != algorithm) {
            let seen = after(algorithm, |pairs| set(pairs, 3, Value::number(other.number())));
            assert_eq!(seen, Err(KeyRefused::Confused), "{other:?} for {algorithm:?}");
        }
        for kty in [0, 1, 2, 3, 4] {
            let own = after(algorithm, |_| {}).is_ok() && kty == own_type(algorithm);
            let seen = after(algorithm, |pairs| set(pairs, 1, Value::number(kty)));
            assert_eq!(seen.is_ok(), own);
            assert!(own || seen == Err(KeyRefused::Confused));
        }
    }
    for (algorithm, curve) in
        [(Algorithm::Es256, 2), (Algorithm::Es256, 6), (Algorithm::EdDsa, 1), (Algorithm::EdDsa, 4)]
    {
        let seen = after(algorithm, |pairs| set(pairs, -1, Value::number(curve)));
        assert_eq!(seen, Err(KeyRefused::Confused), "{algorithm:?} {curve}");
    }
}

const fn own_type(algorithm: Algorithm) -> i64 {
    match algorithm {
        Algorithm::EdDsa => 1,
        Algorithm::Es256 => 2,
        Algorithm::Rs256 => 3,
    }
}

#[test]
fn an_algorithm_that_was_not_offered_is_refused() {
    // ES384, ES512, ES256K, PS256, RS1 (SHA-1), HS256, and a number that looks like one from afar.
    for number in [-35, -36, -47, -37, -65_535, 5, 7, 0, i64::MIN, i64::MAX] {
        let seen = after(Algorithm::Es256, |pairs| set(pairs, 3, Value::number(number)));
        assert_eq!(seen, Err(KeyRefused::Algorithm), "{number}");
    }
    let seen = after(Algorithm::Es256, |pairs| set(pairs, 3, Value::Text("ES256")));
    assert_eq!(seen, Err(KeyRefused::Algorithm));
}

#[test]
fn a_key_has_its_members_and_no_others() {
    for algorithm in Algorithm::ALL {
        let members = if algorithm == Algorithm::Es256 { &LABELS[..] } else { &LABELS[..4] };
        for (at, label) in members.iter().enumerate() {
            let seen = after(algorithm, |pairs| drop(pairs.remove(at)));
            assert_eq!(seen, Err(KeyRefused::Form), "{algorithm:?} without {label}");
        }
        // A private key is one member more.
        let seen = after(algorithm, |pairs| pairs.push((Value::number(-4), Value::Bytes(&[1; 32]))));
        assert_eq!(seen, Err(KeyRefused::Form));
    }
    for (label, value) in [(-2, Value::Text("x")), (-3, Value::Bool(true))] {
        let seen = after(Algorithm::Es256, |pairs| set(pairs, label, value));
        assert_eq!(seen, Err(KeyRefused::Form), "{label}");
    }
    for value in [Value::Null, Value::Array(Vec::new()), Value::Bytes(b"")] {
        assert_eq!(PublicKey::of_cose(&value), Err(KeyRefused::Form));
    }
}

#[test]
fn numbers_that_are_no_key_are_refused() {
    static SHORT: [u8; 31] = [1; 31];
    static LONG: [u8; 33] = [1; 33];
    static EVEN: [u8; 256] = [0xfe; 256];
    static ODD: [u8; 512] = [0xff; 512];
    static LEADING: [u8; 257] = {
        let mut bytes = [0xff; 257];
        bytes[0] = 0;
        bytes
    };
    static HUGE: [u8; 513] = [0xff; 513];
    for (algorithm, label, bytes) in [
        (Algorithm::Es256, -2, &SHORT[..]),
        (Algorithm::Es256, -3, &LONG[..]),
        (Algorithm::EdDsa, -2, &SHORT[..]),
        (Algorithm::EdDsa, -2, &LONG[..]),
        (Algorithm::Rs256, -1, &EVEN[..255]),
        (Algorithm::Rs256, -1, &EVEN[..]),
        (Algorithm::Rs256, -1, &LEADING[..]),
        (Algorithm::Rs256, -1, &HUGE[..]),
        (Algorithm::Rs256, -2, &[3][..]),
        (Algorithm::Rs256, -2, &[0, 1, 0, 1][..]),
        (Algorithm::Rs256, -2, &[][..]),
    ] {
        let seen = after(algorithm, |pairs| set(pairs, label, Value::Bytes(bytes)));
        assert_eq!(seen, Err(KeyRefused::Size), "{algorithm:?} {label} {}", bytes.len());
    }
    let seen = after(Algorithm::Rs256, |pairs| set(pairs, -1, Value::Bytes(&ODD)));
    assert!(seen.is_ok(), "4096 bits are taken");
    // A point that is not on the curve.
    let seen = after(Algorithm::Es256, |pairs| set(pairs, -3, Value::Bytes(&LONG[..32])));
    assert_eq!(seen, Err(KeyRefused::Invalid));
}

#[test]
fn what_was_not_kept_by_us_is_not_read() {
    let key = PublicKey::of_cose(&read_whole(cose(Algorithm::EdDsa)).expect("CBOR"));
    let credential =
        Credential { id: vec![1; 16], key: key.expect("a key"), counter: 3, backup_eligible: true };
    let kept = credential.keep();
    let read = |bytes: &[u8]| Credential::kept(vec![1; 16], 3, bytes);
    assert_eq!(read(&kept), Ok(credential));
    assert_eq!(Credential::kept(vec![1; 15], 3, &kept), Err(KeptError::Id(15)));
    for bad in [&b""[..], b"\x01", b"\x02\x00", b"\x01\x02\xa0"] {
        assert_eq!(read(bad), Err(KeptError::Head));
    }
    assert!(matches!(read(&kept[..kept.len() - 1]), Err(KeptError::Cbor(_))));
    assert_eq!(read(b"\x01\x00\xa0"), Err(KeptError::Key(KeyRefused::Form)));
}
