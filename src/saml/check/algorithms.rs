//! Signatures that are genuine and made by a rule that is not ours, or by a key that is not configured.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_saml::{Certificate, CertificateError, Expectation, Refusal, SignatureError, verify};
use portcullis_testing::saml::{DS, ENVELOPED, EXC_C14N, Key, Kind, Recipe};

use crate::{IDP, MALLORY, NOW, answer, certificate, expected, refused, replaced};

const C14N: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";

fn by(key: &Key, recipe: &Recipe) -> String {
    let assertion = key.signed(recipe, &answer().assertion().expect("text"), "_assertion");
    answer().around(&assertion.expect("signed")).expect("text")
}

fn why(recipe: Recipe) -> SignatureError {
    match refused(&by(&IDP, &recipe)) {
        Refusal::Signature(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_key_is_refused_whatever_it_brings_along() {
    let bare = by(&MALLORY, &Recipe::default());
    assert_eq!(refused(&bare), SignatureError::Forged.into());
    let recipe = Recipe { after: MALLORY.key_info(), ..Recipe::default() };
    assert_eq!(refused(&by(&MALLORY, &recipe)), SignatureError::Forged.into());
    let recipe = Recipe { after: IDP.key_info(), ..Recipe::default() };
    assert_eq!(refused(&by(&MALLORY, &recipe)), SignatureError::Forged.into());
}

#[test]
fn another_kind_of_key_is_refused() {
    let curve = Key::new(Kind::P256).expect("a key");
    let uri = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    assert_eq!(refused(&by(&curve, &Recipe::default())), SignatureError::NoKey(uri).into());
    let none = Expectation { certificates: Vec::new(), ..expected() };
    let text = answer().signed(&IDP).expect("an answer");
    assert!(matches!(verify(text.as_bytes(), &none, NOW), Err(Refusal::Signature(SignatureError::NoKey(_)))));
    // A curve's key does not pass for RSA's, nor the other way round.
    let both = Expectation { certificates: vec![certificate(&IDP), certificate(&curve)], ..expected() };
    let confused = by(&curve, &Recipe { method: Some(uri.replace("ecdsa", "rsa")), ..Recipe::default() });
    assert_eq!(verify(confused.as_bytes(), &both, NOW), Err(SignatureError::Forged.into()));
}

#[test]
fn weak_and_strange_methods_are_refused_by_name() {
    for method in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#hmac-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "none",
        "",
    ] {
        let recipe = Recipe { method: Some(method.into()), ..Recipe::default() };
        assert_eq!(why(recipe), SignatureError::Method(method.into()));
    }
    for digest in ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5", ""]
    {
        let recipe = Recipe { digest: digest.into(), ..Recipe::default() };
        assert_eq!(why(recipe), SignatureError::Digest(digest.into()));
    }
}

/// The classic confusion: a MAC whose key is the certificate that everybody knows.
#[test]
fn a_mac_keyed_with_the_certificate_is_refused() {
    let method = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    let text = by(&IDP, &Recipe { method: Some(method.into()), ..Recipe::default() });
    let (_, rest) = text.split_once("<ds:SignedInfo>").expect("a part");
    let (content, _) = rest.split_once("</ds:SignedInfo>").expect("an end");
    let signed = format!("<ds:SignedInfo xmlns:ds=\"{DS}\">{content}</ds:SignedInfo>");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &IDP.certificate);
    let mac = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let (head, tail) = text.split_once("<ds:SignatureValue>").expect("a value");
    let (_, tail) = tail.split_once("</ds:SignatureValue>").expect("an end");
    let forged = format!("{head}<ds:SignatureValue>{mac}</ds:SignatureValue>{tail}");
    assert_eq!(refused(&forged), SignatureError::Method(method.into()).into());
}

#[test]
fn other_forms_and_transforms_are_refused_by_name() {
    for form in [
        C14N,
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/2006/12/xml-c14n11",
        "",
    ] {
        let recipe = Recipe { canonicalization: form.into(), ..Recipe::default() };
        assert_eq!(why(recipe), SignatureError::Canonicalization(form.into()));
    }
    let xpath = "http://www.w3.org/TR/1999/REC-xpath-19991116";
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    let comments = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
    for (transforms, named) in [
        (vec![ENVELOPED, C14N], C14N),
        (vec![ENVELOPED, comments], comments),
        (vec![ENVELOPED, xpath, EXC_C14N], xpath),
        (vec![xslt], xslt),
        (vec![ENVELOPED], "without the exclusive canonical form"),
        (vec![EXC_C14N], "without the exclusive canonical form"),
        (vec![EXC_C14N, ENVELOPED], "in another order"),
        (vec![ENVELOPED, EXC_C14N, EXC_C14N], "in another order"),
        (vec![], "without the exclusive canonical form"),
    ] {
        let transforms: Vec<String> = transforms.into_iter().map(str::to_owned).collect();
        let recipe = Recipe { transforms, ..Recipe::default() };
        assert_eq!(why(recipe), SignatureError::Transform(named.into()));
    }
}

/// A list of prefixes is gone through at each element, and nobody has signed it when that happens.
#[test]
fn long_prefix_lists_are_refused() {
    let text = answer().signed(&IDP).expect("an answer");
    let list = |count: usize| {
        let words: String = (0..count).map(|at| format!("p{at} ")).collect();
        let inclusive = format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXC_C14N}\" PrefixList=\"{words}\"/>");
        replaced(&text, "</ds:CanonicalizationMethod>", &format!("{inclusive}</ds:CanonicalizationMethod>"))
    };
    assert_eq!(refused(&list(17)), SignatureError::Part("InclusiveNamespaces").into());
    assert_eq!(refused(&list(16)), SignatureError::Forged.into());
    let other = replaced(&text, "</ds:CanonicalizationMethod>", "<ds:Other/></ds:CanonicalizationMethod>");
    assert_eq!(refused(&other), SignatureError::Unexpected("Other".into()).into());
}

#[test]
fn a_reference_names_the_element_it_stands_in() {
    for (uri, wanted) in [
        ("", SignatureError::EmptyReference),
        ("#_response", SignatureError::Elsewhere("#_response".into())),
        ("#", SignatureError::Elsewhere("#".into())),
        ("_assertion", SignatureError::Elsewhere("_assertion".into())),
        ("#xpointer(id('_assertion'))", SignatureError::Elsewhere("#xpointer(id('_assertion'))".into())),
        (
            "https://evil.example/#_assertion",
            SignatureError::Elsewhere("https://evil.example/#_assertion".into()),
        ),
    ] {
        assert_eq!(why(Recipe { uri: Some(uri.into()), ..Recipe::default() }), wanted);
    }
}

#[test]
fn parts_that_a_plain_signature_has_not_are_refused() {
    let text = answer().signed(&IDP).expect("an answer");
    let object = replaced(&text, "</ds:Signature>", "<ds:Object/></ds:Signature>");
    assert_eq!(refused(&object), SignatureError::Unexpected("Object".into()).into());
    let second =
        Recipe { more: "<ds:Reference URI=\"#_response\"></ds:Reference>".into(), ..Recipe::default() };
    assert_eq!(why(second), SignatureError::References(2));
    let parameter = Recipe { more: "<ds:Parameter></ds:Parameter>".into(), ..Recipe::default() };
    assert_eq!(why(parameter), SignatureError::Unexpected("Parameter".into()));
    let cut = replaced(&text, "<ds:SignatureValue>", "<ds:SignatureValue>*");
    assert_eq!(refused(&cut), SignatureError::Part("SignatureValue").into());
    let unnamed = replaced(&text, " ID=\"_assertion\"", "");
    assert_eq!(refused(&unnamed), SignatureError::NoId.into());
}

#[test]
fn any_changed_letter_of_what_is_signed_is_found_out() {
    let text = answer().signed_around(&IDP).expect("an answer");
    for (from, to) in [
        ("ada@example.com", "adb@example.com"),
        (">ada<", ">eve<"),
        ("SessionIndex=\"_session\"", "SessionIndex=\"_sessiom\""),
        ("</saml:Audience>", " </saml:Audience>"),
        ("<saml:AttributeStatement>", "<saml:AttributeStatement >\n"),
    ] {
        assert_eq!(refused(&replaced(&text, from, to)), SignatureError::Changed.into(), "{from}");
    }
}

#[test]
fn short_keys_are_refused_when_they_are_configured() {
    // 1024 bits, made by `openssl req -x509 -newkey rsa:1024 -nodes -days 36500 -subj /CN=short`.
    let short = include_bytes!("short.pem");
    assert_eq!(Certificate::from_pem(short), Err(CertificateError::Short));
}
