//! A SAML identity provider: samlp on Node, with people and a sign-in form.
//!
//! Its answers are good ones, in the forms that providers choose between ([`Kind`]). Broken ones are made by the tests' own signer,
//! [`crate::saml`].

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;

use super::authority::{self, Authority, Pair};
use super::daemon::Daemon;
use super::openid::Person;
use super::visitor::Visitor;
use super::{folder, free_address, providers, write};

const SCRIPT: &str = include_str!("providers/saml.mjs");

/// What an answer is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The assertion is signed: the usual.
    Usual,
    /// The response around it is, and the assertion isn't.
    ResponseSigned,
    /// Both are.
    BothSigned,
    /// Nothing is: nobody may believe it.
    Unsigned,
    /// Signed with SHA-1: nobody may believe it.
    Sha1,
    /// Good for a second.
    Short,
    /// The assertion is signed, then encrypted with AES-256-GCM, for [`Setup::encrypt_for`].
    Encrypted,
    /// The same with AES-256-CBC.
    EncryptedCbc,
}

impl Kind {
    const fn path(self) -> &'static str {
        match self {
            Self::Usual => "/sso",
            Self::ResponseSigned => "/sso/response-signed",
            Self::BothSigned => "/sso/both-signed",
            Self::Unsigned => "/sso/unsigned",
            Self::Sha1 => "/sso/sha1",
            Self::Short => "/sso/short",
            Self::Encrypted => "/sso/encrypted",
            Self::EncryptedCbc => "/sso/encrypted-cbc",
        }
    }
}

/// What a provider is like.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Its entity id.
    pub issuer: String,
    /// Whether it is reached by https, with a certificate of its own authority.
    pub tls: bool,
    /// Its people.
    pub people: Vec<Person>,
    /// The certificate (PEM, RSA) that it encrypts for.
    pub encrypt_for: Option<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            issuer: "urn:portcullis:test-provider".to_owned(),
            tls: true,
            people: super::openid::Setup::default().people,
            encrypt_for: None,
        }
    }
}

/// A running provider.
#[derive(Debug)]
pub struct Saml {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    folder: PathBuf,
    address: SocketAddr,
    authority: Authority,
    signer: Pair,
    setup: Setup,
}

/// What a provider has the browser send to the service.
#[derive(Debug, Clone)]
pub struct Posted {
    /// Where to.
    pub to: String,
    /// `SAMLResponse`, base64.
    pub response: String,
    /// `RelayState`, as the request had it.
    pub relay_state: String,
}

impl Saml {
    /// Starts one of one's own.
    ///
    /// # Errors
    /// When it does not come up; skipped where it is not installed.
    pub fn start(setup: &Setup) -> Result<Self> {
        providers::need()?;
        let folder = folder("saml")?;
        let authority = Authority::new("Provider authority")?;
        let signer = authority::signer("Provider")?;
        let address = free_address()?;
        let mut told = serde_json::json!({
            "issuer": setup.issuer,
            "port": address.port(),
            "people": setup.people,
        });
        let server = authority.server()?;
        let mut files = vec![
            ("signer_certificate", "signer.pem", signer.certificate.as_str()),
            ("signer_key", "signer.key", signer.key.as_str()),
        ];
        if setup.tls {
            files.push(("certificate", "server.pem", &server.certificate));
            files.push(("key", "server.key", &server.key));
        }
        if let Some(certificate) = &setup.encrypt_for {
            files.push(("encrypt_for", "encrypt-for.pem", certificate));
        }
        for (name, file, text) in files {
            write(&folder.join(file), text, 0o600)?;
            told[name] = folder.join(file).display().to_string().into();
        }
        write(&folder.join("ca.pem"), authority.certificate(), 0o644)?;
        write(&folder.join("setup.json"), &told.to_string(), 0o600)?;
        let setup = setup.clone();
        let started = Self { daemon: Mutex::default(), folder, address, authority, signer, setup };
        started.resume()?;
        Ok(started)
    }

    /// The provider that the tests of a program share.
    ///
    /// # Errors
    /// As [`Saml::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Saml, String>> = OnceLock::new();
        providers::need()?;
        match SHARED.get_or_init(|| Self::start(&Setup::default()).map_err(|error| format!("{error:#}"))) {
            Ok(shared) => Ok(shared),
            Err(why) => bail!("no SAML provider: {why}"),
        }
    }

    /// Its entity id.
    pub fn issuer(&self) -> &str {
        &self.setup.issuer
    }

    /// Where it takes requests for answers of this kind (HTTP-Redirect and HTTP-POST).
    pub fn sso_url(&self, kind: Kind) -> String {
        format!("{}{}", self.base(), kind.path())
    }

    /// Where its metadata is.
    pub fn metadata_url(&self) -> String {
        format!("{}/metadata", self.base())
    }

    fn base(&self) -> String {
        format!("{}://{}", if self.setup.tls { "https" } else { "http" }, self.address)
    }

    /// The certificate that its answers are signed with, PEM.
    pub fn signer_certificate(&self) -> &str {
        &self.signer.certificate
    }

    /// The authority of its https, as a file.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// Follows a link to it, fills in its form and returns what it has the browser send on.
    ///
    /// # Errors
    /// When it refuses; with what its page says.
    pub fn sign_in(&self, url: &str, login: &str, password: &str) -> Result<Posted> {
        let mut visitor = self.visitor()?;
        let shown = visitor.get(url)?;
        ensure!(shown.status == 200, "the provider refuses ({}): {}", shown.status, shown.text());
        let body =
            format!("login={}&password={}", crate::client::encode(login), crate::client::encode(password));
        let answer = visitor.send("POST", url, Some(body.as_bytes()))?;
        let page = answer.text();
        ensure!(answer.status == 200, "the provider refuses ({}): {page}", answer.status);
        let value = |before: &str| {
            let (_, rest) = page.split_once(before).with_context(|| format!("no {before} in {page}"))?;
            let (_, rest) = rest.split_once("value=\"").context("a field without a value")?;
            Ok::<_, anyhow::Error>(plain(rest.split('"').next().unwrap_or_default()))
        };
        let (_, action) = page.split_once("action=\"").context("a page without a form")?;
        Ok(Posted {
            to: plain(action.split('"').next().unwrap_or_default()),
            response: value("name=\"SAMLResponse\"")?,
            relay_state: value("name=\"RelayState\"")?,
        })
    }

    /// A browser of a person who was never here.
    ///
    /// # Errors
    /// When its authority can't be trusted.
    pub fn visitor(&self) -> Result<Visitor> {
        Visitor::new(self.address, self.setup.tls.then_some(&self.authority))
    }

    /// Stops it: connections are refused from then on.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("the provider is stopped")?.stop(Signal::SIGTERM)
    }

    /// Starts it again on the same port, with the same signer.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        ensure!(daemon.is_none(), "the provider runs already");
        *daemon = Some(providers::start("saml.mjs", SCRIPT, &self.folder, self.address)?);
        Ok(())
    }
}

/// What a page writes in an attribute, as it is meant.
fn plain(text: &str) -> String {
    let signs =
        [("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")];
    signs.iter().fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}
