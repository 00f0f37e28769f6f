//! OpenID Connect: the code flow with PKCE (RFC 7636), by our own client.
//!
//! `begin` answers where a browser is sent; `prove` swaps the code that it brings back, at the provider itself, and examines the
//! ID token. What binds the two (state, nonce, verifier) is kept by the caller in a sealed cookie: nothing of a flow is kept
//! here. Whoever shows a code without its verifier and nonce proves nothing.
//!
//! The time until which a token may be *accepted* (`exp`) says nothing about how long a sign-in lasts: providers give minutes.
//! So [`Proven::until`] stays empty, and our own limits hold.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portcullis_model::Secret;
use portcullis_model::account::{GroupRef, Identity, Provider as Whose, UniqueId};
use portcullis_model::proof::{
    Attributes, Begin, Evidence, Failure, Flow, Membership, MethodName, Proven, Shown, Step,
};

use crate::http::Client;
use crate::{Method, Told};

mod algorithm;
mod exchange;
mod flow;
mod keys;
mod metadata;
mod person;
mod provider;
mod setup;
mod token;

#[cfg(test)]
mod signer;
#[cfg(test)]
mod tests;

pub use flow::{CALLBACK, redirect_uri};
pub use setup::SetupError;

use exchange::Code;
use keys::NoKey;
use person::{Person, Wanted};
use provider::Provider;
use token::{Claims, Expected, TokenError};

/// For how long one request to the provider may take with everything. A sign-in makes one or two, three at most.
const WITHIN: Duration = Duration::from_secs(10);
/// Largest answer of the token endpoint and of userinfo, in bytes: an ID token with its neighbours.
const ANSWER_MAX: usize = 192 * 1024;

/// What is configured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The provider, exactly as it names itself (`auth-openid-issuer`).
    pub issuer: String,
    /// Our name there (`openid-client-secret`).
    pub client: String,
    /// Our secret there; none for a client that has none.
    pub secret: Option<Secret>,
    /// Scopes beside `openid email profile` (`auth-openid-scopes`).
    pub scopes: Vec<String>,
    /// Claim with the user's name (`auth-openid-username-claim`).
    pub username_claim: String,
    /// Claim with the groups (`auth-openid-groups-claim`); none when they don't count.
    pub groups_claim: Option<String>,
    /// Where people reach us, when that is configured (`auth-openid-base-uri`): the only way back that is taken then.
    pub base: Option<String>,
}

/// A configured provider.
#[derive(Debug)]
pub struct Openid {
    settings: Settings,
    client: Client,
    provider: Provider,
    clock: fn() -> u64,
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Openid {
    /// Asks nobody yet. `roots` are the authorities to trust, as PEM.
    ///
    /// # Errors
    /// [`SetupError`] says what is wrong with the settings.
    pub fn new(settings: Settings, roots: &[u8]) -> Result<Self, SetupError> {
        Self::with(settings, roots, now, WITHIN)
    }

    fn with(
        settings: Settings,
        roots: &[u8],
        clock: fn() -> u64,
        within: Duration,
    ) -> Result<Self, SetupError> {
        metadata::place(&settings.issuer).map_err(SetupError::Issuer)?;
        if settings.client.is_empty() {
            return Err(SetupError::NoClient);
        }
        if settings.username_claim.is_empty() {
            return Err(SetupError::Claim);
        }
        let client = Client::new(roots, within)?;
        let provider = Provider::new(settings.issuer.clone(), settings.secret.is_some(), client.clone());
        Ok(Self { settings, client, provider, clock })
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { name: &self.settings.username_claim, groups: self.settings.groups_claim.as_deref() }
    }

    /// The way back must be ours: a code that was made for another address is not swapped here.
    fn way_back(&self, redirect_uri: &str) -> Result<(), Failure> {
        match &self.settings.base {
            Some(base) if flow::redirect_uri(base) != redirect_uri => Err(Failure::Evidence),
            _ => Ok(()),
        }
    }

    fn started(&self, told: &mut Told) {
        let issuer = Shown::from(self.settings.issuer.as_str());
        told.step(Step::Provider { method: MethodName::Openid, name: issuer.clone(), address: issuer });
    }

    async fn claims(
        &self,
        code: &Code<'_>,
        (nonce, proven_since): (&Secret, Option<u64>),
        told: &mut Told,
    ) -> Result<Claims, Failure> {
        let mut known = self.provider.known(told).await?;
        let metadata = known.metadata.clone();
        let settings = &self.settings;
        let request = exchange::request(code, &settings.client, settings.secret.as_ref(), metadata.naming)?;
        let answer =
            self.client.post(&metadata.token, request.basic.as_ref(), request.form, ANSWER_MAX).await?;
        fetched(told, "token", metadata.token.as_str(), answer.status);
        let tokens = exchange::read(&answer)?;
        let access_token = tokens.access_token.as_ref();
        let expected = Expected {
            issuer: &settings.issuer,
            client: &settings.client,
            nonce: std::str::from_utf8(nonce.expose()).map_err(|_| Failure::Evidence)?,
            access_token: access_token.and_then(|token| std::str::from_utf8(token.expose()).ok()),
            proven_since,
            now: (self.clock)(),
        };
        let mut checked = token::check(&tokens.id_token, &known.keys, &expected);
        // A key that is not known, or another one under a known name: the provider may have new ones.
        if matches!(checked, Err(TokenError::Key(NoKey::Unknown) | TokenError::Signature)) {
            known = self.provider.rotated(&known, told).await?;
            checked = token::check(&tokens.id_token, &known.keys, &expected);
        }
        let mut claims = checked.map_err(|why| Failure::rejected(&why.to_string()))?;
        told.rule("the ID token holds", true);
        if let (true, Some(at), Some(token)) =
            (person::incomplete(&claims, &self.wanted()), &metadata.userinfo, access_token)
        {
            let answer = self.client.get(at, Some(token), ANSWER_MAX).await?;
            fetched(told, "userinfo", at.as_str(), answer.status);
            if answer.status != 200 {
                return Err(provider::unwell("userinfo", answer.status));
            }
            // A signed answer is not read: it would be a token of a second kind to check.
            let more = serde_json::from_slice(&answer.body)
                .map_err(|_| Failure::protocol("userinfo is not JSON"))?;
            person::complete(&mut claims, more)?;
        }
        Ok(claims)
    }

    fn proven(&self, claims: &Claims, told: &mut Told) -> Result<Proven, Failure> {
        let person = Person::of(claims, &self.wanted())?;
        told.value("sub", &person.subject);
        told.value(&self.settings.username_claim, &person.name);
        for group in &person.groups {
            told.step(Step::Group { name: Shown::from(group.as_str()), id: Shown::default() });
        }
        let proven = Proven {
            provider: Whose::OpenId(self.settings.issuer.clone()),
            unique: UniqueId::try_from(person.subject.into_bytes())
                .map_err(|_| Failure::protocol("the `sub` is too long"))?,
            user: person.name,
            attributes: Attributes {
                first: Some(person.first),
                last: Some(person.last),
                email: Some(person.email),
                role_values: Vec::new(),
            },
            groups: person.groups.into_iter().map(|name| GroupRef { name, unique: None, dn: None }).collect(),
            until: None,
            register: true,
        };
        proven.check().map_err(|why| Failure::protocol(&why.to_string()))?;
        told.step(Step::Proven {
            provider: Shown::from(proven.provider.to_string()),
            unique: Shown::from(proven.unique.to_string()),
            user: Shown::from(proven.user.as_str()),
        });
        Ok(proven)
    }
}

fn fetched(told: &mut Told, what: &str, url: &str, status: u16) {
    told.step(Step::Fetched { what: Shown::from(what), url: Shown::from(url), status });
}

impl Method for Openid {
    fn name(&self) -> MethodName {
        MethodName::Openid
    }

    async fn begin(&self, flow: &Flow, told: &mut Told) -> Result<Begin, Failure> {
        self.way_back(&flow.redirect_uri)?;
        self.started(told);
        let known = self.provider.known(told).await?;
        let settings = &self.settings;
        let url = flow::url(&known.metadata.authorization, &settings.client, &settings.scopes, flow)?;
        Ok(Begin { url, form: None, request: None })
    }

    async fn prove(&self, evidence: Evidence, told: &mut Told) -> Result<Proven, Failure> {
        evidence.check().map_err(|_| Failure::Evidence)?;
        let Evidence::Code { code, nonce, verifier, redirect_uri, issuer, proven_since } = evidence else {
            return Err(Failure::Evidence);
        };
        if code.is_empty() || nonce.is_empty() || verifier.is_empty() {
            return Err(Failure::Evidence);
        }
        self.way_back(&redirect_uri)?;
        self.started(told);
        let known = self.provider.known(told).await?;
        // Who sends a code of another provider's in this one's name (RFC 9207, 2.4).
        match issuer.as_deref() {
            Some(issuer) if issuer != self.settings.issuer => {
                return Err(Failure::rejected("the way back names another provider"));
            }
            None if known.metadata.says_issuer => {
                return Err(Failure::rejected("the way back does not name the provider"));
            }
            _ => {}
        }
        let code = Code { code: &code, verifier: &verifier, redirect_uri: &redirect_uri };
        let claims = self.claims(&code, (&nonce, proven_since), told).await?;
        self.proven(&claims, told)
    }

    /// The protocol has no way to ask for somebody who isn't there: groups stay those of the sign-in.
    async fn members(&self, _: &Identity, _: &mut Told) -> Result<Membership, Failure> {
        Err(Failure::Unsupported)
    }
}
