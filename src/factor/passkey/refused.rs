//! What failed, by name: for the audit log and the tests. Who is refused is told that the key was not accepted, no more.

use thiserror::Error;

use super::cbor::CborError;
use super::key::KeyRefused;

/// Longest text from outside that a refusal carries, in characters; it is printed with escapes.
const TEXT_MAX: usize = 128;

/// Why an answer of a browser and its authenticator is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refused {
    /// A part is longer than its limit.
    #[error("{part} is longer than {limit} bytes")]
    TooLong {
        /// Which part.
        part: &'static str,
        /// Its limit.
        limit: usize,
    },
    /// The answer is not the JSON that browsers give.
    #[error("the answer is not what a browser sends")]
    Answer,
    /// A part of it is not base64url without padding.
    #[error("{0} is not base64url")]
    Base64(&'static str),
    /// Not a `public-key` credential.
    #[error("the credential is not a public key")]
    CredentialType,
    /// The client data are not the JSON that browsers write.
    #[error("the client data are not JSON of the known form")]
    ClientData,
    /// Made for something else: enrolling is not proving.
    #[error("the client data are of type {0:?}")]
    Ceremony(String),
    /// The answer to another challenge, e.g. to an earlier one.
    #[error("the challenge is not the one that was given")]
    Challenge,
    /// The challenge is older than [`super::SECONDS`], or from the future.
    #[error("the challenge is too old")]
    Stale,
    /// Made on a page of somebody else.
    #[error("the origin is {0:?}")]
    Origin(String),
    /// Made in a frame of somebody else's page.
    #[error("the page stood in a frame of another origin")]
    CrossOrigin,
    /// Something is not the CBOR of an authenticator.
    #[error("{part} is not the CBOR of an authenticator")]
    Cbor {
        /// What.
        part: &'static str,
        /// Why.
        source: CborError,
    },
    /// The attestation object lacks one of its three members, or has one of another kind.
    #[error("the attestation object has not its three members")]
    AttestationObject,
    /// An attestation was made though none was asked for; its format.
    #[error("the attestation is {0:?}, not none")]
    Attestation(String),
    /// The format is none, but there is a statement.
    #[error("there is a statement where the attestation is none")]
    AttestationStatement,
    /// The authenticator's data end too early, or something follows them.
    #[error("the authenticator's data have the wrong length")]
    AuthenticatorData,
    /// Made for another relying party.
    #[error("the authenticator answered for another relying party")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("nobody was present at the authenticator")]
    UserPresent,
    /// The authenticator did not verify who touched it.
    #[error("the authenticator did not verify its user")]
    UserVerified,
    /// A credential that says it is copied, and that it can't be.
    #[error("the flags of backup contradict each other, or what was enrolled")]
    Backup,
    /// Enrolling, but there is no new credential.
    #[error("there is no credential to enrol")]
    NoCredential,
    /// Proving, but there is a new credential.
    #[error("there is a new credential in a proof")]
    UnexpectedCredential,
    /// The id is shorter than 16 or longer than 1023 bytes.
    #[error("a credential's id of {0} bytes")]
    CredentialLength(usize),
    /// The browser names another credential than the authenticator.
    #[error("the browser and the authenticator name different credentials")]
    CredentialMismatch,
    /// It is enrolled already.
    #[error("the credential is enrolled already")]
    AlreadyEnrolled,
    /// None of the account's credentials.
    #[error("the credential is none of the account's")]
    UnknownCredential,
    /// The authenticator has the credential under another account.
    #[error("the authenticator names another user")]
    UserHandle,
    /// The public key is not taken.
    #[error("the public key is not taken")]
    Key(#[from] KeyRefused),
    /// The signature does not hold.
    #[error("the signature does not hold")]
    Signature,
    /// The counter did not go up: there are two authenticators with one key, or an old answer came back.
    #[error("the counter went from {kept} to {seen}")]
    Counter {
        /// The last one that was accepted.
        kept: u32,
        /// The one that came.
        seen: u32,
    },
}

/// A text from outside, cut for a refusal.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}
