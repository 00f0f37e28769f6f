//! An answer of the provider, examined: from bytes to who it is. Pure; called by the role that lives for one answer.

use portcullis_conf::Settings;
use portcullis_model::Secret;
use portcullis_model::proof::{Evidence, Failure, Proven};
use portcullis_model::saml_provider::SamlProvider;
use portcullis_saml::{Certificate, DecryptionKey, Expectation, Request, SKEW, Signed, verify};

use super::person::proven;
use super::{audience, chain, recipient};

/// What must be signed: the assertion, or the answer around it. Providers differ, and either covers all that is read.
pub(super) const SIGNED: Signed = Signed::Either;

/// Who it is, and what of the answer counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asserted {
    /// Who.
    pub proven: Proven,
    /// The assertion's id: it counts once.
    pub id: String,
    /// Until when it could be believed again, in seconds since 1970.
    pub until: u64,
}

/// Examines an answer. `provider` is what root's process knows; `key` is the key that answers are encrypted for; `now` in seconds since
/// 1970.
///
/// # Errors
/// Why it proves nothing.
pub fn examine(
    settings: &Settings,
    provider: &SamlProvider,
    key: Option<&Secret>,
    evidence: &Evidence,
    now: u64,
) -> Result<Asserted, Failure> {
    evidence.check().map_err(|_| Failure::Evidence)?;
    let Evidence::Response { response, in_response_to, recipient: sent_to, proven_since } = evidence else {
        return Err(Failure::Evidence);
    };
    let base = settings.saml.auth_saml_sp_base_uri.as_deref();
    let base = base.ok_or_else(|| Failure::configuration("`auth-saml-sp-base-uri` says nothing"))?;
    // The configuration says where answers go to; who brings one doesn't.
    if *sent_to != recipient(base) {
        return Err(Failure::Evidence);
    }
    if provider.is_over(now) {
        return Err(Failure::configuration("the provider's metadata are past their end"));
    }
    let request = match (in_response_to, settings.saml.auth_saml_sso_initiation) {
        (Some(id), "sp" | "both") => Request::Made(id.clone()),
        (None, "idp" | "both") => Request::Unsolicited,
        _ => return Err(Failure::rejected("whoever began may not (`auth-saml-sso-initiation`)")),
    };
    let certificates = provider.certificates.iter().map(|der| Certificate::from_der(der));
    let certificates: Vec<Certificate> =
        certificates.collect::<Result<_, _>>().map_err(|why| Failure::configuration(&chain(&why)))?;
    let decryption = key.map(DecryptionKey::from_pem).transpose();
    let decryption = decryption.map_err(|why| Failure::configuration(&chain(&why)))?;
    let format = &settings.saml.auth_saml_sp_name_id_format;
    let expected = Expectation {
        issuer: provider.entity_id.clone(),
        certificates,
        audience: audience(base),
        recipient: recipient(base),
        request,
        signed: SIGNED,
        name_id_format: (!format.is_empty()).then(|| format.clone()),
        decryption: decryption.into_iter().collect(),
    };
    let assertion =
        verify(response.expose(), &expected, now).map_err(|why| Failure::rejected(&chain(&why)))?;
    // Asked to prove it once more, and the provider only looked at its own cookie.
    if proven_since.is_some_and(|since| assertion.authenticated.saturating_add(SKEW) < since) {
        return Err(Failure::rejected("the person was to prove who they are once more, and did not"));
    }
    let (id, until) = (assertion.id.clone(), assertion.spent_until);
    Ok(Asserted { proven: proven(settings, &assertion)?, id, until })
}
