//! A certificate for tests, and a TLS client that trusts it alone.

use std::sync::Arc;

use anyhow::{Context, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// What a client trusts and offers.
pub type Config = ClientConfig;

/// PEM texts and the certificate as bytes.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
    der: CertificateDer<'static>,
}

/// A self-signed certificate for `localhost` and 127.0.0.1.
///
/// # Errors
/// When the library can't make one.
pub fn certificate() -> Result<Certificate> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
    Ok(Certificate {
        certificate: made.cert.pem(),
        key: made.signing_key.serialize_pem(),
        der: made.cert.der().clone(),
    })
}

/// A client's configuration that trusts this certificate and offers these protocols.
///
/// # Errors
/// When the certificate can't be trusted.
pub fn client(certificate: &Certificate, alpn: &[&str], tls12_only: bool) -> Result<Arc<ClientConfig>> {
    trusting(certificate.der.clone(), alpn, tls12_only)
}

/// The same of a certificate's file, for a process that did not make it.
///
/// # Errors
/// When it is no certificate.
pub fn client_of(pem: &[u8], alpn: &[&str]) -> Result<Arc<ClientConfig>> {
    trusting(CertificateDer::from_pem_slice(pem)?, alpn, false)
}

fn trusting(
    certificate: CertificateDer<'static>,
    alpn: &[&str],
    tls12_only: bool,
) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions: &[&rustls::SupportedProtocolVersion] =
        if tls12_only { &[&rustls::version::TLS12] } else { rustls::ALL_VERSIONS };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Ok(Arc::new(config))
}

/// TLS over a stream, blocking.
///
/// # Errors
/// When the connection can't be set up; the handshake itself happens at the first read or write.
pub fn over<S: std::io::Read + std::io::Write>(
    config: &Arc<ClientConfig>,
    stream: S,
) -> Result<StreamOwned<ClientConnection, S>> {
    let name = ServerName::try_from("localhost").context("a name")?;
    Ok(StreamOwned::new(ClientConnection::new(Arc::clone(config), name)?, stream))
}
