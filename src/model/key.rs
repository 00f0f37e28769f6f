//! API keys: `ptk_<id>_<secret>_<check>`, made once, shown once, kept as a digest.
//!
//! The prefix and the check sum let scanners find a key that was published by mistake, and let us refuse a mistyped one
//! without looking it up. The secret has 256 random bits, so its digest needs no slow hash. Nothing here reads a clock.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;
use thiserror::Error;

use crate::account::Role;
use crate::{AccountId, Secret};

mod end;

pub use end::{KeyEnd, KeyRefusal};

/// What every key begins with.
pub const PREFIX: &str = "ptk_";
/// Length of a key's text: prefix, id, secret, check sum and two separators.
pub const KEY_TEXT: usize = 4 + ID + 1 + SECRET_TEXT + 1 + CHECK;
/// Most keys that live on one server: 10,000 people with five each; the server's snapshot keeps all of them in memory.
pub const KEYS_MAX: usize = 50_000;
/// Most keys of one account that live at once: one per program somebody runs, not one per call.
pub const KEYS_PER_ACCOUNT: usize = 50;
/// Longest name, in bytes: a line of a list.
pub const KEY_NAME_MAX: usize = 80;
/// Most source ranges of a key: networks of one site, not a blocklist.
pub const SOURCES_MAX: usize = 32;

const ID: usize = 10;
const SECRET: usize = 32;
const SECRET_TEXT: usize = 43;
const CHECK: usize = 6;
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why a text is no key. A client is told one answer for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyTextError {
    /// Not of the form.
    #[error("it is not of the form of an API key")]
    Form,
    /// The check sum does not fit: mistyped or cut.
    #[error("the API key's check sum does not fit")]
    Check,
}

/// A key's public half: what it is looked up by, and what lists and the audit log name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; ID]);

impl KeyId {
    /// A fresh one from the kernel's random source: 50 random bits.
    ///
    /// # Errors
    /// When the kernel's random source can't be read.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; ID];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes.map(|byte| BASE32[usize::from(byte & 31)])))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for KeyId {
    type Err = KeyTextError;

    fn from_str(text: &str) -> Result<Self, KeyTextError> {
        let bytes: [u8; ID] = text.as_bytes().try_into().map_err(|_| KeyTextError::Form)?;
        if bytes.iter().all(|byte| BASE32.contains(byte)) { Ok(Self(bytes)) } else { Err(KeyTextError::Form) }
    }
}

impl TryFrom<String> for KeyId {
    type Error = KeyTextError;

    fn try_from(text: String) -> Result<Self, KeyTextError> {
        text.parse()
    }
}

impl From<KeyId> for String {
    fn from(id: KeyId) -> Self {
        id.as_str().to_owned()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is kept of the secret half: SHA-256 of "portcullis api key", the id and the secret.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// From its bytes, as the database has them.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Compares in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    fn of(id: KeyId, secret: &[u8; SECRET]) -> Self {
        Self(
            Sha256::new()
                .chain_update(b"portcullis api key")
                .chain_update(id.0)
                .chain_update(secret)
                .finalize()
                .into(),
        )
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

/// A key that was just made: the only moment at which its text exists.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewKey {
    /// Its public half.
    pub id: KeyId,
    /// The whole text, to be shown once.
    pub text: Secret,
    /// What is kept.
    pub digest: KeyDigest,
}

impl NewKey {
    /// A fresh key from the kernel's random source.
    ///
    /// # Errors
    /// When the kernel's random source can't be read.
    pub fn random() -> Result<Self, getrandom::Error> {
        let mut secret = zeroize::Zeroizing::new([0; SECRET]);
        getrandom::fill(secret.as_mut_slice())?;
        Ok(Self::of(KeyId::random()?, &secret))
    }

    fn of(id: KeyId, secret: &[u8; SECRET]) -> Self {
        let mut text = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret));
        let check = check(text.as_bytes());
        text.push('_');
        text.extend(check.map(char::from));
        Self { id, text: text.into(), digest: KeyDigest::of(id, secret) }
    }
}

/// Reads a key as it came in a header: its id, and the digest to compare.
///
/// # Errors
/// See [`KeyTextError`].
pub fn parse(text: &str) -> Result<(KeyId, KeyDigest), KeyTextError> {
    let form = || KeyTextError::Form;
    if text.len() != KEY_TEXT || !text.is_ascii() {
        return Err(form());
    }
    let (signed, sum) = text.split_at(KEY_TEXT - CHECK - 1);
    let (id, secret) = signed.strip_prefix(PREFIX).ok_or_else(form)?.split_at(ID);
    let (secret, sum) = (secret.strip_prefix('_').ok_or_else(form)?, sum.strip_prefix('_').ok_or_else(form)?);
    let id: KeyId = id.parse()?;
    if sum.as_bytes() != check(signed.as_bytes()) {
        return Err(KeyTextError::Check);
    }
    let mut bytes = zeroize::Zeroizing::new([0; SECRET]);
    match URL_SAFE_NO_PAD.decode_slice(secret, bytes.as_mut_slice()) {
        Ok(SECRET) => Ok((id, KeyDigest::of(id, &bytes))),
        _ => Err(form()),
    }
}

/// CRC-32 (IEEE 802.3) as six digits of base 62.
fn check(text: &[u8]) -> [u8; CHECK] {
    let mut sum = u32::MAX;
    for byte in text {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(sum & 1));
        }
    }
    let mut rest = u64::from(!sum);
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[usize::try_from(rest % 62).unwrap_or(0)];
        rest /= 62;
    }
    digits
}

/// What a key may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// List, start and stop one's own sessions.
    Sessions,
    /// What is inside one's own sessions, WebSockets too.
    Ide,
    /// Read one's own account.
    AccountRead,
    /// Read other accounts and groups.
    UsersRead,
    /// Change other accounts and groups.
    UsersWrite,
    /// Read the audit log.
    AuditRead,
}

impl Scope {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Sessions, Self::Ide, Self::AccountRead, Self::UsersRead, Self::UsersWrite, Self::AuditRead];

    /// Its word on pages, in the API and the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Ide => "ide",
            Self::AccountRead => "account:read",
            Self::UsersRead => "users:read",
            Self::UsersWrite => "users:write",
            Self::AuditRead => "audit:read",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// A word that is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no scope of an API key")]
pub struct ScopeError(String);

/// A set of scopes; its text is their words with single spaces between, in the order of [`Scope::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Scopes(u16);

impl Scopes {
    /// True when the scope is in it.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// True when nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.has(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { " " }, scope.word())?;
        }
        Ok(())
    }
}

impl FromStr for Scopes {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        text.split_whitespace()
            .map(|word| {
                let known = Scope::ALL.into_iter().find(|scope| scope.word() == word);
                known.ok_or_else(|| ScopeError(word.chars().take(40).collect()))
            })
            .collect()
    }
}

/// A key as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its public half.
    pub id: KeyId,
    /// Whose it is.
    pub account: AccountId,
    /// What its person calls it.
    pub name: String,
    /// What is kept of the secret half.
    pub digest: KeyDigest,
    /// What it may be used for.
    pub scopes: Scopes,
    /// The most it may do; never more than its owner's role at the moment of use.
    pub role_cap: Role,
    /// From where it may be used; from everywhere when empty.
    pub sources: Vec<IpNet>,
    /// Made when, in milliseconds since 1970.
    pub created: u64,
    /// Until when, in milliseconds since 1970; for ever when there is none (`api-key-max-days=0`).
    pub until: Option<u64>,
    /// Last used when (in milliseconds since 1970) and from where.
    pub last_used: Option<(u64, IpAddr)>,
    /// Ended when, in milliseconds since 1970.
    pub ended: Option<u64>,
    /// The launcher's HMAC over what counts: neither the store nor another program at the database can make a key.
    pub seal: Vec<u8>,
}

impl ApiKey {
    /// True when it may be used now (milliseconds since 1970) from this address. Owner and scope are for the caller.
    pub fn good(&self, now: u64, from: IpAddr) -> bool {
        let from = from.to_canonical();
        self.ended.is_none()
            && self.until.is_none_or(|until| now < until)
            && (self.sources.is_empty() || self.sources.iter().any(|net| net.contains(&from)))
    }

    /// The role it acts with: the least of its cap and its owner's role.
    pub fn role(&self, owner: Role) -> Role {
        self.role_cap.min(owner)
    }
}

#[cfg(test)]
mod tests;
