//! The SAML provider; its answers are judged by xmlsec1, which has no part in making them.

use std::process::Command;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libtest_mimic::Trial;
use portcullis_testing::servers::saml::{Kind, Saml, Setup};
use portcullis_testing::servers::{authority, need, run};
use portcullis_testing::{Stage, case, place};

const ACS: &str = "http://127.0.0.1:8787/saml/acs";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion";
const RESPONSE: &str = "urn:oasis:names:tc:SAML:2.0:protocol:Response";

pub(super) fn all() -> Vec<Trial> {
    vec![
        case("servers::saml::answers_whom_it_may_and_signs_it", answers),
        case("servers::saml::signs_and_encrypts_in_every_way", kinds),
    ]
}

fn link(saml: &Saml, kind: Kind) -> String {
    let request = format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_request\" Version=\"2.0\" \
         IssueInstant=\"2026-01-01T00:00:00Z\" AssertionConsumerServiceURL=\"{ACS}\"><saml:Issuer \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">urn:service</saml:Issuer></samlp:AuthnRequest>"
    );
    let request = STANDARD.encode(request).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("{}?SAMLRequest={request}&RelayState=state%261", saml.sso_url(kind))
}

fn answer(saml: &Saml, kind: Kind, login: &str, password: &str) -> Result<String> {
    let posted = saml.sign_in(&link(saml, kind), login, password)?;
    ensure!(posted.to == ACS && posted.relay_state == "state&1", "{posted:?}");
    Ok(String::from_utf8(STANDARD.decode(&posted.response)?)?)
}

/// Whether xmlsec1 believes the signature of the element of this name.
fn believed(saml: &Saml, answer: &str, element: &str) -> Result<bool> {
    need(&["/usr/bin/xmlsec1"])?;
    let number = place::next_number();
    let (signer, file) = (format!("/run/signer-{number}.pem"), format!("/run/answer-{number}.xml"));
    std::fs::write(&signer, saml.signer_certificate())?;
    std::fs::write(&file, answer)?;
    let mut command = Command::new("/usr/bin/xmlsec1");
    command.args(["--verify", "--pubkey-cert-pem", &signer, "--enabled-key-data", "key-name,rsa"]);
    Ok(run(command.args(["--id-attr:ID", element, &file]), "")?.code == Some(0))
}

fn answers(_: &Stage) -> Result<()> {
    let saml = Saml::shared()?;
    for person in Setup::default().people.into_iter().filter(|person| !person.locked) {
        let said = answer(saml, Kind::Usual, &person.login, &person.password)?;
        let parts = [
            format!("<saml:Issuer>{}</saml:Issuer>", saml.issuer()),
            "<saml:Audience>urn:service</saml:Audience>".to_owned(),
            "InResponseTo=\"_request\"".to_owned(),
            format!("Recipient=\"{ACS}\""),
            format!(">{}</saml:NameID>", person.sub),
            format!(">{}</saml:AttributeValue>", person.email),
        ];
        for part in parts {
            ensure!(said.contains(&part), "{}: no {part} in {said}", person.login);
        }
        let values = said.matches("<saml:AttributeValue").count();
        ensure!(values == 4 + person.groups.len(), "{}: {values} values", person.login);
        ensure!(believed(saml, &said, ASSERTION)?, "{}: xmlsec1 doesn't believe it", person.login);
        let other = said.replacen(&person.email, "changed@example.test", 1);
        ensure!(!believed(saml, &other, ASSERTION)?, "{}: xmlsec1 believes a changed one", person.login);
    }
    let wrong = answer(saml, Kind::Usual, "olly", "wrong").expect_err("a wrong password");
    ensure!(format!("{wrong:#}").contains("(401)"), "{wrong:#}");
    let locked = answer(saml, Kind::Usual, "locked", "Locked-Pass-1")?;
    ensure!(locked.contains("status:Responder") && !locked.contains("<saml:Assertion"), "locked: {locked}");
    let metadata = saml.visitor()?.get(&saml.metadata_url())?.expect(200)?.text();
    let certificate: String =
        saml.signer_certificate().lines().filter(|line| !line.starts_with('-')).collect();
    ensure!(metadata.contains(saml.issuer()) && metadata.contains(&certificate), "{metadata}");
    Ok(())
}

fn kinds(_: &Stage) -> Result<()> {
    let service = authority::signer("A service")?;
    let saml = Saml::start(&Setup {
        tls: false,
        encrypt_for: Some(service.certificate.clone()),
        ..Setup::default()
    })?;
    let said = |kind| answer(&saml, kind, "olly", "Olly-Pass-1");
    let response = said(Kind::ResponseSigned)?;
    ensure!(believed(&saml, &response, RESPONSE)?, "a signed response");
    ensure!(response.matches("<SignatureValue").count() == 1, "its assertion is not signed");
    ensure!(said(Kind::BothSigned)?.matches("<SignatureValue").count() == 2, "both are signed");
    ensure!(!said(Kind::Unsigned)?.contains("SignatureValue"), "nothing is signed");
    ensure!(said(Kind::Sha1)?.contains("xmldsig#rsa-sha1"), "by SHA-1");
    ensure!(said(Kind::Short)?.contains("NotOnOrAfter="), "a short one");
    let key = format!("/run/service-{}.key", place::next_number());
    std::fs::write(&key, &service.key)?;
    for (kind, algorithm) in
        [(Kind::Encrypted, "xmlenc11#aes256-gcm"), (Kind::EncryptedCbc, "xmlenc#aes256-cbc")]
    {
        let sealed = said(kind)?;
        ensure!(sealed.contains(algorithm) && !sealed.contains("olly@example.test"), "{sealed}");
        need(&["/usr/bin/xmlsec1"])?;
        let file = format!("{key}.xml");
        std::fs::write(&file, &sealed)?;
        let mut command = Command::new("/usr/bin/xmlsec1");
        let ran = run(command.args(["--decrypt", "--privkey-pem", &key, &file]), "")?;
        let opened = ran.out.contains("olly@example.test");
        ensure!(opened, "xmlsec1 can't open it: {}", ran.err);
    }
    Ok(())
}
