//! An identity provider's hand: SAML answers, signed and encrypted as real ones are, and as an attacker would have them.
//!
//! It stands on no code of ours. All text is written in its canonical form at once, so that signing needs none worked out:
//! what is hashed is what stands there. Whether that is so is for `xmlsec1` to say, in the tests of `portcullis-saml`.

mod answer;
mod seal;

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
};
use aws_lc_rs::{digest, rsa};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

pub use answer::Answer;
pub use seal::Cipher;

/// XML Signature's namespace.
pub const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The exclusive canonical form.
pub const EXC_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The enveloped-signature transform.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RSA, 2048 bits.
    Rsa,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
}

/// A private key and a self-signed certificate of it.
#[derive(Debug, Clone)]
pub struct Key {
    kind: Kind,
    pkcs8: Vec<u8>,
    /// The private key, PEM.
    pub key_pem: String,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The certificate, PEM.
    pub certificate_pem: String,
}

/// How a signature is made; the default is what real providers do.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// The reference's address; `None` is `#` and the element's ID.
    pub uri: Option<String>,
    /// Name of the canonical form of `SignedInfo`.
    pub canonicalization: String,
    /// Name of the signature method; `None` is the one of the key's kind with SHA-256 (P-384: SHA-384).
    pub method: Option<String>,
    /// Name of the digest.
    pub digest: String,
    /// Names of the transforms.
    pub transforms: Vec<String>,
    /// What follows the reference within `SignedInfo`.
    pub more: String,
    /// What follows the signature's value: a `KeyInfo`, an `Object`.
    pub after: String,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            uri: None,
            canonicalization: EXC_C14N.into(),
            method: None,
            digest: "http://www.w3.org/2001/04/xmlenc#sha256".into(),
            transforms: vec![ENVELOPED.into(), EXC_C14N.into()],
            more: String::new(),
            after: String::new(),
        }
    }
}

impl Key {
    /// A new key of this kind.
    ///
    /// # Errors
    /// When the library can't make one.
    pub fn new(kind: Kind) -> Result<Self> {
        let algorithm = match kind {
            Kind::Rsa => &rcgen::PKCS_RSA_SHA256,
            Kind::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            Kind::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        };
        let key = rcgen::KeyPair::generate_for(algorithm)?;
        let certificate = rcgen::CertificateParams::new(vec!["idp.example".to_owned()])?.self_signed(&key)?;
        Ok(Self {
            kind,
            pkcs8: key.serialize_der(),
            key_pem: key.serialize_pem(),
            certificate: certificate.der().to_vec(),
            certificate_pem: certificate.pem(),
        })
    }

    /// The private key in the older form, PKCS#1, PEM: of RSA alone.
    ///
    /// # Errors
    /// When it is none of RSA.
    pub fn older_key_pem(&self) -> Result<String> {
        // Version, algorithm, then the older form to the end (RFC 5208): 26 bytes before it for 2048 bits.
        let older = self.pkcs8.get(26..).filter(|_| self.kind == Kind::Rsa).context("no RSA key")?;
        let text = STANDARD.encode(older);
        let lines: Vec<&str> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or("")).collect();
        let (begin, end) = ("-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----");
        Ok(format!("{begin}\n{}\n{end}\n", lines.join("\n")))
    }

    /// The certificate as it stands in a `KeyInfo`.
    pub fn key_info(&self) -> String {
        format!(
            "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
            STANDARD.encode(&self.certificate)
        )
    }

    /// A `ds:Signature` over an element in canonical form whose ID is `id`.
    ///
    /// # Errors
    /// When the library does not sign.
    pub fn signature(&self, recipe: &Recipe, element: &str, id: &str) -> Result<String> {
        let method = recipe.method.clone().unwrap_or_else(|| {
            let hash = if self.kind == Kind::P384 { 384 } else { 256 };
            let kind = if self.kind == Kind::Rsa { "rsa" } else { "ecdsa" };
            format!("http://www.w3.org/2001/04/xmldsig-more#{kind}-sha{hash}")
        });
        let algorithm = match recipe.digest.rsplit_once("sha").map(|(_, bits)| bits) {
            Some("384") => &digest::SHA384,
            Some("512") => &digest::SHA512,
            Some("1") => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            _ => &digest::SHA256,
        };
        let hash = STANDARD.encode(digest::digest(algorithm, element.as_bytes()));
        let transforms: String = recipe
            .transforms
            .iter()
            .map(|name| format!("<ds:Transform Algorithm=\"{name}\"></ds:Transform>"))
            .collect();
        let uri = recipe.uri.clone().unwrap_or_else(|| format!("#{id}"));
        let content = format!(
            "<ds:CanonicalizationMethod Algorithm=\"{}\"></ds:CanonicalizationMethod>\
             <ds:SignatureMethod Algorithm=\"{method}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"{uri}\"><ds:Transforms>{transforms}</ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{}\"></ds:DigestMethod>\
             <ds:DigestValue>{hash}</ds:DigestValue></ds:Reference>{}</ds:SignedInfo>",
            recipe.canonicalization, recipe.digest, recipe.more
        );
        // In the document the prefix is declared at `Signature`; canonical by itself, at `SignedInfo`.
        let value = self.sign(&method, format!("<ds:SignedInfo xmlns:ds=\"{DS}\">{content}").as_bytes())?;
        Ok(format!(
            "<ds:Signature xmlns:ds=\"{DS}\"><ds:SignedInfo>{content}<ds:SignatureValue>{}</ds:SignatureValue>{}</ds:Signature>",
            STANDARD.encode(value),
            recipe.after
        ))
    }

    /// The element with a signature after its issuer.
    ///
    /// # Errors
    /// When the library does not sign, or the element has no issuer.
    pub fn signed(&self, recipe: &Recipe, element: &str, id: &str) -> Result<String> {
        let signature = self.signature(recipe, element, id)?;
        insert(element, &signature)
    }

    fn sign(&self, method: &str, message: &[u8]) -> Result<Vec<u8>> {
        let random = SystemRandom::new();
        let curve = match self.kind {
            Kind::Rsa => {
                let key = RsaKeyPair::from_pkcs8(&self.pkcs8)?;
                let encoding = match method.rsplit_once("sha").map(|(_, bits)| bits) {
                    Some("384") => &RSA_PKCS1_SHA384,
                    Some("512") => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut out = vec![0; key.public_modulus_len()];
                key.sign(encoding, &random, message, &mut out)?;
                return Ok(out);
            }
            Kind::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Kind::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        };
        let key = EcdsaKeyPair::from_pkcs8(curve, &self.pkcs8)?;
        Ok(key.sign(&random, message)?.as_ref().to_vec())
    }

    fn decrypting(&self) -> Result<rsa::PrivateDecryptingKey> {
        Ok(rsa::PrivateDecryptingKey::from_pkcs8(&self.pkcs8)?)
    }
}

/// Puts a text after the first issuer of an element, where the schema wants the signature.
///
/// # Errors
/// When there is no issuer.
pub fn insert(element: &str, text: &str) -> Result<String> {
    let (head, tail) = element.split_once("</saml:Issuer>").context("no issuer")?;
    Ok(format!("{head}</saml:Issuer>{text}{tail}"))
}

/// An answer as a form has it.
pub fn posted(answer: &str) -> String {
    STANDARD.encode(answer)
}

/// What a page of ours posts to a provider: the request's ID, and the relay state.
///
/// # Errors
/// When it posts none.
pub fn requested(page: &str) -> Result<(String, String)> {
    let field = |name: &str| {
        let (_, rest) =
            page.split_once(&format!("name=\"{name}\" value=\"")).with_context(|| page.to_owned())?;
        Ok::<_, anyhow::Error>(
            rest.split('"').next().unwrap_or_default().replace("&#43;", "+").replace("&#61;", "="),
        )
    };
    let request = String::from_utf8(STANDARD.decode(field("SAMLRequest")?)?)?;
    let (_, rest) = request.split_once(" ID=\"").context("a request without an ID")?;
    Ok((rest.split('"').next().unwrap_or_default().to_owned(), field("RelayState")?))
}
