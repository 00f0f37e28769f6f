//! A person's browser at a provider: cookies, and the provider's own form.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::authority::Authority;
use crate::client::{PATIENCE, encode};
use crate::http1::{self, Response};
use crate::tls;

/// Redirections and forms on the way through a provider.
const STEPS_MAX: usize = 10;

/// A person's browser at the provider.
#[derive(Debug)]
pub struct Visitor {
    address: SocketAddr,
    issuer: String,
    trusts: Option<Arc<tls::Config>>,
    cookies: BTreeMap<String, String>,
}

impl Visitor {
    pub(super) fn new(address: SocketAddr, authority: Option<&Authority>) -> Result<Self> {
        let trusts = match authority {
            Some(authority) => Some(tls::client_of(authority.certificate().as_bytes(), &[])?),
            None => None,
        };
        let issuer = format!("{}://{address}", if trusts.is_some() { "https" } else { "http" });
        Ok(Self { address, issuer, trusts, cookies: BTreeMap::new() })
    }

    /// Follows a link to the provider, fills in its form and returns where it sends the browser back to (with `code`, or `error`).
    ///
    /// # Errors
    /// When the provider refuses; with what its page says.
    pub fn sign_in(&mut self, url: &str, login: &str, password: &str) -> Result<String> {
        let mut answer = self.get(url)?;
        for _ in 0..STEPS_MAX {
            if let Some(next) = answer.header("location").map(str::to_owned) {
                if !next.starts_with(&self.issuer) && !next.starts_with('/') {
                    return Ok(next);
                }
                answer = self.get(&next)?;
                continue;
            }
            let page = answer.text();
            ensure!(answer.status == 200, "the provider refuses ({}): {page}", answer.status);
            let (_, form) = page.split_once("action=\"").context("a page without a form")?;
            let action = form.split('"').next().unwrap_or_default().to_owned();
            let body = format!("login={}&password={}", encode(login), encode(password));
            answer = self.send("POST", &action, Some(body.as_bytes()))?;
        }
        bail!("the provider sends the browser in circles")
    }

    /// `GET`, with the cookies so far.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&mut self, url: &str) -> Result<Response> {
        self.send("GET", url, None)
    }

    /// Any request to it; `url` may leave the issuer out. With a body, a form's type goes with it.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&mut self, method: &str, url: &str, body: Option<&[u8]>) -> Result<Response> {
        let path = url.strip_prefix(self.issuer.as_str()).unwrap_or(url);
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = vec![("Host", self.address.to_string()), ("Cookie", cookies.join("; "))];
        if body.is_some() {
            headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
        }
        let answer = self.exchange(method, path, &headers, body)?;
        for cookie in answer.all("set-cookie") {
            let (name, value) =
                cookie.split(';').next().unwrap_or_default().split_once('=').unwrap_or_default();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Ok(answer)
    }

    /// A request with these headers and no others but the connection's.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn exchange(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: Option<&[u8]>,
    ) -> Result<Response> {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        match &self.trusts {
            None => {
                http1::send(&mut stream, method, path, &headers, body)?;
                http1::read(stream, method)
            }
            Some(config) => {
                let mut stream = tls::over(config, stream)?;
                http1::send(&mut stream, method, path, &headers, body)?;
                http1::read(stream, method)
            }
        }
    }
}
