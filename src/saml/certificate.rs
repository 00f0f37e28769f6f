//! Certificates of the configuration: the public key in them, nothing else.
//!
//! An identity provider's certificate is a container for its key (SAML metadata interoperability profile, 2.6.1): its names,
//! its issuer and its dates are not looked at, so a self-signed one is as good as any and no authority can make another.
//! What a message brings along in its `KeyInfo` never comes here.

use std::fmt;

use aws_lc_rs::signature::ParsedPublicKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use thiserror::Error;

use crate::algorithm::{Kind, SignatureMethod};
use crate::der::{self, Reader};

/// Smallest RSA key, in bytes of its modulus: 2048 bits (NIST SP 800-131A).
const RSA_MIN: usize = 256;
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];

/// Why a certificate can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CertificateError {
    /// No X.509 certificate in DER.
    #[error("this is no X.509 certificate")]
    Malformed,
    /// No certificate in PEM.
    #[error("there is no certificate in PEM")]
    Pem,
    /// Neither RSA nor an elliptic curve we verify with.
    #[error("the certificate's key is neither RSA nor ECDSA on P-256 or P-384")]
    Kind,
    /// RSA below 2048 bits.
    #[error("the certificate's RSA key has fewer than 2048 bits")]
    Short,
}

/// A certificate's key, ready to verify with.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    key: Vec<u8>,
    kind: Kind,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Certificate {
    /// Of a certificate's DER.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        let (key, kind) = public_key(bytes)?;
        let method = match kind {
            Kind::Rsa => SignatureMethod::RsaSha256,
            Kind::P256 => SignatureMethod::EcdsaSha256,
            Kind::P384 => SignatureMethod::EcdsaSha384,
        };
        if kind == Kind::Rsa && modulus(key).ok_or(CertificateError::Malformed)? < RSA_MIN {
            return Err(CertificateError::Short);
        }
        // A key that the library can't read is said when it is configured, not at somebody's sign-in.
        ParsedPublicKey::new(method.verification(), key).map_err(|_| CertificateError::Malformed)?;
        Ok(Self { der: bytes.to_vec(), key: key.to_vec(), kind })
    }

    /// All certificates of a PEM text, in order.
    ///
    /// # Errors
    /// [`CertificateError::Pem`] without any, and what [`Self::from_der`] says.
    pub fn from_pem(text: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let found: Vec<_> = CertificateDer::pem_slice_iter(text)
            .map(|one| Self::from_der(&one.map_err(|_| CertificateError::Pem)?))
            .collect::<Result<_, _>>()?;
        if found.is_empty() { Err(CertificateError::Pem) } else { Ok(found) }
    }

    /// The whole certificate, for metadata.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether this key made the signature, by this method. A method of another kind of key never fits.
    pub(crate) fn made(&self, method: SignatureMethod, message: &[u8], signature: &[u8]) -> bool {
        method.kind_fits(self.kind)
            && ParsedPublicKey::new(method.verification(), &self.key)
                .is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }

    /// Whether a signature by this method can be its key's.
    pub(crate) fn fits(&self, method: SignatureMethod) -> bool {
        method.kind_fits(self.kind)
    }
}

/// The `SubjectPublicKeyInfo` of a certificate (RFC 5280, 4.1) and its kind.
fn public_key(certificate: &[u8]) -> Result<(&[u8], Kind), CertificateError> {
    walk(certificate).ok_or(CertificateError::Malformed).and_then(|(whole, algorithm, parameter)| {
        let kind = match (algorithm, parameter) {
            (RSA_ENCRYPTION, _) => Kind::Rsa,
            (EC_PUBLIC_KEY, Some(P256)) => Kind::P256,
            (EC_PUBLIC_KEY, Some(P384)) => Kind::P384,
            _ => return Err(CertificateError::Kind),
        };
        Ok((whole, kind))
    })
}

/// What the walk finds: the key's whole element, its algorithm, the algorithm's parameter when that is an identifier.
type Found<'a> = (&'a [u8], &'a [u8], Option<&'a [u8]>);

fn walk(certificate: &[u8]) -> Option<Found<'_>> {
    let mut outer = Reader::new(certificate);
    let mut parts = Reader::new(outer.take(der::SEQUENCE)?);
    outer.end()?;
    let mut body = Reader::new(parts.take(der::SEQUENCE)?);
    body.skip_if(der::CONTEXT_0); // version
    body.take(der::INTEGER)?; // serial number
    for _ in ["signature", "issuer", "validity", "subject"] {
        body.take(der::SEQUENCE)?;
    }
    let (whole, inner) = body.take_whole(der::SEQUENCE)?;
    let mut key = Reader::new(inner);
    let mut algorithm = Reader::new(key.take(der::SEQUENCE)?);
    let name = algorithm.take(der::OBJECT)?;
    let parameter = algorithm.take(der::OBJECT);
    key.take(der::BITS)?;
    key.end()?;
    Some((whole, name, parameter))
}

/// Length of an RSA key's modulus, in bytes (RFC 8017, A.1.1), of its `SubjectPublicKeyInfo`.
fn modulus(key: &[u8]) -> Option<usize> {
    let mut key = Reader::new(Reader::new(key).take(der::SEQUENCE)?);
    key.take(der::SEQUENCE)?;
    // The first byte of the bits says how many of the last one are none.
    let bits = key.take(der::BITS)?.strip_prefix(&[0])?;
    let modulus = Reader::new(Reader::new(bits).take(der::SEQUENCE)?).take(der::INTEGER)?;
    Some(modulus.strip_prefix(&[0]).unwrap_or(modulus).len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    fn der(algorithm: &'static rcgen::SignatureAlgorithm) -> Vec<u8> {
        let key = KeyPair::generate_for(algorithm).expect("a key");
        let certificate =
            CertificateParams::new(vec!["idp.example".into()]).expect("a name").self_signed(&key);
        certificate.expect("a certificate").der().to_vec()
    }

    #[test]
    fn the_three_kinds_are_read() {
        for (algorithm, kind) in [
            (&rcgen::PKCS_RSA_SHA256, Kind::Rsa),
            (&rcgen::PKCS_ECDSA_P256_SHA256, Kind::P256),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Kind::P384),
        ] {
            let bytes = der(algorithm);
            assert_eq!(Certificate::from_der(&bytes).expect("a certificate").kind, kind);
        }
        let bytes = der(&rcgen::PKCS_ED25519);
        assert_eq!(Certificate::from_der(&bytes), Err(CertificateError::Kind));
    }

    #[test]
    fn what_is_cut_or_longer_is_none() {
        let bytes = der(&rcgen::PKCS_ECDSA_P256_SHA256);
        for end in 0..bytes.len() {
            assert!(Certificate::from_der(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut longer = bytes;
        longer.push(0);
        assert_eq!(Certificate::from_der(&longer), Err(CertificateError::Malformed));
    }

    #[test]
    fn any_changed_byte_gives_another_key_an_error_or_the_same_key() {
        let bytes = der(&rcgen::PKCS_ECDSA_P256_SHA256);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x55;
            // Nothing to hold but that it does not panic: names and dates may be anything.
            drop(Certificate::from_der(&changed));
        }
    }

    #[test]
    fn several_certificates_of_a_text_are_read_in_order() {
        let key = KeyPair::generate().expect("a key");
        let one = CertificateParams::new(vec!["a".into()]).expect("a name").self_signed(&key).expect("one");
        let two = CertificateParams::new(vec!["b".into()]).expect("a name").self_signed(&key).expect("two");
        let found = Certificate::from_pem(format!("{}{}", one.pem(), two.pem()).as_bytes()).expect("two");
        let wanted = [one.der().as_ref(), two.der().as_ref()];
        assert_eq!(found.iter().map(Certificate::der).collect::<Vec<_>>(), wanted);
        for text in ["", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n", "text"] {
            assert_eq!(Certificate::from_pem(text.as_bytes()), Err(CertificateError::Pem), "{text}");
        }
    }
}
