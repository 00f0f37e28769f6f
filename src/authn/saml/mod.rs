//! SAML 2.0 beside the examining of answers: where a browser is sent, what we tell the provider of ourselves, fetching its metadata.
//!
//! Role `ask saml`. It fetches metadata as bytes and parses none; it must not examine an answer either: that is done by a process that has
//! neither network nor files and lives for one answer ([`answer`]), by what root's process has of the provider.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_conf::Settings as Configuration;
use portcullis_model::Secret;
use portcullis_model::account::Identity;
use portcullis_model::proof::{Begin, Evidence, Failure, Flow, Membership, MethodName, Proven};
use portcullis_model::saml_provider::{METADATA_MAX, SamlProvider};
use portcullis_saml::{
    AuthnRequest, Certificate, CertificateError, KeyError, ServiceProvider, SigningKey, SigningMethod,
    fresh_id,
};
use thiserror::Error;

use crate::http::{Address, BadAddress, Client, NoRoots};
use crate::{Method, Told};

pub mod answer;
mod person;
pub mod provider;

/// For how long fetching the metadata may take with everything.
const WITHIN: Duration = Duration::from_secs(10);
/// The option that names another list of authorities than the machine's.
const CA_FILE: &str = "auth-saml-ca-file";
const SIGNING_KEY: &str = "auth-saml-sp-signing-key-path";
const SIGNING_CERTIFICATE: &str = "auth-saml-sp-signing-cert-path";
const ENCRYPTION_CERTIFICATE: &str = "auth-saml-sp-encryption-cert-path";

/// Our name at the provider, the audience of its answers, for this address of ours: by Workbench's custom that of our metadata.
pub fn audience(base: &str) -> String {
    format!("{base}/saml/metadata")
}

/// Where answers are sent to, for this address of ours.
pub fn recipient(base: &str) -> String {
    format!("{base}/saml/acs")
}

/// The method can't work with what is configured.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No address of ours.
    #[error("`auth-saml-sp-base-uri` says nothing")]
    NoBase,
    /// An address that can't be asked.
    #[error("`auth-saml-metadata-url` can't be used")]
    Address(#[source] BadAddress),
    /// Nobody could be trusted.
    #[error("there is no authority to trust: this machine has no list of them, or `{CA_FILE}` has none")]
    Roots(#[from] NoRoots),
    /// A key that can't be used.
    #[error("`{SIGNING_KEY}` can't be used")]
    Key(#[source] KeyError),
    /// A certificate that can't be used.
    #[error("`{0}` can't be used")]
    Certificate(&'static str, #[source] CertificateError),
    /// A file that the configuration names was not given.
    #[error("`{0}` was not given")]
    Missing(&'static str),
}

/// A configured provider.
#[derive(Debug)]
pub struct Saml {
    /// Our address.
    base: String,
    /// Where its metadata are, and how they are fetched; none where they are not.
    metadata: Option<(Address, Client)>,
    us: ServiceProvider,
    signing: Option<SigningKey>,
    by_post: bool,
    /// What root's process knows of it; none before its metadata were read.
    provider: Option<SamlProvider>,
    clock: fn() -> u64,
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The secret that a set option names.
fn given(
    set: bool,
    name: &'static str,
    secret: &impl Fn(&str) -> Option<Secret>,
) -> Result<Option<Secret>, SetupError> {
    if set { secret(name).map(Some).ok_or(SetupError::Missing(name)) } else { Ok(None) }
}

fn certificate(
    set: bool,
    name: &'static str,
    secret: &impl Fn(&str) -> Option<Secret>,
) -> Result<Option<Certificate>, SetupError> {
    let Some(pem) = given(set, name, secret)? else { return Ok(None) };
    let mut all =
        Certificate::from_pem(pem.expose()).map_err(|why| SetupError::Certificate(name, why))?.into_iter();
    Ok(all.next())
}

impl Saml {
    /// As configured. `secret` gives a file's bytes by the option that names it; `roots` is the machine's list of authorities, in PEM.
    ///
    /// # Errors
    /// [`SetupError`] names what is missing or wrong.
    pub fn configured(
        settings: &Configuration,
        secret: impl Fn(&str) -> Option<Secret>,
        roots: &[u8],
    ) -> Result<Self, SetupError> {
        let saml = &settings.saml;
        let base = saml.auth_saml_sp_base_uri.clone().ok_or(SetupError::NoBase)?;
        let metadata = match &saml.auth_saml_metadata_url {
            Some(url) => {
                let address = Address::parse(url).map_err(SetupError::Address)?;
                // Named and not given: the machine's list would trust others than was meant.
                let own = given(settings.ways.auth_saml_ca_file.is_some(), CA_FILE, &secret)?;
                let client = Client::new(own.as_ref().map_or(roots, Secret::expose), WITHIN)?;
                Some((address, client))
            }
            None => None,
        };
        let hash = match saml.auth_saml_sp_request_signing_method {
            "sha512" => SigningMethod::Sha512,
            _ => SigningMethod::Sha256,
        };
        let key = given(saml.auth_saml_sp_signing_key_path.is_some(), SIGNING_KEY, &secret)?;
        let signing = key.map(|key| SigningKey::from_pem(&key, hash)).transpose().map_err(SetupError::Key)?;
        let format = &saml.auth_saml_sp_name_id_format;
        let us = ServiceProvider {
            entity_id: audience(&base),
            answer_at: recipient(&base),
            name_id_format: (!format.is_empty()).then(|| format.clone()),
            signing: certificate(
                saml.auth_saml_sp_signing_cert_path.is_some(),
                SIGNING_CERTIFICATE,
                &secret,
            )?,
            encryption: certificate(
                saml.auth_saml_sp_encryption_cert_path.is_some(),
                ENCRYPTION_CERTIFICATE,
                &secret,
            )?,
            signed: answer::SIGNED,
        };
        let by_post = saml.auth_saml_idp_post_binding;
        Ok(Self { base, metadata, us, signing, by_post, provider: None, clock: now })
    }

    /// What root's process knows of the provider.
    #[must_use]
    pub fn with_provider(mut self, provider: Option<SamlProvider>) -> Self {
        self.provider = provider;
        self
    }

    /// Fetches the provider's metadata, as bytes.
    ///
    /// # Errors
    /// Why there are none.
    pub async fn fetch(&self) -> Result<Vec<u8>, Failure> {
        let Some((address, client)) = &self.metadata else { return Err(Failure::Unsupported) };
        let mut answer = client.get(address, None, METADATA_MAX).await?;
        if answer.status != 200 {
            return Err(Failure::protocol(&format!("the metadata's address answered {}", answer.status)));
        }
        Ok(std::mem::take(&mut answer.body))
    }

    /// What we tell the provider of ourselves.
    pub fn describe(&self) -> String {
        self.us.metadata()
    }

    /// Where a browser is sent to, and with what.
    fn request(&self, flow: &Flow) -> Result<Begin, Failure> {
        if flow.redirect_uri != recipient(&self.base) {
            return Err(Failure::Evidence);
        }
        let now = (self.clock)();
        let provider = self.provider.as_ref().ok_or(Failure::Unreachable)?;
        if provider.is_over(now) {
            return Err(Failure::configuration("the provider's metadata are past their end"));
        }
        if provider.wants_signed_requests && self.signing.is_none() {
            return Err(Failure::configuration(
                "the provider wants requests signed: set `auth-saml-sp-signing-key-path`",
            ));
        }
        let by_post = self.by_post || provider.redirect.is_none();
        let place = if by_post { &provider.post } else { &provider.redirect };
        let place = place.clone().ok_or_else(|| {
            Failure::configuration(
                "the provider does not take requests by post: set `auth-saml-idp-post-binding=0`",
            )
        })?;
        let failed = |why: portcullis_saml::RequestError| Failure::configuration(&why.to_string());
        let request = AuthnRequest {
            id: fresh_id().map_err(failed)?,
            issue_instant: now,
            destination: place.clone(),
            issuer: self.us.entity_id.clone(),
            answer_at: self.us.answer_at.clone(),
            name_id_format: self.us.name_id_format.clone(),
            force: flow.anew,
        };
        let (state, key) = (Some(flow.state.as_str()), self.signing.as_ref());
        let (url, form) = if by_post {
            (place, Some(request.post_value(state, key).map_err(failed)?))
        } else {
            (request.redirect_url(state, key).map_err(failed)?, None)
        };
        Ok(Begin { url, form, request: Some(request.id) })
    }
}

impl Method for Saml {
    fn name(&self) -> MethodName {
        MethodName::Saml
    }

    async fn begin(&self, flow: &Flow, _: &mut Told) -> Result<Begin, Failure> {
        self.request(flow)
    }

    async fn prove(&self, _: Evidence, _: &mut Told) -> Result<Proven, Failure> {
        // Not here: this process has a network.
        Err(Failure::Unsupported)
    }

    async fn members(&self, _: &Identity, _: &mut Told) -> Result<Membership, Failure> {
        // The protocol has no such question; groups stay those of the sign-in.
        Err(Failure::Unsupported)
    }
}

/// An error with everything that led to it, for one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests;
