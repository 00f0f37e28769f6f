//! TLS from PEM bytes: certificates, key and the words for protocols become a `rustls` configuration.
//!
//! Reads no files (they belong to root; the launcher passes their bytes) and makes no policy beyond:
//! TLS 1.2 or 1.3, safe suites only, HTTP/2 before HTTP/1.1.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::{self, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

/// What is wrong with the TLS material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The certificate file is not PEM.
    #[error("the certificate is not valid PEM")]
    CertificatePem(#[source] pem::Error),
    /// No `BEGIN CERTIFICATE` in it.
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    /// The key file is not PEM, or holds no private key.
    #[error("the private key is not valid PEM")]
    KeyPem(#[source] pem::Error),
    /// No `BEGIN … PRIVATE KEY` in it.
    #[error("the key file holds no private key")]
    NoKey,
    /// They are a pair's halves of different pairs.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// A protocol word we do not know or no longer offer.
    #[error("`{0}` is not a protocol this server offers (TLSv1.2, TLSv1.3)")]
    Protocol(String),
    /// Anything else rustls refuses.
    #[error("the certificate or key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// Builds a server configuration. `protocols` are words like `TLSv1.3`; empty slice = both.
pub fn server_config(
    certificate_pem: &[u8],
    key_pem: &[u8],
    protocols: &[&str],
) -> Result<Arc<ServerConfig>, TlsError> {
    let versions = versions(protocols)?;
    let chain = CertificateDer::pem_slice_iter(certificate_pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(TlsError::CertificatePem)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey,
        other => TlsError::KeyPem(other),
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(TlsError::Unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => TlsError::Mismatch,
            other => TlsError::Unusable(other),
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn versions(words: &[&str]) -> Result<Vec<&'static SupportedProtocolVersion>, TlsError> {
    if words.is_empty() {
        return Ok(vec![&TLS13, &TLS12]);
    }
    let known = |word: &&str| match *word {
        "TLSv1.2" => Ok(&TLS12),
        "TLSv1.3" => Ok(&TLS13),
        other => Err(TlsError::Protocol(other.to_owned())),
    };
    words.iter().map(known).collect()
}

/// The configuration new connections use; swapped on reload, old connections keep theirs.
#[derive(Debug, Clone)]
pub struct TlsConfig(Arc<RwLock<Arc<ServerConfig>>>);

impl TlsConfig {
    /// Starts with `config`.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(RwLock::new(config)))
    }

    /// Replaces it for all connections accepted from now on, on every thread.
    pub fn swap(&self, config: Arc<ServerConfig>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// The one in use. Read once a connection, never once a request.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
