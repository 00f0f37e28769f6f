//! Options of `rserver.conf` about OpenID Connect.

use crate::option::options;
use crate::value::{Bool, HttpsAddress, OwnAddress, Spaces, Text};

options! {
    /// Signing in by OpenID Connect.
    Openid, "OpenID Connect";

    /// Sign in at an OpenID provider.
    ///
    /// By the code flow with PKCE. `openid-client-secret` beside this file has our name and secret there, as `client-id=` and
    /// `client-secret=`; it belongs to root and nobody else reads it. The provider must know the way back, which is
    /// `/openid/callback` below our address. People need an account on this machine.
    "auth-openid" auth_openid: Bool = "0", Hup,
        "as RStudio Workbench: only the administrator knows a provider";
    /// The provider, exactly as it names itself.
    ///
    /// `/.well-known/openid-configuration` below it says everything else, and must name it letter for letter.
    "auth-openid-issuer" auth_openid_issuer: HttpsAddress = "", Hup,
        "there is no provider to guess";
    /// Our address as the provider knows it; empty for the one that the browser asked for.
    ///
    /// With an address here no other way back is taken.
    "auth-openid-base-uri" auth_openid_base_uri: OwnAddress = "", Hup,
        "as RStudio Workbench: the address in the browser is right unless a proxy in front changes it";
    /// Scopes to ask for, beside openid, email and profile.
    "auth-openid-scopes" auth_openid_scopes: Spaces = "", Hup,
        "as RStudio Workbench: these three are enough for a name";
    /// Claim with the name of the account.
    ///
    /// The ID token's, else userinfo's. `email` counts only when the provider says that it has verified the address.
    "auth-openid-username-claim" auth_openid_username_claim: Text = "preferred_username", Hup,
        "as RStudio Workbench";
}
