//! Options of `rserver.conf` about names that others vouch for: a proxy's header, nobody's, and how names are rewritten.

use crate::option::options;
use crate::value::{Bool, HeaderName, Int, RewriteRule, WebTarget};

options! {
    /// Signing in by a header of a proxy in front.
    ProxyHeader, "A proxy that signs people in";

    /// Believe a proxy in front who somebody is, by a header.
    ///
    /// Excludes every other way to sign in. Only proxies at the addresses of auth-proxy-from (portcullis.conf) are believed;
    /// whoever breaks into the web server, or into such a proxy, may be anybody whom this machine lets in.
    "auth-proxy" auth_proxy: Bool = "0", Hup,
        "as RStudio Workbench: a header that anybody can send proves nothing";
    /// Header with the name of the account, or `account/display name`.
    ///
    /// More than one such header in a request is refused. A name in the file `secure-proxy-user-header` beside this one, which
    /// belongs to root and nobody else reads, takes its place: who doesn't know the header can't send it.
    "auth-proxy-user-header" auth_proxy_user_header: HeaderName = "X-RStudio-Username", Hup,
        "as RStudio Workbench";
    /// Rule that rewrites the header: a regular expression, a space, a replacement.
    ///
    /// As auth-user-rewrite-rule, and before it.
    "auth-proxy-user-header-rewrite" auth_proxy_user_header_rewrite: RewriteRule = "", Hup,
        "as RStudio Workbench: the header has the name of the account";
    /// Where people are sent to sign in; empty for a page that says that the proxy didn't.
    "auth-proxy-sign-in-url" auth_proxy_sign_in_url: WebTarget = "", Hup,
        "there is no address to guess";
    /// Where people are sent when they sign out.
    "auth-proxy-sign-out-url" auth_proxy_sign_out_url: WebTarget = "", Hup,
        "there is no address to guess";
    /// Seconds for which a page says where the way to sign in leads, before it goes there.
    "auth-proxy-sign-in-delay" auth_proxy_sign_in_delay: Int<0, 4294967295> = "0", Hup,
        "as RStudio Workbench: nobody waits for nothing";
}
