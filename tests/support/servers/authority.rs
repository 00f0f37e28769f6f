//! A certificate authority of a test's own, and what it signs: also certificates that no client may accept.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    date_time_ymd,
};

/// Names of every server here. libldap's tools take `localhost` for the machine's own name: use the address there.
const NAMES: &[&str] = &["localhost", "127.0.0.1"];

/// A root certificate and its key.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A server's certificate and key as PEM texts.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl Authority {
    /// A new one.
    ///
    /// # Errors
    /// When the library can't make one.
    pub fn new(name: &str) -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// The root certificate as PEM: what a client is to trust.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// For `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// When the library can't make one.
    pub fn server(&self) -> Result<Pair> {
        self.sign(NAMES, |_| {})
    }

    /// The same for other names.
    ///
    /// # Errors
    /// When the library can't make one.
    pub fn server_named(&self, names: &[&str]) -> Result<Pair> {
        self.sign(names, |_| {})
    }

    /// For the right names, but its time is over.
    ///
    /// # Errors
    /// When the library can't make one.
    pub fn expired(&self) -> Result<Pair> {
        self.sign(NAMES, |params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Result<Pair> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names.clone())?;
        params.distinguished_name.push(DnType::CommonName, names.first().map_or("", String::as_str));
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem() })
    }
}

/// An RSA key and a certificate of its own, as SAML's signers have.
///
/// # Errors
/// When the library can't make one.
pub fn signer(name: &str) -> Result<Pair> {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256)?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(Pair { certificate: params.self_signed(&key)?.pem(), key: key.serialize_pem() })
}
