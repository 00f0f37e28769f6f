//! What we tell an identity provider of ourselves: a service provider's metadata (metadata 2.4.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::certificate::Certificate;
use crate::expectation::Signed;
use crate::xml::{DS, MD, SAMLP, XENC, XENC11, escape};

/// Ourselves.
#[derive(Debug, Clone)]
pub struct ServiceProvider {
    /// Our entity id: by Workbench's custom the address of the metadata, of `auth-saml-sp-base-uri` and `/saml/metadata`.
    pub entity_id: String,
    /// Our address for answers.
    pub answer_at: String,
    /// The format we want the subject's name in.
    pub name_id_format: Option<String>,
    /// The certificate of the key that signs requests (`auth-saml-sp-signing-cert-path`); with it, we say that we sign.
    pub signing: Option<Certificate>,
    /// The certificate to encrypt for (`auth-saml-sp-encryption-cert-path`).
    pub encryption: Option<Certificate>,
    /// What must be signed.
    pub signed: Signed,
}

impl ServiceProvider {
    /// The document of `/saml/metadata` (`application/samlmetadata+xml`). The same for the same settings: no dates, no ids.
    pub fn metadata(&self) -> String {
        let mut keys = String::new();
        if let Some(certificate) = &self.signing {
            keys.push_str(&key("signing", certificate, ""));
        }
        if let Some(certificate) = &self.encryption {
            // Best first: what says itself that it was not changed.
            let methods: String = [
                format!("{XENC11}aes256-gcm"),
                format!("{XENC11}aes128-gcm"),
                format!("{XENC}rsa-oaep-mgf1p"),
            ]
            .iter()
            .map(|name| format!("<md:EncryptionMethod Algorithm=\"{name}\"/>"))
            .collect();
            keys.push_str(&key("encryption", certificate, &methods));
        }
        let format = self.name_id_format.as_ref();
        let format = format.map(|one| format!("<md:NameIDFormat>{}</md:NameIDFormat>", escape(one)));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <md:EntityDescriptor xmlns:md=\"{MD}\" xmlns:ds=\"{DS}\" entityID=\"{}\">\
             <md:SPSSODescriptor AuthnRequestsSigned=\"{}\" WantAssertionsSigned=\"{}\" \
             protocolSupportEnumeration=\"{SAMLP}\">{keys}{}\
             <md:AssertionConsumerService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
             Location=\"{}\" index=\"0\" isDefault=\"true\"/></md:SPSSODescriptor></md:EntityDescriptor>\n",
            escape(&self.entity_id),
            self.signing.is_some(),
            self.signed == Signed::Assertion,
            format.unwrap_or_default(),
            escape(&self.answer_at),
        )
    }
}

fn key(usage: &str, certificate: &Certificate, methods: &str) -> String {
    format!(
        "<md:KeyDescriptor use=\"{usage}\"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate>\
         </ds:X509Data></ds:KeyInfo>{methods}</md:KeyDescriptor>",
        STANDARD.encode(certificate.der())
    )
}
