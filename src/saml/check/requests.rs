//! Requests that we make.

use std::io::Read as _;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use portcullis_model::Secret;
use portcullis_saml::{
    AuthnRequest, KeyError, RELAY_STATE_MAX, RequestError, SigningKey, SigningMethod, fresh_id,
};
use portcullis_testing::saml::{Key, Kind};

use crate::{AUDIENCE, IDP, NOW, RECIPIENT};

fn request() -> AuthnRequest {
    AuthnRequest {
        id: "_0123456789abcdef0123456789abcdef".into(),
        issue_instant: NOW,
        destination: "https://idp.example/sso".into(),
        issuer: AUDIENCE.into(),
        answer_at: RECIPIENT.into(),
        name_id_format: None,
        force: false,
    }
}

fn key(method: SigningMethod) -> SigningKey {
    SigningKey::from_pem(&Secret::from(IDP.key_pem.clone()), method).expect("a key")
}

/// The query's fields in order, decoded, and the part that is signed.
fn fields(url: &str) -> (Vec<(String, String)>, String) {
    let (_, query) = url.split_once('?').expect("a query");
    let signed = query.split("&Signature=").next().expect("a part").to_owned();
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().expect("UTF-8").into_owned();
    let fields = query.split('&').map(|field| field.split_once('=').expect("a value"));
    (fields.map(|(name, value)| (name.to_owned(), decoded(value))).collect(), signed)
}

fn inflated(message: &str) -> String {
    let bytes = STANDARD.decode(message).expect("base64");
    let mut text = String::new();
    flate2::read::DeflateDecoder::new(&bytes[..]).read_to_string(&mut text).expect("deflate");
    text
}

#[test]
fn a_redirect_carries_the_request() {
    let url = request().redirect_url(Some("/s/?a=b&c"), None).expect("an address");
    assert!(url.starts_with("https://idp.example/sso?SAMLRequest="));
    let (fields, _) = fields(&url);
    assert_eq!(fields.len(), 2);
    assert_eq!(fields[1], ("RelayState".into(), "/s/?a=b&c".into()));
    let text = inflated(&fields[0].1);
    for part in [
        "ID=\"_0123456789abcdef0123456789abcdef\"",
        "IssueInstant=\"2026-03-01T12:00:00Z\"",
        "Destination=\"https://idp.example/sso\"",
        "AssertionConsumerServiceURL=\"https://door.example/saml/acs\"",
        "<saml:Issuer>https://door.example/saml/metadata</saml:Issuer>",
        "<samlp:NameIDPolicy AllowCreate=\"true\"/>",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("ForceAuthn"));
    let more = AuthnRequest { force: true, name_id_format: Some("urn:a\"b".into()), ..request() };
    let text = inflated(&self::fields(&more.redirect_url(None, None).expect("an address")).0[0].1);
    assert!(text.contains(" ForceAuthn=\"true\" ") && text.contains(" Format=\"urn:a&quot;b\" "), "{text}");
}

#[test]
fn an_address_with_a_query_keeps_it_and_one_with_a_fragment_is_refused() {
    let at = |destination: &str| AuthnRequest { destination: destination.into(), ..request() };
    let url = at("https://idp.example/sso?tenant=1").redirect_url(None, None).expect("an address");
    assert!(url.starts_with("https://idp.example/sso?tenant=1&SAMLRequest="));
    let fragment = "https://idp.example/#sso";
    assert_eq!(at(fragment).redirect_url(None, None), Err(RequestError::Fragment(fragment.into())));
}

#[test]
fn a_signed_redirect_signs_the_query_as_it_stands() {
    for (method, algorithm, name) in [
        (SigningMethod::Sha256, &RSA_PKCS1_2048_8192_SHA256, "rsa-sha256"),
        (SigningMethod::Sha512, &RSA_PKCS1_2048_8192_SHA512, "rsa-sha512"),
    ] {
        let url = request().redirect_url(Some("state"), Some(&key(method))).expect("an address");
        let (fields, signed) = fields(&url);
        let names: Vec<_> = fields.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["SAMLRequest", "RelayState", "SigAlg", "Signature"]);
        assert!(fields[2].1.ends_with(name));
        let value = STANDARD.decode(&fields[3].1).expect("base64");
        let public = UnparsedPublicKey::new(algorithm, public_key(&IDP));
        assert!(public.verify(signed.as_bytes(), &value).is_ok(), "{name}");
        assert!(public.verify(signed.replace("state", "other").as_bytes(), &value).is_err());
    }
}

fn public_key(key: &Key) -> Vec<u8> {
    let pair = rcgen::KeyPair::from_pem(&key.key_pem).expect("a key");
    rcgen::PublicKeyData::subject_public_key_info(&pair)
}

#[test]
fn what_is_too_long_is_refused() {
    let most = "a".repeat(RELAY_STATE_MAX);
    assert!(request().redirect_url(Some(&most), None).is_ok());
    let more = "a".repeat(RELAY_STATE_MAX + 1);
    assert_eq!(request().redirect_url(Some(&more), None), Err(RequestError::RelayState));
    assert_eq!(request().post_value(Some(&more), None), Err(RequestError::RelayState));
    let far = AuthnRequest { destination: format!("https://idp.example/{}", "a".repeat(8000)), ..request() };
    assert_eq!(far.redirect_url(None, None), Err(RequestError::Url));
    let late = AuthnRequest { issue_instant: u64::MAX, ..request() };
    assert_eq!(late.redirect_url(None, None), Err(RequestError::Time));
}

#[test]
fn a_posted_request_has_its_signature_within() {
    let text = |key: Option<&SigningKey>| {
        let value = request().post_value(None, key).expect("a value");
        String::from_utf8(STANDARD.decode(value).expect("base64")).expect("UTF-8")
    };
    assert!(!text(None).contains("Signature"));
    // Whether it holds, `xmlsec1` says in `oracle`.
    let signed = text(Some(&key(SigningMethod::Sha256)));
    assert!(signed.contains("</saml:Issuer><ds:Signature "), "{signed}");
    assert!(signed.contains("URI=\"#_0123456789abcdef0123456789abcdef\""));
}

#[test]
fn ids_are_names_and_never_the_same() {
    let (one, two) = (fresh_id().expect("an id"), fresh_id().expect("an id"));
    assert_ne!(one, two);
    assert_eq!(one.len(), 33);
    assert!(one.starts_with('_') && one[1..].bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn keys_are_read_or_refused() {
    let of =
        |pem: &str| SigningKey::from_pem(&Secret::from(pem.to_owned()), SigningMethod::Sha256).map(|_| ());
    assert_eq!(of(&IDP.key_pem), Ok(()));
    assert_eq!(of(""), Err(KeyError::Pem));
    assert_eq!(of(&Key::new(Kind::P384).expect("a key").key_pem), Err(KeyError::Rsa));
    assert!(!format!("{:?}", key(SigningMethod::Sha256)).contains("PRIVATE"));
}
