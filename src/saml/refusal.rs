//! Why an answer of an identity provider is refused: each failed rule by its name.
//!
//! For logs and the audit, not for the browser: who made the message up may be reading.

use thiserror::Error;

use crate::shown::Shown;
use crate::signature::SignatureError;
use crate::xml::XmlError;

/// What failed. Values come from the message and may be anything: as text they are shortened and escaped ([`Shown`]).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The form's field is no base64, or too long.
    #[error("the field `SAMLResponse` is no base64 of at most {0} bytes")]
    Encoding(usize),
    /// No XML that is looked at.
    #[error("the answer can't be read")]
    Xml(#[from] XmlError),
    /// The message is not a `Response`.
    #[error("the message is `{}`, not a SAML 2.0 `Response`", Shown(.0))]
    NoResponse(String),
    /// An element where the profile has none.
    #[error("the answer has `{0}` where none belongs")]
    Misplaced(&'static str),
    /// An element that stands twice, or not at all.
    #[error("the answer has {count} times `{name}`, it needs exactly one")]
    Count {
        /// The element.
        name: &'static str,
        /// How many there are.
        count: usize,
    },
    /// The provider says no: its status codes, the outer and the inner one.
    #[error("the identity provider answers `{}` `{}`", Shown(code), Shown(detail))]
    Status {
        /// The status, the last part of its URN.
        code: String,
        /// The second status, when there is one.
        detail: String,
    },
    /// No signature covers the assertion.
    #[error("no signature covers the assertion")]
    Unsigned,
    /// Configured to want the assertion's own signature, and it has none.
    #[error("the assertion itself is not signed")]
    AssertionUnsigned,
    /// Configured to want the answer's own signature, and it has none.
    #[error("the answer itself is not signed")]
    ResponseUnsigned,
    /// A signature that does not count.
    #[error("the signature does not count")]
    Signature(#[from] SignatureError),
    /// The encryption can't be undone, or not by what is offered.
    #[error("the encrypted assertion can't be opened: {0}")]
    Encryption(Encryption),
    /// Something missing or unreadable.
    #[error("`{0}` is missing or unreadable")]
    Missing(&'static str),
    /// Something that is read by nobody here and would change the meaning.
    #[error("`{}` is not offered", Shown(.0))]
    Unsupported(String),
    /// Another version than 2.0.
    #[error("the version is not 2.0")]
    Version,
    /// Another issuer than the configured provider.
    #[error("the issuer is `{}`", Shown(.0))]
    Issuer(String),
    /// Not for us.
    #[error("the assertion is for the audience `{}`", Shown(.0))]
    Audience(String),
    /// Sent to another address than ours.
    #[error("the answer was sent to `{}`", Shown(.0))]
    Destination(String),
    /// To be confirmed at another address than ours.
    #[error("the assertion is to be presented at `{}`", Shown(.0))]
    Recipient(String),
    /// The answer to another request.
    #[error("the answer is for the request `{}`, which is not the one that was made", Shown(.0))]
    InResponseTo(String),
    /// An answer without a request, where one was made or is needed.
    #[error("the answer names no request")]
    Unsolicited,
    /// Not valid yet.
    #[error("`{what}` begins {by} seconds from now")]
    TooEarly {
        /// The element that says it.
        what: &'static str,
        /// How many seconds too early, the allowed difference of clocks taken off.
        by: u64,
    },
    /// Not valid any more.
    #[error("`{what}` ended {by} seconds ago")]
    TooLate {
        /// The element that says it.
        what: &'static str,
        /// How many seconds too late, the allowed difference of clocks taken off.
        by: u64,
    },
    /// No bearer confirmation.
    #[error("the subject is not confirmed by `bearer`")]
    Confirmation,
    /// Another format of the name than the configured one.
    #[error("the subject's name has the format `{}`", Shown(.0))]
    NameIdFormat(String),
    /// An attribute that is wanted once with one value.
    #[error("the attribute `{}` has {count} values, it needs exactly one", Shown(name))]
    Attribute {
        /// Its name.
        name: String,
        /// How many values there are.
        count: usize,
    },
}

/// Why an encrypted assertion can't be opened. That a key or a tag was wrong is one case: telling them apart helps only who
/// tries keys.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Encryption {
    /// There is no key for it.
    #[error("no decryption key is configured")]
    NoKey,
    /// An algorithm that is not offered.
    #[error("the algorithm `{}` is not offered", Shown(.0))]
    Algorithm(String),
    /// CBC proves nothing about what it hides, so it is opened only below a signature.
    #[error(
        "`{0}` is opened only where the answer's own signature covers it; sign the answer, or encrypt with GCM"
    )]
    Unprotected(String),
    /// Something missing, twice there or unreadable.
    #[error("its `{0}` is missing, there twice or unreadable")]
    Part(&'static str),
    /// No key opens it, or it was changed.
    #[error("no configured key opens it")]
    Closed,
}
