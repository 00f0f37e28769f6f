//! What a sign-in is, and the ways it can fail.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Gid, SignInId, Uid, UserName};

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
            Self::Credentials | Self::Account | Self::NotPermitted | Self::BadName | Self::Cancelled => {
                PublicDenial::Refused
            }
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
}
