//! Signature wrapping and its relatives (Somorovsky et al., "On Breaking SAML", 2012), each with a genuine signature in it.

use portcullis_saml::{Refusal, SignatureError, XmlError, parts};
use portcullis_testing::saml::{Answer, Recipe, insert};

use crate::{IDP, MALLORY, answer, certificate, refused, replaced};

/// The assertion that the attacker wants to be believed.
fn evil() -> String {
    let mut evil = answer();
    evil.assertion_id = "_evil".into();
    evil.name_id = "root@example.com".into();
    evil.assertion().expect("text")
}

fn genuine() -> String {
    answer().assertion().expect("text")
}

/// The genuine assertion's signature, by itself.
fn signature() -> String {
    IDP.signature(&Recipe::default(), &genuine(), "_assertion").expect("signed")
}

fn around(content: &str) -> String {
    answer().around(content).expect("text")
}

fn within_object(signature: &str, content: &str) -> String {
    replaced(signature, "</ds:Signature>", &format!("<ds:Object>{content}</ds:Object></ds:Signature>"))
}

/// A genuine signed answer, and the signature of it.
fn signed_answer() -> (String, String) {
    let text = answer().around(&genuine()).expect("text");
    let signature = IDP.signature(&Recipe::default(), &text, "_response").expect("signed");
    (text, signature)
}

/// An answer of the attacker's: another ID, an evil assertion.
fn evil_answer() -> String {
    let evil_answer = Answer { id: "_evil_response".into(), ..answer() };
    evil_answer.around(&evil()).expect("text")
}

/// The eight shapes, and why each is refused.
fn shapes() -> Vec<(&'static str, String, Refusal)> {
    let (text, of_answer) = signed_answer();
    let signed = insert(&genuine(), &signature()).expect("an issuer");
    let evil_with = |inside: &str| insert(&evil(), inside).expect("an issuer");
    let evil_answer_with = |inside: &str| insert(&evil_answer(), inside).expect("an issuer");
    let in_signature = replaced(&signature(), "</ds:Signature>", &format!("{}</ds:Signature>", genuine()));
    let two = Refusal::Count { name: "Assertion", count: 2 };
    vec![
        (
            "1: the genuine answer moves into the signature of an evil one",
            evil_answer_with(&within_object(&of_answer, &text)),
            Refusal::Misplaced("Response"),
        ),
        (
            "2: the genuine answer stands beside a detached signature",
            evil_answer_with(&format!("{text}{of_answer}")),
            Refusal::Misplaced("Response"),
        ),
        (
            "3: an evil assertion comes before the genuine one",
            around(&format!("{}{signed}", evil())),
            two.clone(),
        ),
        ("3: and after it", around(&format!("{signed}{}", evil())), two.clone()),
        (
            "4: the genuine assertion becomes a child of the evil one",
            around(&evil_with(&signed)),
            Refusal::Misplaced("Assertion"),
        ),
        (
            "5: the evil assertion has the signature and the genuine one follows",
            around(&format!("{}{}", evil_with(&signature()), genuine())),
            two,
        ),
        (
            "6: the genuine assertion stands in the signature of the evil one",
            around(&evil_with(&in_signature)),
            Refusal::Misplaced("Assertion"),
        ),
        (
            "7: the evil assertion hides in the extensions",
            replaced(
                &around(&signed),
                "<samlp:Status>",
                &format!("<samlp:Extensions>{}</samlp:Extensions><samlp:Status>", evil()),
            ),
            Refusal::Misplaced("Assertion"),
        ),
        (
            "8: the genuine assertion stands in an object of the signature",
            around(&evil_with(&within_object(&signature(), &genuine()))),
            Refusal::Misplaced("Assertion"),
        ),
    ]
}

#[test]
fn the_eight_shapes_are_refused_by_name() {
    for (shape, text, why) in shapes() {
        assert_eq!(refused(&text), why, "{shape}");
    }
}

/// Were the shape not looked at: whatever a signature is found to cover is what was signed, and nothing of the attacker's.
#[test]
fn no_signature_is_found_to_cover_what_an_attacker_wrote() {
    let keys = [certificate(&IDP)];
    let mut covered = 0;
    for (shape, text, _) in shapes() {
        for id in ["_response", "_assertion", "_evil", "_evil_response"] {
            let Ok(bytes) = parts::covered(text.as_bytes(), id, &keys) else { continue };
            let bytes = String::from_utf8(bytes).expect("UTF-8");
            assert!(bytes == genuine() && !bytes.contains("root@"), "{shape}: {bytes}");
            covered += 1;
        }
    }
    assert!(
        covered >= 3,
        "only {covered} of the genuine signatures hold: the shapes are not what they are called"
    );
}

#[test]
fn the_same_id_twice_is_refused_before_anything_is_looked_up() {
    let twin = replaced(&evil(), "_evil", "_assertion");
    let signed = insert(&genuine(), &signature()).expect("an issuer");
    let wrapped = around(&format!("{twin}{signed}"));
    assert_eq!(refused(&wrapped), XmlError::DuplicateId("_assertion".into()).into());
    // In another spelling of the attribute, at an element that nobody reads.
    let wrapped = replaced(&around(&signed), "<samlp:Status>", "<samlp:Status Id=\"_assertion\">");
    assert_eq!(refused(&wrapped), XmlError::DuplicateId("_assertion".into()).into());
}

#[test]
fn an_evil_assertion_with_the_genuine_signature_covers_another_element() {
    let wrapped = around(&insert(&evil(), &signature()).expect("an issuer"));
    assert_eq!(refused(&wrapped), SignatureError::Elsewhere("#_assertion".into()).into());
    // With the genuine ID it covers this one, which is not what was signed.
    let twin = replaced(&evil(), "_evil", "_assertion");
    assert_eq!(
        refused(&around(&insert(&twin, &signature()).expect("an issuer"))),
        SignatureError::Changed.into()
    );
}

#[test]
fn a_comment_in_a_value_is_refused() {
    let text = answer().signed(&IDP).expect("an answer");
    for (from, to) in [
        ("ada@example.com", "ada@example.com<!---->.evil"),
        ("ada@example.com", "ada<!-- -->@example.com"),
        ("<saml:Subject>", "<!-- x --><saml:Subject>"),
        ("<samlp:Status>", "<!-- x --><samlp:Status>"),
    ] {
        assert_eq!(refused(&replaced(&text, from, to)), XmlError::Comment.into());
    }
    // The canonical form has no comments: a genuine signature of the longer name would hold with the comment put in.
    let mut longer = answer();
    longer.name_id = "ada@example.com.evil".into();
    let text = replaced(
        &longer.signed(&IDP).expect("an answer"),
        "ada@example.com.evil",
        "ada@example.com<!---->.evil",
    );
    assert_eq!(refused(&text), XmlError::Comment.into());
    let text =
        replaced(&answer().signed(&IDP).expect("an answer"), "ada@example.com", "ada@example.com<?x y?>");
    assert_eq!(refused(&text), XmlError::Instruction.into());
}

#[test]
fn a_document_type_and_entities_are_refused() {
    let text = answer().signed(&IDP).expect("an answer");
    let declared = format!("<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{text}");
    assert_eq!(refused(&declared), XmlError::Dtd.into());
    let laughs = format!(
        "<!DOCTYPE a [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>{}",
        replaced(&text, "ada@", "&b;@")
    );
    assert_eq!(refused(&laughs), XmlError::Dtd.into());
    let undeclared = replaced(&text, "ada@example.com", "&e;");
    assert!(matches!(refused(&undeclared), Refusal::Xml(XmlError::Malformed(_))));
    // A default attribute could make an ID of another one.
    let ids = format!("<!DOCTYPE a [<!ATTLIST saml:Assertion Name ID #IMPLIED>]>{text}");
    assert_eq!(refused(&ids), XmlError::Dtd.into());
}

#[test]
fn an_unsigned_assertion_is_not_covered_by_what_else_is_signed() {
    assert_eq!(refused(&around(&genuine())), Refusal::Unsigned);
    // The signature covers the answer as it was; an assertion was put in afterwards.
    let empty = around("");
    let signed = IDP.signed(&Recipe::default(), &empty, "_response").expect("signed");
    let stuffed = replaced(&signed, "</samlp:Response>", &format!("{}</samlp:Response>", evil()));
    assert_eq!(refused(&stuffed), SignatureError::Changed.into());
    // The same with one taken out for another.
    let (text, signature) = signed_answer();
    let swapped = replaced(&insert(&text, &signature).expect("an issuer"), &genuine(), &evil());
    assert_eq!(refused(&swapped), SignatureError::Changed.into());
}

#[test]
fn a_signed_assertion_does_not_vouch_for_a_changed_answer_that_is_signed_too() {
    let text = answer().signed_twice(&IDP).expect("an answer");
    let moved = replaced(&text, "Destination=\"https://door.example/", "Destination=\"https://evil.example/");
    assert_eq!(refused(&moved), SignatureError::Changed.into());
    let renamed = replaced(&text, "ada@example.com", "root@example.com");
    assert_eq!(refused(&renamed), SignatureError::Changed.into());
    // The answer's signature is the attacker's, the assertion's is genuine.
    let inner = answer().signed(&IDP).expect("an answer");
    let mixed = MALLORY.signed(&Recipe::default(), &inner, "_response").expect("signed");
    assert_eq!(refused(&mixed), SignatureError::Forged.into());
}

#[test]
fn signatures_stand_at_two_places_and_once_at_each() {
    let signed = insert(&genuine(), &signature()).expect("an issuer");
    let elsewhere = replaced(&around(&signed), "</samlp:Status>", &format!("{}</samlp:Status>", signature()));
    assert_eq!(refused(&elsewhere), Refusal::Misplaced("Signature"));
    let twice = insert(&signed, &signature()).expect("an issuer");
    assert_eq!(refused(&around(&twice)), Refusal::Count { name: "Signature", count: 2 });
    let deeper = replaced(&genuine(), "<saml:Subject>", &format!("<saml:Subject>{}", signature()));
    assert_eq!(refused(&around(&deeper)), Refusal::Misplaced("Signature"));
}

#[test]
fn nothing_else_stands_in_an_answer() {
    let signed = insert(&genuine(), &signature()).expect("an issuer");
    let more = replaced(
        &around(&signed),
        "<samlp:Status>",
        "<saml:Subject xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"/><samlp:Status>",
    );
    assert_eq!(refused(&more), Refusal::Misplaced("another element"));
    assert_eq!(refused(&around("")), Refusal::Count { name: "Assertion", count: 0 });
    assert_eq!(refused(&signed), Refusal::NoResponse("Assertion".into()));
    assert_eq!(refused("<Response/>"), Refusal::NoResponse("Response".into()));
}
