//! A credential as it is kept.

use thiserror::Error;

use super::authenticator::{ID_MAX, ID_MIN};
use super::cbor::{self, CborError};
use super::key::{KeyRefused, PublicKey};

/// The only form there is of what [`Credential::keep`] writes.
const VERSION: u8 = 1;

/// Why kept bytes are no credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeptError {
    /// The id is shorter or longer than one that was enrolled.
    #[error("a credential's id of {0} bytes is kept")]
    Id(usize),
    /// The first two bytes are none of ours.
    #[error("the kept credential begins in no known way")]
    Head,
    /// The key is not the CBOR we wrote.
    #[error("the kept key is not CBOR")]
    Cbor(#[source] CborError),
    /// The key is none that is taken.
    #[error("the kept key is not taken")]
    Key(#[source] KeyRefused),
}

/// An enrolled credential: four columns of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id. Unique among all accounts'; in the open, since it is looked up by it.
    pub id: Vec<u8>,
    /// Its public key.
    pub key: PublicKey,
    /// The counter of its last signature.
    pub counter: u32,
    /// It may be copied to other devices of its owner. Never changes.
    pub backup_eligible: bool,
}

impl Credential {
    /// What doesn't change, as bytes to be sealed: not secret, but nobody may put another key there.
    pub fn keep(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.backup_eligible)];
        bytes.extend(self.key.to_cose());
        bytes
    }

    /// Puts together what was kept.
    ///
    /// # Errors
    /// See [`KeptError`].
    pub fn kept(id: Vec<u8>, counter: u32, bytes: &[u8]) -> Result<Self, KeptError> {
        if !(ID_MIN..=ID_MAX).contains(&id.len()) {
            return Err(KeptError::Id(id.len()));
        }
        let (backup_eligible, key) = match bytes {
            [VERSION, 0, key @ ..] => (false, key),
            [VERSION, 1, key @ ..] => (true, key),
            _ => return Err(KeptError::Head),
        };
        let key = cbor::read_whole(key).map_err(KeptError::Cbor)?;
        Ok(Self { id, key: PublicKey::of_cose(&key).map_err(KeptError::Key)?, counter, backup_eligible })
    }
}
