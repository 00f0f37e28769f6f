//! Requests to an identity provider: `AuthnRequest` (core 3.4.1) by redirect or by post (bindings 3.4 and 3.5).

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use thiserror::Error;

use crate::instant;
use crate::shown::Shown;
use crate::sign::{SigningError, SigningKey};
use crate::xml::{SAML, SAMLP, escape};

/// Longest relay state, in bytes (bindings 3.4.3).
pub const RELAY_STATE_MAX: usize = 80;
/// Longest address we redirect to, in bytes: what the strictest common servers take as a request line (IIS, 16 KiB; Apache 8,190).
pub const URL_MAX: usize = 8000;

/// What a query's value has without a percent sign (RFC 3986, 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a request can't be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The relay state is longer than the standard allows.
    #[error("the relay state has more than {RELAY_STATE_MAX} bytes")]
    RelayState,
    /// The address would be longer than servers take.
    #[error("the address has more than {URL_MAX} bytes")]
    Url,
    /// The provider's address has a fragment, which would swallow the query.
    #[error("the provider's address `{}` has a fragment", Shown(.0))]
    Fragment(String),
    /// The time is not one that can be written.
    #[error("the time is past the year 9999")]
    Time,
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The machine has no random numbers.
    #[error("the machine has no random numbers")]
    Random(#[source] getrandom::Error),
}

/// A new id for a message: 128 random bits (core 1.3.4), begun so that it is a name in XML.
///
/// # Errors
/// [`RequestError::Random`].
pub fn fresh_id() -> Result<String, RequestError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(RequestError::Random)?;
    Ok(bytes.iter().fold("_".to_owned(), |text, byte| format!("{text}{byte:02x}")))
}

/// A request to sign somebody in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthnRequest {
    /// Its id, of [`fresh_id`]; the answer must name it.
    pub id: String,
    /// When it is made, in seconds since 1970.
    pub issue_instant: u64,
    /// The provider's address for the binding that is used.
    pub destination: String,
    /// Our entity id.
    pub issuer: String,
    /// Our address for answers.
    pub answer_at: String,
    /// The format we want the subject's name in (`auth-saml-sp-name-id-format`); `None` leaves it to the provider.
    pub name_id_format: Option<String>,
    /// The person must prove themselves anew, whatever session the provider has (for a step-up).
    pub force: bool,
}

impl AuthnRequest {
    /// The address to send a browser to: HTTP-Redirect, signed when there is a key.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn redirect_url(
        &self,
        relay_state: Option<&str>,
        key: Option<&SigningKey>,
    ) -> Result<String, RequestError> {
        relay_state_fits(relay_state)?;
        if self.destination.contains('#') {
            return Err(RequestError::Fragment(self.destination.clone()));
        }
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; an error would be the library's own.
        let written = deflated.write_all(self.xml(None)?.as_bytes()).and_then(|()| deflated.finish());
        let message = STANDARD.encode(written.map_err(|_| RequestError::Url)?);
        let mut query = format!("SAMLRequest={}", encoded(&message));
        if let Some(state) = relay_state {
            query.push_str(&format!("&RelayState={}", encoded(state)));
        }
        if let Some(key) = key {
            // Signed as it stands, percent signs and all (bindings 3.4.4.1).
            query.push_str(&format!("&SigAlg={}", encoded(key.method().uri())));
            let signature = STANDARD.encode(key.sign(query.as_bytes())?);
            query.push_str(&format!("&Signature={}", encoded(&signature)));
        }
        let joint = if self.destination.contains('?') { '&' } else { '?' };
        let url = format!("{}{joint}{query}", self.destination);
        if url.len() > URL_MAX { Err(RequestError::Url) } else { Ok(url) }
    }

    /// The value of the form's field `SAMLRequest`: HTTP-POST (`auth-saml-idp-post-binding`), signed within when there is a key.
    ///
    /// # Errors
    /// See [`RequestError`].
    pub fn post_value(
        &self,
        relay_state: Option<&str>,
        key: Option<&SigningKey>,
    ) -> Result<String, RequestError> {
        relay_state_fits(relay_state)?;
        let signature = key.map(|key| key.enveloped(&self.xml(None)?, &self.id).map_err(RequestError::from));
        Ok(STANDARD.encode(self.xml(signature.transpose()?.as_deref())?))
    }

    fn xml(&self, signature: Option<&str>) -> Result<String, RequestError> {
        let at = instant::format(self.issue_instant).ok_or(RequestError::Time)?;
        let format = self.name_id_format.as_ref();
        let format = format.map(|format| format!(" Format=\"{}\"", escape(format))).unwrap_or_default();
        Ok(format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"{}\" Version=\"2.0\" \
             IssueInstant=\"{at}\" Destination=\"{}\"{} AssertionConsumerServiceURL=\"{}\" \
             ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\">\
             <saml:Issuer>{}</saml:Issuer>{}<samlp:NameIDPolicy{format} AllowCreate=\"true\"/></samlp:AuthnRequest>",
            escape(&self.id),
            escape(&self.destination),
            if self.force { " ForceAuthn=\"true\"" } else { "" },
            escape(&self.answer_at),
            escape(&self.issuer),
            signature.unwrap_or_default(),
        ))
    }
}

fn relay_state_fits(state: Option<&str>) -> Result<(), RequestError> {
    match state {
        Some(state) if state.len() > RELAY_STATE_MAX => Err(RequestError::RelayState),
        Some(_) | None => Ok(()),
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}
