//! A sign-in that went to an identity provider: what the browser keeps meanwhile, signed by us.
//!
//! `v1.<key id>.<payload>.<mac>` as the sign-in cookie, and never mistaken for one: the purpose is part of the MAC. It holds what
//! must come back unchanged and what only this browser may use: who steals a code, or sends somebody a way back of their own,
//! has no such cookie. Nothing is kept in the server, so that a flow outlives a restart and ends on another machine.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::cookie::Key;
use crate::proof::{Flow, MethodName};
use crate::{Secret, SignInId};

/// Seconds that a person may take at the provider: to find a second factor, not to go for lunch.
pub const FLOW_SECONDS: u64 = 600;
/// Longest value, in bytes: browsers keep cookies of 4 KiB with name and attributes.
pub const FLOW_MAX: usize = 3 * 1024;
/// Longest path that is gone back to, in bytes; a longer one is left out, and the home page takes its place.
pub const APP_URI_MAX: usize = 1024;

const PURPOSE: &[u8] = b"portcullis flow v1";

/// Why a value is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FlowError {
    /// Not of the right form, or another version's.
    #[error("the flow's cookie is malformed")]
    Malformed,
    /// Signed by a key that is not in the ring.
    #[error("the flow's cookie was signed by an unknown key")]
    UnknownKey,
    /// The MAC does not hold.
    #[error("the flow's cookie's signature does not hold")]
    Signature,
    /// The person took too long.
    #[error("the flow took too long")]
    Expired,
    /// The way back belongs to another flow: another browser's, or an earlier one of this.
    #[error("the way back belongs to another flow")]
    State,
    /// The way back is another method's.
    #[error("the way back is another method's")]
    Method,
}

/// A sign-in under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// By which method.
    pub method: MethodName,
    /// Comes back in the address.
    pub state: String,
    /// Comes back in the ID token.
    pub nonce: Secret,
    /// PKCE's verifier; its hash went with the browser (RFC 7636, 4.1).
    pub verifier: Secret,
    /// The way back that was named.
    pub redirect_uri: String,
    /// The request that the answer must name (SAML).
    pub request: Option<String>,
    /// Where to go afterwards: a path of ours, checked by the caller.
    pub app_uri: String,
    /// Whether to stay signed in.
    pub stay: bool,
    /// Until when it counts, in seconds since 1970.
    pub until: u64,
    /// Whether the person must prove who they are once more, however they are known to the provider.
    #[serde(default)]
    pub anew: bool,
    /// The sign-in that is to end with the new one: that of whoever began, since a post of another site comes without its cookie.
    #[serde(default)]
    pub replaces: Option<SignInId>,
}

fn unguessable<const N: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

impl Pending {
    /// A new one, with everything unguessable from the kernel.
    ///
    /// # Errors
    /// When the kernel's random source can't be read; nothing may go on without it.
    pub fn begin(
        method: MethodName,
        redirect_uri: String,
        app_uri: &str,
        stay: bool,
        now: u64,
    ) -> Result<Self, getrandom::Error> {
        let app_uri = if app_uri.len() > APP_URI_MAX { String::new() } else { app_uri.to_owned() };
        Ok(Self {
            method,
            state: unguessable::<24>()?,
            nonce: Secret::from(unguessable::<24>()?),
            // 43 characters, the least that RFC 7636 takes, and 256 bits.
            verifier: Secret::from(unguessable::<32>()?),
            redirect_uri,
            request: None,
            app_uri,
            stay,
            until: now.saturating_add(FLOW_SECONDS),
            anew: false,
            replaces: None,
        })
    }

    /// What goes with the browser to the provider. `anew` asks for a fresh proof there.
    pub fn flow(&self, anew: bool) -> Flow {
        Flow {
            state: self.state.clone(),
            nonce: String::from_utf8_lossy(self.nonce.expose()).into_owned(),
            challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose())),
            redirect_uri: self.redirect_uri.clone(),
            anew,
        }
    }

    /// Since when the person must have proven who they are at the provider, in seconds since 1970: since this began, where it is to
    /// be done anew.
    pub const fn proven_since(&self) -> Option<u64> {
        if self.anew { Some(self.until.saturating_sub(FLOW_SECONDS)) } else { None }
    }

    /// Whether the way back is this flow's.
    ///
    /// # Errors
    /// [`FlowError::State`] or [`FlowError::Method`]. The state is compared in constant time.
    pub fn comes_back(&self, method: MethodName, state: &str) -> Result<(), FlowError> {
        if self.method != method {
            return Err(FlowError::Method);
        }
        let same: bool = self.state.as_bytes().ct_eq(state.as_bytes()).into();
        if same { Ok(()) } else { Err(FlowError::State) }
    }
}

struct Keyed {
    id: String,
    mac: Hmac<Sha256>,
}

/// The keys of flows: those of the sign-in cookie, for another purpose. The first signs, all verify.
pub struct FlowSeal(Vec<Keyed>);

impl std::fmt::Debug for FlowSeal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl FlowSeal {
    /// `None` without a key.
    pub fn new(keys: &[Key]) -> Option<Self> {
        let keyed = |key: &Key| {
            let mut mac = Hmac::<Sha256>::new_from_slice(key.secret.expose()).ok()?;
            mac.update(&u32::try_from(PURPOSE.len()).ok()?.to_be_bytes());
            mac.update(PURPOSE);
            Some(Keyed { id: key.id.clone(), mac })
        };
        let keys = keys.iter().map(keyed).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// The cookie's value. `None` when it is longer than [`FLOW_MAX`]: an address of ours of a kilobyte.
    pub fn seal(&self, pending: &Pending) -> Option<String> {
        let key = self.0.first()?;
        let payload = serde_json::to_vec(pending).ok()?;
        let tag = mac_over(key, &payload).finalize().into_bytes();
        let text =
            format!("v1.{}.{}.{}", key.id, URL_SAFE_NO_PAD.encode(payload), URL_SAFE_NO_PAD.encode(tag));
        (text.len() <= FLOW_MAX).then_some(text)
    }

    /// What a value says, if its MAC holds and its time is not over. `now` in seconds since 1970.
    ///
    /// # Errors
    /// See [`FlowError`].
    pub fn open(&self, value: &str, now: u64) -> Result<Pending, FlowError> {
        if value.len() > FLOW_MAX {
            return Err(FlowError::Malformed);
        }
        let mut fields = value.split('.');
        let mut next = || fields.next().ok_or(FlowError::Malformed);
        let (version, key_id, payload, tag) = (next()?, next()?, next()?, next()?);
        if version != "v1" || fields.next().is_some() {
            return Err(FlowError::Malformed);
        }
        let key = self.0.iter().find(|key| key.id == key_id).ok_or(FlowError::UnknownKey)?;
        let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| FlowError::Malformed);
        let (payload, tag) = (decoded(payload)?, decoded(tag)?);
        mac_over(key, &payload).verify_slice(&tag).map_err(|_| FlowError::Signature)?;
        let pending: Pending = serde_json::from_slice(&payload).map_err(|_| FlowError::Malformed)?;
        if now >= pending.until { Err(FlowError::Expired) } else { Ok(pending) }
    }
}

fn mac_over(key: &Keyed, payload: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.mac.clone();
    mac.update(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
    mac.update(payload);
    mac
}

#[cfg(test)]
mod tests {
    use crate::cookie;
    use crate::cookie::{Claims, KeyRing, NAME_PLAIN};

    use super::*;

    fn key(byte: u8) -> Key {
        Key::new(Secret::new(vec![byte; 32])).expect("32 bytes")
    }

    fn seal(keys: &[Key]) -> FlowSeal {
        FlowSeal::new(keys).expect("a key")
    }

    fn pending() -> Pending {
        let back = "https://p.example/openid/callback".to_owned();
        Pending::begin(MethodName::Openid, back, "/s/1", true, 1000).expect("randomness")
    }

    #[test]
    fn what_was_sealed_comes_back_until_its_time_is_over() {
        let seal = seal(&[key(1)]);
        let pending = pending();
        let value = seal.seal(&pending).expect("a value");
        let opened = seal.open(&value, 1599).expect("a flow");
        assert_eq!(opened.flow(false), pending.flow(false));
        assert_eq!((opened.app_uri.as_str(), opened.stay, opened.until), ("/s/1", true, 1600));
        assert_eq!(opened.verifier.expose(), pending.verifier.expose());
        assert_eq!(opened.proven_since(), None);
        let anew = seal.open(&seal.seal(&Pending { anew: true, ..pending }).expect("a value"), 1001);
        assert_eq!(anew.expect("a flow").proven_since(), Some(1000));
        assert_eq!(seal.open(&value, 1600).err(), Some(FlowError::Expired));
        // A key that was rotated still opens, one that was dropped doesn't.
        assert!(self::seal(&[key(2), key(1)]).open(&value, 1001).is_ok());
        assert_eq!(self::seal(&[key(2)]).open(&value, 1001).err(), Some(FlowError::UnknownKey));
    }

    #[test]
    fn each_flow_is_its_own() {
        let (one, two) = (pending(), pending());
        assert_eq!(one.comes_back(MethodName::Openid, &one.state), Ok(()));
        for state in [two.state.as_str(), "", &one.state[1..], &format!("{}x", one.state)] {
            assert_eq!(one.comes_back(MethodName::Openid, state), Err(FlowError::State));
        }
        assert_eq!(one.comes_back(MethodName::Saml, &one.state), Err(FlowError::Method));
        let (a, b) = (one.flow(true), two.flow(false));
        assert!(a.state != b.state && a.nonce != b.nonce && a.challenge != b.challenge);
        assert_eq!((a.state.len(), a.nonce.len(), a.challenge.len(), a.anew), (32, 32, 43, true));
        // RFC 7636, appendix B.
        let verifier = Secret::from("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned());
        let challenge = Pending { verifier, ..one }.flow(false).challenge;
        assert_eq!(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn every_changed_character_is_refused() {
        let seal = seal(&[key(1)]);
        let value = seal.seal(&pending()).expect("a value");
        for at in 0..value.len() {
            for with in [b'A', b'B', b'.', b'='] {
                let mut bytes = value.clone().into_bytes();
                if bytes[at] == with {
                    continue;
                }
                bytes[at] = with;
                let changed = String::from_utf8(bytes).expect("ascii");
                assert!(seal.open(&changed, 1001).is_err(), "{changed}");
            }
        }
        for bad in ["", ".", "v1...", "v1.a.b.c.d", &"x".repeat(100_000)] {
            assert!(seal.open(bad, 1001).is_err());
        }
    }

    #[test]
    fn it_is_no_sign_in_cookie_and_none_is_it() {
        let claims = Claims { sign_in: SignInId::from_bytes([7; 16]), issued: 1000, expires: 2000 };
        let ring = KeyRing::new(&[key(1)], NAME_PLAIN).expect("a key");
        assert_eq!(seal(&[key(1)]).open(&ring.sign(&claims), 1001).err(), Some(FlowError::Signature));
        let value = seal(&[key(1)]).seal(&pending()).expect("a value");
        assert!(matches!(ring.verify(&value, 1001), Err(cookie::CookieError::Malformed)));
    }

    #[test]
    fn long_addresses_are_left_out_and_secrets_not_shown() {
        let long = Pending::begin(MethodName::Openid, String::new(), &"/x".repeat(1000), false, 0)
            .expect("randomness");
        assert_eq!(long.app_uri, "");
        let odd = Pending { redirect_uri: "x".repeat(FLOW_MAX), ..pending() };
        assert_eq!(seal(&[key(1)]).seal(&odd), None);
        let pending = pending();
        let shown = format!("{pending:?}");
        assert!(!shown.contains(std::str::from_utf8(pending.verifier.expose()).expect("text")));
    }
}
