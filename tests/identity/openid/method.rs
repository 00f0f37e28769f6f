//! The method as the configuration makes it, and one sign-in with it.

use anyhow::{Context as _, Result, bail, ensure};
use portcullis_authn::openid::{CALLBACK, Openid as Method};
use portcullis_authn::{Method as _, Told};
use portcullis_conf::{Sources, load};
use portcullis_model::Secret;
use portcullis_model::flow::Pending;
use portcullis_model::proof::{Evidence, Failure, MethodName, Proven, Step};
use portcullis_testing::servers::openid::{CLIENT, Openid, SECRET};

/// Where people reach us, in these tests.
pub(crate) const BASE: &str = "https://127.0.0.1:8787";

/// What is configured.
#[derive(Debug, Clone)]
pub(crate) struct Conf {
    issuer: String,
    lines: String,
    client: &'static str,
    secret: String,
    authority: Vec<u8>,
}

/// One sign-in: what came of it, and what was told.
#[derive(Debug)]
pub(crate) struct Outcome {
    result: Result<Proven, Failure>,
    pub(crate) steps: Vec<Step>,
}

/// A flow on its way back, before it is examined.
pub(crate) struct Back {
    pub(crate) pending: Pending,
    pub(crate) code: String,
    pub(crate) issuer: Option<String>,
}

impl Conf {
    /// As an administrator would have it.
    pub(crate) fn usual(provider: &Openid) -> Self {
        Self {
            issuer: provider.issuer(),
            lines: String::new(),
            client: CLIENT,
            secret: SECRET.to_owned(),
            authority: provider.authority().certificate().as_bytes().to_vec(),
        }
    }

    /// As another client.
    pub(crate) fn client(mut self, client: &'static str) -> Self {
        self.client = client;
        self
    }

    /// With another secret.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secret = secret.to_owned();
        self
    }

    /// Trusting another authority.
    pub(crate) fn trusting(mut self, authority: &str) -> Self {
        self.authority = authority.as_bytes().to_vec();
        self
    }

    /// With another issuer.
    pub(crate) fn issuer(mut self, issuer: &str) -> Self {
        self.issuer = issuer.to_owned();
        self
    }

    /// With more lines of rserver.conf.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.lines += &format!("{line}\n");
        self
    }

    /// The method.
    pub(crate) fn method(&self) -> Result<Method> {
        let rserver = format!(
            "auth-openid=1\nauth-openid-issuer={}\nauth-openid-base-uri={BASE}\nauth-openid-scopes=groups\n{}",
            self.issuer, self.lines
        );
        let own = "auth-openid-groups-claim=groups\nauth-openid-ca-file=/given\n".to_owned();
        let files = [("rserver.conf".to_owned(), rserver), ("portcullis.conf".to_owned(), own)];
        let loaded = load(&Sources::new("/etc/rstudio", files));
        if !loaded.is_usable() {
            bail!("{:?}", loaded.problems);
        }
        let secret = |name: &str| match name {
            "openid-client-secret" => {
                Some(Secret::from(format!("client-id={}\nclient-secret={}\n", self.client, self.secret)))
            }
            "auth-openid-ca-file" => Some(Secret::new(self.authority.clone())),
            _ => None,
        };
        Ok(Method::configured(&loaded.settings, secret, b"")?)
    }

    /// The whole way: to the provider, through its form, back, and examined.
    pub(crate) fn sign_in(&self, provider: &Openid, login: &str, password: &str) -> Result<Outcome> {
        let method = self.method()?;
        let back = go(&method, provider, login, password)?;
        Ok(examine(&method, &back))
    }
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

/// To the provider, through its form, and back.
pub(crate) fn go(method: &Method, provider: &Openid, login: &str, password: &str) -> Result<Back> {
    let pending = Pending::begin(MethodName::Openid, format!("{BASE}{CALLBACK}"), "/", false, 0)?;
    let begin = wait(method.begin(&pending.flow(false), &mut Told::silent()))?;
    ensure!(begin.url.starts_with(&provider.issuer()), "{}", begin.url);
    let place = provider.visitor()?.sign_in(&begin.url, login, password)?;
    let query = place.strip_prefix(&format!("{BASE}{CALLBACK}?")).context("sent back elsewhere")?.to_owned();
    let value = |name: &str| {
        let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
        Some(percent_encoding::percent_decode_str(pair).decode_utf8_lossy().into_owned())
    };
    ensure!(value("state").as_deref() == Some(pending.state.as_str()), "another state: {query}");
    let code = value("code").with_context(|| format!("no code: {query}"))?;
    Ok(Back { code, issuer: value("iss"), pending })
}

/// What comes of a way back.
pub(crate) fn examine(method: &Method, back: &Back) -> Outcome {
    let evidence = Evidence::Code {
        code: Secret::from(back.code.clone()),
        nonce: back.pending.nonce.clone(),
        verifier: back.pending.verifier.clone(),
        redirect_uri: back.pending.redirect_uri.clone(),
        issuer: back.issuer.clone(),
        proven_since: None,
    };
    let mut told = Told::kept();
    let result = wait(method.prove(evidence, &mut told));
    Outcome { result, steps: told.take() }
}

/// Where somebody would be sent, or why not.
pub(crate) fn begin(method: &Method) -> Result<Result<String, Failure>> {
    let pending = Pending::begin(MethodName::Openid, format!("{BASE}{CALLBACK}"), "/", false, 0)?;
    Ok(wait(method.begin(&pending.flow(false), &mut Told::silent())).map(|begin| begin.url))
}

impl Outcome {
    /// Who it is.
    pub(crate) fn proven(&self) -> Result<&Proven> {
        self.result.as_ref().map_err(|failure| anyhow::anyhow!("{failure}: {:?}", self.steps))
    }

    /// Why it is nobody.
    pub(crate) fn refused(&self) -> Result<Failure> {
        match &self.result {
            Ok(proven) => bail!("let in: {proven:?}"),
            Err(failure) => Ok(failure.clone()),
        }
    }
}
