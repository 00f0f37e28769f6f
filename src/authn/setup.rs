//! Methods as they are configured: from settings, secrets and authorities to what [`Method`] offers.

use std::fs::File;
use std::io::Read as _;

use portcullis_conf::Settings;
use portcullis_model::Secret;
use portcullis_model::account::Identity;
use portcullis_model::proof::{Begin, Evidence, Failure, Flow, Membership, MethodName, Proven};
use portcullis_model::saml_provider::SamlProvider;
use thiserror::Error;

use crate::ldap::LdapMethod;
use crate::openid::Openid;
use crate::saml::Saml;
use crate::{Method, Told};

/// Largest list of authorities that is read: the machine's has 200 KiB.
const ROOTS_MAX: u64 = 4 * 1024 * 1024;

/// Why a method can't be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// This process examines no evidence of that method.
    #[error("the method `{0}` is not examined here")]
    Method(MethodName),
    /// No directory is configured.
    #[error("ldap.conf names no directory")]
    NoDirectory,
    /// A file that the configuration names was not given.
    #[error("`{option}` of `[{section}]` was not given")]
    Missing {
        /// The section of ldap.conf.
        section: String,
        /// The option that names it.
        option: &'static str,
    },
    /// A password is empty or no text: it would be a bind as nobody.
    #[error("the password of `[{section}]` is empty, or not UTF-8")]
    Password {
        /// The section of ldap.conf.
        section: String,
    },
    /// A `ca-file` has something in it that is no certificate, or nothing.
    #[error("the `ca-file` of `[{section}]` is not a list of certificates")]
    Authorities {
        /// The section of ldap.conf.
        section: String,
    },
    /// The machine has no list of authorities, or an empty one.
    #[error("`[{section}]` has no `ca-file`, and this machine has no list of authorities")]
    NoAuthorities {
        /// The section of ldap.conf.
        section: String,
    },
    /// A host's name that no certificate can have.
    #[error("`{host}` of `[{section}]` is no name that a certificate can have")]
    Host {
        /// The section of ldap.conf.
        section: String,
        /// The host.
        host: String,
    },
    /// The list of authorities can't be read.
    #[error("the list of authorities can't be read")]
    Roots(#[source] std::io::Error),
    /// TLS can't be set up.
    #[error("TLS can't be set up")]
    Tls(#[source] rustls::Error),
    /// OpenID Connect can't be set up.
    #[error(transparent)]
    Openid(#[from] crate::openid::SetupError),
    /// SAML can't be set up.
    #[error(transparent)]
    Saml(#[from] crate::saml::SetupError),
}

/// A method that is configured; async functions have no `dyn`, so it is one of these.
#[derive(Debug)]
pub enum Configured {
    /// Directories.
    Ldap(LdapMethod),
    /// An OpenID provider.
    Openid(Box<Openid>),
    /// A SAML provider.
    Saml(Box<Saml>),
}

impl Configured {
    /// Sets a method up.
    ///
    /// `secret` gives a file's bytes by the name of the option that names it, in ldap.conf by `section/option`. `roots` is the
    /// machine's list of authorities, in PEM.
    ///
    /// # Errors
    /// [`SetupError`] names what is missing or wrong.
    pub fn new(
        method: MethodName,
        settings: &Settings,
        secret: impl Fn(&str) -> Option<Secret>,
        roots: Option<File>,
    ) -> Result<Self, SetupError> {
        let mut pem = Vec::new();
        if let Some(file) = roots {
            file.take(ROOTS_MAX).read_to_end(&mut pem).map_err(SetupError::Roots)?;
        }
        match method {
            MethodName::Ldap => LdapMethod::new(&settings.ldap, secret, &pem).map(Self::Ldap),
            MethodName::Openid => Ok(Self::Openid(Box::new(Openid::configured(settings, secret, &pem)?))),
            MethodName::Saml => Ok(Self::Saml(Box::new(Saml::configured(settings, secret, &pem)?))),
            other => Err(SetupError::Method(other)),
        }
    }

    /// What is known of the SAML provider; nothing for the others.
    #[must_use]
    pub fn with_provider(self, provider: Option<SamlProvider>) -> Self {
        match self {
            Self::Saml(method) => Self::Saml(Box::new(method.with_provider(provider))),
            Self::Ldap(_) | Self::Openid(_) => self,
        }
    }

    /// The SAML provider's metadata, as bytes.
    ///
    /// # Errors
    /// Why there are none; [`Failure::Unsupported`] for the other methods.
    pub async fn fetch(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Saml(method) => method.fetch().await,
            Self::Ldap(_) | Self::Openid(_) => Err(Failure::Unsupported),
        }
    }

    /// What we tell the provider of ourselves.
    ///
    /// # Errors
    /// [`Failure::Unsupported`] for methods whose providers ask for nothing.
    pub fn describe(&self) -> Result<String, Failure> {
        match self {
            Self::Saml(method) => Ok(method.describe()),
            Self::Ldap(_) | Self::Openid(_) => Err(Failure::Unsupported),
        }
    }
}

impl Method for Configured {
    fn name(&self) -> MethodName {
        match self {
            Self::Ldap(method) => method.name(),
            Self::Openid(method) => method.name(),
            Self::Saml(method) => method.name(),
        }
    }

    async fn begin(&self, flow: &Flow, told: &mut Told) -> Result<Begin, Failure> {
        match self {
            Self::Ldap(method) => method.begin(flow, told).await,
            Self::Openid(method) => method.begin(flow, told).await,
            Self::Saml(method) => method.begin(flow, told).await,
        }
    }

    async fn prove(&self, evidence: Evidence, told: &mut Told) -> Result<Proven, Failure> {
        match self {
            Self::Ldap(method) => method.prove(evidence, told).await,
            Self::Openid(method) => method.prove(evidence, told).await,
            Self::Saml(method) => method.prove(evidence, told).await,
        }
    }

    async fn members(&self, who: &Identity, told: &mut Told) -> Result<Membership, Failure> {
        match self {
            Self::Ldap(method) => method.members(who, told).await,
            Self::Openid(method) => method.members(who, told).await,
            Self::Saml(method) => method.members(who, told).await,
        }
    }
}
