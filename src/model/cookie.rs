//! The sign-in cookie: `v1.<key id>.<payload>.<mac>`.
//!
//! The MAC is HMAC-SHA256 over a length-prefixed encoding of the cookie's purpose, its name and the payload, so that a value
//! made for one purpose or name can't serve another and no two payloads encode alike. Verifying reads no clock, file or lock:
//! the caller passes the time. Keys are a ring: the first signs, all verify, so a rotation signs nobody out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::{Secret, SignInId};

/// Shortest key accepted, in bytes: as long as the hash's output (RFC 2104, section 3).
pub const KEY_MIN: usize = 32;
/// Longest cookie value looked at, in bytes: three times what we issue.
pub const VALUE_MAX: usize = 512;
/// Name with TLS. `__Host-` makes browsers refuse it from other hosts, paths and plain HTTP.
pub const NAME_TLS: &str = "__Host-portcullis";
/// Name without TLS, where browsers refuse the prefix.
pub const NAME_PLAIN: &str = "portcullis";

const PURPOSE: &[u8] = b"portcullis sign-in v1";
const PAYLOAD: usize = 16 + 8 + 8;

/// A secret key of the ring.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    /// First 8 hexadecimal digits of the SHA-256 of "portcullis key id" and the key: says which key, not what it is.
    pub id: String,
    /// The key, at least [`KEY_MIN`] bytes.
    pub secret: Secret,
}

impl Key {
    /// Makes a key of its bytes.
    ///
    /// # Errors
    /// [`KeyError::TooShort`] below [`KEY_MIN`] bytes.
    pub fn new(secret: Secret) -> Result<Self, KeyError> {
        if secret.len() < KEY_MIN {
            return Err(KeyError::TooShort(secret.len()));
        }
        let digest =
            Sha256::new().chain_update(b"portcullis key id").chain_update(secret.expose()).finalize();
        let id = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { id, secret })
    }
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Fewer bytes than [`KEY_MIN`].
    #[error("the key has {0} bytes, it needs at least {KEY_MIN}")]
    TooShort(usize),
}

/// What a cookie says once its MAC holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claims {
    /// The sign-in; the server looks up whether it still lives.
    pub sign_in: SignInId,
    /// When this value was made, in seconds since 1970.
    pub issued: u64,
    /// Until when it is good, in seconds since 1970.
    pub expires: u64,
}

/// Why a value is refused. A browser is told none of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CookieError {
    /// Not four fields of the right form.
    #[error("the cookie is malformed")]
    Malformed,
    /// Signed by a key that is not in the ring.
    #[error("the cookie was signed by an unknown key")]
    UnknownKey,
    /// The MAC does not hold.
    #[error("the cookie's signature does not hold")]
    Signature,
    /// Past its time.
    #[error("the cookie has expired")]
    Expired,
}

struct Keyed {
    id: String,
    mac: Hmac<Sha256>,
}

/// The keys: the first signs, all verify.
pub struct KeyRing {
    keys: Vec<Keyed>,
    name: &'static str,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl KeyRing {
    /// A ring for cookies of this name; `None` without a key.
    pub fn new(keys: &[Key], name: &'static str) -> Option<Self> {
        let keyed = |key: &Key| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.expose()).ok()?;
            for field in [PURPOSE, name.as_bytes()] {
                mac.update(&u32::try_from(field.len()).ok()?.to_be_bytes());
                mac.update(field);
            }
            Some(Keyed { id: key.id.clone(), mac })
        };
        let keys = keys.iter().map(keyed).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then_some(Self { keys, name })
    }

    /// The cookie's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The value for these claims, signed by the first key.
    pub fn sign(&self, claims: &Claims) -> String {
        let key = &self.keys[0];
        let payload = encode(claims);
        let tag = mac_over(key, &payload).finalize().into_bytes();
        format!("v1.{}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag))
    }

    /// What the value says, if its MAC holds and its time is not over. `now` in seconds since 1970.
    ///
    /// # Errors
    /// See [`CookieError`]. The MAC is compared in constant time.
    pub fn verify(&self, value: &str, now: u64) -> Result<Claims, CookieError> {
        if value.len() > VALUE_MAX {
            return Err(CookieError::Malformed);
        }
        let mut fields = value.split('.');
        let mut next = || fields.next().ok_or(CookieError::Malformed);
        let (version, key_id, payload, tag) = (next()?, next()?, next()?, next()?);
        if version != "v1" || fields.next().is_some() {
            return Err(CookieError::Malformed);
        }
        let key = self.keys.iter().find(|key| key.id == key_id).ok_or(CookieError::UnknownKey)?;
        let payload = fixed::<PAYLOAD>(payload)?;
        let tag = fixed::<32>(tag)?;
        mac_over(key, &payload).verify_slice(&tag).map_err(|_| CookieError::Signature)?;
        let claims = decode(&payload);
        if now >= claims.expires { Err(CookieError::Expired) } else { Ok(claims) }
    }
}

fn mac_over(key: &Keyed, payload: &[u8; PAYLOAD]) -> Hmac<Sha256> {
    let mut mac = key.mac.clone();
    mac.update(&32u32.to_be_bytes());
    mac.update(payload);
    mac
}

/// Decodes exactly `N` bytes without allocating; one spelling only (no padding, canonical trailing bits).
fn fixed<const N: usize>(text: &str) -> Result<[u8; N], CookieError> {
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(CookieError::Malformed),
    }
}

fn encode(claims: &Claims) -> [u8; PAYLOAD] {
    let mut payload = [0; PAYLOAD];
    payload[..16].copy_from_slice(claims.sign_in.as_bytes());
    payload[16..24].copy_from_slice(&claims.issued.to_be_bytes());
    payload[24..].copy_from_slice(&claims.expires.to_be_bytes());
    payload
}

fn decode(payload: &[u8; PAYLOAD]) -> Claims {
    let mut id = [0; 16];
    id.copy_from_slice(&payload[..16]);
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&payload[at..at + 8]);
        u64::from_be_bytes(bytes)
    };
    Claims { sign_in: SignInId::from_bytes(id), issued: number(16), expires: number(24) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(Secret::new(vec![byte; 32])).expect("32 bytes")
    }

    fn ring(keys: &[Key]) -> KeyRing {
        KeyRing::new(keys, NAME_PLAIN).expect("a key")
    }

    const CLAIMS: Claims = Claims { sign_in: SignInId::from_bytes([7; 16]), issued: 1_000, expires: 2_000 };

    #[test]
    fn what_was_signed_verifies_until_it_expires() {
        let ring = ring(&[key(1)]);
        let value = ring.sign(&CLAIMS);
        assert_eq!(ring.verify(&value, 1_999), Ok(CLAIMS));
        assert_eq!(ring.verify(&value, 2_000), Err(CookieError::Expired));
    }

    #[test]
    fn rotation_signs_nobody_out_and_a_dropped_key_signs_out() {
        let value = ring(&[key(1)]).sign(&CLAIMS);
        assert_eq!(ring(&[key(2), key(1)]).verify(&value, 1_500), Ok(CLAIMS));
        assert_eq!(ring(&[key(2)]).verify(&value, 1_500), Err(CookieError::UnknownKey));
    }

    #[test]
    fn every_changed_character_is_refused() {
        let ring = ring(&[key(1)]);
        let value = ring.sign(&CLAIMS);
        for at in 0..value.len() {
            for with in [b'A', b'B', b'.', b'='] {
                let mut bytes = value.clone().into_bytes();
                if bytes[at] == with {
                    continue;
                }
                bytes[at] = with;
                let changed = String::from_utf8(bytes).expect("ascii");
                assert!(ring.verify(&changed, 1_500).is_err(), "{changed}");
            }
        }
        for bad in ["", ".", "v1...", "v1.a.b.c.d", &"x".repeat(100_000)] {
            assert!(ring.verify(bad, 1_500).is_err());
        }
    }

    #[test]
    fn a_cookie_of_another_name_does_not_serve() {
        let plain = ring(&[key(1)]).sign(&CLAIMS);
        let tls = KeyRing::new(&[key(1)], NAME_TLS).expect("a key");
        assert_eq!(tls.verify(&plain, 1_500), Err(CookieError::Signature));
    }

    #[test]
    fn short_keys_are_refused() {
        assert_eq!(Key::new(Secret::new(vec![1; 31])).map(|_| ()), Err(KeyError::TooShort(31)));
        assert!(KeyRing::new(&[], NAME_PLAIN).is_none());
    }
}
