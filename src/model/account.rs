//! Accounts and roles: who somebody is to us, whichever method said so.
//!
//! An account is an identity (`provider`, `unique id`) that maps to one Unix account. Names change, the identity doesn't.
//! What a role may do stands in [`crate::permission`], how a role is found in [`crate::role_rule`].

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::factor::FactorNeed;
use crate::{AccountId, GroupId, UserName};

/// Longest provider, in bytes: the longest issuer or entity id is an address of 1024 bytes (SAML core 8.3.6), and a prefix.
pub const PROVIDER_MAX: usize = 1100;
/// Longest unique id, in bytes: a distinguished name is the longest that is used as one.
pub const UNIQUE_MAX: usize = 1024;
/// Longest name, address or display name, in bytes: what RFC 5321 allows an address, and more than a name needs.
pub const PROFILE_MAX: usize = 320;

/// Why a text is no role, provider or unique id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccountError {
    /// None of the three roles.
    #[error("`{0}` is none of viewer, publisher, administrator")]
    Role(String),
    /// None of the four kinds of provider, or without its name.
    #[error("`{0}` is none of system, ldap:SECTION, openid:ISSUER, saml:ENTITY")]
    Provider(String),
    /// Empty, too long or not base64.
    #[error("a unique id is base64 of 1 to {UNIQUE_MAX} bytes")]
    Unique,
}

/// What somebody may do at the most. The order is that of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sees what is shown to them.
    Viewer,
    /// Brings content and looks after it.
    Publisher,
    /// Looks after people, roles and settings.
    Administrator,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Publisher, Self::Administrator];

    /// Its word in options, the database and the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Publisher => "publisher",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Role {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.word() == text)
            .ok_or_else(|| AccountError::Role(text.to_owned()))
    }
}

/// Who keeps the identity. A unique id means something within its provider only.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Provider {
    /// The machine's name service; the unique id is the uid as text. PAM, Kerberos, the proxy's header and `auth-none`.
    System,
    /// A directory: the section of `ldap.conf`.
    Ldap(String),
    /// An OpenID provider: its issuer.
    OpenId(String),
    /// A SAML identity provider: its entity id.
    Saml(String),
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Ldap(section) => write!(f, "ldap:{section}"),
            Self::OpenId(issuer) => write!(f, "openid:{issuer}"),
            Self::Saml(entity) => write!(f, "saml:{entity}"),
        }
    }
}

impl FromStr for Provider {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || AccountError::Provider(text.chars().take(80).collect());
        if text == "system" {
            return Ok(Self::System);
        }
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        if name.is_empty() || text.len() > PROVIDER_MAX || name.chars().any(char::is_control) {
            return Err(wrong());
        }
        match kind {
            "ldap" => Ok(Self::Ldap(name.to_owned())),
            "openid" => Ok(Self::OpenId(name.to_owned())),
            "saml" => Ok(Self::Saml(name.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Provider {
    type Error = AccountError;

    fn try_from(text: String) -> Result<Self, AccountError> {
        text.parse()
    }
}

impl From<Provider> for String {
    fn from(provider: Provider) -> Self {
        provider.to_string()
    }
}

/// What the provider calls the person for ever: raw bytes (an objectGUID, an entryUUID, a `sub`, a uid as text).
///
/// People read and type it as base64, as the database of Connect has it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct UniqueId(Vec<u8>);

impl UniqueId {
    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Vec<u8>> for UniqueId {
    type Error = AccountError;

    fn try_from(bytes: Vec<u8>) -> Result<Self, AccountError> {
        if bytes.is_empty() || bytes.len() > UNIQUE_MAX { Err(AccountError::Unique) } else { Ok(Self(bytes)) }
    }
}

impl From<UniqueId> for Vec<u8> {
    fn from(id: UniqueId) -> Self {
        id.0
    }
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(&self.0))
    }
}

impl fmt::Debug for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for UniqueId {
    type Err = AccountError;

    fn from_str(text: &str) -> Result<Self, AccountError> {
        Self::try_from(STANDARD.decode(text).map_err(|_| AccountError::Unique)?)
    }
}

/// Who somebody is: the key by which an account is found at a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// Who keeps it.
    pub provider: Provider,
    /// What the provider calls it.
    pub unique: UniqueId,
}

/// What a provider tells about a person besides the name. Empty where it tells nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
    /// Mail address.
    pub email: String,
    /// How pages name the person; pages fall back to the user name.
    pub display: String,
}

/// A group as a provider names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupRef {
    /// Its name, e.g. the `cn`.
    pub name: String,
    /// What the provider calls it for ever (raw bytes of a GUID, a distinguished name), if it says so.
    pub unique: Option<UniqueId>,
    /// Its distinguished name, if it comes from a directory.
    pub dn: Option<String>,
}

/// Why a role is what it is: shown by `users list --reason` and `ldap test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleReason {
    /// Which rule decided.
    pub rule: RoleRule,
    /// The group or the attribute's value that matched; empty where none was looked at.
    pub value: String,
    /// Where the rule stands: `file:line`, or who gave the role; empty where neither applies.
    pub place: String,
}

impl fmt::Display for RoleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule.word())?;
        if !self.value.is_empty() {
            write!(f, " `{}`", self.value)?;
        }
        if !self.place.is_empty() {
            write!(f, " ({})", self.place)?;
        }
        Ok(())
    }
}

/// The rules by which a role comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleRule {
    /// The first account of a server is its administrator.
    FirstAccount,
    /// A group is on one of the lists (`user-role-mapping=groups`).
    Group,
    /// A value of the role attribute is on one of the lists, or is a role's name (`user-role-mapping=attribute`).
    Attribute,
    /// Nothing matched: `default-user-role`.
    Default,
    /// A person gave it (`users add`, `users alter`, an administrator's page or key).
    Given,
}

impl RoleRule {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Self; 5] = [Self::FirstAccount, Self::Group, Self::Attribute, Self::Default, Self::Given];

    /// Its word in the database and in lists.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FirstAccount => "first-account",
            Self::Group => "group",
            Self::Attribute => "attribute",
            Self::Default => "default",
            Self::Given => "given",
        }
    }

    /// The rule of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.word() == word)
    }
}

/// A lock: no sign-in, no key, no session until it is taken away. What the person owns stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// Since when, in milliseconds since 1970.
    pub at: u64,
    /// Who locked it: a user name, `root`, or `portcullis` with the reason.
    pub by: String,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Names it for ever; never given twice.
    pub id: AccountId,
    /// The number of lists and the audit log (`--user-id`): counted up from 1.
    pub number: u64,
    /// Who it is.
    pub identity: Identity,
    /// What the provider calls the person today, as typed at sign-in: may have characters that a Unix name has not.
    pub username: String,
    /// The Unix account. One live account per Unix name.
    pub unix: UserName,
    /// Names and address.
    pub profile: Profile,
    /// What the person may do at the most.
    pub role: Role,
    /// Why it is that role.
    pub role_reason: RoleReason,
    /// True when a person gave the role, or the first account has it: sign-ins and the sync leave it as it is.
    pub role_fixed: bool,
    /// The lock, if there is one.
    pub locked: Option<Lock>,
    /// Made when, in milliseconds since 1970.
    pub created: u64,
    /// Last sign-in, in milliseconds since 1970; none for an account made beforehand.
    pub last_sign_in: Option<u64>,
    /// Counts up at each change that may take rights away; what was granted under an older one is judged anew.
    pub epoch: u32,
    /// The groups its provider named at the last sign-in or sync, by name. For roles and permitted groups; for flags only with
    /// `provider-groups=1`.
    pub groups: Vec<GroupRef>,
    /// Groups of our own that it is a member of.
    pub own_groups: Vec<GroupId>,
    /// Whether a second factor is asked for, and whether one is enrolled.
    pub factors: FactorNeed,
    /// When it was removed, in milliseconds since 1970. A removed account is kept for lists of the past only.
    pub removed: Option<u64>,
}

impl Account {
    /// True when it may be used: neither locked nor removed.
    pub const fn live(&self) -> bool {
        self.locked.is_none() && self.removed.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_have_an_order_and_one_spelling() {
        assert!(Role::Viewer < Role::Publisher && Role::Publisher < Role::Administrator);
        for role in Role::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for bad in ["", "Viewer", "admin", "root"] {
            assert_eq!(bad.parse::<Role>(), Err(AccountError::Role(bad.to_owned())));
        }
        for rule in RoleRule::ALL {
            assert_eq!(RoleRule::of_word(rule.word()), Some(rule));
        }
    }

    #[test]
    fn providers_read_as_they_are_written() {
        for text in ["system", "ldap:corp", "openid:https://idp.example.test/", "saml:urn:example:idp"] {
            assert_eq!(text.parse::<Provider>().expect(text).to_string(), text);
        }
        for bad in ["", "pam", "ldap:", "ldap", "openid:\n", "system:"] {
            assert!(bad.parse::<Provider>().is_err(), "{bad:?}");
        }
        assert!(format!("openid:{}", "x".repeat(PROVIDER_MAX)).parse::<Provider>().is_err());
    }

    #[test]
    fn unique_ids_are_bytes_and_read_as_base64() {
        let id = UniqueId::try_from(vec![0, 255, 10]).expect("three bytes");
        assert_eq!(id.to_string(), "AP8K");
        assert_eq!("AP8K".parse(), Ok(id));
        for bad in ["", "AP8", "AP8K ", "???"] {
            assert_eq!(bad.parse::<UniqueId>(), Err(AccountError::Unique), "{bad:?}");
        }
        assert_eq!(UniqueId::try_from(vec![1; UNIQUE_MAX + 1]), Err(AccountError::Unique));
    }
}
