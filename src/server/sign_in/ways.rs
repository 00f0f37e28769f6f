//! The ways to sign in of one configuration, worked out once: what the page offers, what happens without a page.

use http::header::HeaderName;
use percent_encoding::utf8_percent_encode;
use portcullis_conf::Settings;
use portcullis_conf::sign_in::methods;
use portcullis_model::flow::FlowSeal;
use portcullis_model::proof::MethodName;
use portcullis_pages::Way;
use portcullis_wire::launcher::Configuration;

use super::IN_QUERY;
use super::flow_cookie::FlowJar;

/// What the button of Kerberos says, behind "Sign in".
const TICKET: &str = "with this computer's Kerberos ticket";
/// Longest label of a button, in characters.
const LABEL_MAX: usize = 60;

/// The ways to sign in.
#[derive(Debug)]
pub(crate) struct Ways {
    /// All of them.
    methods: Vec<MethodName>,
    /// Signs what a browser keeps of a flow.
    pub(crate) seal: FlowSeal,
    /// How it keeps that.
    pub(crate) jar: FlowJar,
    /// By which a proxy says who somebody is.
    pub(crate) header: HeaderName,
    /// What the provider's button says.
    openid: String,
    /// The same of SAML; none where people come from the provider alone.
    saml: Option<String>,
}

/// Whose button it is, by a provider's address.
fn label(address: &str) -> String {
    let host = address.trim_start_matches("https://").split(['/', '?']).next().unwrap_or_default();
    format!("at {}", host.chars().take(LABEL_MAX).collect::<String>())
}

impl Ways {
    /// Of these settings; `None` without a key. `root` is `www-root-path` without its final slash.
    pub(crate) fn new(settings: &Settings, told: &Configuration, root: &str) -> Option<Self> {
        let header = match &told.proxy_header {
            Some(secret) => HeaderName::from_bytes(secret.expose()).ok()?,
            None => settings.proxy_header.auth_proxy_user_header.parse().ok()?,
        };
        let issuer = settings.openid.auth_openid_issuer.as_deref().unwrap_or_default();
        let saml = &settings.saml;
        let idp = saml.auth_saml_idp_sso_url.as_deref().or(saml.auth_saml_metadata_url.as_deref());
        let saml_label = idp.map_or_else(|| "by single sign-on".to_owned(), label);
        Some(Self {
            methods: methods(settings),
            seal: FlowSeal::new(&told.keys)?,
            jar: FlowJar::new(root, settings.secure_cookies()),
            header,
            openid: label(issuer),
            saml: (saml.auth_saml_sso_initiation != "idp").then_some(saml_label),
        })
    }

    /// Whether people may sign in by it.
    pub(crate) fn has(&self, method: MethodName) -> bool {
        self.methods.contains(&method)
    }

    /// Whether there is a form for a name and a password.
    pub(crate) fn form(&self) -> bool {
        self.has(MethodName::Pam) || self.has(MethodName::Ldap)
    }

    /// Buttons beside the form, which lead back to `app_uri`.
    pub(crate) fn buttons(&self, app_uri: &str) -> Vec<Way> {
        let button = |method: &MethodName| {
            let (path, label) = match method {
                MethodName::Openid => ("/openid/begin", self.openid.clone()),
                MethodName::Kerberos => ("/auth-kerberos", TICKET.to_owned()),
                MethodName::Saml => ("/saml/begin", self.saml.clone()?),
                MethodName::Pam | MethodName::Ldap | MethodName::Proxy | MethodName::None => return None,
            };
            let query = utf8_percent_encode(app_uri, IN_QUERY);
            Some(Way { path: format!("{path}?appUri={query}"), label })
        };
        self.methods.iter().filter_map(button).collect()
    }
}
