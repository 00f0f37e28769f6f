//! Whom an assertion is for and when it is good: each condition broken by itself, under a genuine signature.

use portcullis_saml::{Expectation, Refusal, Request, SKEW, verify};
use portcullis_testing::saml::Recipe;

use crate::{IDP, NOW, RECIPIENT, answer, asked, expected, refused, replaced};

const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// A genuine assertion that says something else in one place.
fn saying(from: &str, to: &str) -> String {
    let assertion = replaced(&answer().assertion().expect("text"), from, to);
    let id = if assertion.contains("ID=\"_assertion\"") { "_assertion" } else { "_other" };
    answer().around(&IDP.signed(&Recipe::default(), &assertion, id).expect("signed")).expect("text")
}

/// A genuine answer that says something else in one place of its own.
fn answering(from: &str, to: &str) -> String {
    let text = answer().around(&answer().assertion().expect("text")).expect("text");
    IDP.signed(&Recipe::default(), &replaced(&text, from, to), "_response").expect("signed")
}

#[test]
fn each_broken_condition_is_named() {
    let elsewhere = "https://evil.example/acs";
    let confirmed = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">";
    let cases: &[(&str, &str, Refusal)] = &[
        ("Version=\"2.0\"", "Version=\"1.1\"", Refusal::Version),
        (
            "<saml:Issuer>https://idp",
            "<saml:Issuer>https://evil",
            Refusal::Issuer("https://evil.example/metadata".into()),
        ),
        (
            "<saml:Issuer>",
            "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress\">",
            Refusal::Issuer("https://idp.example/metadata".into()),
        ),
        (
            "https://door.example/saml/metadata",
            "https://other.example/",
            Refusal::Audience("https://other.example/".into()),
        ),
        (
            "<saml:Audience>https://door.example/saml/metadata</saml:Audience>",
            "",
            Refusal::Audience(String::new()),
        ),
        (
            "<saml:AudienceRestriction><saml:Audience>https://door.example/saml/metadata</saml:Audience></saml:AudienceRestriction>",
            "",
            Refusal::Missing("AudienceRestriction"),
        ),
        // A second restriction must hold as well.
        (
            "</saml:Conditions>",
            "<saml:AudienceRestriction><saml:Audience>urn:other</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
            Refusal::Audience("urn:other".into()),
        ),
        (
            "</saml:Conditions>",
            "<saml:Condition></saml:Condition></saml:Conditions>",
            Refusal::Unsupported("Condition".into()),
        ),
        (RECIPIENT, elsewhere, Refusal::Recipient(elsewhere.into())),
        (" Recipient=\"https://door.example/saml/acs\"", "", Refusal::Missing("Recipient")),
        ("InResponseTo=\"_request\"", "InResponseTo=\"_other\"", Refusal::InResponseTo("_other".into())),
        (" InResponseTo=\"_request\"", "", Refusal::Unsolicited),
        (BEARER, "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key", Refusal::Confirmation),
        (confirmed, "<saml:SubjectConfirmation>", Refusal::Confirmation),
        (" AuthnInstant=\"2026-03-01T12:00:00Z\"", "", Refusal::Missing("AuthnInstant")),
        (
            "IssueInstant=\"2026-03-01T12:00:00Z\"",
            "IssueInstant=\"2026-03-01T12:02:00Z\"",
            Refusal::TooEarly { what: "IssueInstant", by: 60 },
        ),
        (
            "IssueInstant=\"2026-03-01T12:00:00Z\"",
            "IssueInstant=\"yesterday\"",
            Refusal::Missing("IssueInstant"),
        ),
        (
            "NotBefore=\"2026-03-01T12:00:00Z\"",
            "NotBefore=\"2026-03-01T12:01:01Z\"",
            Refusal::TooEarly { what: "Conditions", by: 1 },
        ),
        (
            " NotOnOrAfter=\"2026-03-01T12:05:00Z\" Recipient",
            " NotBefore=\"2026-03-01T12:03:00Z\" NotOnOrAfter=\"2026-03-01T12:05:00Z\" Recipient",
            Refusal::TooEarly { what: "SubjectConfirmationData", by: 120 },
        ),
        (" NotOnOrAfter=\"2026-03-01T12:05:00Z\" Recipient", " Recipient", Refusal::Missing("NotOnOrAfter")),
        (
            "NotOnOrAfter=\"2026-03-01T12:05:00Z\" Recipient",
            "NotOnOrAfter=\"2026-03-01T11:00:00Z\" Recipient",
            Refusal::TooLate { what: "SubjectConfirmationData", by: 3541 },
        ),
        (
            "NotOnOrAfter=\"2026-03-01T12:05:00Z\">",
            "NotOnOrAfter=\"2026-03-01T11:59:00Z\">",
            Refusal::TooLate { what: "Conditions", by: 1 },
        ),
        (
            "SessionNotOnOrAfter=\"2026-03-01T20:00:00Z\"",
            "SessionNotOnOrAfter=\"2026-03-01T11:00:00Z\"",
            Refusal::TooLate { what: "AuthnStatement", by: 3541 },
        ),
        ("ada@example.com", "", Refusal::Missing("NameID")),
        ("ada@example.com", "<saml:b></saml:b>", Refusal::Missing("NameID")),
        (
            "<saml:Subject>",
            "<saml:Subject><saml:EncryptedID></saml:EncryptedID>",
            Refusal::Unsupported("EncryptedID".into()),
        ),
        (
            "<saml:Subject>",
            "<saml:Subject></saml:Subject><saml:Subject>",
            Refusal::Count { name: "Subject", count: 2 },
        ),
        (
            "<saml:AttributeStatement>",
            "<saml:AttributeStatement><saml:EncryptedAttribute></saml:EncryptedAttribute>",
            Refusal::Unsupported("EncryptedAttribute".into()),
        ),
        ("<saml:Attribute Name=\"Username\">", "<saml:Attribute>", Refusal::Missing("Name")),
    ];
    for (from, to, wanted) in cases {
        assert_eq!(&refused(&saying(from, to)), wanted, "{from} -> {to}");
    }
}

#[test]
fn whole_statements_may_not_be_missing() {
    let text = answer().assertion().expect("text");
    for (name, wanted) in [
        ("Issuer", Refusal::Missing("Issuer")),
        ("Conditions", Refusal::Missing("Conditions")),
        ("Subject", Refusal::Missing("Subject")),
        ("AuthnStatement", Refusal::Missing("AuthnStatement")),
    ] {
        let (head, rest) = text.split_once(&format!("<saml:{name}")).expect("its begin");
        let (_, tail) = rest.split_once(&format!("</saml:{name}>")).expect("its end");
        // In a signed answer, since without an issuer the assertion's signature has no place here.
        let whole = answer().around(&format!("{head}{tail}")).expect("text");
        let signed = IDP.signed(&Recipe::default(), &whole, "_response").expect("signed");
        assert_eq!(refused(&signed), wanted);
    }
    // Attributes may be.
    let (head, _) = text.split_once("<saml:AttributeStatement>").expect("its begin");
    let whole = answer().around(&format!("{head}</saml:Assertion>")).expect("text");
    let signed = IDP.signed(&Recipe::default(), &whole, "_response").expect("signed");
    let found = asked(&signed).expect("to be believed");
    assert_eq!(found.one("Username"), Err(Refusal::Attribute { name: "Username".into(), count: 0 }));
}

#[test]
fn the_answers_own_fields_are_looked_at() {
    let cases: &[(&str, &str, Refusal)] = &[
        ("Version=\"2.0\"", "Version=\"2.1\"", Refusal::Version),
        (RECIPIENT, "https://evil.example/", Refusal::Destination("https://evil.example/".into())),
        (" Destination=\"https://door.example/saml/acs\"", "", Refusal::Missing("Destination")),
        ("InResponseTo=\"_request\"", "InResponseTo=\"_other\"", Refusal::InResponseTo("_other".into())),
        (" InResponseTo=\"_request\"", "", Refusal::Unsolicited),
        (">https://idp", ">https://evil", Refusal::Issuer("https://evil.example/metadata".into())),
        (
            "status:Success\"></samlp:StatusCode>",
            "status:Responder\"><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:AuthnFailed\"></samlp:StatusCode></samlp:StatusCode>",
            Refusal::Status { code: "Responder".into(), detail: "AuthnFailed".into() },
        ),
        (
            "urn:oasis:names:tc:SAML:2.0:status:Success",
            "",
            Refusal::Status { code: String::new(), detail: String::new() },
        ),
    ];
    for (from, to, wanted) in cases {
        assert_eq!(&refused(&answering(from, to)), wanted, "{from} -> {to}");
    }
    // Unsigned, they are looked at all the same, but a missing destination is none of a forger's gains.
    let text = answer().signed(&IDP).expect("an answer");
    let elsewhere = replaced(&text, RECIPIENT, "https://evil.example/");
    assert_eq!(refused(&elsewhere), Refusal::Destination("https://evil.example/".into()));
    assert!(asked(&replaced(&text, " Destination=\"https://door.example/saml/acs\"", "")).is_ok());
}

#[test]
fn an_answer_to_a_request_is_none_where_the_provider_is_to_begin() {
    let expected = Expectation { request: Request::Unsolicited, ..expected() };
    let text = answer().signed(&IDP).expect("an answer");
    assert_eq!(verify(text.as_bytes(), &expected, NOW), Err(Refusal::InResponseTo("_request".into())));
    // Nor when the answer around it hides that.
    let hidden = replaced(&text, " InResponseTo=\"_request\"", "");
    assert_eq!(verify(hidden.as_bytes(), &expected, NOW), Err(Refusal::InResponseTo("_request".into())));
}

#[test]
fn clocks_may_differ_by_a_minute_and_no_more() {
    let text = answer().signed(&IDP).expect("an answer");
    for (now, good) in [
        (NOW - SKEW, true),
        (NOW - SKEW - 1, false),
        (NOW + 300 + SKEW - 1, true),
        (NOW + 300 + SKEW, false),
        (0, false),
        (u64::MAX, false),
    ] {
        assert_eq!(verify(text.as_bytes(), &expected(), now).is_ok(), good, "{now}");
    }
}

#[test]
fn one_confirmation_that_holds_is_enough_and_the_last_one_says_how_long_it_is_spent() {
    let other = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
                 NotOnOrAfter=\"2026-03-01T12:04:00Z\" Recipient=\"https://other.example/\"></saml:SubjectConfirmationData>\
                 </saml:SubjectConfirmation></saml:Subject>";
    assert!(asked(&saying("</saml:Subject>", other)).is_ok());
    let longer = "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
                  InResponseTo=\"_request\" NotOnOrAfter=\"2026-03-01T12:30:00Z\" Recipient=\"https://door.example/saml/acs\">\
                  </saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>";
    let assertion = replaced(&answer().assertion().expect("text"), "</saml:Subject>", longer);
    let assertion = replaced(
        &assertion,
        "NotOnOrAfter=\"2026-03-01T12:05:00Z\">",
        "NotOnOrAfter=\"2026-03-01T13:00:00Z\">",
    );
    let signed = IDP.signed(&Recipe::default(), &assertion, "_assertion").expect("signed");
    let found = asked(&answer().around(&signed).expect("text")).expect("to be believed");
    assert_eq!(found.spent_until, NOW + 1800 + SKEW);
}

#[test]
fn an_id_that_is_to_be_kept_is_short() {
    let named = |id: &str| {
        let one = portcullis_testing::saml::Answer { assertion_id: id.into(), ..answer() };
        asked(&one.signed(&IDP).expect("an answer"))
    };
    assert!(named(&format!("_{}", "a".repeat(255))).is_ok());
    assert_eq!(named(&format!("_{}", "a".repeat(256))), Err(Refusal::Missing("ID")));
}

#[test]
fn the_names_format_is_a_setting() {
    let text = answer().signed(&IDP).expect("an answer");
    let email = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress";
    let persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
    let wanting = |format: &str| Expectation { name_id_format: Some(format.into()), ..expected() };
    let unspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";
    assert!(verify(text.as_bytes(), &wanting(email), NOW).is_ok());
    assert!(verify(text.as_bytes(), &wanting(unspecified), NOW).is_ok());
    assert_eq!(verify(text.as_bytes(), &wanting(persistent), NOW), Err(Refusal::NameIdFormat(email.into())));
}

#[test]
fn two_values_of_one_name_are_two_people() {
    let mut one = answer();
    one.attributes.push(("Username".into(), vec!["root".into()]));
    let found = asked(&one.signed(&IDP).expect("an answer")).expect("to be believed");
    assert_eq!(found.one("Username"), Err(Refusal::Attribute { name: "Username".into(), count: 2 }));
    // A value with elements within is none.
    let nested = saying(
        "<saml:AttributeValue>ada</saml:AttributeValue>",
        "<saml:AttributeValue><saml:b>ada</saml:b></saml:AttributeValue>",
    );
    let found = asked(&nested).expect("to be believed");
    assert_eq!(found.one("Username"), Err(Refusal::Attribute { name: "Username".into(), count: 0 }));
}
