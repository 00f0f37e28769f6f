//! What an answer must say to be believed: from root's configuration, and from the request that was made.

use crate::certificate::Certificate;
use crate::decryption::DecryptionKey;

/// What is expected of an answer.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// The provider's entity id (`auth-saml-idp-entity-id`, or its metadata's).
    pub issuer: String,
    /// Its signing certificates (`auth-saml-idp-sign-cert-path`, or its metadata's): several while it changes its key.
    pub certificates: Vec<Certificate>,
    /// Our entity id: the audience.
    pub audience: String,
    /// Our address for answers, of `auth-saml-sp-base-uri` and `/saml/acs`: destination and recipient.
    pub recipient: String,
    /// The request that is answered.
    pub request: Request,
    /// What must be signed.
    pub signed: Signed,
    /// The format the subject's name must have (`auth-saml-sp-name-id-format`); `None` and "unspecified" take any.
    pub name_id_format: Option<String>,
    /// Keys for encrypted assertions (`auth-saml-sp-encryption-key-path`); empty when none is offered.
    pub decryption: Vec<DecryptionKey>,
}

/// Which request an answer must belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// The one with this id, which this browser made.
    Made(String),
    /// None: the provider began (`auth-saml-sso-initiation` is `idp` or `both`). An answer to any request is refused.
    Unsolicited,
}

/// What must be signed. Whatever signature is there must hold in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signed {
    /// The assertion, or the answer around it. The default: providers differ, and either covers the assertion.
    #[default]
    Either,
    /// The assertion itself.
    Assertion,
    /// The answer itself.
    Response,
}
