//! The two ceremonies of the relying party (Web Authentication, sections 7.1 and 7.2), step by step.

use portcullis_model::AccountId;
use sha2::{Digest, Sha256};

use super::answer::{EnrolAnswer, ProofAnswer};
use super::authenticator::{AuthenticatorData, unattested};
use super::challenge::Challenge;
use super::client::{self, Ceremony};
use super::credential::Credential;
use super::refused::Refused;
use super::site::Site;

/// A proof that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proven {
    /// Which of the credentials that were given.
    pub at: usize,
    /// Its counter now, to be kept in the same transaction that lets the person in.
    pub counter: u32,
}

/// Checks a new credential at a time in seconds since 1970. `enrolled` are the ids that are known already.
///
/// # Errors
/// See [`Refused`].
pub fn enrol(
    challenge: Challenge,
    now: u64,
    site: &Site,
    enrolled: &[&[u8]],
    answer: &EnrolAnswer,
) -> Result<Credential, Refused> {
    client::check(&answer.client_data, Ceremony::Enrol, challenge, now, site)?;
    let data = AuthenticatorData::read(unattested(&answer.attestation_object)?)?;
    presence(&data, site)?;
    let AuthenticatorData { credential, counter, backup_eligible, .. } = data;
    let credential = credential.ok_or(Refused::NoCredential)?;
    if credential.id != answer.id {
        return Err(Refused::CredentialMismatch);
    }
    if enrolled.contains(&credential.id) {
        return Err(Refused::AlreadyEnrolled);
    }
    Ok(Credential { id: credential.id.to_vec(), key: credential.key, counter, backup_eligible })
}

/// Checks a proof at a time in seconds since 1970. `credentials` are the account's, and no others.
///
/// # Errors
/// See [`Refused`].
pub fn prove(
    challenge: Challenge,
    now: u64,
    site: &Site,
    account: AccountId,
    credentials: &[Credential],
    answer: &ProofAnswer,
) -> Result<Proven, Refused> {
    let at = credentials.iter().position(|kept| kept.id == answer.id).ok_or(Refused::UnknownCredential)?;
    let kept = &credentials[at];
    if answer.user_handle.as_ref().is_some_and(|handle| handle != account.as_bytes()) {
        return Err(Refused::UserHandle);
    }
    client::check(&answer.client_data, Ceremony::Prove, challenge, now, site)?;
    let data = AuthenticatorData::read(&answer.authenticator_data)?;
    presence(&data, site)?;
    if data.credential.is_some() {
        return Err(Refused::UnexpectedCredential);
    }
    if data.backup_eligible != kept.backup_eligible {
        return Err(Refused::Backup);
    }
    let hash = Sha256::digest(&answer.client_data);
    if !kept.key.verifies(&[&answer.authenticator_data[..], &hash].concat(), &answer.signature) {
        return Err(Refused::Signature);
    }
    // ORDER: after the signature, so that a counter is believed of the authenticator alone. An authenticator that never
    // counts stays at 0; one that did and stops is refused.
    if (data.counter, kept.counter) != (0, 0) && data.counter <= kept.counter {
        return Err(Refused::Counter { kept: kept.counter, seen: data.counter });
    }
    Ok(Proven { at, counter: data.counter })
}

/// What both ceremonies want of the authenticator.
fn presence(data: &AuthenticatorData<'_>, site: &Site) -> Result<(), Refused> {
    if data.rp_id_hash != Sha256::digest(site.id())[..] {
        return Err(Refused::RelyingParty);
    }
    if !data.user_present {
        return Err(Refused::UserPresent);
    }
    if !data.user_verified {
        return Err(Refused::UserVerified);
    }
    if data.backed_up && !data.backup_eligible {
        return Err(Refused::Backup);
    }
    Ok(())
}
