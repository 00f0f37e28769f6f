//! What a sign-in is, and the ways it can fail.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::account::Role;
use crate::factor::FactorKind;
use crate::proof::MethodName;
use crate::{AccountId, Gid, SignInId, Uid, UserName};

/// Most characters kept of what a browser calls itself: those of today need 80 to 140.
pub const AGENT_MAX: usize = 160;

/// Who an account is, as the name service answered when the sign-in succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// Canonical name (what passwd says, not what was typed).
    pub user: UserName,
    /// Its number; never 0.
    pub uid: Uid,
    /// Primary group.
    pub gid: Gid,
    /// Names of all groups, for profiles, flags and `auth-required-user-group`.
    pub groups: Vec<String>,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A sign-in that the launcher saw succeed and that is still valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// What the cookie carries and a revocation names.
    pub id: SignInId,
    /// Who signed in.
    pub principal: Principal,
    /// From where.
    pub remote: IpAddr,
    /// When, in seconds since 1970.
    pub since: u64,
    /// Until when at the latest unless a person's act moves it, in seconds since 1970.
    pub until: u64,
    /// Their account; none of a sign-in of before there were accounts.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// What they may do at the most.
    #[serde(default = "least")]
    pub role: Role,
    /// By which method.
    #[serde(default = "pam")]
    pub method: MethodName,
    /// What the browser called itself, printable and at most [`AGENT_MAX`] characters. Anybody may call itself anything.
    #[serde(default)]
    pub agent: String,
    /// When a person acted last, in seconds since 1970, to about a minute.
    #[serde(default)]
    pub seen: u64,
    /// What came of the second factor.
    #[serde(default)]
    pub second: Second,
    /// The end that its provider gave, in seconds since 1970, which no act moves. For the launcher alone: a server is told of an end
    /// when it comes.
    #[serde(skip)]
    pub ends: Option<u64>,
}

/// What came of a second factor at a sign-in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Second {
    /// None was asked for.
    #[default]
    NotAsked,
    /// One was proven.
    Proven(FactorKind),
    /// One is needed and none is enrolled: the sign-in is good for nothing but to enrol one.
    ToEnrol,
    /// It was enrolled within the sign-in.
    Enrolled,
}

impl Second {
    /// Its word in the audit log and the database; empty where none was asked for.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotAsked => "",
            Self::Proven(kind) => kind.word(),
            Self::ToEnrol => "to-enrol",
            Self::Enrolled => "enrolled",
        }
    }
}

/// The role of a sign-in of before there were roles.
const fn least() -> Role {
    Role::Viewer
}

/// The method of a sign-in of before there were others.
const fn pam() -> MethodName {
    MethodName::Pam
}

impl SignIn {
    /// One as PAM lets people in who have no account yet, from this address between these moments.
    pub fn of(id: SignInId, principal: Principal, remote: IpAddr, (since, until): (u64, u64)) -> Self {
        let (account, role, method) = (None, least(), pam());
        let (agent, seen, second, ends) = (String::new(), since, Second::NotAsked, None);
        Self { id, principal, remote, since, until, account, role, method, agent, seen, second, ends }
    }

    /// Whether it is good for nothing but to enrol a second factor.
    pub fn is_limited(&self) -> bool {
        self.second == Second::ToEnrol
    }
}

/// Why nobody was let in. For the audit log and the administrator; a browser sees [`Denied::public`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Denied {
    /// Unknown account or wrong password or code: PAM doesn't say which, and neither do we.
    Credentials,
    /// The account or its password is expired or locked.
    Account,
    /// The account is fine, but not for this service: group, minimum uid, root.
    NotPermitted,
    /// The name is not a name.
    BadName,
    /// Too many attempts of this name or address, or too many sign-ins under way.
    Throttled,
    /// No answer within the deadline, from the person or from a PAM module.
    Deadline,
    /// The person went back.
    Cancelled,
    /// PAM or the helper broke.
    System,
    /// An administrator lets nobody in at the moment.
    Offline,
    /// The second factor was not right.
    Factor,
}

/// What a browser is told. Three answers only, so that accounts can't be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublicDenial {
    /// "User name or password is wrong, or this account may not sign in here."
    Refused,
    /// "Too many attempts; wait and try again."
    Busy,
    /// "Sign-in does not work at the moment; the administrator finds the reason under this id."
    Unavailable,
}

impl Denied {
    /// What a browser may know of it.
    pub const fn public(self) -> PublicDenial {
        match self {
            Self::Credentials
            | Self::Account
            | Self::NotPermitted
            | Self::BadName
            | Self::Cancelled
            | Self::Factor => PublicDenial::Refused,
            Self::Throttled => PublicDenial::Busy,
            Self::Deadline | Self::System | Self::Offline => PublicDenial::Unavailable,
        }
    }
}

/// Why a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignInEnd {
    /// The person signed out.
    SignedOut,
    /// Idle longer than `auth-timeout-minutes`, or past its longest life.
    Expired,
    /// An administrator revoked it.
    Revoked,
    /// Its account was locked or removed, or is another's now.
    Account,
}
