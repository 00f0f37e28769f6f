//! The provider's public keys (RFC 7517), and which of them a token was signed with.
//!
//! Keys that we can't use are left out one by one: a provider may offer some that we don't know. Symmetric ones never count.

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use thiserror::Error;

use super::algorithm::{Algorithm, Family};

/// Most keys of a provider; large ones have about ten.
const KEYS_MAX: usize = 64;
/// What comes before the two coordinates of a point (SEC 1, 2.3.3): it is not compressed.
const UNCOMPRESSED: u8 = 4;

/// A provider's keys can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum BadKeys {
    /// Not the JSON of a set of keys.
    #[error("the keys are not a JSON object with `keys`")]
    Form,
    /// More than [`KEYS_MAX`].
    #[error("there are more than {KEYS_MAX} keys")]
    TooMany,
    /// None that could sign a token for us.
    #[error("none of the keys can verify a token")]
    None,
}

/// No key for a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum NoKey {
    /// There is none of this name for this algorithm; perhaps since the keys were fetched.
    #[error("the provider has no such key")]
    Unknown,
    /// The token doesn't say which, and there are several (OpenID Connect Core, 10.1).
    #[error("the token does not say which key it was signed with")]
    Unsaid,
}

/// As a provider writes a key. Everything is optional, so that a kind of key that we don't know is no error.
#[derive(Deserialize)]
struct Written {
    kty: Option<String>,
    kid: Option<String>,
    #[serde(rename = "use")]
    used: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Deserialize)]
struct WrittenSet {
    keys: Vec<serde_json::Value>,
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    kid: Option<String>,
    alg: Option<String>,
    bytes: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Bytes {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Point(Family, Vec<u8>),
}

/// The keys of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys(Vec<Key>);

impl Keys {
    /// Reads what `jwks_uri` answers.
    pub(super) fn parse(body: &[u8]) -> Result<Self, BadKeys> {
        let set: WrittenSet = serde_json::from_slice(body).map_err(|_| BadKeys::Form)?;
        if set.keys.len() > KEYS_MAX {
            return Err(BadKeys::TooMany);
        }
        let keys: Vec<Key> =
            set.keys.into_iter().filter_map(|key| Key::of(serde_json::from_value(key).ok()?)).collect();
        if keys.is_empty() { Err(BadKeys::None) } else { Ok(Self(keys)) }
    }

    /// The key that a token of this head was signed with.
    pub(super) fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&Key, NoKey> {
        let mut fitting = self.0.iter().filter(|key| key.fits(algorithm)).filter(|key| match kid {
            Some(kid) => key.kid.as_deref() == Some(kid),
            None => true,
        });
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(NoKey::Unsaid),
            (None, _) => Err(NoKey::Unknown),
        }
    }
}

impl Key {
    fn of(written: Written) -> Option<Self> {
        let signs = written.used.as_deref().is_none_or(|used| used == "sig")
            && written.key_ops.as_ref().is_none_or(|does| does.iter().any(|operation| operation == "verify"));
        let kind = (written.kty.as_deref()?, written.crv.as_deref());
        let bytes = match kind {
            ("RSA", _) => Bytes::Rsa { n: number(&written.n?)?, e: number(&written.e?)? },
            ("EC", Some("P-256")) => Bytes::Point(Family::P256, point(&written.x?, &written.y?, 32)?),
            ("EC", Some("P-384")) => Bytes::Point(Family::P384, point(&written.x?, &written.y?, 48)?),
            ("OKP", Some("Ed25519")) => {
                Bytes::Point(Family::Ed25519, decoded(&written.x?).filter(|x| x.len() == 32)?)
            }
            _ => return None,
        };
        signs.then_some(Self { kid: written.kid, alg: written.alg, bytes })
    }

    /// Whether it is a key for this algorithm: of its kind, and not for another one by its own word.
    fn fits(&self, algorithm: Algorithm) -> bool {
        let family = match &self.bytes {
            Bytes::Rsa { .. } => Family::Rsa,
            Bytes::Point(family, _) => *family,
        };
        family == algorithm.family() && self.alg.as_deref().is_none_or(|alg| alg == algorithm.name())
    }

    /// Whether it made this signature.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], made: &[u8]) -> bool {
        match (&self.bytes, algorithm.rsa(), algorithm.ecdsa()) {
            (Bytes::Rsa { n, e }, Some(how), _) => {
                RsaPublicKeyComponents { n, e }.verify(how, message, made).is_ok()
            }
            (Bytes::Point(Family::P256 | Family::P384, point), _, Some(how)) => {
                UnparsedPublicKey::new(how, point).verify(message, made).is_ok()
            }
            (Bytes::Point(Family::Ed25519, point), None, None) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, made).is_ok()
            }
            _ => false,
        }
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

/// A number without leading zeros, as the library wants it; some providers write them.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = decoded(text)?;
    let first = bytes.iter().position(|byte| *byte != 0)?;
    Some(bytes[first..].to_vec())
}

fn point(x: &str, y: &str, length: usize) -> Option<Vec<u8>> {
    let (x, y) = (decoded(x)?, decoded(y)?);
    (x.len() == length && y.len() == length).then(|| [&[UNCOMPRESSED], x.as_slice(), y.as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const P256: &str = r#"{"kty":"EC","crv":"P-256","kid":"a","x":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","y":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#;
    const ED: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"b","use":"sig","x":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#;

    fn set(keys: &[&str]) -> Result<Keys, BadKeys> {
        Keys::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes())
    }

    #[test]
    fn keys_that_can_not_be_used_are_left_out() {
        for left in [
            r#"{"kty":"oct","kid":"a","k":"c2VjcmV0"}"#,
            r#"{"kty":"oct","kid":"a","k":"c2VjcmV0","alg":"RS256"}"#,
            r#"{"kty":"RSA","n":"AQAB"}"#,
            r#"{"kty":"RSA","n":"AA","e":"AQAB"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
            r#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#,
            r#"{"kty":7}"#,
            r#"{}"#,
            r#""text""#,
            &P256.replace(r#""kid""#, r#""use":"enc","kid""#),
            &P256.replace(r#""kid""#, r#""key_ops":["sign"],"kid""#),
        ] {
            assert_eq!(set(&[left]), Err(BadKeys::None), "{left}");
            assert_eq!(set(&[left, P256]).expect("a key").0.len(), 1, "{left}");
        }
        for wrong in ["", "[]", r#"{"keys":{}}"#, "null"] {
            assert_eq!(Keys::parse(wrong.as_bytes()), Err(BadKeys::Form), "{wrong}");
        }
        assert_eq!(set(&[P256; KEYS_MAX + 1]), Err(BadKeys::TooMany));
    }

    #[test]
    fn a_key_is_found_by_its_name_and_kind() {
        let keys = set(&[P256, ED]).expect("two keys");
        assert!(keys.find(Some("a"), Algorithm::Es256).is_ok());
        assert!(keys.find(None, Algorithm::Es256).is_ok(), "the only one of its kind");
        assert!(keys.find(Some("b"), Algorithm::EdDsa).is_ok());
        // The name is right and the kind is not: a P-256 key verifies nothing else.
        assert_eq!(keys.find(Some("a"), Algorithm::EdDsa), Err(NoKey::Unknown));
        assert_eq!(keys.find(Some("a"), Algorithm::Rs256), Err(NoKey::Unknown));
        assert_eq!(keys.find(Some("c"), Algorithm::Es256), Err(NoKey::Unknown));
        let named = P256.replace(r#""kid""#, r#""alg":"ES384","kid""#);
        assert_eq!(set(&[&named]).expect("a key").find(Some("a"), Algorithm::Es256), Err(NoKey::Unknown));
        let twice = set(&[P256, P256]).expect("two keys");
        assert_eq!(twice.find(None, Algorithm::Es256), Err(NoKey::Unsaid));
        assert_eq!(twice.find(Some("a"), Algorithm::Es256), Err(NoKey::Unsaid));
    }
}
