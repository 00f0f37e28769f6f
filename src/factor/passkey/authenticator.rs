//! What an authenticator signs: authenticator data (Web Authentication, section 6.1) and the attestation object around them.

use super::cbor::{self, Value};
use super::key::PublicKey;
use super::refused::{Refused, cut};

/// Longest input in bytes; see [`cbor::BYTES_MAX`].
pub const BYTES_MAX: usize = cbor::BYTES_MAX;
/// Shortest id of a credential, in bytes: section 4 asks for 16 with 100 random bits in them.
pub const ID_MIN: usize = 16;
/// Longest id of a credential, in bytes (section 4).
pub const ID_MAX: usize = 1023;

/// Flags of authenticator data. Bits that are reserved are not looked at, as the specification wants.
const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// A credential that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredential<'a> {
    /// Its id.
    pub id: &'a [u8],
    /// Its public key.
    pub key: PublicKey,
}

/// Authenticator data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the relying party's id.
    pub rp_id_hash: [u8; 32],
    /// Somebody touched it.
    pub user_present: bool,
    /// It knows who (a PIN, a finger).
    pub user_verified: bool,
    /// The credential may be copied to other devices of its owner.
    pub backup_eligible: bool,
    /// It was copied.
    pub backed_up: bool,
    /// Counts signatures; 0 for ever where the authenticator doesn't count.
    pub counter: u32,
    /// The credential, when it was just made.
    pub credential: Option<NewCredential<'a>>,
}

impl<'a> AuthenticatorData<'a> {
    /// Reads them; nothing may follow. Extensions are read and not looked at: none is asked for.
    ///
    /// # Errors
    /// [`Refused::TooLong`], [`Refused::AuthenticatorData`], [`Refused::CredentialLength`], [`Refused::Cbor`],
    /// [`Refused::Key`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refused> {
        if bytes.len() > BYTES_MAX {
            return Err(Refused::TooLong { part: "authenticatorData", limit: BYTES_MAX });
        }
        let (head, mut rest) = bytes.split_first_chunk::<37>().ok_or(Refused::AuthenticatorData)?;
        let mut rp_id_hash = [0; 32];
        rp_id_hash.copy_from_slice(&head[..32]);
        let flags = head[32];
        let counter = u32::from_be_bytes([head[33], head[34], head[35], head[36]]);
        let mut credential = None;
        if flags & CREDENTIAL != 0 {
            // 16 bytes say which model it is: of attestation `none` they are zero or unproven.
            let (model, after) = rest.split_first_chunk::<18>().ok_or(Refused::AuthenticatorData)?;
            let length = usize::from(u16::from_be_bytes([model[16], model[17]]));
            if !(ID_MIN..=ID_MAX).contains(&length) {
                return Err(Refused::CredentialLength(length));
            }
            let (id, after) = after.split_at_checked(length).ok_or(Refused::AuthenticatorData)?;
            let (key, after) =
                cbor::read(after).map_err(|source| Refused::Cbor { part: "the public key", source })?;
            credential = Some(NewCredential { id, key: PublicKey::of_cose(&key)? });
            rest = after;
        }
        if flags & EXTENSIONS != 0 {
            let (extensions, after) =
                cbor::read(rest).map_err(|source| Refused::Cbor { part: "the extensions", source })?;
            if !matches!(extensions, Value::Map(_)) {
                return Err(Refused::AuthenticatorData);
            }
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Refused::AuthenticatorData);
        }
        Ok(Self {
            rp_id_hash,
            user_present: flags & USER_PRESENT != 0,
            user_verified: flags & USER_VERIFIED != 0,
            backup_eligible: flags & BACKUP_ELIGIBLE != 0,
            backed_up: flags & BACKED_UP != 0,
            counter,
            credential,
        })
    }
}

/// The authenticator data in an attestation object of format `none`.
///
/// # Errors
/// [`Refused::Cbor`], [`Refused::AttestationObject`], [`Refused::Attestation`], [`Refused::AttestationStatement`].
pub fn unattested(object: &[u8]) -> Result<&[u8], Refused> {
    let object = cbor::read_whole(object)
        .map_err(|source| Refused::Cbor { part: "the attestation object", source })?;
    let at = |name| object.at(&Value::Text(name)).ok_or(Refused::AttestationObject);
    let format = at("fmt")?.text().ok_or(Refused::AttestationObject)?;
    if format != "none" {
        return Err(Refused::Attestation(cut(format)));
    }
    match at("attStmt")? {
        Value::Map(statement) if statement.is_empty() => {}
        Value::Map(_) => return Err(Refused::AttestationStatement),
        _ => return Err(Refused::AttestationObject),
    }
    at("authData")?.bytes().ok_or(Refused::AttestationObject)
}
