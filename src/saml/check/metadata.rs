//! Metadata: theirs read, ours written.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_saml::{
    Certificate, Metadata, MetadataError, ServiceProvider, SignatureError, Signed, XmlError,
};
use portcullis_testing::saml::{Key, Kind, Recipe};

use crate::{AUDIENCE, IDP, MALLORY, NOW, RECIPIENT, certificate, replaced};

const MD: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const ENTITY: &str = "https://idp.example/metadata";

fn descriptor(usage: &str, key: &Key) -> String {
    format!(
        "<md:KeyDescriptor{usage}><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data>\
         <ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>",
        STANDARD.encode(&key.certificate)
    )
}

/// One provider, in canonical form.
fn entity(id: &str, keys: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"{MD}\" ID=\"_{}\" entityID=\"{id}\">\
         <md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\">{keys}\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" Location=\"https://idp.example/redirect\"></md:SingleSignOnService>\
         <md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/post\"></md:SingleSignOnService>\
         </md:IDPSSODescriptor></md:EntityDescriptor>",
        id.len()
    )
}

fn usual() -> String {
    entity(ENTITY, &descriptor(" use=\"signing\"", &IDP))
}

fn read(text: &str) -> Result<Metadata, MetadataError> {
    Metadata::parse(text.as_bytes(), None, None, NOW)
}

#[test]
fn one_provider_is_read() {
    let found = read(&usual()).expect("metadata");
    assert_eq!(found.entity_id, ENTITY);
    assert_eq!(found.redirect.as_deref(), Some("https://idp.example/redirect"));
    assert_eq!(found.post.as_deref(), Some("https://idp.example/post"));
    assert_eq!(found.certificates, [certificate(&IDP)]);
    assert!(!found.wants_signed_requests && found.valid_until.is_none());
    // Comments and lines are usual in files that people wrote.
    let written = replaced(&usual(), "<md:IDPSSO", "\n<!-- ours -->\n<md:IDPSSO");
    assert!(read(&written).is_ok());
    let wanting =
        replaced(&usual(), "<md:IDPSSODescriptor ", "<md:IDPSSODescriptor WantAuthnRequestsSigned=\"1\" ");
    assert!(read(&wanting).expect("metadata").wants_signed_requests);
}

#[test]
fn signing_keys_are_those_for_signing_and_those_for_anything() {
    let keys = format!(
        "{}{}{}",
        descriptor(" use=\"encryption\"", &MALLORY),
        descriptor("", &IDP),
        descriptor(" use=\"signing\"", &IDP)
    );
    assert_eq!(read(&entity(ENTITY, &keys)).expect("metadata").certificates, [certificate(&IDP)]);
    // One that can't be used does not keep out one that can.
    let broken = replaced(&descriptor("", &MALLORY), "<ds:X509Certificate>", "<ds:X509Certificate>AAAA");
    let found = read(&entity(ENTITY, &format!("{broken}{}", descriptor("", &IDP)))).expect("metadata");
    assert_eq!(found.certificates, [certificate(&IDP)]);
    assert!(matches!(read(&entity(ENTITY, &broken)), Err(MetadataError::Certificate(_))));
    assert_eq!(read(&entity(ENTITY, "")), Err(MetadataError::Missing("KeyDescriptor")));
}

#[test]
fn of_several_one_is_named() {
    let two = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{MD}\">{}{}</md:EntitiesDescriptor>",
        usual(),
        entity("urn:other", &descriptor("", &MALLORY))
    );
    assert_eq!(read(&two), Err(MetadataError::Several(2)));
    let found = Metadata::parse(two.as_bytes(), Some("urn:other"), None, NOW).expect("metadata");
    assert_eq!(found.certificates, [certificate(&MALLORY)]);
    let missing = Metadata::parse(two.as_bytes(), Some("urn:third"), None, NOW);
    assert_eq!(missing, Err(MetadataError::Unknown("urn:third".into())));
    let other = Metadata::parse(usual().as_bytes(), Some("urn:other"), None, NOW);
    assert_eq!(other, Err(MetadataError::Unknown("urn:other".into())));
}

#[test]
fn metadata_has_an_end() {
    let until = |text: &str| replaced(&usual(), " entityID", &format!(" validUntil=\"{text}\" entityID"));
    assert_eq!(read(&until("2026-03-01T12:00:01Z")).expect("metadata").valid_until, Some(NOW + 1));
    let ended = "2026-03-01T12:00:00Z";
    assert_eq!(read(&until(ended)), Err(MetadataError::Expired(ended.into())));
    assert_eq!(read(&until("never")), Err(MetadataError::Missing("validUntil")));
}

#[test]
fn addresses_are_the_webs() {
    for wrong in [
        "javascript:alert(1)",
        "/sso",
        "https://idp.example/\n",
        "https://idp.example/&#10;X: y",
        "https://idp.example/&quot;",
        "",
    ] {
        let text = replaced(&usual(), "https://idp.example/redirect", wrong);
        assert!(matches!(read(&text), Err(MetadataError::Location(_))), "{wrong}");
    }
    let soap = usual().replace("HTTP-Redirect", "SOAP").replace("HTTP-POST", "PAOS");
    assert_eq!(read(&soap), Err(MetadataError::Missing("SingleSignOnService")));
}

#[test]
fn what_is_no_metadata_is_said() {
    assert_eq!(read("<a/>"), Err(MetadataError::NoMetadata("a".into())));
    assert!(matches!(read("metadata"), Err(MetadataError::Xml(XmlError::Malformed(_)))));
    assert_eq!(read(&format!("<!DOCTYPE a>{}", usual())), Err(MetadataError::Xml(XmlError::Dtd)));
    let old = usual().replace("SAML:2.0:protocol", "SAML:1.1:protocol");
    assert_eq!(read(&old), Err(MetadataError::Several(0)));
    let nameless = replaced(&usual(), &format!(" entityID=\"{ENTITY}\""), "");
    assert_eq!(read(&nameless), Err(MetadataError::Missing("entityID")));
}

#[test]
fn a_signature_is_checked_when_it_is_wanted() {
    let signed = |key: &Key| {
        let text = usual();
        let id = format!("_{}", ENTITY.len());
        let signature = key.signature(&Recipe::default(), &text, &id).expect("signed");
        replaced(&text, "<md:IDPSSO", &format!("{signature}<md:IDPSSO"))
    };
    let trusted = [certificate(&IDP)];
    let read = |text: &str| Metadata::parse(text.as_bytes(), Some(ENTITY), Some(&trusted), NOW);
    assert!(read(&signed(&IDP)).is_ok());
    assert_eq!(read(&usual()), Err(SignatureError::Part("Signature").into()));
    assert_eq!(read(&signed(&MALLORY)), Err(SignatureError::Forged.into()));
    let changed = replaced(&signed(&IDP), "https://idp.example/redirect", "https://evil.example/redirect");
    assert_eq!(read(&changed), Err(SignatureError::Changed.into()));
    // A signed provider within others does not vouch for them.
    let around = format!("<md:EntitiesDescriptor xmlns:md=\"{MD}\">{}</md:EntitiesDescriptor>", signed(&IDP));
    assert_eq!(read(&around), Err(SignatureError::Part("Signature").into()));
}

#[test]
fn ours_says_what_we_are() {
    let mut ours = ServiceProvider {
        entity_id: AUDIENCE.into(),
        answer_at: RECIPIENT.into(),
        name_id_format: None,
        signing: None,
        encryption: None,
        signed: Signed::Either,
    };
    let text = ours.metadata();
    assert!(
        text.contains(&format!("entityID=\"{AUDIENCE}\""))
            && text.contains(&format!("Location=\"{RECIPIENT}\""))
    );
    assert!(text.contains("AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"false\""));
    assert!(!text.contains("KeyDescriptor") && !text.contains("NameIDFormat"));
    ours.signing = Some(Certificate::from_der(&IDP.certificate).expect("a certificate"));
    ours.encryption =
        Some(Certificate::from_der(&Key::new(Kind::Rsa).expect("a key").certificate).expect("one"));
    ours.name_id_format = Some("urn:a<b".into());
    ours.signed = Signed::Assertion;
    let text = ours.metadata();
    assert!(text.contains("AuthnRequestsSigned=\"true\" WantAssertionsSigned=\"true\""));
    assert!(text.contains(&STANDARD.encode(&IDP.certificate)) && text.contains("use=\"encryption\""));
    assert!(text.contains("<md:NameIDFormat>urn:a&lt;b</md:NameIDFormat>"));
    // Read as what it is: no identity provider.
    assert_eq!(read(&text), Err(MetadataError::Several(0)));
}
