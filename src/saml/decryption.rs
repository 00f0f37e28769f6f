//! Encrypted assertions (XML Encryption 1.1): a content key wrapped by RSA-OAEP, a content by AES.
//!
//! Called by [`crate::response`] after the answer's own signature was checked. AES-GCM says itself that it was not changed;
//! AES-CBC does not, and whoever may ask "does this open?" often enough reads it (Jager and Somorovsky, 2011): it is opened
//! only where a signature covers the ciphertext. RSA PKCS#1 v1.5 is refused by its name for the same reason.

use std::fmt;

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use portcullis_model::Secret;
use roxmltree::Node;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use zeroize::Zeroizing;

use crate::der;
use crate::limits::RESPONSE_MAX;
use crate::refusal::{Encryption, Refusal};
use crate::sign::KeyError;
use crate::signature::decoded;
use crate::xml::{self, DS, XENC, XENC11, attribute, is};

/// A private RSA key for content keys.
#[derive(Clone)]
pub struct DecryptionKey(PrivateDecryptingKey);

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DecryptionKey([secret])")
    }
}

impl DecryptionKey {
    /// Of a PEM text (`auth-saml-sp-encryption-key-path`): RSA of at least 2048 bits, in PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_pem(pem: &Secret) -> Result<Self, KeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem.expose()).map_err(|_| KeyError::Pem)?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => PrivateDecryptingKey::from_pkcs8(key.secret_pkcs8_der()),
            // The library reads the newer form alone; the older one is what it wraps (RFC 5208, 5).
            PrivateKeyDer::Pkcs1(key) => {
                PrivateDecryptingKey::from_pkcs8(&der::pkcs8(key.secret_pkcs1_der()))
            }
            _ => return Err(KeyError::Rsa),
        };
        key.map(Self).map_err(|_| KeyError::Rsa)
    }
}

/// Opens an `EncryptedAssertion`; `covered` says that the answer's own signature covers it.
pub(crate) fn open(
    node: Node<'_, '_>,
    covered: bool,
    keys: &[DecryptionKey],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    opened(node, covered, keys).map_err(Refusal::Encryption)
}

fn opened(
    node: Node<'_, '_>,
    covered: bool,
    keys: &[DecryptionKey],
) -> Result<Zeroizing<Vec<u8>>, Encryption> {
    if keys.is_empty() {
        return Err(Encryption::NoKey);
    }
    let data = one(node, XENC, "EncryptedData")?;
    let content = Content::of(method(data)?)?;
    if matches!(content.mode, Mode::Cbc) && !covered {
        return Err(Encryption::Unprotected(content.name.to_owned()));
    }
    // In the data's KeyInfo, or beside the data: providers do either.
    let wrapped: Vec<_> = node.descendants().filter(|found| is(*found, XENC, "EncryptedKey")).collect();
    let [wrapped] = wrapped[..] else { return Err(Encryption::Part("EncryptedKey")) };
    let algorithm = wrapping(one(wrapped, XENC, "EncryptionMethod")?)?;
    let (wrapped, sealed) = (value(wrapped)?, value(data)?);
    for key in keys {
        if let Some(found) = unwrap(key, algorithm, &wrapped, content.key) {
            if let Some(plain) = content.open(&found, &sealed) {
                return Ok(plain);
            }
        }
    }
    Err(Encryption::Closed)
}

/// How a content is encrypted.
struct Content {
    name: &'static str,
    mode: Mode,
    /// Length of the key, in bytes.
    key: usize,
}

#[derive(Clone, Copy)]
enum Mode {
    Gcm,
    Cbc,
}

const CONTENTS: &[Content] = &[
    Content { name: "http://www.w3.org/2009/xmlenc11#aes128-gcm", mode: Mode::Gcm, key: 16 },
    Content { name: "http://www.w3.org/2009/xmlenc11#aes256-gcm", mode: Mode::Gcm, key: 32 },
    Content { name: "http://www.w3.org/2001/04/xmlenc#aes128-cbc", mode: Mode::Cbc, key: 16 },
    Content { name: "http://www.w3.org/2001/04/xmlenc#aes256-cbc", mode: Mode::Cbc, key: 32 },
];

impl Content {
    fn of(name: &str) -> Result<&'static Self, Encryption> {
        CONTENTS.iter().find(|one| one.name == name).ok_or_else(|| Encryption::Algorithm(name.to_owned()))
    }

    fn open(&self, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        match self.mode {
            // The nonce, what is hidden, the tag (XML Encryption 1.1, 5.2.4).
            Mode::Gcm => {
                let (nonce, sealed) = sealed.split_at_checked(aead::NONCE_LEN)?;
                let algorithm = if self.key == 16 { &aead::AES_128_GCM } else { &aead::AES_256_GCM };
                let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let mut text = Zeroizing::new(sealed.to_vec());
                let length = key.open_in_place(nonce, Aad::empty(), &mut text).ok()?.len();
                text.truncate(length);
                Some(text)
            }
            // The first block, what is hidden; the last byte says how many were added, the others of them may be anything (5.2.1).
            Mode::Cbc => {
                let (first, sealed) = sealed.split_at_checked(16)?;
                let algorithm = if self.key == 16 { &AES_128 } else { &AES_256 };
                let key = UnboundCipherKey::new(algorithm, key).ok()?;
                let key = PaddedBlockDecryptingKey::cbc_iso10126(key).ok()?;
                let first = DecryptionContext::Iv128(FixedLength::<16>::try_from(first).ok()?);
                let mut text = Zeroizing::new(sealed.to_vec());
                let length = key.decrypt(&mut text, first).ok()?.len();
                text.truncate(length);
                Some(text)
            }
        }
    }
}

fn unwrap(
    key: &DecryptionKey,
    algorithm: &'static OaepAlgorithm,
    wrapped: &[u8],
    length: usize,
) -> Option<Zeroizing<Vec<u8>>> {
    let key = OaepPrivateDecryptingKey::new(key.0.clone()).ok()?;
    let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
    let found = key.decrypt(algorithm, wrapped, &mut out, None).ok()?.len();
    out.truncate(found);
    (found == length).then_some(out)
}

/// RSA-OAEP with one hash for both its parts, as the library has it.
fn wrapping(node: Node<'_, '_>) -> Result<&'static OaepAlgorithm, Encryption> {
    let other = |name: String| Err(Encryption::Algorithm(name));
    let name = attribute(node, "Algorithm").unwrap_or_default();
    let digest = one_or_none(node, DS, "DigestMethod")?
        .map_or("http://www.w3.org/2000/09/xmldsig#sha1", |found| {
            attribute(found, "Algorithm").unwrap_or_default()
        });
    if xml::children(node, XENC, "OAEPparams").next().is_some() {
        return other("OAEPparams".to_owned());
    }
    let mask = match name {
        "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p" => "http://www.w3.org/2009/xmlenc11#mgf1sha1",
        "http://www.w3.org/2009/xmlenc11#rsa-oaep" => one_or_none(node, XENC11, "MGF")?
            .map_or("http://www.w3.org/2009/xmlenc11#mgf1sha1", |found| {
                attribute(found, "Algorithm").unwrap_or_default()
            }),
        _ => return other(name.to_owned()),
    };
    match (digest, mask) {
        // SHA-1 serves as a mixing function here, where collisions help nobody (RFC 8017, B.1).
        ("http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2009/xmlenc11#mgf1sha1") => {
            Ok(&OAEP_SHA1_MGF1SHA1)
        }
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2009/xmlenc11#mgf1sha256") => {
            Ok(&OAEP_SHA256_MGF1SHA256)
        }
        ("http://www.w3.org/2001/04/xmldsig-more#sha384", "http://www.w3.org/2009/xmlenc11#mgf1sha384") => {
            Ok(&OAEP_SHA384_MGF1SHA384)
        }
        ("http://www.w3.org/2001/04/xmlenc#sha512", "http://www.w3.org/2009/xmlenc11#mgf1sha512") => {
            Ok(&OAEP_SHA512_MGF1SHA512)
        }
        _ => other(format!("{name} with {digest} and {mask}")),
    }
}

fn method<'a>(node: Node<'a, '_>) -> Result<&'a str, Encryption> {
    Ok(attribute(one(node, XENC, "EncryptionMethod")?, "Algorithm").unwrap_or_default())
}

fn value(node: Node<'_, '_>) -> Result<Vec<u8>, Encryption> {
    let data = one(node, XENC, "CipherData")?;
    // A CipherReference would have us fetch something.
    let value = decoded(one(data, XENC, "CipherValue")?).ok_or(Encryption::Part("CipherValue"))?;
    if value.len() > RESPONSE_MAX { Err(Encryption::Part("CipherValue")) } else { Ok(value) }
}

fn one<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Node<'a, 'input>, Encryption> {
    one_or_none(node, namespace, name)?.ok_or(Encryption::Part(name))
}

fn one_or_none<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Result<Option<Node<'a, 'input>>, Encryption> {
    xml::at_most_one(node, namespace, name).map_err(|_| Encryption::Part(name))
}
