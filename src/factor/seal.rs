//! How a factor's secret is kept: AES-256-GCM under the factor key, bound to the account and the factor it belongs to.
//!
//! `version (1) | nonce (12) | ciphertext | tag (16)`. The associated data is the version and the two ids, so that who can
//! write to the database, but has not the key, can neither make a secret nor move one to another account or factor.
//! An older secret of the same factor can be put back by such a writer; the step and the counter beside it are theirs too.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use portcullis_model::{AccountId, FactorId, Secret};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use zeroize::Zeroizing;

/// Bytes of the factor key: those of AES-256.
pub const KEY_BYTES: usize = 32;
/// Bytes of a nonce, fresh and random for each seal. Two in 2^32 seals under one key meet with a chance of 2^-33
/// (NIST SP 800-38D, section 8.3): enrolments of people, not messages, so the key never comes near.
pub const NONCE_BYTES: usize = 12;
/// Most bytes of a secret: a passkey's key is below 600, a list of recovery codes 320.
pub const PLAIN_MAX: usize = 4096;

/// The only form there is. Another form gets another number, and both are opened.
const VERSION: u8 = 1;
const TAG_BYTES: usize = 16;
const LEAST: usize = 1 + NONCE_BYTES + TAG_BYTES;

/// Why something is not sealed or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// The factor key has another length.
    #[error("a factor key has {KEY_BYTES} bytes, not {0}")]
    Key(usize),
    /// More than [`PLAIN_MAX`].
    #[error("{0} bytes are more than the {PLAIN_MAX} that are sealed")]
    TooLong(usize),
    /// Fewer bytes than an empty secret takes.
    #[error("{0} bytes are too few for a seal")]
    TooShort(usize),
    /// Written by a later program.
    #[error("the seal has version {0}, this program knows {VERSION}")]
    Version(u8),
    /// Another key, account or factor, or changed bytes: which of them can't be known.
    #[error("the seal does not hold")]
    Broken,
    /// The library refused to work.
    #[error("cannot encrypt")]
    Library,
}

/// The key of all factors' secrets; wiped when dropped, never printed.
pub struct FactorKey(Zeroizing<[u8; KEY_BYTES]>);

impl FactorKey {
    /// The key of these bytes.
    ///
    /// # Errors
    /// [`SealError::Key`] when there are more or fewer than [`KEY_BYTES`].
    pub fn new(bytes: &[u8]) -> Result<Self, SealError> {
        bytes.try_into().map(|bytes| Self(Zeroizing::new(bytes))).map_err(|_| SealError::Key(bytes.len()))
    }

    /// Names it, so that machines see whether they have the same; who reads it learns nothing of a random key.
    pub fn id(&self) -> String {
        let hash = Sha256::new().chain_update(b"portcullis factor key id").chain_update(self.0.as_slice());
        hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn cipher(&self) -> Result<LessSafeKey, SealError> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_slice()).map_err(|_| SealError::Library)?;
        Ok(LessSafeKey::new(key))
    }
}

impl fmt::Debug for FactorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What a seal is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// Whose factor it is.
    pub account: AccountId,
    /// Which of its factors.
    pub factor: FactorId,
}

impl Owner {
    /// Fixed lengths: no two owners are the same bytes.
    fn associated(self) -> Aad<[u8; 33]> {
        let mut bytes = [VERSION; 33];
        bytes[1..17].copy_from_slice(self.account.as_bytes());
        bytes[17..].copy_from_slice(self.factor.as_bytes());
        Aad::from(bytes)
    }
}

/// Seals a secret. `nonce` is fresh from [`crate::random::fresh`] each time.
///
/// # Errors
/// [`SealError::TooLong`], [`SealError::Library`].
pub fn seal(
    key: &FactorKey,
    owner: Owner,
    nonce: [u8; NONCE_BYTES],
    plain: &[u8],
) -> Result<Vec<u8>, SealError> {
    if plain.len() > PLAIN_MAX {
        return Err(SealError::TooLong(plain.len()));
    }
    // Encrypted where it stands, and the room made before, so that no copy of the secret stays behind.
    let mut sealed = Vec::with_capacity(LEAST + plain.len());
    sealed.push(VERSION);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(plain);
    let tag = key
        .cipher()?
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            owner.associated(),
            &mut sealed[1 + NONCE_BYTES..],
        )
        .map_err(|_| SealError::Library)?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// Opens what [`seal`] made for the same owner.
///
/// # Errors
/// See [`SealError`].
pub fn open(key: &FactorKey, owner: Owner, sealed: &[u8]) -> Result<Secret, SealError> {
    if sealed.len() < LEAST {
        return Err(SealError::TooShort(sealed.len()));
    }
    if sealed.len() > LEAST + PLAIN_MAX {
        return Err(SealError::TooLong(sealed.len() - LEAST));
    }
    if sealed[0] != VERSION {
        return Err(SealError::Version(sealed[0]));
    }
    let (nonce, cipher) = sealed[1..].split_at(NONCE_BYTES);
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
    let mut plain = Zeroizing::new(cipher.to_vec());
    let opened =
        key.cipher()?.open_in_place(nonce, owner.associated(), &mut plain).map_err(|_| SealError::Broken)?;
    Ok(Secret::new(opened.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner =
        Owner { account: AccountId::from_bytes([1; 16]), factor: FactorId::from_bytes([2; 16]) };

    fn key(byte: u8) -> FactorKey {
        FactorKey::new(&[byte; KEY_BYTES]).expect("a key")
    }

    #[test]
    fn what_is_sealed_opens_for_its_owner_and_nobody_else() {
        let sealed = seal(&key(9), OWNER, [3; NONCE_BYTES], b"a secret").expect("sealed");
        assert_eq!(sealed.len(), LEAST + 8);
        assert!(!sealed.windows(8).any(|bytes| bytes == b"a secret"));
        assert_eq!(open(&key(9), OWNER, &sealed).expect("opened").expose(), b"a secret");
        let other = Owner { account: AccountId::from_bytes([3; 16]), ..OWNER };
        assert_eq!(open(&key(9), other, &sealed).map(|_| ()), Err(SealError::Broken), "another account");
        let other = Owner { factor: FactorId::from_bytes([3; 16]), ..OWNER };
        assert_eq!(open(&key(9), other, &sealed).map(|_| ()), Err(SealError::Broken), "another factor");
        let swapped =
            Owner { account: AccountId::from_bytes([2; 16]), factor: FactorId::from_bytes([1; 16]) };
        assert_eq!(open(&key(9), swapped, &sealed).map(|_| ()), Err(SealError::Broken), "ids swapped");
        assert_eq!(open(&key(8), OWNER, &sealed).map(|_| ()), Err(SealError::Broken), "another key");
    }

    #[test]
    fn every_changed_byte_and_every_cut_is_refused() {
        let sealed = seal(&key(9), OWNER, [3; NONCE_BYTES], b"a secret").expect("sealed");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let expected = if at == 0 { SealError::Version(0) } else { SealError::Broken };
            assert_eq!(open(&key(9), OWNER, &changed).map(|_| ()), Err(expected), "{at}");
            let expected = if at < LEAST { SealError::TooShort(at) } else { SealError::Broken };
            assert_eq!(open(&key(9), OWNER, &sealed[..at]).map(|_| ()), Err(expected), "{at}");
        }
    }

    #[test]
    fn lengths_have_limits() {
        let [most, more] = [PLAIN_MAX, PLAIN_MAX + 1].map(|length| vec![7; length]);
        let sealed = seal(&key(9), OWNER, [3; NONCE_BYTES], &most).expect("sealed");
        assert_eq!(open(&key(9), OWNER, &sealed).expect("opened").len(), PLAIN_MAX);
        assert_eq!(seal(&key(9), OWNER, [3; NONCE_BYTES], &more), Err(SealError::TooLong(PLAIN_MAX + 1)));
        let long = vec![VERSION; LEAST + PLAIN_MAX + 1];
        assert_eq!(open(&key(9), OWNER, &long).map(|_| ()), Err(SealError::TooLong(PLAIN_MAX + 1)));
        assert_eq!(FactorKey::new(&[1; 31]).map(|_| ()), Err(SealError::Key(31)));
        assert_eq!(
            open(&key(9), OWNER, &seal(&key(9), OWNER, [3; 12], b"").expect("sealed")).expect("opened").len(),
            0
        );
    }

    /// The GCM specification (McGrew and Viega), test case 14, has no associated data; ours is checked by its own tests. This
    /// one says that the cipher is AES-256-GCM and nothing else: a zero key, a zero nonce, a zero block.
    #[test]
    fn the_cipher_is_aes_256_gcm() {
        let sealed = seal(&key(0), OWNER, [0; NONCE_BYTES], &[0; 16]).expect("sealed");
        let expected =
            [0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e, 0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18];
        assert_eq!(sealed[1 + NONCE_BYTES..][..16], expected);
    }

    #[test]
    fn a_key_prints_nothing() {
        assert_eq!(format!("{:?}", key(9)), "[secret]");
    }
}
