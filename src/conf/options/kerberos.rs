//! Options of `portcullis.conf` about Kerberos.

use crate::option::options;
use crate::value::{Bool, Commas, OptionalPath};

options! {
    /// Signing in by Kerberos (Negotiate, RFC 4559).
    Kerberos, "Kerberos";

    /// Sign in by a ticket that the browser has already.
    ///
    /// By a button of the sign-in page. Needs libgssapi-krb5-2, a keytab with `HTTP/<our host name>`, and browsers that are
    /// configured to show their tickets to us. A ticket with hundreds of groups in it may need a larger
    /// `request-header-max-kb`.
    "auth-kerberos" auth_kerberos: Bool = "0", Hup,
        "only the administrator knows a realm";
    /// Keytab with our key; belongs to root and nobody else reads it.
    ///
    /// A new one counts after a reload.
    "auth-kerberos-keytab" auth_kerberos_keytab: OptionalPath = "/etc/krb5.keytab", Hup,
        "where Kerberos itself has it";
    /// Realms whose people sign in, separated by commas.
    ///
    /// Others are refused, also when our realm trusts them.
    "auth-kerberos-realms" auth_kerberos_realms: Commas = "", Hup,
        "`anna` of another realm is somebody else";
}
