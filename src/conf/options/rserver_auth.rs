//! Options of `rserver.conf` about ways to sign in, known and not implemented.

use crate::option::recognised;
use crate::value::{Bool, Int, Text};

recognised! { SIGN_IN, "Signing in: recognised, not implemented";
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
    Warning "signing in by Google is not offered: everybody signs in by PAM" {
        /// Sign in by Google.
        "auth-google-accounts": Bool = "0";
        /// Our address as Google knows it.
        "auth-google-accounts-redirect-base-uri": Text = "";
    }
}

recognised! { SAML, "SAML: recognised, not implemented";
    Warning "accounts are not made here: the machine's own accounts sign in" {
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
