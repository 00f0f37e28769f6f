//! Sign-in methods that ask a network: what a person brought becomes [`Proven`] or a [`Failure`].
//!
//! A method examines evidence, and nothing else: it opens no file (certificates and secrets are handed to it as bytes), knows
//! no Unix account, no session and no database, and decides nothing about roles. It runs in a process of its own without
//! privileges (`portcullis-identity`, role `ask`), never in root's and never in the web server.
//! A new method is one module and one row of [`METHODS`].
#![forbid(unsafe_code)]

use std::future::Future;

use portcullis_model::account::Identity;
use portcullis_model::proof::{Begin, Evidence, Failure, Flow, Membership, MethodName, Proven};

pub mod http;
pub mod ldap;
pub mod openid;
pub mod saml;
pub mod setup;
pub mod table;
pub mod told;

pub use setup::{Configured, SetupError};
pub use table::{METHODS, Row, Where};
pub use told::Told;

/// A way to prove who somebody is.
///
/// Futures are `Send`, so that the caller may run several proofs side by side; each is dropped at the caller's deadline, and a
/// method holds nothing that must be ended in order.
pub trait Method: Send + Sync {
    /// Which one it is.
    fn name(&self) -> MethodName;

    /// Where to send somebody who wants to sign in; methods of a form answer [`Failure::Unsupported`].
    ///
    /// # Errors
    /// Why nobody can be sent anywhere.
    fn begin(&self, flow: &Flow, told: &mut Told) -> impl Future<Output = Result<Begin, Failure>> + Send;

    /// Examines evidence. It is checked against its limits here again.
    ///
    /// # Errors
    /// Why it proves nothing.
    fn prove(
        &self,
        evidence: Evidence,
        told: &mut Told,
    ) -> impl Future<Output = Result<Proven, Failure>> + Send;

    /// What the provider says of a known person now; [`Failure::Unsupported`] where it can't be asked: groups then stay those of
    /// the sign-in.
    ///
    /// # Errors
    /// [`Failure::Gone`], [`Failure::Locked`] and [`Failure::Expired`] are answers; every other one says nothing about the
    /// person.
    fn members(
        &self,
        who: &Identity,
        told: &mut Told,
    ) -> impl Future<Output = Result<Membership, Failure>> + Send;
}
