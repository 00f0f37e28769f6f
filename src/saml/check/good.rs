//! What is believed, in the spellings that providers use.

use portcullis_saml::{Expectation, Request, Signed, verify};
use portcullis_testing::saml::{Key, Kind, Recipe};

use crate::{IDP, MALLORY, NOW, answer, asked, certificate, expected, replaced};

#[test]
fn all_that_an_answer_says_is_read() {
    let found = asked(&answer().signed(&IDP).expect("an answer")).expect("to be believed");
    assert_eq!(found.id, "_assertion");
    assert_eq!(found.issuer, "https://idp.example/metadata");
    assert_eq!(found.name_id.value, "ada@example.com");
    assert_eq!(found.name_id.format, "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress");
    assert_eq!(found.one("Username"), Ok("ada"));
    assert_eq!(found.user_name("Username"), Ok("ada"));
    assert_eq!(found.user_name("NameID"), Ok("ada@example.com"));
    assert_eq!(found.values("Groups").collect::<Vec<_>>(), ["analysts", "r users"]);
    assert_eq!(found.session_index.as_deref(), Some("_session"));
    assert!(found.context.as_deref().is_some_and(|context| context.ends_with("PasswordProtectedTransport")));
    assert_eq!(found.not_on_or_after, NOW + 300);
    assert_eq!(found.spent_until, NOW + 360);
    assert_eq!(found.session_not_on_or_after, Some(NOW + 28_800));
    assert!(!found.encrypted);
}

#[test]
fn either_signature_is_enough_and_both_are_good() {
    for text in [answer().signed(&IDP), answer().signed_around(&IDP), answer().signed_twice(&IDP)] {
        let text = text.expect("an answer");
        assert_eq!(asked(&text).expect("to be believed").one("Username"), Ok("ada"), "{text}");
    }
}

#[test]
fn what_must_be_signed_is_a_setting() {
    let cases = [
        (answer().signed(&IDP), Signed::Assertion, true),
        (answer().signed(&IDP), Signed::Response, false),
        (answer().signed_around(&IDP), Signed::Response, true),
        (answer().signed_around(&IDP), Signed::Assertion, false),
        (answer().signed_twice(&IDP), Signed::Assertion, true),
        (answer().signed_twice(&IDP), Signed::Response, true),
    ];
    for (text, signed, good) in cases {
        let expected = Expectation { signed, ..expected() };
        assert_eq!(verify(text.expect("an answer").as_bytes(), &expected, NOW).is_ok(), good, "{signed:?}");
    }
}

#[test]
fn several_certificates_serve_while_a_key_is_changed() {
    let text = answer().signed(&IDP).expect("an answer");
    let expected = Expectation { certificates: vec![certificate(&MALLORY), certificate(&IDP)], ..expected() };
    assert!(verify(text.as_bytes(), &expected, NOW).is_ok());
}

#[test]
fn other_hashes_and_curves_are_good() {
    for (method, digest) in [
        ("rsa-sha256", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
        ("rsa-sha384", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
        ("rsa-sha512", "http://www.w3.org/2001/04/xmlenc#sha512"),
    ] {
        let recipe = Recipe {
            method: Some(format!("http://www.w3.org/2001/04/xmldsig-more#{method}")),
            digest: digest.into(),
            ..Recipe::default()
        };
        let assertion =
            IDP.signed(&recipe, &answer().assertion().expect("text"), "_assertion").expect("signed");
        assert!(asked(&answer().around(&assertion).expect("text")).is_ok(), "{method}");
    }
    for kind in [Kind::P256, Kind::P384] {
        let key = Key::new(kind).expect("a key");
        let expected = Expectation { certificates: vec![certificate(&IDP), certificate(&key)], ..expected() };
        let text = answer().signed_twice(&key).expect("an answer");
        assert!(verify(text.as_bytes(), &expected, NOW).is_ok(), "{kind:?}");
    }
}

#[test]
fn a_provider_may_begin_when_that_is_allowed() {
    let mut unasked = answer();
    unasked.in_response_to = None;
    let text = unasked.signed(&IDP).expect("an answer");
    let expected = Expectation { request: Request::Unsolicited, ..expected() };
    assert!(verify(text.as_bytes(), &expected, NOW).is_ok());
}

/// The same answer in other clothes: the canonical form is the same, so the signature holds.
#[test]
fn other_spellings_of_the_same_are_good() {
    let text = answer().signed(&IDP).expect("an answer");
    let spellings = [
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}\n"),
        format!("\u{feff}{text}"),
        replaced(&text, "></saml:SubjectConfirmationData>", "/>"),
        replaced(&text, "ID=\"_assertion\"", "\n  ID = '_assertion' "),
        replaced(&text, "ada@example.com", "ada&#64;example.com"),
        replaced(&text, "ada@example.com", "<![CDATA[ada@example.com]]>"),
        replaced(&text, "<samlp:Response ", "<samlp:Response xmlns:unused=\"urn:unused\" "),
        // Outside of what is signed, white space is free.
        replaced(&text, "<samlp:Status>", "\n  <samlp:Status>\n"),
        // Certificates that come along say nothing, and do no harm.
        replaced(&text, "</ds:SignatureValue>", &format!("</ds:SignatureValue>{}", MALLORY.key_info())),
    ];
    for spelling in spellings {
        let found = asked(&spelling).unwrap_or_else(|why| panic!("{why:?}: {spelling}"));
        assert_eq!(found.name_id.value, "ada@example.com");
    }
}

#[test]
fn text_of_all_kinds_comes_through_whole() {
    for (written, read) in [
        ("Zoë Ångström", "Zoë Ångström"),
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        (" spaces  kept ", " spaces  kept "),
        ("line\nline", "line\nline"),
        ("人 \u{1f600}", "人 \u{1f600}"),
    ] {
        let mut one = answer();
        one.attributes = vec![("Username".into(), vec![written.into()])];
        let text = one.signed(&IDP).expect("an answer");
        assert_eq!(asked(&text).expect("to be believed").one("Username"), Ok(read));
    }
}

#[test]
fn a_thousand_groups_fit() {
    let mut one = answer();
    one.attributes.push(("Groups".into(), (0..1000).map(|at| format!("department-{at:04}")).collect()));
    let text = one.signed_twice(&IDP).expect("an answer");
    assert_eq!(asked(&text).expect("to be believed").values("Groups").count(), 1002);
}
