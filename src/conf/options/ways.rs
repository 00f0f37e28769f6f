//! Options of `portcullis.conf` about ways to sign in, beside those of `rserver.conf`.

use crate::option::options;
use crate::value::{FormWord, Networks, OptionalAccount, OptionalPath, Text};

options! {
    /// What no other product's file says about ways to sign in.
    Ways, "Ways to sign in, beside those of rserver.conf";

    /// Show the form for a name and a password: `auto` when there is no button for another way.
    ///
    /// With 1 the form stands below the buttons, so that people sign in by PAM (or auth-ldap) too.
    "auth-form" auth_form: FormWord = "auto", Hup,
        "as RStudio Workbench, where OpenID and SAML exclude PAM: who was let in by the provider alone stays so";
    /// Account that everybody is with `auth-none=1`.
    "auth-none-user" auth_none_user: OptionalAccount = "", Restart,
        "which account that is, only its owner knows";
    /// Proxies that auth-proxy believes, by address.
    "auth-proxy-from" auth_proxy_from: Networks = "", Hup,
        "nobody is believed who isn't named: unlike RStudio Workbench, which believes everybody who reaches the port";
    /// Claim of OpenID Connect with the person's groups; empty for none.
    ///
    /// They count for roles, and with `provider-groups=1` for everything else. It may need a scope of auth-openid-scopes.
    "auth-openid-groups-claim" auth_openid_groups_claim: Text = "", Hup,
        "the groups of this machine are the ones that are meant";
    /// File with the authority of the OpenID provider's certificate; empty for the machine's own.
    ///
    /// As PEM; several may stand in it.
    "auth-openid-ca-file" auth_openid_ca_file: OptionalPath = "", Hup,
        "public providers have certificates of public authorities";
    /// File with the authority of the certificate at auth-saml-metadata-url; empty for the machine's own.
    ///
    /// As PEM; several may stand in it.
    "auth-saml-ca-file" auth_saml_ca_file: OptionalPath = "", Hup,
        "public providers have certificates of public authorities";
    /// Attribute of SAML that roles are taken from with `user-role-mapping=attribute`; empty for none.
    "auth-saml-role-attribute" auth_saml_role_attribute: Text = "", Hup,
        "which one it is, only the provider's administrator knows";
}
