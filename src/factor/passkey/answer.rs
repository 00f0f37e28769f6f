//! What our page posts: the answers of `navigator.credentials.create()` and `.get()` as their `toJSON()` gives them
//! (Web Authentication Level 3, sections 5.1 and 5.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::authenticator;
use super::client;
use super::refused::Refused;

/// Longest answer in bytes: its three parts at their limits in base64, the id twice, and what browsers add.
pub const BYTES_MAX: usize = 16 * 1024;
/// Longest signature in bytes: one of RSA with the longest modulus taken.
const SIGNATURE_MAX: usize = 512;
/// Longest user handle in bytes (section 4).
const HANDLE_MAX: usize = 64;

/// A new credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrolAnswer {
    /// The credential's id as the browser names it.
    pub id: Vec<u8>,
    /// What the browser was asked.
    pub client_data: Vec<u8>,
    /// What the authenticator made.
    pub attestation_object: Vec<u8>,
}

/// A proof by a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofAnswer {
    /// The credential's id as the browser names it.
    pub id: Vec<u8>,
    /// What the browser was asked.
    pub client_data: Vec<u8>,
    /// What the authenticator says.
    pub authenticator_data: Vec<u8>,
    /// Its signature.
    pub signature: Vec<u8>,
    /// Which of its accounts the authenticator used, if it keeps them.
    pub user_handle: Option<Vec<u8>>,
}

#[derive(Deserialize)]
struct Envelope<R> {
    id: String,
    #[serde(rename = "rawId")]
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    response: R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnrolResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ProofResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

impl EnrolAnswer {
    /// Reads the JSON of an answer. Members that are not looked at are let be.
    ///
    /// # Errors
    /// [`Refused::TooLong`], [`Refused::Answer`], [`Refused::Base64`], [`Refused::CredentialType`],
    /// [`Refused::CredentialMismatch`].
    pub fn read(json: &[u8]) -> Result<Self, Refused> {
        let (id, response) = envelope::<EnrolResponse>(json)?;
        Ok(Self {
            id,
            client_data: part("clientDataJSON", &response.client_data, client::BYTES_MAX)?,
            attestation_object: part(
                "attestationObject",
                &response.attestation_object,
                authenticator::BYTES_MAX,
            )?,
        })
    }
}

impl ProofAnswer {
    /// Reads the JSON of an answer. Members that are not looked at are let be.
    ///
    /// # Errors
    /// As [`EnrolAnswer::read`].
    pub fn read(json: &[u8]) -> Result<Self, Refused> {
        let (id, response) = envelope::<ProofResponse>(json)?;
        let handle = response.user_handle.filter(|handle| !handle.is_empty());
        Ok(Self {
            id,
            client_data: part("clientDataJSON", &response.client_data, client::BYTES_MAX)?,
            authenticator_data: part(
                "authenticatorData",
                &response.authenticator_data,
                authenticator::BYTES_MAX,
            )?,
            signature: part("signature", &response.signature, SIGNATURE_MAX)?,
            user_handle: handle.map(|handle| part("userHandle", &handle, HANDLE_MAX)).transpose()?,
        })
    }
}

fn envelope<R: for<'de> Deserialize<'de>>(json: &[u8]) -> Result<(Vec<u8>, R), Refused> {
    if json.len() > BYTES_MAX {
        return Err(Refused::TooLong { part: "the answer", limit: BYTES_MAX });
    }
    let envelope: Envelope<R> = serde_json::from_slice(json).map_err(|_| Refused::Answer)?;
    if envelope.kind != "public-key" {
        return Err(Refused::CredentialType);
    }
    if envelope.id != envelope.raw_id {
        return Err(Refused::CredentialMismatch);
    }
    Ok((part("id", &envelope.id, authenticator::ID_MAX)?, envelope.response))
}

fn part(name: &'static str, text: &str, limit: usize) -> Result<Vec<u8>, Refused> {
    if text.len() > (limit * 4).div_ceil(3) {
        return Err(Refused::TooLong { part: name, limit });
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Base64(name))
}
