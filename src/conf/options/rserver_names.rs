//! Options of `rserver.conf` that fit no single way to sign in.

use crate::option::options;
use crate::value::{Bool, RewriteRule};

options! {
    /// Who comes in without a proof, and how names become names of accounts.
    Names, "Names of accounts";

    /// Sign nobody in: whoever connects is the account of auth-none-user (portcullis.conf).
    ///
    /// For one person on their own machine: every listener must be on the loopback. On a machine with other accounts these may
    /// connect too.
    "auth-none" auth_none: Bool = "0", Restart,
        "unlike RStudio Server without root: whoever reaches a port is not yet its owner";
    /// Rule that rewrites a provider's names to names of accounts.
    ///
    /// A regular expression, a space and a replacement.
    /// The expression must match the whole name; others stay as they are. In the replacement `$1` to `$9` are groups, `$&` is the
    /// name, and what stands between `\L` and `\E` becomes lower case. For example `^(.*)@example\.com$ \L$1`. Names of OpenID,
    /// SAML and a proxy that have capitals after it are refused.
    "auth-user-rewrite-rule" auth_user_rewrite_rule: RewriteRule = "", Hup,
        "as RStudio Workbench: names are those of accounts";
}
