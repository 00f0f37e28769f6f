//! Our own signatures: of a redirect's query, and enveloped in a request that is posted.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_model::Secret;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;

use crate::algorithm::{ENVELOPED, SignatureMethod};
use crate::canonical::exclusive;
use crate::limits::RESPONSE;
use crate::xml::{self, DS, EXC_C14N, escape};

/// Why a private key can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// No private key in PEM.
    #[error("there is no private key in PEM")]
    Pem,
    /// Not RSA, or too short.
    #[error("the key is no RSA key of 2048 to 8192 bits")]
    Rsa,
}

/// The hash of our signatures (`auth-saml-sp-request-signing-method`; its `sha1` is not offered).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SigningMethod {
    /// RSA with SHA-256.
    #[default]
    Sha256,
    /// RSA with SHA-384.
    Sha384,
    /// RSA with SHA-512.
    Sha512,
}

impl SigningMethod {
    pub(crate) const fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => SignatureMethod::RsaSha256.uri(),
            Self::Sha384 => SignatureMethod::RsaSha384.uri(),
            Self::Sha512 => SignatureMethod::RsaSha512.uri(),
        }
    }

    const fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Sha256 => &RSA_PKCS1_SHA256,
            Self::Sha384 => &RSA_PKCS1_SHA384,
            Self::Sha512 => &RSA_PKCS1_SHA512,
        }
    }
}

/// Our private key for requests.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<KeyPair>,
    method: SigningMethod,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The library could not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the request can't be signed")]
pub struct SigningError;

impl SigningKey {
    /// Of a PEM text (`auth-saml-sp-signing-key-path`): RSA in PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &Secret, method: SigningMethod) -> Result<Self, KeyError> {
        let key = match PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| KeyError::Pem)? {
            PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
            _ => return Err(KeyError::Rsa),
        };
        Ok(Self { key: Arc::new(key.map_err(|_| KeyError::Rsa)?), method })
    }

    /// How it signs.
    pub(crate) const fn method(&self) -> SigningMethod {
        self.method
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let mut out = vec![0; self.key.public_modulus_len()];
        let encoding = self.method.encoding();
        self.key.sign(encoding, &SystemRandom::new(), message, &mut out).map_err(|_| SigningError)?;
        Ok(out)
    }

    /// A `Signature` for the root of this document, whose ID is `id`; to be put into the root.
    pub(crate) fn enveloped(&self, document: &str, id: &str) -> Result<String, SigningError> {
        let doc = xml::parse(document.as_bytes(), &RESPONSE).map_err(|_| SigningError)?;
        let hash = STANDARD.encode(digest(&SHA256, &exclusive(doc.root_element(), None, &[])));
        let signed_info = format!(
            "<ds:SignedInfo xmlns:ds=\"{DS}\">\
             <ds:CanonicalizationMethod Algorithm=\"{EXC_C14N}\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{}\"><ds:Transforms>\
             <ds:Transform Algorithm=\"{ENVELOPED}\"></ds:Transform>\
             <ds:Transform Algorithm=\"{EXC_C14N}\"></ds:Transform>\
             </ds:Transforms>\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
             <ds:DigestValue>{hash}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            self.method.uri(),
            escape(id),
        );
        // It is written in its canonical form already: what is signed is what stands there.
        let value = STANDARD.encode(self.sign(signed_info.as_bytes())?);
        Ok(format!(
            "<ds:Signature xmlns:ds=\"{DS}\">{signed_info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
        ))
    }
}
