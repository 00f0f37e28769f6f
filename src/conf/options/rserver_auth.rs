//! Options of `rserver.conf` about ways to sign in, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, SignatureHash, SsoInitiation, Text};

recognised! { SIGN_IN, "Signing in: recognised, not implemented";
    Info "names are taken as PAM gives them" {
        /// Rule that rewrites names, a pattern and a replacement.
        "auth-user-rewrite-rule": Text = "";
    }
    Info "a PAM session is opened for every session and closed at its end, by the service that pam-service of portcullis.conf names" {
        /// Open PAM sessions.
        "auth-pam-sessions-enabled": Bool = "1";
        /// PAM service for sessions.
        "auth-pam-sessions-profile": Text = "su";
        /// Close the PAM session when the session ends.
        "auth-pam-sessions-close": Bool = "0";
    }
    Warning "passwords are forgotten after the sign-in: drives and tickets that need one are not opened" {
        /// Keep the password for PAM sessions.
        "auth-pam-sessions-use-password": Bool = "0";
    }
    Warning "no header is trusted: everybody signs in by PAM" {
        /// Trust a proxy that names the user in a header.
        "auth-proxy": Bool = "0";
        /// Header that names the user.
        "auth-proxy-user-header": Text = "X-RStudio-Username";
        /// Rule that rewrites the header, a pattern and a replacement.
        "auth-proxy-user-header-rewrite": Text = "";
        /// Page of the proxy to sign in.
        "auth-proxy-sign-in-url": Text = "";
        /// Page of the proxy to sign out.
        "auth-proxy-sign-out-url": Text = "";
        /// Seconds to show a page before going there.
        "auth-proxy-sign-in-delay": Int<0, 4294967295> = "0";
    }
    Warning "signing in by Google is not offered: everybody signs in by PAM" {
        /// Sign in by Google.
        "auth-google-accounts": Bool = "0";
        /// Our address as Google knows it.
        "auth-google-accounts-redirect-base-uri": Text = "";
    }
    Warning "signing in by OpenID Connect is not offered: everybody signs in by PAM" {
        /// Sign in by OpenID Connect.
        "auth-openid": Bool = "0";
        /// Address of the identity provider.
        "auth-openid-issuer": Text = "";
        /// Our address as the provider knows it.
        "auth-openid-base-uri": Text = "";
        /// Further scopes to ask for.
        "auth-openid-scopes": Text = "";
        /// Claim that holds the user's name.
        "auth-openid-username-claim": Text = "preferred_username";
    }
}

recognised! { SAML, "SAML: recognised, not implemented";
    Warning "signing in by SAML is not offered: everybody signs in by PAM" {
        /// Sign in by SAML.
        "auth-saml": Bool = "0";
        /// Address of the identity provider's metadata.
        "auth-saml-metadata-url": Text = "";
        /// File with the identity provider's metadata.
        "auth-saml-metadata-path": Text = "";
        /// The identity provider's name.
        "auth-saml-idp-entity-id": Text = "";
        /// Where the identity provider signs in.
        "auth-saml-idp-sso-url": Text = "";
        /// The identity provider's certificate.
        "auth-saml-idp-sign-cert-path": Text = "";
        /// Send requests by POST.
        "auth-saml-idp-post-binding": Bool = "0";
        /// Who begins a sign-in.
        "auth-saml-sso-initiation": SsoInitiation = "both";
        /// Our address as the provider knows it.
        "auth-saml-sp-base-uri": Text = "";
        /// Our key to decrypt with.
        "auth-saml-sp-encryption-key-path": Text = "";
        /// Our certificate to encrypt for.
        "auth-saml-sp-encryption-cert-path": Text = "";
        /// Our key to sign with.
        "auth-saml-sp-signing-key-path": Text = "";
        /// Our certificate to check signatures with.
        "auth-saml-sp-signing-cert-path": Text = "";
        /// Hash for our signatures.
        "auth-saml-sp-request-signing-method": SignatureHash = "";
        /// Form of names.
        "auth-saml-sp-name-id-format": Text = "";
        /// Attribute with the user's name.
        "auth-saml-sp-attribute-username": Text = "Username";
        /// Attribute with the mail address.
        "auth-saml-sp-attribute-email": Text = "";
        /// Attribute with the person's name.
        "auth-saml-sp-attribute-name": Text = "";
        /// Attribute with the name to show.
        "auth-saml-sp-attribute-display-name": Text = "";
        /// Attribute with the groups.
        "auth-saml-sp-attribute-groups": Text = "";
        /// Attribute with the user id.
        "auth-saml-sp-attribute-posix-id": Text = "";
        /// Attribute with the home directory.
        "auth-saml-sp-attribute-homedir": Text = "";
    }
}

recognised! { PROVISIONING, "Accounts: recognised, not implemented";
    Warning "accounts are not made here: the machine's own accounts sign in" {
        /// Make accounts for people who sign in (SCIM).
        "user-provisioning-enabled": Bool = "0";
        /// Make an account at the first sign-in.
        "user-provisioning-register-on-first-login": Bool = "0";
        /// First user id for new accounts.
        "user-provisioning-start-uid": Int<0, 4294967295> = "2000";
        /// First group id for new groups.
        "group-provisioning-start-gid": Int<0, 4294967295> = "2000";
        /// Where new accounts live.
        "user-homedir-path": Text = "";
    }
}
