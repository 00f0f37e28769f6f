//! Seals on rows that machines share: whoever writes a row without the cookie keys writes one that nobody honours.
//!
//! A sign-in or a key that another machine gave out is read from a database, by a process that could be somebody else's by now. What
//! must be true of it is under a MAC that only launchers make and check: its key is derived from the cookie ring, which neither the
//! database nor what talks to it has. A seal says that this row was given out so; that it is not over, it can't say. Pure: reads no
//! clock and keeps nothing. Called by the launcher alone.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use thiserror::Error;

use crate::cookie::Key;
use crate::key::ApiKey;
use crate::{AccountId, SignInId, Uid};

/// What the derived keys are for; another purpose has other keys.
const PURPOSE: &[u8] = b"portcullis sealed row v1";
/// Bytes of a key's id in a seal.
const ID: usize = 4;
/// Bytes of what the seal of a sign-in carries: a uid, then 1 for limited, then the provider's end.
const CARRIED: usize = 13;
/// Bytes of what the seal of an API key carries: a uid.
const CARRIED_OF_KEY: usize = 4;
/// Bytes of a seal: which key, then HMAC-SHA256.
const SEAL: usize = ID + 32;

/// What of a sign-in is sealed: all from which another machine makes one of its own.
#[derive(Debug, Clone, Copy)]
pub struct SealedSignIn<'a> {
    /// Which.
    pub id: SignInId,
    /// Whose.
    pub account: AccountId,
    /// The Unix account's name.
    pub user: &'a str,
    /// By what method.
    pub method: &'a str,
    /// From where.
    pub remote: IpAddr,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Until when, in seconds since 1970: a longer life is another row.
    pub until: u64,
}

/// What of an API key is sealed: all that it is worth, and as whom it acts. When it was used last, and that it is over, are not.
#[derive(Debug, Clone, Copy)]
pub struct SealedKey<'a> {
    /// The key.
    pub key: &'a ApiKey,
    /// The Unix account's name.
    pub user: &'a str,
}

/// What a seal carries itself, since the row has no place for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// The Unix account's number, which must be the same on all machines that share a database.
    pub uid: Uid,
    /// Whether the sign-in opens only the way to a second factor.
    pub limited: bool,
    /// The end that its provider gave, in seconds since 1970, which no act moves on any machine.
    pub ends: Option<u64>,
}

/// Why a row is not honoured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// None, or none of ours.
    #[error("it has no seal")]
    Missing,
    /// Made with a key that this machine doesn't have.
    #[error("it is sealed with a key that is not in this machine's ring")]
    UnknownKey,
    /// The row is another than the one that was sealed.
    #[error("its seal does not hold: it was made or changed by somebody else")]
    Broken,
}

struct Keyed {
    id: [u8; ID],
    mac: Hmac<Sha256>,
}

/// Makes and checks seals: the ring's first key makes, all check.
pub struct Sealer {
    keys: Vec<Keyed>,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys.len()).finish()
    }
}

impl Sealer {
    /// One for this ring; `None` without a key.
    pub fn new(ring: &[Key]) -> Option<Self> {
        let keyed = |key: &Key| {
            // ORDER: the ring's key makes a key of this purpose, and only that one seals: what signs cookies seals no row.
            let mut derive = Hmac::<Sha256>::new_from_slice(key.secret.expose()).ok()?;
            derive.update(PURPOSE);
            let mac = Hmac::<Sha256>::new_from_slice(&derive.finalize().into_bytes()).ok()?;
            let id = u32::from_str_radix(&key.id, 16).ok()?.to_be_bytes();
            Some(Keyed { id, mac })
        };
        let keys = ring.iter().map(keyed).collect::<Option<Vec<_>>>()?;
        (!keys.is_empty()).then_some(Self { keys })
    }

    /// The seal of a sign-in.
    pub fn sign_in(&self, row: &SealedSignIn<'_>, carried: Carried) -> Vec<u8> {
        let mut seal = [0; CARRIED];
        seal[..4].copy_from_slice(&carried.uid.0.to_be_bytes());
        seal[4] = u8::from(carried.limited);
        seal[5..].copy_from_slice(&carried.ends.unwrap_or(u64::MAX).to_be_bytes());
        let tag = self.seal(b"sign-in", &fields(row, seal));
        [seal.as_slice(), tag.as_slice()].concat()
    }

    /// Whether a sign-in is as some machine of ours gave it out, and what its seal carries.
    ///
    /// # Errors
    /// See [`SealError`]. The MAC is compared in constant time.
    pub fn check_sign_in(&self, row: &SealedSignIn<'_>, seal: &[u8]) -> Result<Carried, SealError> {
        let Some((carried, tag)) = seal.split_first_chunk::<CARRIED>() else {
            return Err(SealError::Missing);
        };
        self.check(b"sign-in", &fields(row, *carried), tag)?;
        let [a, b, c, d, limited, ends @ ..] = *carried;
        let ends = u64::from_be_bytes(ends);
        let ends = (ends != u64::MAX).then_some(ends);
        Ok(Carried { uid: Uid(u32::from_be_bytes([a, b, c, d])), limited: limited != 0, ends })
    }

    /// The seal of an API key, which carries the Unix account's number.
    pub fn key(&self, row: &SealedKey<'_>, uid: Uid) -> Vec<u8> {
        let carried = uid.0.to_be_bytes();
        let tag = self.seal(b"key", &fields_of_key(row, carried));
        [carried.as_slice(), tag.as_slice()].concat()
    }

    /// Whether an API key is as some machine of ours made it, and the number that its seal carries.
    ///
    /// # Errors
    /// See [`SealError`]. The MAC is compared in constant time.
    pub fn check_key(&self, row: &SealedKey<'_>, seal: &[u8]) -> Result<Uid, SealError> {
        let Some((carried, tag)) = seal.split_first_chunk::<CARRIED_OF_KEY>() else {
            return Err(SealError::Missing);
        };
        self.check(b"key", &fields_of_key(row, *carried), tag)?;
        Ok(Uid(u32::from_be_bytes(*carried)))
    }

    /// The seal of a row of another kind; `kind` is never that of a sign-in.
    pub fn seal(&self, kind: &[u8], fields: &[Vec<u8>]) -> Vec<u8> {
        let key = &self.keys[0];
        let mut seal = key.id.to_vec();
        seal.extend_from_slice(&over(key, kind, fields).finalize().into_bytes());
        seal
    }

    /// Whether a row of another kind is as it was sealed.
    ///
    /// # Errors
    /// See [`SealError`]. The MAC is compared in constant time.
    pub fn check(&self, kind: &[u8], fields: &[Vec<u8>], seal: &[u8]) -> Result<(), SealError> {
        let Some((id, tag)) = seal.split_first_chunk::<ID>() else { return Err(SealError::Missing) };
        if seal.len() != SEAL {
            return Err(SealError::Missing);
        }
        let key = self.keys.iter().find(|key| key.id == *id).ok_or(SealError::UnknownKey)?;
        over(key, kind, fields).verify_slice(tag).map_err(|_| SealError::Broken)
    }
}

/// Each field with its length, so that no two rows are the same bytes.
fn over(key: &Keyed, kind: &[u8], fields: &[Vec<u8>]) -> Hmac<Sha256> {
    let mut mac = key.mac.clone();
    for field in std::iter::once(kind).chain(fields.iter().map(Vec::as_slice)) {
        mac.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        mac.update(field);
    }
    mac
}

fn fields(row: &SealedSignIn<'_>, carried: [u8; CARRIED]) -> [Vec<u8>; 8] {
    let SealedSignIn { id, account, user, method, remote, since, until } = row;
    [
        id.as_bytes().to_vec(),
        account.as_bytes().to_vec(),
        user.as_bytes().to_vec(),
        carried.to_vec(),
        method.as_bytes().to_vec(),
        remote.to_string().into_bytes(),
        since.to_be_bytes().to_vec(),
        until.to_be_bytes().to_vec(),
    ]
}

fn fields_of_key(row: &SealedKey<'_>, carried: [u8; CARRIED_OF_KEY]) -> [Vec<u8>; 11] {
    let SealedKey { key, user } = row;
    let sources: Vec<String> = key.sources.iter().map(ToString::to_string).collect();
    [
        key.id.as_str().as_bytes().to_vec(),
        key.account.as_bytes().to_vec(),
        user.as_bytes().to_vec(),
        carried.to_vec(),
        key.name.as_bytes().to_vec(),
        key.digest.as_bytes().to_vec(),
        key.scopes.to_string().into_bytes(),
        key.role_cap.to_string().into_bytes(),
        sources.join(" ").into_bytes(),
        key.created.to_be_bytes().to_vec(),
        key.until.map_or_else(Vec::new, |until| until.to_be_bytes().to_vec()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;
    use crate::account::Role;
    use crate::key::{KeyDigest, Scope};

    fn key(byte: u8) -> Key {
        Key::new(Secret::new(vec![byte; 32])).expect("32 bytes")
    }

    fn sealer(keys: &[Key]) -> Sealer {
        Sealer::new(keys).expect("a key")
    }

    const ROW: SealedSignIn<'_> = SealedSignIn {
        id: SignInId::from_bytes([1; 16]),
        account: AccountId::from_bytes([2; 16]),
        user: "alice",
        method: "pam",
        remote: IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
        since: 1000,
        until: 2000,
    };

    const CARRIES: Carried = Carried { uid: Uid(1000), limited: false, ends: None };

    #[test]
    fn what_was_sealed_holds_on_every_machine_of_the_ring() {
        let seal = sealer(&[key(1)]).sign_in(&ROW, CARRIES);
        for ring in [&[key(1)][..], &[key(2), key(1)]] {
            assert_eq!(sealer(ring).check_sign_in(&ROW, &seal), Ok(CARRIES));
        }
        let ends = Carried { limited: true, ends: Some(1500), ..CARRIES };
        let seal_of_it = sealer(&[key(1)]).sign_in(&ROW, ends);
        assert_eq!(sealer(&[key(1)]).check_sign_in(&ROW, &seal_of_it), Ok(ends));
        assert_eq!(sealer(&[key(2)]).check_sign_in(&ROW, &seal), Err(SealError::UnknownKey));
        assert!(Sealer::new(&[]).is_none());
    }

    #[test]
    fn each_field_counts() {
        let sealer = sealer(&[key(1)]);
        let seal = sealer.sign_in(&ROW, CARRIES);
        let others = [
            SealedSignIn { id: SignInId::from_bytes([9; 16]), ..ROW },
            SealedSignIn { account: AccountId::from_bytes([9; 16]), ..ROW },
            SealedSignIn { user: "alicf", ..ROW },
            SealedSignIn { method: "none", ..ROW },
            SealedSignIn { remote: IpAddr::from([192, 0, 2, 2]), ..ROW },
            SealedSignIn { since: 1001, ..ROW },
            SealedSignIn { until: 2001, ..ROW },
            SealedSignIn { user: "alicepam", method: "", ..ROW },
        ];
        for other in others {
            assert_eq!(sealer.check_sign_in(&other, &seal), Err(SealError::Broken), "{other:?}");
        }
        assert_eq!(
            sealer.check(
                b"key",
                &fields(&ROW, [0, 0, 3, 232, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
                &seal[CARRIED..]
            ),
            Err(SealError::Broken),
            "a row of another kind"
        );
    }

    #[test]
    fn every_changed_byte_of_a_seal_is_refused() {
        let sealer = sealer(&[key(1)]);
        let seal = sealer.sign_in(&ROW, CARRIES);
        for at in 0..seal.len() {
            let mut other = seal.clone();
            other[at] ^= 1;
            assert!(sealer.check_sign_in(&ROW, &other).is_err(), "byte {at}");
        }
        for length in [0, 3, CARRIED, CARRIED + ID, CARRIED + SEAL - 1] {
            assert!(sealer.check_sign_in(&ROW, &seal[..length]).is_err(), "{length} bytes");
        }
        assert_eq!(sealer.check_sign_in(&ROW, &[]), Err(SealError::Missing));
        assert!(sealer.check_sign_in(&ROW, &[seal.clone(), vec![0]].concat()).is_err());
    }

    #[test]
    fn each_field_of_a_key_counts_but_its_uses() {
        let sealer = sealer(&[key(1)]);
        let one = ApiKey {
            id: "abcdefg234".parse().expect("an id"),
            account: AccountId::from_bytes([2; 16]),
            name: "ci".into(),
            digest: KeyDigest::from_bytes([7; 32]),
            scopes: [Scope::Ide].into_iter().collect(),
            role_cap: Role::Viewer,
            sources: vec!["192.0.2.0/24".parse().expect("a net")],
            created: 1000,
            until: Some(2000),
            last_used: None,
            ended: None,
            seal: Vec::new(),
        };
        let check = |key: &ApiKey, user: &str, seal: &[u8]| sealer.check_key(&SealedKey { key, user }, seal);
        let seal = sealer.key(&SealedKey { key: &one, user: "alice" }, Uid(1000));
        let used = ApiKey { last_used: Some((5, ROW.remote)), seal: seal.clone(), ..one.clone() };
        assert_eq!(check(&used, "alice", &seal), Ok(Uid(1000)));
        let others = [
            ApiKey { id: "abcdefg235".parse().expect("an id"), ..one.clone() },
            ApiKey { account: AccountId::from_bytes([9; 16]), ..one.clone() },
            ApiKey { name: "cj".into(), ..one.clone() },
            ApiKey { digest: KeyDigest::from_bytes([8; 32]), ..one.clone() },
            ApiKey { scopes: [Scope::Ide, Scope::UsersWrite].into_iter().collect(), ..one.clone() },
            ApiKey { role_cap: Role::Administrator, ..one.clone() },
            ApiKey { sources: Vec::new(), ..one.clone() },
            ApiKey { created: 1001, ..one.clone() },
            ApiKey { until: None, ..one.clone() },
            ApiKey { until: Some(2001), ..one.clone() },
        ];
        for other in others {
            assert_eq!(check(&other, "alice", &seal), Err(SealError::Broken), "{other:?}");
        }
        assert_eq!(check(&one, "alicf", &seal), Err(SealError::Broken));
        for at in 0..seal.len() {
            let mut other = seal.clone();
            other[at] ^= 1;
            assert!(check(&one, "alice", &other).is_err(), "byte {at}");
        }
        assert_eq!(check(&one, "alice", &[]), Err(SealError::Missing));
    }

    #[test]
    fn a_cookies_mac_is_no_seal() {
        use crate::cookie::{Claims, KeyRing, NAME_PLAIN};
        let ring = KeyRing::new(&[key(1)], NAME_PLAIN).expect("a key");
        let value = ring.sign(&Claims { sign_in: ROW.id, issued: 1000, expires: 2000 });
        assert!(sealer(&[key(1)]).check_sign_in(&ROW, value.as_bytes()).is_err());
    }
}
