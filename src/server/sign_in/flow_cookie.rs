//! The cookie of a sign-in that went to a provider: what it is called, and how long and where a browser keeps it.
//!
//! Its value and MAC are `portcullis_model::flow`'s. It opens nothing.

use http::header::{HeaderMap, HeaderValue, SET_COOKIE};
use portcullis_model::flow::FLOW_SECONDS;
use portcullis_model::proof::MethodName;

/// Its names: with TLS and no root path browsers hold it to this very host.
pub(crate) const NAME_PLAIN: &str = "portcullis-flow";
pub(crate) const NAME_TLS: &str = "__Host-portcullis-flow";

/// How browsers are told to keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlowJar {
    /// Its name.
    pub(crate) name: &'static str,
    path: String,
    secure: bool,
}

impl FlowJar {
    /// `root` is `www-root-path` without its final slash; `secure` says that browsers come by https.
    pub(crate) fn new(root: &str, secure: bool) -> Self {
        let name = if secure && root.is_empty() { NAME_TLS } else { NAME_PLAIN };
        Self { name, path: if root.is_empty() { "/".into() } else { root.into() }, secure }
    }

    /// Adds it to an answer.
    pub(crate) fn give(&self, headers: &mut HeaderMap, method: MethodName, value: &str) {
        // A SAML provider has its answer sent by a form of its own page: only `None` goes with that. Everybody else comes back by
        // a link.
        let site = if method == MethodName::Saml && self.secure { "None" } else { "Lax" };
        self.append(
            headers,
            &format!("{value}{}; SameSite={site}; Max-Age={FLOW_SECONDS}", self.attributes()),
        );
    }

    /// Adds what makes a browser forget it: a flow comes back once.
    pub(crate) fn clear(&self, headers: &mut HeaderMap) {
        self.append(headers, &format!("{}; SameSite=Lax; Max-Age=0", self.attributes()));
    }

    fn attributes(&self) -> String {
        format!("; Path={}; HttpOnly{}", self.path, if self.secure { "; Secure" } else { "" })
    }

    fn append(&self, headers: &mut HeaderMap, rest: &str) {
        // Every part is ASCII of ours.
        if let Ok(value) = HeaderValue::from_str(&format!("{}={rest}", self.name)) {
            headers.append(SET_COOKIE, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(jar: &FlowJar, method: MethodName) -> String {
        let mut headers = HeaderMap::new();
        jar.give(&mut headers, method, "v");
        headers[SET_COOKIE].to_str().expect("ascii").to_owned()
    }

    #[test]
    fn it_lives_as_long_as_a_flow() {
        let plain = FlowJar::new("", false);
        assert_eq!(
            given(&plain, MethodName::Openid),
            "portcullis-flow=v; Path=/; HttpOnly; SameSite=Lax; Max-Age=600"
        );
        let tls = FlowJar::new("", true);
        let openid = "__Host-portcullis-flow=v; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=600";
        assert_eq!(given(&tls, MethodName::Openid), openid);
        assert_eq!(given(&tls, MethodName::Saml), openid.replace("=Lax", "=None"));
        let below = FlowJar::new("/ide", true);
        assert!(
            given(&below, MethodName::Openid).starts_with("portcullis-flow=v; Path=/ide; HttpOnly; Secure")
        );
        let mut cleared = HeaderMap::new();
        tls.clear(&mut cleared);
        assert_eq!(
            cleared[SET_COOKIE],
            "__Host-portcullis-flow=; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0"
        );
    }
}
