//! SAML 2.0 as a service provider needs it, and no more of it: bytes in, an [`Assertion`] or a named [`Refusal`] out.
//!
//! Pure: no network, no file, no clock; the time is a parameter, random numbers are taken for [`fresh_id`] and for signing
//! alone. Strict where the standard is wide: one assertion, signatures at two places, one canonical form, keys of the
//! configuration only. What was signed is parsed anew from the very bytes whose digest was compared.
//!
//! Called by the process that opens answers, which has neither network nor files: [`decode`], then [`verify`]; and by the
//! one that reads configurations: [`Metadata::parse`], [`ServiceProvider::metadata`], [`AuthnRequest::redirect_url`].
//! Whether an assertion was seen before is the caller's to know: [`Assertion::id`], [`Assertion::spent_until`].
#![forbid(unsafe_code)]

mod algorithm;
mod assertion;
mod canonical;
mod certificate;
mod conditions;
mod decryption;
mod der;
mod expectation;
mod instant;
mod limits;
mod metadata;
pub mod parts;
mod provider;
mod refusal;
mod request;
mod response;
mod shown;
mod sign;
mod signature;
mod xml;

pub use assertion::{Assertion, Attribute, NameId};
pub use certificate::{Certificate, CertificateError};
pub use decryption::DecryptionKey;
pub use expectation::{Expectation, Request, Signed};
pub use instant::SKEW;
pub use limits::{METADATA_MAX, RESPONSE_MAX};
pub use metadata::{Metadata, MetadataError};
pub use provider::ServiceProvider;
pub use refusal::{Encryption, Refusal};
pub use request::{AuthnRequest, RELAY_STATE_MAX, RequestError, URL_MAX, fresh_id};
pub use response::{decode, verify};
pub use sign::{KeyError, SigningError, SigningKey, SigningMethod};
pub use signature::SignatureError;
pub use xml::XmlError;
