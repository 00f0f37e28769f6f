//! Algorithms by their names in XML. One that is not here is refused with its name.
//!
//! SHA-1 and MD5 are not here; nor is HMAC, whose "key" would be the certificate everybody knows; nor DSA.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, VerificationAlgorithm};

/// The enveloped-signature transform.
pub(crate) const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// What a certificate's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// RSA of at least 2048 bits.
    Rsa,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
}

/// Methods of signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureMethod {
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
}

const METHODS: &[SignatureMethod] = &[
    SignatureMethod::RsaSha256,
    SignatureMethod::RsaSha384,
    SignatureMethod::RsaSha512,
    SignatureMethod::EcdsaSha256,
    SignatureMethod::EcdsaSha384,
];

impl SignatureMethod {
    pub(crate) fn named(uri: &str) -> Option<Self> {
        METHODS.iter().copied().find(|method| method.uri() == uri)
    }

    /// Its name in XML.
    pub(crate) const fn uri(self) -> &'static str {
        match self {
            Self::RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            Self::RsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
            Self::RsaSha512 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
            Self::EcdsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::EcdsaSha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }

    /// RSA by any hash; a curve by the hash of its own strength, as the library has it in the form of XML Signature (r and s
    /// one after the other, RFC 4051 2.3.6).
    pub(crate) const fn kind_fits(self, kind: Kind) -> bool {
        match self {
            Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512 => matches!(kind, Kind::Rsa),
            Self::EcdsaSha256 => matches!(kind, Kind::P256),
            Self::EcdsaSha384 => matches!(kind, Kind::P384),
        }
    }

    pub(crate) fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RsaSha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RsaSha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::EcdsaSha256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::EcdsaSha384 => &signature::ECDSA_P384_SHA384_FIXED,
        }
    }
}

/// A digest by its name.
pub(crate) fn digest(uri: &str) -> Option<&'static digest::Algorithm> {
    match uri {
        "http://www.w3.org/2001/04/xmlenc#sha256" => Some(&digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => Some(&digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => Some(&digest::SHA512),
        _ => None,
    }
}
