//! Passkeys as a second factor: the relying party's half of Web Authentication (W3C, Level 2 and the parts of Level 3 that
//! browsers send).
//!
//! A key is enrolled ([`enrol`]) after a sign-in and proven ([`prove`]) at later ones, never alone: there is no sign-in
//! without the first factor, so credentials need not be discoverable and who the person is comes from the account, not from
//! the browser. Of attestation there is `none`: who made the key is not asked for, and nothing of the kind is verified.
//!
//! What comes from a browser goes through in one order: [`EnrolAnswer::read`] or [`ProofAnswer::read`] (JSON, bounded), then
//! the function, which consumes the [`Challenge`]; a refusal is a [`Refused`] that names what failed.

pub mod answer;
pub mod authenticator;
pub mod cbor;
mod challenge;
mod client;
mod credential;
pub mod key;
mod options;
mod refused;
mod site;
#[cfg(test)]
mod tests;
mod verify;

pub use answer::{EnrolAnswer, ProofAnswer};
pub use challenge::{CHALLENGE_BYTES, Challenge, SECONDS};
pub use credential::{Credential, KeptError};
pub use key::{Algorithm, KeyRefused, PublicKey};
pub use options::{Person, enrol_options, prove_options};
pub use refused::Refused;
pub use site::{Site, SiteError};
pub use verify::{Proven, enrol, prove};
