//! Public keys of credentials: COSE (RFC 9053, RFC 8230) in and out, and the signatures they verify.
//!
//! The algorithm belongs to the key: it is fixed when the key is read, agrees with its type and curve, and no later message
//! names another.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use thiserror::Error;

use super::cbor::{self, Value};

/// Shortest modulus taken, in bytes: 2048 bits, as NIST SP 800-131A wants.
const MODULUS_MIN: usize = 256;
/// Longest modulus taken, in bytes: 4096 bits, more than any authenticator makes; verifying takes longer with each bit.
const MODULUS_MAX: usize = 512;
/// The one public exponent that authenticators use, 65537.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Labels of a COSE key (RFC 9052, section 7.1; RFC 9053, section 7; RFC 8230, section 4).
const KTY: i64 = 1;
const ALG: i64 = 3;
const CRV_OR_N: i64 = -1;
const X_OR_E: i64 = -2;
const Y: i64 = -3;

/// Values of `kty` and `crv`.
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const P_256: i64 = 1;
const ED_25519: i64 = 6;

/// A signature algorithm that is offered and taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256: what every authenticator has.
    Es256,
    /// Ed25519.
    EdDsa,
    /// RSA with PKCS#1 v1.5 and SHA-256: what Windows keeps in older TPMs.
    Rs256,
}

impl Algorithm {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::Rs256];

    /// Its number in the COSE registry.
    pub const fn number(self) -> i64 {
        match self {
            Self::Es256 => -7,
            Self::EdDsa => -8,
            Self::Rs256 => -257,
        }
    }
}

/// Why a public key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyRefused {
    /// Not a map with a key's type and an algorithm, or with more members than a public key has.
    #[error("it is not a COSE key of the known form")]
    Form,
    /// An algorithm that was not offered.
    #[error("its algorithm was not offered")]
    Algorithm,
    /// The algorithm is not one for this type of key or curve.
    #[error("its algorithm does not belong to its type or curve")]
    Confused,
    /// A coordinate, modulus or exponent of the wrong length or value.
    #[error("its numbers have not the size of its type")]
    Size,
    /// The numbers are no key: e.g. a point that is not on the curve.
    #[error("its numbers are no public key")]
    Invalid,
}

/// A public key that was found to be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Numbers);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Numbers {
    /// A point on P-256: 4, x, y.
    Es256([u8; 65]),
    /// A point on Curve25519 in its encoded form.
    EdDsa([u8; 32]),
    /// A modulus without leading zeros; the exponent is [`EXPONENT`].
    Rs256(Vec<u8>),
}

impl PublicKey {
    /// Reads a COSE key. It has the members of its type and no other, as Web Authentication (section 6.5.1) demands.
    ///
    /// # Errors
    /// See [`KeyRefused`].
    pub fn of_cose(value: &Value<'_>) -> Result<Self, KeyRefused> {
        let Value::Map(pairs) = value else { return Err(KeyRefused::Form) };
        let at = |label: i64| value.at(&Value::number(label)).ok_or(KeyRefused::Form);
        let bytes = |label: i64| at(label)?.bytes().ok_or(KeyRefused::Form);
        let is = |label: i64, wanted: i64| Ok(*at(label)? == Value::number(wanted));
        let algorithm = at(ALG)?;
        let algorithm = Algorithm::ALL.into_iter().find(|known| *algorithm == Value::number(known.number()));
        let (numbers, members) = match algorithm.ok_or(KeyRefused::Algorithm)? {
            Algorithm::Es256 => {
                if !is(KTY, EC2)? || !is(CRV_OR_N, P_256)? {
                    return Err(KeyRefused::Confused);
                }
                let mut point = [4; 65];
                point[1..33].copy_from_slice(&sized::<32>(bytes(X_OR_E)?)?);
                point[33..].copy_from_slice(&sized::<32>(bytes(Y)?)?);
                (Numbers::Es256(point), 5)
            }
            Algorithm::EdDsa => {
                if !is(KTY, OKP)? || !is(CRV_OR_N, ED_25519)? {
                    return Err(KeyRefused::Confused);
                }
                (Numbers::EdDsa(sized(bytes(X_OR_E)?)?), 4)
            }
            Algorithm::Rs256 => {
                if !is(KTY, RSA)? {
                    return Err(KeyRefused::Confused);
                }
                let modulus = bytes(CRV_OR_N)?;
                let size = (MODULUS_MIN..=MODULUS_MAX).contains(&modulus.len());
                // The top bit says that the modulus is as long as it looks, the lowest that it is no even number.
                let whole = size && modulus[0] & 0x80 != 0 && modulus[modulus.len() - 1] & 1 == 1;
                if !whole || bytes(X_OR_E)? != EXPONENT {
                    return Err(KeyRefused::Size);
                }
                (Numbers::Rs256(modulus.to_vec()), 4)
            }
        };
        if pairs.len() != members {
            return Err(KeyRefused::Form);
        }
        let key = Self(numbers);
        key.parsed().ok_or(KeyRefused::Invalid)?;
        Ok(key)
    }

    /// The key as COSE bytes, to be kept; [`PublicKey::of_cose`] reads them.
    pub fn to_cose(&self) -> Vec<u8> {
        let number = Value::number;
        let algorithm = (number(ALG), number(self.algorithm().number()));
        cbor::write(&Value::Map(match &self.0 {
            Numbers::Es256(point) => vec![
                (number(KTY), number(EC2)),
                algorithm,
                (number(CRV_OR_N), number(P_256)),
                (number(X_OR_E), Value::Bytes(&point[1..33])),
                (number(Y), Value::Bytes(&point[33..])),
            ],
            Numbers::EdDsa(point) => vec![
                (number(KTY), number(OKP)),
                algorithm,
                (number(CRV_OR_N), number(ED_25519)),
                (number(X_OR_E), Value::Bytes(point)),
            ],
            Numbers::Rs256(modulus) => vec![
                (number(KTY), number(RSA)),
                algorithm,
                (number(CRV_OR_N), Value::Bytes(modulus)),
                (number(X_OR_E), Value::Bytes(&EXPONENT)),
            ],
        }))
    }

    /// The algorithm of its signatures.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Numbers::Es256(_) => Algorithm::Es256,
            Numbers::EdDsa(_) => Algorithm::EdDsa,
            Numbers::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// True when the signature over the message is one of this key's owner.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.parsed().is_some_and(|key| key.verify_sig(message, signature).is_ok())
    }

    fn parsed(&self) -> Option<ParsedPublicKey> {
        match &self.0 {
            Numbers::Es256(point) => ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).ok(),
            Numbers::EdDsa(point) => ParsedPublicKey::new(&ED25519, point).ok(),
            Numbers::Rs256(modulus) => RsaPublicKeyComponents { n: modulus.as_slice(), e: &EXPONENT[..] }
                .to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256)
                .ok(),
        }
    }
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], KeyRefused> {
    bytes.try_into().map_err(|_| KeyRefused::Size)
}
