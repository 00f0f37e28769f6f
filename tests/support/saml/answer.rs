//! What an answer says, and its text.

use anyhow::{Context, Result};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Cipher, Key, Recipe};

const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SAMLP: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// What an answer says. The texts are put in as they are: escape them, in canonical form.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The answer's ID.
    pub id: String,
    /// The assertion's ID.
    pub assertion_id: String,
    /// The provider.
    pub issuer: String,
    /// For whom.
    pub audience: String,
    /// Where it is sent, and confirmed.
    pub recipient: String,
    /// The request it answers.
    pub in_response_to: Option<String>,
    /// The subject's name.
    pub name_id: String,
    /// Its format.
    pub format: String,
    /// Attributes and their values.
    pub attributes: Vec<(String, Vec<String>)>,
    /// When it was made, in seconds since 1970.
    pub made: u64,
    /// How long it is good, in seconds.
    pub life: u64,
    /// When the provider's session ends, in seconds since 1970.
    pub session_end: Option<u64>,
}

impl Answer {
    /// An answer of `idp.example` to the request `_request`, for an audience and an address, made at `now`.
    pub fn new(audience: &str, recipient: &str, now: u64) -> Self {
        Self {
            id: "_response".into(),
            assertion_id: "_assertion".into(),
            issuer: "https://idp.example/metadata".into(),
            audience: audience.into(),
            recipient: recipient.into(),
            in_response_to: Some("_request".into()),
            name_id: "ada@example.com".into(),
            format: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress".into(),
            attributes: vec![
                ("Username".into(), vec!["ada".into()]),
                ("Groups".into(), vec!["analysts".into(), "r users".into()]),
            ],
            made: now,
            life: 300,
            session_end: Some(now + 28_800),
        }
    }

    /// The assertion, unsigned, canonical.
    ///
    /// # Errors
    /// When a time can't be written.
    pub fn assertion(&self) -> Result<String> {
        let (made, end) = (stamp(self.made)?, stamp(self.made + self.life)?);
        let request = self.in_response_to.as_ref();
        let request = request.map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        let session =
            self.session_end.map(|end| stamp(end).map(|end| format!(" SessionNotOnOrAfter=\"{end}\"")));
        let session = session.transpose()?.unwrap_or_default();
        let attributes: String = self
            .attributes
            .iter()
            .map(|(name, values)| {
                let values: String = values
                    .iter()
                    .map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>"))
                    .collect();
                format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
            })
            .collect();
        Ok(format!(
            "<saml:Assertion xmlns:saml=\"{SAML}\" ID=\"{id}\" IssueInstant=\"{made}\" Version=\"2.0\">\
             <saml:Issuer>{issuer}</saml:Issuer>\
             <saml:Subject><saml:NameID Format=\"{format}\">{name}</saml:NameID>\
             <saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <saml:SubjectConfirmationData{request} NotOnOrAfter=\"{end}\" Recipient=\"{recipient}\">\
             </saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>\
             <saml:Conditions NotBefore=\"{made}\" NotOnOrAfter=\"{end}\">\
             <saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>\
             </saml:Conditions>\
             <saml:AuthnStatement AuthnInstant=\"{made}\" SessionIndex=\"_session\"{session}><saml:AuthnContext>\
             <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport\
             </saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>\
             <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>",
            id = self.assertion_id,
            issuer = self.issuer,
            format = self.format,
            name = self.name_id,
            recipient = self.recipient,
            audience = self.audience,
        ))
    }

    /// An answer around an assertion, unsigned, canonical.
    ///
    /// # Errors
    /// When a time can't be written.
    pub fn around(&self, assertion: &str) -> Result<String> {
        let request = self.in_response_to.as_ref();
        let request = request.map(|id| format!(" InResponseTo=\"{id}\"")).unwrap_or_default();
        Ok(format!(
            "<samlp:Response xmlns:samlp=\"{SAMLP}\" Destination=\"{recipient}\" ID=\"{id}\"{request} \
             IssueInstant=\"{made}\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"{SAML}\">{issuer}</saml:Issuer>\
             <samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode>\
             </samlp:Status>{assertion}</samlp:Response>",
            recipient = self.recipient,
            id = self.id,
            made = stamp(self.made)?,
            issuer = self.issuer,
        ))
    }

    /// The usual answer: a signed assertion in an unsigned answer.
    ///
    /// # Errors
    /// When the library does not sign.
    pub fn signed(&self, key: &Key) -> Result<String> {
        self.around(&key.signed(&Recipe::default(), &self.assertion()?, &self.assertion_id)?)
    }

    /// An unsigned assertion in a signed answer.
    ///
    /// # Errors
    /// When the library does not sign.
    pub fn signed_around(&self, key: &Key) -> Result<String> {
        key.signed(&Recipe::default(), &self.around(&self.assertion()?)?, &self.id)
    }

    /// Both signed.
    ///
    /// # Errors
    /// When the library does not sign.
    pub fn signed_twice(&self, key: &Key) -> Result<String> {
        key.signed(&Recipe::default(), &self.signed(key)?, &self.id)
    }

    /// An encrypted assertion, for the owner of `reader`; `inner` and `outer` sign the assertion and the answer.
    ///
    /// # Errors
    /// When the library does not sign or encrypt.
    pub fn sealed(
        &self,
        cipher: Cipher,
        reader: &Key,
        inner: Option<&Key>,
        outer: Option<&Key>,
    ) -> Result<String> {
        let mut assertion = self.assertion()?;
        if let Some(key) = inner {
            assertion = key.signed(&Recipe::default(), &assertion, &self.assertion_id)?;
        }
        let sealed = cipher.seal(reader, assertion.as_bytes())?;
        let answer = self.around(&format!(
            "<saml:EncryptedAssertion xmlns:saml=\"{SAML}\">{sealed}</saml:EncryptedAssertion>"
        ))?;
        match outer {
            Some(key) => key.signed(&Recipe::default(), &answer, &self.id),
            None => Ok(answer),
        }
    }
}

fn stamp(at: u64) -> Result<String> {
    Ok(OffsetDateTime::from_unix_timestamp(i64::try_from(at).context("a time")?)?.format(&Rfc3339)?)
}
