//! The accepting side of Kerberos: what a browser sends as `Negotiate` goes in, a principal comes out.
//!
//! The work is MIT's libgssapi_krb5, found by `dlopen` at run time: machines without Kerberos need not have it, and nothing of
//! it is mapped into other processes. It is C that parses what strangers send, so only a process of its own calls this, one
//! token each, without network or privilege ([`accept()`] needs the key table, the replay cache's folder and `krb5.conf`).
//! [`Library::open`] belongs before that process is confined.
//!
//! It must not decide who may sign in: it says whose ticket it was. [`principal::user`] is the rule that makes a name of it.
//! One of the crates where `unsafe` is allowed: [`library`] alone has it, and each block says why it is sound.
#![deny(unsafe_code)]

mod accept;
mod failure;
mod library;
pub mod offer;
pub mod principal;
#[cfg(test)]
mod tests;

pub use accept::{Accepted, Mechanism, Request, TOKEN_MAX, accept};
pub use failure::{Reason, TicketError};
pub use library::Library;
