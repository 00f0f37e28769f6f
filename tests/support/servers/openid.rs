//! An OpenID provider: oidc-provider on Node with people, a sign-in form, and clients whose ID tokens it breaks.
//!
//! What is wrong is chosen by the client's id ([`FAULTS`]): one provider serves all tests at once. What has no client, as a
//! provider that is down, hung or slow as a whole, is a provider of one's own, or a [`super::stand_in`] before it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde::Serialize;

use super::authority::{Authority, Pair};
use super::daemon::Daemon;
use super::visitor::Visitor;
use super::{folder, free_address, providers, write};

const SCRIPT: &str = include_str!("providers/openid.mjs");
/// Where the provider may send people back to, whatever the port.
const REDIRECTS: &[&str] = &["/openid/callback", "/oauth2/callback"];
/// The client whose tokens are good.
pub const CLIENT: &str = "portcullis";
/// Every client's secret. A colon and a space in it: they are escaped in a basic authorization (RFC 6749, 2.3.1).
pub const SECRET: &str = "Client Secret: 1+2=%3";
/// Clients for whom something is broken, and what that is.
pub const FAULTS: &[(&str, &str)] = &[
    ("wrong-nonce", "the ID token has another flow's nonce"),
    ("no-nonce", "the ID token has no nonce"),
    ("wrong-audience", "the ID token is for another client"),
    ("two-audiences", "the ID token is for two clients, and was asked for by the other"),
    ("wrong-issuer", "the ID token is another provider's"),
    ("no-signature", "`alg` is `none`"),
    ("public-key-as-secret", "signed by HS256 with the public key as the secret"),
    ("client-secret-as-key", "signed by HS256 with the client's secret"),
    ("expired", "the ID token was good till an hour ago"),
    ("not-yet", "the ID token will be good in an hour"),
    ("no-expiry", "the ID token is good for ever"),
    ("no-subject", "the ID token names nobody"),
    ("other-key", "signed with another key under the known name"),
    ("unknown-key", "signed with a key that is not published"),
    ("cut-signature", "the signature is empty"),
    ("wrong-access-hash", "the ID token belongs to another access token"),
    ("no-token", "there is no ID token"),
    ("not-json", "the answer is a page"),
    ("huge", "the answer has 8 MiB"),
    ("error", "status 500"),
    ("slow", "the answer takes as long as the setup says"),
    ("other-person", "the claims that are asked for later are of another subject"),
];

/// A person at the provider.
#[derive(Debug, Clone, Serialize)]
pub struct Person {
    /// `sub`.
    pub sub: String,
    /// `preferred_username`, typed into the form.
    pub login: String,
    /// Her password.
    pub password: String,
    /// `email`.
    pub email: String,
    /// `given_name`.
    pub given: String,
    /// `family_name`.
    pub surname: String,
    /// `groups`.
    pub groups: Vec<String>,
    /// Whether the provider sends her back with `access_denied`.
    pub locked: bool,
    /// More claims, by their name; the names must be in [`Setup::claims`].
    pub more: BTreeMap<String, serde_json::Value>,
}

impl Person {
    /// Somebody with this login and these groups.
    pub fn new(login: &str, password: &str, groups: &[&str]) -> Self {
        Self {
            sub: format!("sub-{login}"),
            login: login.to_owned(),
            password: password.to_owned(),
            email: format!("{login}@example.test"),
            given: login.to_owned(),
            surname: "Openid".to_owned(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            locked: false,
            more: BTreeMap::new(),
        }
    }
}

/// What a provider is like.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whether it is reached by https, with a certificate of its own authority.
    pub tls: bool,
    /// Its certificate in place of a good one.
    pub certificate: Option<Pair>,
    /// How it signs: `RS256`, `PS256`, `ES256`, `EdDSA`.
    pub algorithm: &'static str,
    /// Whether a flow without PKCE is refused.
    pub pkce: bool,
    /// What the client `slow` waits for.
    pub slow_ms: u64,
    /// Names of claims of its own, in the scope `profile`.
    pub claims: Vec<String>,
    /// Its people.
    pub people: Vec<Person>,
}

impl Default for Setup {
    fn default() -> Self {
        let many: Vec<String> = (1..=500).map(|number| format!("group{number:03}")).collect();
        let mut locked = Person::new("locked", "Locked-Pass-1", &[]);
        locked.locked = true;
        let mut crowded = Person::new("many", "Many-Pass-1", &[]);
        crowded.groups = many;
        Self {
            tls: true,
            certificate: None,
            algorithm: "RS256",
            pkce: true,
            slow_ms: 30_000,
            claims: Vec::new(),
            people: vec![
                Person::new("olly", "Olly-Pass-1", &["analysts", "portcullis-users"]),
                Person::new("lonely", "Lonely-Pass-1", &[]),
                Person::new("jürgen", "Jürgen-Paß-1", &["größe"]),
                Person::new("Upper.Case", "Upper-Pass-1", &[]),
                Person::new("root", "Root-Pass-1", &["wheel"]),
                Person::new("../../etc", "Path-Pass-1", &[]),
                crowded,
                locked,
            ],
        }
    }
}

/// A running provider.
#[derive(Debug)]
pub struct Openid {
    /// `None` while it is stopped.
    daemon: Mutex<Option<Daemon>>,
    folder: PathBuf,
    address: SocketAddr,
    authority: Authority,
    tls: bool,
}

impl Openid {
    /// Starts one of one's own.
    ///
    /// # Errors
    /// When it does not come up; skipped where it is not installed.
    pub fn start(setup: &Setup) -> Result<Self> {
        providers::need()?;
        let folder = folder("openid")?;
        let authority = Authority::new("Provider authority")?;
        let address = free_address()?;
        let scheme = if setup.tls { "https" } else { "http" };
        let mut told = serde_json::json!({
            "issuer": format!("{scheme}://{address}"),
            "port": address.port(),
            "algorithm": setup.algorithm,
            "pkce": setup.pkce,
            "slow_ms": setup.slow_ms,
            "redirects": REDIRECTS,
            "claims": setup.claims,
            "people": setup.people,
            "clients": std::iter::once(CLIENT)
                .chain(FAULTS.iter().map(|(id, _)| *id))
                .map(|id| serde_json::json!({"id": id, "secret": SECRET}))
                .collect::<Vec<_>>(),
        });
        write(&folder.join("ca.pem"), authority.certificate(), 0o644)?;
        if setup.tls {
            let pair = setup.certificate.clone().map_or_else(|| authority.server(), Ok)?;
            for (name, file, text) in
                [("certificate", "server.pem", &pair.certificate), ("key", "server.key", &pair.key)]
            {
                write(&folder.join(file), text, 0o600)?;
                told[name] = folder.join(file).display().to_string().into();
            }
        }
        write(&folder.join("setup.json"), &told.to_string(), 0o600)?;
        let started = Self { daemon: Mutex::default(), folder, address, authority, tls: setup.tls };
        started.resume()?;
        Ok(started)
    }

    /// The provider that the tests of a program share: https, RS256, PKCE wanted.
    ///
    /// # Errors
    /// As [`Openid::start`].
    pub fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<Result<Openid, String>> = OnceLock::new();
        providers::need()?;
        match SHARED.get_or_init(|| Self::start(&Setup::default()).map_err(|error| format!("{error:#}"))) {
            Ok(shared) => Ok(shared),
            Err(why) => bail!("no OpenID provider: {why}"),
        }
    }

    /// `auth-openid-issuer`.
    pub fn issuer(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority that a client is to trust, as a file.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The authority that signed its certificate.
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Stops it: connections are refused from then on. What it remembered is gone, its keys too.
    ///
    /// # Errors
    /// When it stays.
    pub fn stop(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it").take();
        daemon.context("the provider is stopped")?.stop(Signal::SIGTERM)
    }

    /// Starts it again on the same port, with new keys.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn resume(&self) -> Result<()> {
        let mut daemon = self.daemon.lock().expect("nobody panics holding it");
        ensure!(daemon.is_none(), "the provider runs already");
        *daemon = Some(providers::start("openid.mjs", SCRIPT, &self.folder, self.address)?);
        Ok(())
    }

    /// Hangs it: connections are taken and nothing is answered, until [`Openid::go_on`].
    ///
    /// # Errors
    /// When it is stopped.
    pub fn hang(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it");
        daemon.as_ref().context("the provider is stopped")?.hang()
    }

    /// Ends [`Openid::hang`].
    ///
    /// # Errors
    /// When it is stopped.
    pub fn go_on(&self) -> Result<()> {
        let daemon = self.daemon.lock().expect("nobody panics holding it");
        daemon.as_ref().context("the provider is stopped")?.go_on()
    }

    /// What it said, errors it refused with among it.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// A browser of a person who was never here.
    ///
    /// # Errors
    /// When its authority can't be trusted.
    pub fn visitor(&self) -> Result<Visitor> {
        Visitor::new(self.address, self.tls.then_some(&self.authority))
    }
}
