//! Rows of the account's page: sign-ins that live, those that are over, who looked.

use portcullis_model::proof::MethodName;
use portcullis_model::sign_in::SignInEnd;

use super::browser;
use crate::when;

/// A sign-in of one's own.
#[derive(Debug, Clone)]
pub struct OwnSignIn {
    /// What the form names it by.
    pub id: String,
    /// From where.
    pub remote: String,
    /// What the browser called itself.
    pub agent: String,
    /// By which method.
    pub method: MethodName,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// When they acted last, in seconds since 1970.
    pub seen: u64,
    /// Its end without another act, in seconds since 1970.
    pub until: u64,
    /// Whether it is the one that looks.
    pub own: bool,
    /// Whether only another machine knows it.
    pub elsewhere: bool,
}

/// A sign-in that is over.
#[derive(Debug, Clone)]
pub struct PastSignIn {
    /// From where.
    pub remote: String,
    /// What the browser called itself.
    pub agent: String,
    /// The word of its method.
    pub method: String,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// Until when, in seconds since 1970.
    pub ended: u64,
    /// Why it ended.
    pub why: SignInEnd,
}

/// Somebody looked at a session, or ended it.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Which; empty where everything of the person was meant.
    pub session: String,
    /// Who.
    pub by: String,
    /// The word of what they did.
    pub what: String,
    /// When, in seconds since 1970.
    pub at: u64,
}

impl OwnSignIn {
    pub(super) fn browser(&self) -> String {
        browser(&self.agent)
    }

    pub(super) const fn by(&self) -> &'static str {
        by(self.method)
    }

    pub(super) fn since_at(&self) -> String {
        when::rfc3339(self.since)
    }

    pub(super) fn seen_at(&self) -> String {
        when::rfc3339(self.seen)
    }

    pub(super) fn until_at(&self) -> String {
        when::rfc3339(self.until)
    }
}

impl PastSignIn {
    pub(super) fn browser(&self) -> String {
        browser(&self.agent)
    }

    pub(super) fn since_at(&self) -> String {
        when::rfc3339(self.since)
    }

    pub(super) fn since_clock(&self) -> String {
        when::clock(self.since)
    }

    pub(super) fn ended_at(&self) -> String {
        when::rfc3339(self.ended)
    }

    pub(super) fn ended_clock(&self) -> String {
        when::clock(self.ended)
    }

    pub(super) fn by(&self) -> &str {
        let method = MethodName::ALL.into_iter().find(|method| method.word() == self.method);
        match method {
            Some(method) => by(method),
            None => &self.method,
        }
    }

    pub(super) const fn why(&self) -> &'static str {
        match self.why {
            SignInEnd::SignedOut => "you signed out",
            SignInEnd::Expired => "its time was over",
            SignInEnd::Revoked => "an administrator ended it",
            SignInEnd::Account => "the account was locked or changed",
        }
    }
}

impl Looked {
    pub(super) fn at_time(&self) -> String {
        when::rfc3339(self.at)
    }

    pub(super) fn at_clock(&self) -> String {
        when::clock(self.at)
    }

    /// What they did, as a sentence goes on. Words of another version are shown as they are.
    pub(super) fn did(&self) -> &str {
        match self.what.as_str() {
            "looked" => "looked at",
            "records" => "searched the records of",
            "explained" => "asked why it runs:",
            "ended" => "ended",
            "suspended" => "suspended",
            "killed" => "killed",
            "revoked" => "revoked everything of yours:",
            "sign-in-ended" => "ended a sign-in of yours",
            other => other,
        }
    }
}

/// How people call a method.
const fn by(method: MethodName) -> &'static str {
    match method {
        MethodName::Pam | MethodName::Ldap => "with a password",
        MethodName::Openid => "by OpenID Connect",
        MethodName::Saml => "by SAML",
        MethodName::Kerberos => "by a Kerberos ticket",
        MethodName::Proxy => "by a proxy’s word",
        MethodName::None => "without a proof",
    }
}
