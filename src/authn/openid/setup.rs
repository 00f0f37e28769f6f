//! From the configuration to a provider that can be asked.

use portcullis_conf::{CLIENT_FILE, Client, ClientError, Settings as Configuration};
use portcullis_model::Secret;
use thiserror::Error;

use super::{Openid, Settings};
use crate::http::{BadAddress, NoRoots};

/// The option that names another list of authorities than the machine's.
const CA_FILE: &str = "auth-openid-ca-file";

/// The method can't work with what is configured.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No issuer that can be asked.
    #[error("`auth-openid-issuer` can't be used")]
    Issuer(#[source] BadAddress),
    /// No issuer at all.
    #[error("`auth-openid-issuer` says nothing")]
    NoIssuer,
    /// The file with our name and secret was not given.
    #[error("there is no file `{CLIENT_FILE}`")]
    NoClient,
    /// The file with our name and secret can't be read.
    #[error("`{CLIENT_FILE}` can't be read")]
    Client(#[source] ClientError),
    /// No claim to take the name from.
    #[error("`auth-openid-username-claim` says nothing")]
    Claim,
    /// Nobody could be trusted.
    #[error("there is no authority to trust: this machine has no list of them, or `{CA_FILE}` has none")]
    Roots(#[from] NoRoots),
}

impl Openid {
    /// As configured. `secret` gives a file's bytes by its name or by the option that names it; `roots` is the machine's list of
    /// authorities, in PEM.
    ///
    /// # Errors
    /// [`SetupError`] names what is missing or wrong.
    pub fn configured(
        settings: &Configuration,
        secret: impl Fn(&str) -> Option<Secret>,
        roots: &[u8],
    ) -> Result<Self, SetupError> {
        let issuer = settings.openid.auth_openid_issuer.clone().ok_or(SetupError::NoIssuer)?;
        let client =
            Client::parse(&secret(CLIENT_FILE).ok_or(SetupError::NoClient)?).map_err(SetupError::Client)?;
        let own_roots = match &settings.ways.auth_openid_ca_file {
            // Named and not given: the machine's list would trust others than was meant.
            Some(_) => Some(secret(CA_FILE).ok_or(NoRoots)?),
            None => None,
        };
        let groups = &settings.ways.auth_openid_groups_claim;
        let settings = Settings {
            issuer,
            client: client.id,
            secret: client.secret,
            scopes: settings.openid.auth_openid_scopes.clone(),
            username_claim: settings.openid.auth_openid_username_claim.clone(),
            groups_claim: (!groups.is_empty()).then(|| groups.clone()),
            base: settings.openid.auth_openid_base_uri.clone(),
        };
        Self::new(settings, own_roots.as_ref().map_or(roots, Secret::expose))
    }
}

#[cfg(test)]
mod tests {
    use portcullis_conf::{Sources, load};

    use super::*;

    const PROVIDER: &str = "auth-openid-issuer=https://idp.example\n";
    const CLIENT: &str = "client-id=a\nclient-secret=b\n";

    fn set_up(rserver: &str, own: &str, files: &[(&str, &str)]) -> Result<Openid, String> {
        let texts = [("rserver.conf", rserver), ("portcullis.conf", own)];
        let texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let settings = load(&Sources::new("/c", texts)).settings;
        let secret = |name: &str| {
            files.iter().find(|(known, _)| *known == name).map(|(_, text)| Secret::from((*text).to_owned()))
        };
        let roots =
            rcgen::generate_simple_self_signed(["idp.example".to_owned()]).expect("a certificate").cert.pem();
        let roots = if files.iter().any(|(name, _)| *name == "no roots") { "" } else { &roots };
        Openid::configured(&settings, secret, roots.as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_is_set_up_from_the_files() {
        let own = "auth-openid-groups-claim=groups\n";
        let openid = set_up(PROVIDER, own, &[(CLIENT_FILE, CLIENT)]).expect("a provider");
        assert_eq!(openid.settings.groups_claim.as_deref(), Some("groups"));
        assert_eq!(openid.settings.username_claim, "preferred_username");
        assert!(openid.settings.secret.is_some());
        assert!(
            set_up(PROVIDER, "", &[(CLIENT_FILE, "client-id=a")])
                .is_ok_and(|openid| openid.settings.secret.is_none())
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let ca = "auth-openid-ca-file=/ca.pem\n";
        for (rserver, own, files, error) in [
            ("", "", &[(CLIENT_FILE, CLIENT)][..], "`auth-openid-issuer` says nothing"),
            (PROVIDER, "", &[], "there is no file `openid-client-secret`"),
            (PROVIDER, "", &[(CLIENT_FILE, "client-secret=b")], "`openid-client-secret` can't be read"),
            (PROVIDER, "", &[(CLIENT_FILE, CLIENT), ("no roots", "")], NO_ROOTS),
            (PROVIDER, ca, &[(CLIENT_FILE, CLIENT)], NO_ROOTS),
            (PROVIDER, ca, &[(CLIENT_FILE, CLIENT), (CA_FILE, "nothing")], NO_ROOTS),
            (
                "auth-openid-issuer=https://idp.example?a\n",
                "",
                &[(CLIENT_FILE, CLIENT)],
                "`auth-openid-issuer` can't be used",
            ),
            (
                "auth-openid-issuer=https://idp.example\nauth-openid-username-claim=\n",
                "",
                &[(CLIENT_FILE, CLIENT)],
                "`auth-openid-username-claim` says nothing",
            ),
        ] {
            assert_eq!(set_up(rserver, own, files).err().as_deref(), Some(error), "{rserver}{own}{files:?}");
        }
    }

    const NO_ROOTS: &str =
        "there is no authority to trust: this machine has no list of them, or `auth-openid-ca-file` has none";
}
