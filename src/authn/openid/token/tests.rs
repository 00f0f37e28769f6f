use aws_lc_rs::hmac;
use serde_json::json;

use super::super::signer::{CLIENT, ISSUER, NONCE, NOW, Signer, claims, claims_with, keys};
use super::*;

const EXPECTED: Expected<'_> = Expected {
    issuer: ISSUER,
    client: CLIENT,
    nonce: NONCE,
    access_token: Some("at"),
    proven_since: None,
    now: NOW,
};

#[test]
fn every_algorithm_of_our_list_verifies() {
    let (rsa, ec, ed) = (Signer::rsa("r"), Signer::ec("e"), Signer::ed("d"));
    let keys = keys(&[&rsa, &ec, &ed]);
    for signer in [&rsa, &ec, &ed] {
        let claims = check(&signer.token(&claims()), &keys, &EXPECTED).expect("a token");
        assert_eq!(subject(&claims), Some("248289761001"));
    }
    for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
        let head = json!({"alg": algorithm, "kid": "r"});
        assert!(check(&rsa.token_with(&head, &claims()), &keys, &EXPECTED).is_ok(), "{algorithm}");
    }
}

#[test]
fn claims_that_do_not_hold() {
    let signer = Signer::ec("e");
    let keys = keys(&[&signer]);
    let other = json!("https://other.example");
    for (name, value, why) in [
        ("iss", other.clone(), TokenError::Issuer),
        ("iss", json!("https://idp.example/"), TokenError::Issuer),
        ("iss", json!([ISSUER]), TokenError::Claim("iss")),
        ("iss", Value::Null, TokenError::Claim("iss")),
        ("aud", json!("somebody-else"), TokenError::Audience),
        ("aud", json!(["somebody-else"]), TokenError::Audience),
        ("aud", json!([]), TokenError::Audience),
        ("aud", json!({CLIENT: true}), TokenError::Claim("aud")),
        ("aud", Value::Null, TokenError::Claim("aud")),
        ("aud", json!([CLIENT, "somebody-else"]), TokenError::Party),
        ("azp", json!("somebody-else"), TokenError::Party),
        ("azp", json!(true), TokenError::Party),
        ("exp", json!(NOW - SKEW), TokenError::Expired),
        ("exp", json!("never"), TokenError::Claim("exp")),
        ("exp", json!(-1), TokenError::Claim("exp")),
        ("exp", Value::Null, TokenError::Claim("exp")),
        ("iat", json!(NOW + SKEW + 1), TokenError::Early),
        ("iat", json!(NOW - AGE_MAX - 1), TokenError::Old),
        ("iat", Value::Null, TokenError::Claim("iat")),
        ("nbf", json!(NOW + SKEW + 1), TokenError::Early),
        ("nbf", json!("soon"), TokenError::Claim("nbf")),
        ("nonce", json!("another"), TokenError::Nonce),
        ("nonce", json!([NONCE]), TokenError::Claim("nonce")),
        ("nonce", Value::Null, TokenError::Claim("nonce")),
        ("sub", json!(""), TokenError::Claim("sub")),
        ("sub", json!(7), TokenError::Claim("sub")),
        ("sub", json!("a\nb"), TokenError::Claim("sub")),
        ("sub", json!("x".repeat(256)), TokenError::Claim("sub")),
        ("sub", Value::Null, TokenError::Claim("sub")),
        ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA"), TokenError::AccessToken),
        ("at_hash", json!(7), TokenError::AccessToken),
    ] {
        let token = signer.token(&claims_with(name, value.clone()));
        assert_eq!(check(&token, &keys, &EXPECTED), Err(why), "{name} = {value}");
    }
}

#[test]
fn claims_at_their_limits_hold() {
    let signer = Signer::ec("e");
    let keys = keys(&[&signer]);
    for (name, value) in [
        ("aud", json!([CLIENT])),
        ("azp", json!(CLIENT)),
        ("exp", json!(NOW - SKEW + 1)),
        ("exp", json!(1_800_000_300.5)),
        ("iat", json!(NOW + SKEW)),
        ("iat", json!(NOW - AGE_MAX)),
        ("nbf", json!(NOW + SKEW)),
        ("sub", json!("x".repeat(255))),
        ("sub", json!("jürgen")),
        // The left half of the SHA-256 of `at`.
        ("at_hash", json!(URL_SAFE_NO_PAD.encode(&digest::digest(&digest::SHA256, b"at").as_ref()[..16]))),
    ] {
        let token = signer.token(&claims_with(name, value.clone()));
        assert_eq!(check(&token, &keys, &EXPECTED).err(), None, "{name} = {value}");
    }
    let mut several = claims_with("aud", json!([CLIENT, "another"]));
    several["azp"] = json!(CLIENT);
    assert!(check(&signer.token(&several), &keys, &EXPECTED).is_ok());
}

#[test]
fn the_head_decides_nothing() {
    let (ec, rsa) = (Signer::ec("e"), Signer::rsa("r"));
    let keys = keys(&[&ec, &rsa]);
    for name in
        ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "ES256K", "ES512", "rs256", "RSA-OAEP"]
    {
        let token = rsa.token_with(&json!({"alg": name, "kid": "r"}), &claims());
        assert_eq!(check(&token, &keys, &EXPECTED), Err(TokenError::Algorithm(name.into())), "{name}");
    }
    // Unsigned, with and without the last dot.
    let unsigned = |head: &str| {
        let field = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.", field(head), field(&claims().to_string()))
    };
    let token = unsigned(r#"{"alg":"none"}"#);
    assert_eq!(check(&token, &keys, &EXPECTED), Err(TokenError::Algorithm("none".into())));
    assert_eq!(check(token.trim_end_matches('.'), &keys, &EXPECTED), Err(TokenError::Malformed));
    let token = unsigned(r#"{"alg":"ES256","kid":"e"}"#);
    assert_eq!(check(&token, &keys, &EXPECTED), Err(TokenError::Signature));
    // The public key as an HMAC's secret: whoever reads `jwks_uri` could make it.
    let signed = unsigned(r#"{"alg":"HS256","kid":"r"}"#);
    let signed = signed.trim_end_matches('.');
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &rsa.public()), signed.as_bytes());
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
    assert_eq!(check(&token, &keys, &EXPECTED), Err(TokenError::Algorithm("HS256".into())));
    for (head, why) in [
        (json!({"alg": "ES256", "kid": "e", "typ": "at+jwt"}), TokenError::Type("at+jwt".into())),
        (json!({"alg": "ES256", "kid": "e", "typ": "logout+jwt"}), TokenError::Type("logout+jwt".into())),
        (json!({"alg": "ES256", "kid": "e", "crit": ["b64"], "b64": false}), TokenError::Extension),
        (json!({"alg": "ES256", "kid": "gone"}), TokenError::Key(NoKey::Unknown)),
        (json!({"alg": "RS256", "kid": "e"}), TokenError::Key(NoKey::Unknown)),
        (json!({"alg": "PS256", "kid": "r"}), TokenError::Signature),
        (json!({"kid": "e"}), TokenError::Malformed),
        (json!({"alg": 7}), TokenError::Malformed),
    ] {
        assert_eq!(check(&ec.token_with(&head, &claims()), &keys, &EXPECTED), Err(why), "{head}");
    }
    // Its own key in its head is not looked at.
    let stranger = Signer::ec("e");
    let head = json!({"alg": "ES256", "kid": "e", "jwk": stranger.jwk(), "jku": "https://evil.example/keys"});
    assert_eq!(check(&stranger.token_with(&head, &claims()), &keys, &EXPECTED), Err(TokenError::Signature));
}

#[test]
fn a_token_without_the_keys_name_is_taken_only_when_there_is_no_choice() {
    let (one, two) = (Signer::ec("1"), Signer::ec("2"));
    let token = one.token_with(&json!({"alg": "ES256"}), &claims());
    assert!(check(&token, &keys(&[&one]), &EXPECTED).is_ok());
    assert_eq!(check(&token, &keys(&[&one, &two]), &EXPECTED), Err(TokenError::Key(NoKey::Unsaid)));
}

#[test]
fn a_changed_token_is_refused_at_every_character() {
    let signer = Signer::ec("e");
    let keys = keys(&[&signer]);
    let token = signer.token(&claims());
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).expect("ascii");
        assert!(check(&changed, &keys, &EXPECTED).is_err(), "character {at}");
    }
    for bad in
        ["", ".", "..", "...", "a.b", &format!("{token}.x"), &format!("{token}="), &format!(" {token}")]
    {
        assert!(check(bad, &keys, &EXPECTED).is_err(), "{bad:?}");
    }
    let long = signer.token(&claims_with("padding", json!("x".repeat(TOKEN_MAX))));
    assert_eq!(check(&long, &keys, &EXPECTED), Err(TokenError::TooLong));
}

/// Who is to prove anew who they are does so, and not by what the provider remembers of them.
#[test]
fn a_proof_that_is_asked_for_anew_is_not_an_old_one() {
    let signer = Signer::ec("e");
    let keys = keys(&[&signer]);
    let anew = Expected { proven_since: Some(NOW - 120), ..EXPECTED };
    for (at, expected) in [
        (json!(NOW), Ok(())),
        (json!(NOW - 120), Ok(())),
        (json!(NOW - 120 - SKEW), Ok(())),
        (json!(NOW - 121 - SKEW), Err(TokenError::NotAnew)),
        (json!(NOW - 86_400), Err(TokenError::NotAnew)),
        (json!(0), Err(TokenError::NotAnew)),
        (json!("now"), Err(TokenError::Claim("auth_time"))),
        (json!(-1), Err(TokenError::Claim("auth_time"))),
        (Value::Null, Err(TokenError::Claim("auth_time"))),
    ] {
        let token = signer.token(&claims_with("auth_time", at.clone()));
        assert_eq!(check(&token, &keys, &anew).map(drop), expected, "{at}");
        // Nobody asked for it: it is as good as any.
        assert_eq!(check(&token, &keys, &EXPECTED).map(drop), Ok(()), "{at}");
    }
}
