//! Encryption: theirs opened by us, the tests' own by them.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use portcullis_model::Secret;
use portcullis_saml::{Certificate, DecryptionKey, Expectation, Request, Signed, verify};
use portcullis_testing::saml::{Answer, Cipher, DS, Key, Kind, Recipe};

use crate::{run, written};

const NOW: u64 = 1_772_366_400;
const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

fn expected(idp: &Key, reader: &Key) -> Result<Expectation> {
    Ok(Expectation {
        issuer: "https://idp.example/metadata".into(),
        certificates: vec![Certificate::from_der(&idp.certificate)?],
        audience: "urn:us".into(),
        recipient: "https://door.example/saml/acs".into(),
        request: Request::Made("_request".into()),
        signed: Signed::Either,
        name_id_format: None,
        decryption: vec![DecryptionKey::from_pem(&Secret::from(reader.key_pem.clone()))?],
    })
}

pub(crate) fn theirs(folder: &Path) -> Result<()> {
    let (idp, reader) = (Key::new(Kind::Rsa)?, Key::new(Kind::Rsa)?);
    std::fs::write(folder.join("reader.pem"), &reader.certificate_pem)?;
    let answer = Answer::new("urn:us", "https://door.example/saml/acs", NOW);
    let assertion = idp.signed(&Recipe::default(), &answer.assertion()?, "_assertion")?;
    std::fs::write(folder.join("assertion.xml"), assertion)?;
    for (name, session) in [
        ("http://www.w3.org/2009/xmlenc11#aes128-gcm", "aes-128"),
        ("http://www.w3.org/2009/xmlenc11#aes256-gcm", "aes-256"),
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", "aes-128"),
        ("http://www.w3.org/2001/04/xmlenc#aes256-cbc", "aes-256"),
    ] {
        let template = format!(
            "<xenc:EncryptedData xmlns:xenc=\"{XENC}\" Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{name}\"/>\
             <ds:KeyInfo xmlns:ds=\"{DS}\"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm=\"{XENC}rsa-oaep-mgf1p\"/>\
             <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>\
             <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
        );
        std::fs::write(folder.join("template.xml"), template)?;
        written(
            "xmlsec1",
            folder,
            &[
                "--encrypt",
                "--pubkey-cert-pem",
                "reader.pem",
                "--session-key",
                session,
                "--xml-data",
                "assertion.xml",
                "--output",
                "sealed.xml",
                "template.xml",
            ],
        )?;
        let sealed = std::fs::read_to_string(folder.join("sealed.xml"))?;
        let sealed = sealed.split_once("?>").map_or(sealed.as_str(), |(_, rest)| rest).trim();
        let saml = "urn:oasis:names:tc:SAML:2.0:assertion";
        let text = answer.around(&format!(
            "<saml:EncryptedAssertion xmlns:saml=\"{saml}\">{sealed}</saml:EncryptedAssertion>"
        ))?;
        // The answer is signed as it is after another program's canonical form, which is ours by another test.
        let canonical = String::from_utf8(portcullis_saml::parts::canonical(text.as_bytes(), &[])?)?;
        let signed = idp.signed(&Recipe::default(), &canonical, "_response")?;
        let found =
            verify(signed.as_bytes(), &expected(&idp, &reader)?, NOW).with_context(|| name.to_owned())?;
        ensure!(found.encrypted && found.one("Username") == Ok("ada"), "{found:?}");
    }
    Ok(())
}

pub(crate) fn ours(folder: &Path) -> Result<()> {
    let (idp, reader) = (Key::new(Kind::Rsa)?, Key::new(Kind::Rsa)?);
    std::fs::write(folder.join("reader.key"), &reader.key_pem)?;
    for gcm in [true, false] {
        for bits in [128, 256] {
            let cipher = Cipher { gcm, bits, wrap: "rsa-oaep-mgf1p", beside: false };
            let answer = Answer::new("urn:us", "https://door.example/saml/acs", NOW);
            std::fs::write(folder.join("sealed.xml"), answer.sealed(cipher, &reader, Some(&idp), None)?)?;
            let arguments =
                ["--decrypt", "--privkey-pem", "reader.key", "--output", "opened.xml", "sealed.xml"];
            let output = run("xmlsec1", folder, &arguments)?;
            ensure!(output.status.success(), "{cipher:?}: {}", String::from_utf8_lossy(&output.stderr));
            let opened = std::fs::read_to_string(folder.join("opened.xml"))?;
            ensure!(opened.contains(">ada@example.com<"), "{cipher:?}: {opened}");
        }
    }
    Ok(())
}
