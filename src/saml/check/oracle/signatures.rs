//! Signatures: theirs verified by us, ours by them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::Secret;
use portcullis_saml::{AuthnRequest, Certificate, SignatureError, SigningKey, SigningMethod, parts};
use portcullis_testing::saml::{Answer, DS, ENVELOPED, EXC_C14N, Key, Kind, Recipe};

use crate::documents::{self, Random};
use crate::{run, written};

/// Documents that their program signs: a process each.
const SIGNED: usize = 150;
/// An element of this name is signed.
const IDS: &str = "--id-attr:ID";

/// Elements amid a document, so that namespaces come from outside, with and without inclusive prefixes.
pub(crate) fn theirs(folder: &Path) -> Result<()> {
    let mut random = Random::new(2);
    for kind in [Kind::Rsa, Kind::P256, Kind::P384] {
        let key = Key::new(kind)?;
        let certificate = [Certificate::from_der(&key.certificate)?];
        std::fs::write(folder.join("key.pem"), &key.key_pem)?;
        for _ in 0..SIGNED / 3 {
            let text = template(&mut random, kind);
            std::fs::write(folder.join("template.xml"), &text)?;
            let ids = "urn:test:Signed";
            written(
                "xmlsec1",
                folder,
                &["--sign", "--privkey-pem", "key.pem", IDS, ids, "--output", "signed.xml", "template.xml"],
            )?;
            let signed = std::fs::read_to_string(folder.join("signed.xml"))?;
            let bytes =
                parts::covered(signed.as_bytes(), "_signed", &certificate).with_context(|| signed.clone())?;
            ensure!(!String::from_utf8(bytes)?.contains("SignatureValue"), "the signature is not left out");
            // One letter more: neither believes it.
            let changed = signed.replacen("<t:Mark", "<t:Mark x=''", 1);
            ensure!(changed != signed, "no mark in {signed}");
            let found = parts::covered(changed.as_bytes(), "_signed", &certificate);
            ensure!(found == Err(SignatureError::Changed), "{found:?}");
            std::fs::write(folder.join("changed.xml"), &changed)?;
            let arguments = ["--verify", "--privkey-pem", "key.pem", IDS, ids, "changed.xml"];
            ensure!(!run("xmlsec1", folder, &arguments)?.status.success(), "they believe {changed}");
        }
    }
    Ok(())
}

fn template(random: &mut Random, kind: Kind) -> String {
    let method = match kind {
        Kind::Rsa => *random.of(&["rsa-sha256", "rsa-sha384", "rsa-sha512"]),
        Kind::P256 => "ecdsa-sha256",
        Kind::P384 => "ecdsa-sha384",
    };
    let digest = *random.of(&[
        "http://www.w3.org/2001/04/xmlenc#sha256",
        "http://www.w3.org/2001/04/xmldsig-more#sha384",
        "http://www.w3.org/2001/04/xmlenc#sha512",
    ]);
    let mut inclusive = || {
        let list = *random.of(&["", "p", "p q", "#default", "xs #default q", "none"]);
        if list.is_empty() {
            return String::new();
        }
        format!("<ec:InclusiveNamespaces xmlns:ec=\"{EXC_C14N}\" PrefixList=\"{list}\"/>")
    };
    let signature = format!(
        "<ds:Signature xmlns:ds=\"{DS}\">\n  <ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"{EXC_C14N}\">{}</ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#{method}\"/><ds:Reference URI=\"#_signed\"><ds:Transforms>\
         <ds:Transform Algorithm=\"{ENVELOPED}\"/><ds:Transform Algorithm=\"{EXC_C14N}\">{}</ds:Transform></ds:Transforms>\
         <ds:DigestMethod Algorithm=\"{digest}\"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>",
        inclusive(),
        inclusive(),
    );
    let known: &[&'static str] = &["p", "q"];
    format!(
        "<r xmlns='urn:default' xmlns:p='urn:p' xmlns:q='urn:q' xmlns:xs='urn:xs' xmlns:t='urn:test'>\
         {}<t:Signed ID='_signed' p:b=' 1 '>{signature}<t:Mark/>{}{}</t:Signed>{}</r>",
        documents::element(random, known, 3, ""),
        documents::element(random, known, 1, ""),
        documents::element(random, known, 1, "q:more='&#xD;'"),
        documents::element(random, known, 3, ""),
    )
}

/// What the tests' provider signs, and the requests that we post.
pub(crate) fn ours(folder: &Path) -> Result<()> {
    let assertion = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion";
    let response = "urn:oasis:names:tc:SAML:2.0:protocol:Response";
    let request = "urn:oasis:names:tc:SAML:2.0:protocol:AuthnRequest";
    let verify = |text: &str, ids: &str, at: &str| -> Result<bool> {
        std::fs::write(folder.join("ours.xml"), text)?;
        let arguments =
            ["--verify", "--pubkey-cert-pem", "certificate.pem", IDS, ids, "--node-xpath", at, "ours.xml"];
        Ok(run("xmlsec1", folder, &arguments)?.status.success())
    };
    let at_root = "/*/*[local-name()='Signature']";
    let at_assertion = "/*/*[local-name()='Assertion']/*[local-name()='Signature']";
    for kind in [Kind::Rsa, Kind::P256, Kind::P384] {
        let key = Key::new(kind)?;
        std::fs::write(folder.join("certificate.pem"), &key.certificate_pem)?;
        let answer = Answer::new("urn:us", "https://door.example/saml/acs", 1_772_366_400);
        ensure!(verify(&answer.signed(&key)?, assertion, at_assertion)?, "{kind:?}: the assertion");
        ensure!(verify(&answer.signed_around(&key)?, response, at_root)?, "{kind:?}: the answer");
        ensure!(verify(&answer.signed_twice(&key)?, response, at_root)?, "{kind:?}: the answer around it");
        ensure!(
            verify(&answer.signed_twice(&key)?, assertion, at_assertion)?,
            "{kind:?}: the assertion within"
        );
        let changed = answer.signed(&key)?.replacen("ada@", "eve@", 1);
        ensure!(!verify(&changed, assertion, at_assertion)?, "{kind:?}: they believe anything");
        let uri = Recipe { uri: Some("#_response".into()), ..Recipe::default() };
        let wrong = answer.around(&key.signed(&uri, &answer.assertion()?, "_assertion")?)?;
        ensure!(
            !verify(&wrong, response, at_assertion)?,
            "{kind:?}: they believe a signature over another element"
        );
        if kind != Kind::Rsa {
            continue;
        }
        for method in [SigningMethod::Sha256, SigningMethod::Sha384, SigningMethod::Sha512] {
            let signing = SigningKey::from_pem(&Secret::from(key.key_pem.clone()), method)?;
            let posted = AuthnRequest {
                id: "_request".into(),
                issue_instant: 1_772_366_400,
                destination: "https://idp.example/sso?a=1&b=\"2\"".into(),
                issuer: "urn:us".into(),
                answer_at: "https://door.example/saml/acs".into(),
                name_id_format: Some("urn:format".into()),
                force: true,
            };
            let text = String::from_utf8(STANDARD.decode(posted.post_value(None, Some(&signing))?)?)?;
            ensure!(verify(&text, request, at_root)?, "{method:?}: {text}");
        }
    }
    Ok(())
}
