//! Options of `portcullis.conf` about ways to sign in that no other product's file has.

use crate::option::options;
use crate::value::Bool;

options! {
    /// Ways to sign in.
    Methods, "Ways to sign in";

    /// Directories of ldap.conf check the form's passwords, and PAM no longer does.
    ///
    /// PAM still says whether the account is locked or expired on this machine, and opens the session.
    "auth-ldap" auth_ldap: Bool = "0", Hup,
        "as RStudio Workbench: PAM checks passwords";
}
