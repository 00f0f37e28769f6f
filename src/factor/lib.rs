//! Second factors: time-based codes, recovery codes, passkeys, and the seal under which their secrets are kept.
//!
//! Pure functions: time, randomness, keys and what is stored come in as parameters, the verdict and what is to be stored go
//! out as data. Nothing here opens a file, a socket or a clock, sends anything to a browser or decides whether a factor is
//! asked for; a refusal names what failed, for the audit log, and is never shown to who was refused.
//! Called by the process that owns the accounts' database. The launcher must not link it: it brings a C library.
#![forbid(unsafe_code)]

pub mod base32;
pub mod otpauth;
pub mod passkey;
pub mod qr;
pub mod random;
pub mod recovery;
pub mod seal;
pub mod totp;
