//! A real provider, samlp on Node: its metadata read, our request sent, its answer believed or refused.

use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::Secret;
use portcullis_saml::{
    AuthnRequest, Certificate, DecryptionKey, Encryption, Expectation, Metadata, Refusal, Request,
    SignatureError, Signed, SigningKey, SigningMethod, decode, fresh_id, verify,
};
use portcullis_testing::Stage;
use portcullis_testing::saml::{Key, Kind as KeyKind};
use portcullis_testing::servers::saml::{Kind, Saml, Setup};

const RECIPIENT: &str = "https://door.example/saml/acs";
const AUDIENCE: &str = "https://door.example/saml/metadata";

fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

pub(crate) fn answers(_: &Stage) -> Result<()> {
    let reader = Key::new(KeyKind::Rsa)?;
    let setup = Setup { encrypt_for: Some(reader.certificate_pem.clone()), ..Setup::default() };
    let idp = Saml::start(&setup)?;
    let person = setup.people.iter().find(|person| !person.locked).context("nobody")?;
    let text = idp.visitor()?.get(&idp.metadata_url())?.text();
    let metadata =
        Metadata::parse(text.as_bytes(), Some(idp.issuer()), None, now()?).with_context(|| text.clone())?;
    ensure!(
        metadata.certificates == Certificate::from_pem(idp.signer_certificate().as_bytes())?,
        "{metadata:?}"
    );
    ensure!(metadata.redirect.is_some(), "{metadata:?}");
    let key = SigningKey::from_pem(&Secret::from(reader.key_pem.clone()), SigningMethod::Sha256)?;
    for (kind, good) in [
        (Kind::Usual, true),
        (Kind::ResponseSigned, true),
        (Kind::BothSigned, true),
        (Kind::Unsigned, false),
        (Kind::Sha1, false),
        (Kind::Encrypted, true),
        (Kind::EncryptedCbc, false),
    ] {
        let request = AuthnRequest {
            id: fresh_id()?,
            issue_instant: now()?,
            destination: idp.sso_url(kind),
            issuer: AUDIENCE.into(),
            answer_at: RECIPIENT.into(),
            name_id_format: None,
            force: false,
        };
        let posted = idp.sign_in(
            &request.redirect_url(Some("state & more"), Some(&key))?,
            &person.login,
            &person.password,
        )?;
        ensure!(posted.to == RECIPIENT && posted.relay_state == "state & more", "{kind:?}: {posted:?}");
        let expected = Expectation {
            issuer: metadata.entity_id.clone(),
            certificates: metadata.certificates.clone(),
            audience: AUDIENCE.into(),
            recipient: RECIPIENT.into(),
            request: Request::Made(request.id.clone()),
            signed: Signed::Either,
            name_id_format: Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent".into()),
            decryption: vec![DecryptionKey::from_pem(&Secret::from(reader.key_pem.clone()))?],
        };
        let bytes = decode(&posted.response)?;
        match verify(&bytes, &expected, now()?) {
            Ok(found) => {
                ensure!(good, "{kind:?} is believed");
                ensure!(
                    found.user_name("uid")? == person.login && found.name_id.value == person.sub,
                    "{found:?}"
                );
                ensure!(found.values("groups").eq(person.groups.iter()), "{found:?}");
            }
            Err(why) => {
                let named = match kind {
                    Kind::Unsigned => why == Refusal::Unsigned,
                    Kind::Sha1 => matches!(why, Refusal::Signature(SignatureError::Method(_))),
                    Kind::EncryptedCbc => matches!(why, Refusal::Encryption(Encryption::Unprotected(_))),
                    _ => false,
                };
                ensure!(named && !good, "{kind:?}: {why:?} of {}", STANDARD.encode(&bytes));
            }
        }
    }
    Ok(())
}
