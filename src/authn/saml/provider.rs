//! What is known of the provider, read out of its metadata, or of what stands in the configuration where there are none. Pure.

use portcullis_conf::Settings;
use portcullis_model::proof::Failure;
use portcullis_model::saml_provider::SamlProvider;
use portcullis_saml::{Certificate, Metadata};

use super::chain;

/// Reads it: `text` is the metadata, or the provider's certificate in PEM. `now` in seconds since 1970.
///
/// # Errors
/// Why it can't be used.
pub fn read(settings: &Settings, text: &[u8], now: u64) -> Result<SamlProvider, Failure> {
    let saml = &settings.saml;
    let wrong = |why: &dyn std::error::Error| Failure::configuration(&chain(why));
    let wanted = (!saml.auth_saml_idp_entity_id.is_empty()).then_some(saml.auth_saml_idp_entity_id.as_str());
    let has_metadata = saml.auth_saml_metadata_url.is_some() || saml.auth_saml_metadata_path.is_some();
    let provider = if has_metadata {
        let found = Metadata::parse(text, wanted, None, now).map_err(|why| wrong(&why))?;
        SamlProvider {
            entity_id: found.entity_id,
            // Browsers are sent by https alone; a provider that has nothing else can't be used.
            redirect: found.redirect.filter(|place| place.starts_with("https://")),
            post: found.post.filter(|place| place.starts_with("https://")),
            certificates: found.certificates.iter().map(|one| one.der().to_vec()).collect(),
            wants_signed_requests: found.wants_signed_requests,
            valid_until: found.valid_until,
        }
    } else {
        let certificates = Certificate::from_pem(text).map_err(|why| wrong(&why))?;
        let place = saml.auth_saml_idp_sso_url.clone();
        SamlProvider {
            entity_id: saml.auth_saml_idp_entity_id.clone(),
            redirect: place.clone(),
            post: place,
            certificates: certificates.iter().map(|one| one.der().to_vec()).collect(),
            wants_signed_requests: false,
            valid_until: None,
        }
    };
    if provider.redirect.is_none() && provider.post.is_none() {
        return Err(Failure::configuration("the provider takes requests by plain http alone"));
    }
    provider.check().map_err(|why| Failure::configuration(&why.to_string()))?;
    Ok(provider)
}
