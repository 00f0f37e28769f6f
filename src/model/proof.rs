//! What a sign-in method is given ([`Evidence`]) and what it answers ([`Proven`] or [`Failure`]).
//!
//! Both cross channels: the server collects evidence, the launcher hands it on unread, a process that the launcher started
//! examines it. So everything here is data with a limit beside it; the receiving end calls [`Evidence::check`] and
//! [`Proven::check`] before it believes a size. Nothing here examines a password, a token or a signature.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::Secret;
use crate::account::{GroupRef, Profile, Provider, UniqueId};

mod failure;
mod step;

pub use failure::Failure;
pub use step::{BindAs, SHOWN_MAX, Shown, Step};

/// Longest name that is taken from a form or a header, in bytes: more than any directory has, less than a page of log.
pub const NAME_MAX: usize = 1024;
/// Longest password or code of a form, in bytes: PAM's own `PAM_MAX_RESP_SIZE` is 512, directories take more.
pub const PASSWORD_MAX: usize = 4 * 1024;
/// Longest authorization code, nonce, verifier or redirect URI (RFC 6749 sets none; providers stay below 2 KiB).
pub const CODE_MAX: usize = 4 * 1024;
/// Longest Negotiate token: Kerberos' own limit (`MaxTokenSize` of Windows is 48,000 bytes, 64 KiB with its frame).
pub const TOKEN_MAX: usize = 64 * 1024;
/// Longest SAML response, decoded; with its frame it still fits one message of a channel (128 KiB).
pub const RESPONSE_MAX: usize = 96 * 1024;
/// Most groups of one person: a Windows token holds 1,015. More is an error and never a shortened list, because the group
/// that is left out may be the one that restricts.
pub const GROUPS_MAX: usize = 1024;
/// Most bytes of a [`Proven`] or a [`Membership`], so that it fits one message of a channel (128 KiB).
pub const PROVEN_MAX: usize = 112 * 1024;
/// Most values of a role attribute that are looked at: more is a directory's mistake.
pub const ROLE_VALUES_MAX: usize = 64;

/// The ways to sign in. The word is the one of configuration, audit log and command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MethodName {
    /// A form, examined by the PAM stack.
    Pam,
    /// A form, examined by a directory (RFC 4511).
    Ldap,
    /// OpenID Connect's code flow.
    Openid,
    /// SAML 2.0's browser profile.
    Saml,
    /// Negotiate (RFC 4559).
    Kerberos,
    /// A header of a proxy in front.
    Proxy,
    /// One account for everybody on this machine.
    None,
}

impl MethodName {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Pam, Self::Ldap, Self::Openid, Self::Saml, Self::Kerberos, Self::Proxy, Self::None];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pam => "pam",
            Self::Ldap => "ldap",
            Self::Openid => "openid",
            Self::Saml => "saml",
            Self::Kerberos => "kerberos",
            Self::Proxy => "proxy",
            Self::None => "none",
        }
    }
}

impl fmt::Display for MethodName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The shapes of evidence; each method takes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// [`Evidence::Form`].
    Form,
    /// [`Evidence::Code`].
    Code,
    /// [`Evidence::Response`].
    Response,
    /// [`Evidence::Ticket`].
    Ticket,
    /// [`Evidence::Header`].
    Header,
    /// [`Evidence::Nothing`].
    Nothing,
}

/// What a person brought. Whoever hands it on does not look into it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Evidence {
    /// A typed name and password: PAM's or a directory's, as the configuration says.
    Form {
        /// As it was typed.
        user: String,
        /// As it was typed; may be empty, which a directory's method refuses before any traffic.
        password: Secret,
    },
    /// The way back from an OpenID provider.
    Code {
        /// The authorization code.
        code: Secret,
        /// What the ID token must carry.
        nonce: Secret,
        /// PKCE's verifier (RFC 7636).
        verifier: Secret,
        /// The redirect URI that was sent; the token endpoint compares it.
        redirect_uri: String,
        /// The parameter `iss` of the way back (RFC 9207), when it was there.
        issuer: Option<String>,
        /// Since when the person must have proven who they are there, in seconds since 1970; none: whenever it was.
        proven_since: Option<u64>,
    },
    /// A POST from a SAML provider.
    Response {
        /// `SAMLResponse`, decoded from base64.
        response: Secret,
        /// The request that it must answer; none for one that the provider began.
        in_response_to: Option<String>,
        /// The address that it was sent to (`Recipient`, `Destination`).
        recipient: String,
        /// Since when the person must have proven who they are there, in seconds since 1970; none: whenever it was.
        proven_since: Option<u64>,
    },
    /// The token of `Authorization: Negotiate`, decoded from base64.
    Ticket {
        /// The token.
        token: Secret,
    },
    /// What a proxy in front asserted. Nothing proves it but the address that it came from.
    Header {
        /// The header's value.
        user: String,
        /// The proxy.
        peer: IpAddr,
    },
    /// Nothing at all (`auth-none`).
    Nothing,
}

/// A piece of evidence, a name or a result is larger than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{what} has a size of {has}, at most {max} is taken")]
pub struct TooLarge {
    /// What it is.
    pub what: &'static str,
    /// What it has, in bytes or entries.
    pub has: usize,
    /// The limit.
    pub max: usize,
}

const fn fits(what: &'static str, has: usize, max: usize) -> Result<(), TooLarge> {
    if has > max { Err(TooLarge { what, has, max }) } else { Ok(()) }
}

impl Evidence {
    /// Its shape.
    pub const fn kind(&self) -> EvidenceKind {
        match self {
            Self::Form { .. } => EvidenceKind::Form,
            Self::Code { .. } => EvidenceKind::Code,
            Self::Response { .. } => EvidenceKind::Response,
            Self::Ticket { .. } => EvidenceKind::Ticket,
            Self::Header { .. } => EvidenceKind::Header,
            Self::Nothing => EvidenceKind::Nothing,
        }
    }

    /// Whether every part of it is within its limit.
    ///
    /// # Errors
    /// The first part that is not; it is neither examined nor handed on.
    pub fn check(&self) -> Result<(), TooLarge> {
        match self {
            Self::Form { user, password } => {
                fits("the name", user.len(), NAME_MAX)?;
                fits("the password", password.len(), PASSWORD_MAX)
            }
            Self::Code { code, nonce, verifier, redirect_uri, issuer, .. } => {
                fits("the code", code.len(), CODE_MAX)?;
                fits("the nonce", nonce.len(), CODE_MAX)?;
                fits("the verifier", verifier.len(), CODE_MAX)?;
                fits("the redirect URI", redirect_uri.len(), CODE_MAX)?;
                fits("the issuer", issuer.as_ref().map_or(0, String::len), CODE_MAX)
            }
            Self::Response { response, in_response_to, recipient, .. } => {
                fits("the response", response.len(), RESPONSE_MAX)?;
                fits("the request's id", in_response_to.as_ref().map_or(0, String::len), NAME_MAX)?;
                fits("the recipient", recipient.len(), CODE_MAX)
            }
            Self::Ticket { token } => fits("the token", token.len(), TOKEN_MAX),
            Self::Header { user, .. } => fits("the name", user.len(), NAME_MAX),
            Self::Nothing => Ok(()),
        }
    }
}

/// What a redirect to a provider carries, made by the server before it sends somebody away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flow {
    /// Comes back unchanged; binds the way back to this browser (`state`, `RelayState`).
    pub state: String,
    /// What the ID token must carry.
    pub nonce: String,
    /// PKCE's challenge, `S256` of the verifier, in base64url.
    pub challenge: String,
    /// Where the provider sends the browser back to.
    pub redirect_uri: String,
    /// Whether the person must prove who it is again, not by the provider's own cookie (`prompt=login`, `ForceAuthn`).
    pub anew: bool,
}

/// Where somebody is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// The provider's address with everything of [`Flow`] in it.
    pub url: String,
    /// What is posted there as `SAMLRequest`, where the provider takes requests so (`auth-saml-idp-post-binding`), beside the
    /// flow's state as `RelayState`; none for a redirect.
    pub form: Option<String>,
    /// The request's id, which the answer must name (SAML).
    pub request: Option<String>,
}

/// What a provider says of a person besides the name. `None` where nothing was configured, so that people may fill it in
/// themselves; an empty text where it is the provider's to say and it says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// First name.
    pub first: Option<String>,
    /// Last name.
    pub last: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Values of the attribute or claim that roles are mapped from, in the provider's order.
    pub role_values: Vec<String>,
}

/// Who somebody is, proven by a method. The Unix account is looked up afterwards, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// Whose word it is.
    pub provider: Provider,
    /// What names the person for ever at that provider.
    pub unique: UniqueId,
    /// The name at that provider, before rewriting rules.
    pub user: String,
    /// What else is known.
    pub attributes: Attributes,
    /// All groups of the person there.
    pub groups: Vec<GroupRef>,
    /// Until when the provider vouches for it, in seconds since 1970; none: as long as our own limits say.
    pub until: Option<u64>,
    /// Whether an account is made when there is none (`register-on-first-login`).
    pub register: bool,
}

/// What a provider says of a known person later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The name there now; a rename arrives so.
    pub user: String,
    /// What else is known now.
    pub attributes: Attributes,
    /// All groups now.
    pub groups: Vec<GroupRef>,
}

impl Attributes {
    /// As an account keeps them; what the provider doesn't govern is empty.
    pub fn profile(&self) -> Profile {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (first, last) = (text(&self.first), text(&self.last));
        let display = format!("{first} {last}").trim().to_owned();
        Profile { first, last, email: text(&self.email), display }
    }

    fn bytes(&self) -> usize {
        let one = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let roles: usize = self.role_values.iter().map(String::len).sum();
        one(&self.first) + one(&self.last) + one(&self.email) + roles
    }
}

/// Bytes that a group takes in a message; the 12 are the lengths and marks before its parts.
fn group_bytes(group: &GroupRef) -> usize {
    let unique = group.unique.as_ref().map_or(0, |id| id.as_bytes().len());
    unique + group.name.len() + group.dn.as_ref().map_or(0, String::len) + 12
}

fn check_parts(
    user: &str,
    attributes: &Attributes,
    groups: &[GroupRef],
    rest: usize,
) -> Result<(), TooLarge> {
    fits("the name", user.len(), NAME_MAX)?;
    if groups.len() > GROUPS_MAX {
        return Err(TooLarge { what: "the list of groups", has: groups.len(), max: GROUPS_MAX });
    }
    let all = user.len() + attributes.bytes() + groups.iter().map(group_bytes).sum::<usize>() + rest;
    fits("what is known of the person", all, PROVEN_MAX)
}

impl Proven {
    /// Whether it is within the limits.
    ///
    /// # Errors
    /// What is too large: the sign-in fails, nothing is shortened.
    pub fn check(&self) -> Result<(), TooLarge> {
        let identity = self.unique.as_bytes().len() + self.provider.to_string().len();
        check_parts(&self.user, &self.attributes, &self.groups, identity)
    }
}

impl Membership {
    /// As [`Proven::check`].
    ///
    /// # Errors
    /// What is too large: nothing of it is applied.
    pub fn check(&self) -> Result<(), TooLarge> {
        check_parts(&self.user, &self.attributes, &self.groups, 0)
    }
}

#[cfg(test)]
mod tests;
