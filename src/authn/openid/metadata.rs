//! What a provider says about itself (OpenID Connect Discovery 1.0, section 4).

use serde::Deserialize;
use thiserror::Error;

use crate::http::{Address, BadAddress};

/// Path of the document below an issuer.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Why a provider's metadata can't be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum BadMetadata {
    /// Not the JSON of such a document.
    #[error("the provider's metadata is not of the form of OpenID Connect Discovery")]
    Form,
    /// Somebody else's document (4.3): whoever answers in an issuer's name must be it.
    #[error("the provider names itself `{0}`, which is not the configured issuer")]
    Issuer(String),
    /// An address that can't be used.
    #[error("`{name}` of the provider's metadata: {why}")]
    Address {
        /// Which.
        name: &'static str,
        /// Why.
        #[source]
        why: BadAddress,
    },
    /// The token endpoint takes no secret as we can send it.
    #[error("the provider's token endpoint takes neither `client_secret_basic` nor `client_secret_post`")]
    Secret,
}

/// How the client names itself at the token endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// `Authorization: Basic` (RFC 6749, 2.3.1).
    Basic,
    /// In the form.
    Post,
    /// By its name alone: there is no secret. PKCE binds the code all the same.
    Public,
}

#[derive(Deserialize)]
struct Written {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// A provider's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    /// Where people sign in.
    pub(super) authorization: Address,
    /// Where codes are swapped.
    pub(super) token: Address,
    /// Where its keys are.
    pub(super) keys: Address,
    /// Where it says more about people.
    pub(super) userinfo: Option<Address>,
    /// How we name ourselves.
    pub(super) naming: Naming,
    /// Whether the way back says who sent it (RFC 9207).
    pub(super) says_issuer: bool,
}

/// Where an issuer's metadata are. A query or fragment has no place in an issuer.
pub(super) fn place(issuer: &str) -> Result<Address, BadAddress> {
    if issuer.contains('?') {
        return Err(BadAddress::Part(issuer.chars().take(200).flat_map(char::escape_debug).collect()));
    }
    Address::parse(issuer)?;
    Address::parse(&format!("{}{WELL_KNOWN}", issuer.strip_suffix('/').unwrap_or(issuer)))
}

impl Metadata {
    /// Reads the document; `secret` says whether the client has one.
    pub(super) fn parse(body: &[u8], issuer: &str, secret: bool) -> Result<Self, BadMetadata> {
        let written: Written = serde_json::from_slice(body).map_err(|_| BadMetadata::Form)?;
        if written.issuer != issuer {
            return Err(BadMetadata::Issuer(
                written.issuer.chars().take(200).flat_map(char::escape_debug).collect(),
            ));
        }
        let address =
            |name, text: &str| Address::parse(text).map_err(|why| BadMetadata::Address { name, why });
        Ok(Self {
            authorization: address("authorization_endpoint", &written.authorization_endpoint)?,
            token: address("token_endpoint", &written.token_endpoint)?,
            keys: address("jwks_uri", &written.jwks_uri)?,
            userinfo: written
                .userinfo_endpoint
                .map(|text| address("userinfo_endpoint", &text))
                .transpose()?,
            naming: naming(written.token_endpoint_auth_methods_supported.as_deref(), secret)?,
            says_issuer: written.authorization_response_iss_parameter_supported,
        })
    }
}

fn naming(supported: Option<&[String]>, secret: bool) -> Result<Naming, BadMetadata> {
    let offers = |name: &str| supported.is_none_or(|all| all.iter().any(|one| one == name));
    match secret {
        false => Ok(Naming::Public),
        // Said by nobody means `client_secret_basic` (section 3).
        true if offers("client_secret_basic") => Ok(Naming::Basic),
        true if offers("client_secret_post") => Ok(Naming::Post),
        true => Err(BadMetadata::Secret),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://idp.example", "authorization_endpoint": "https://idp.example/auth?tenant=1",
            "token_endpoint": "https://idp.example/token", "jwks_uri": "https://keys.example/jwks",
            "userinfo_endpoint": "https://idp.example/me", "response_types_supported": ["code"],
        })
    }

    fn read(document: &Value, secret: bool) -> Result<Metadata, BadMetadata> {
        Metadata::parse(document.to_string().as_bytes(), "https://idp.example", secret)
    }

    #[test]
    fn a_document_is_read() {
        let metadata = read(&document(), true).expect("metadata");
        assert_eq!(metadata.token.as_str(), "https://idp.example/token");
        assert_eq!((metadata.naming, metadata.says_issuer), (Naming::Basic, false));
        assert_eq!(read(&document(), false).expect("metadata").naming, Naming::Public);
        let with = |methods: Value| {
            let mut document = document();
            document["token_endpoint_auth_methods_supported"] = methods;
            read(&document, true).map(|metadata| metadata.naming)
        };
        assert_eq!(with(json!(["client_secret_post", "client_secret_basic"])), Ok(Naming::Basic));
        assert_eq!(with(json!(["client_secret_post"])), Ok(Naming::Post));
        assert_eq!(with(json!(["private_key_jwt"])), Err(BadMetadata::Secret));
    }

    #[test]
    fn documents_that_can_not_be_used() {
        for issuer in ["https://idp.example/", "https://IDP.example", "https://evil.example"] {
            let mut document = document();
            document["issuer"] = json!(issuer);
            assert_eq!(read(&document, true), Err(BadMetadata::Issuer(issuer.into())));
        }
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"] {
            for bad in ["http://idp.example/x", "javascript:alert(1)", "https://a@b/", "/relative", ""] {
                let mut document = document();
                document[name] = json!(bad);
                let read = read(&document, true);
                assert!(
                    matches!(&read, Err(BadMetadata::Address { name: said, .. }) if *said == name),
                    "{name} {bad}"
                );
            }
        }
        for name in ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"] {
            let mut document = document();
            document.as_object_mut().expect("an object").remove(name);
            assert_eq!(read(&document, true), Err(BadMetadata::Form), "{name}");
        }
        for body in ["", "[]", "null", "<html>"] {
            assert_eq!(Metadata::parse(body.as_bytes(), "https://idp.example", true), Err(BadMetadata::Form));
        }
    }

    #[test]
    fn the_document_is_below_the_issuer() {
        for (issuer, at) in [
            ("https://a", "https://a/.well-known/openid-configuration"),
            ("https://a/", "https://a/.well-known/openid-configuration"),
            ("https://a/b", "https://a/b/.well-known/openid-configuration"),
            ("https://a/b/", "https://a/b/.well-known/openid-configuration"),
        ] {
            assert_eq!(place(issuer).expect("an address").as_str(), at);
        }
        for bad in ["http://a", "https://a?b", "https://a#b", "a", ""] {
            assert!(place(bad).is_err(), "{bad}");
        }
    }
}
