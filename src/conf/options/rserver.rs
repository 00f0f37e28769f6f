//! Options of `rserver.conf` that do something.

use crate::option::options;
use crate::value::{
    Account, Address, AllowedOrigin, Bool, Commas, ConsoleAuditWord, Each, FrameOriginWords, HeaderLine, Int,
    MinimumUidWord, OptionalPath, OptionalPort, ProtocolWords, RootPath, SameSiteWord, Text,
};

/// Where the package `rstudio-server` is.
pub const RSTUDIO_PLACE: &str = "/usr/lib/rstudio-server";

options! {
    /// The server: where it listens, who may sign in, how cookies and TLS behave.
    Rserver, "Implemented";

    /// Account that the network-facing process runs as.
    ///
    /// It needs no home directory, no shell and no other rights.
    "server-user" server_user: Account = "portcullis", Restart,
        "an account of its own, so that nothing else on the machine shares its rights";
    /// File with the secret that signs cookies; empty for the usual places.
    ///
    /// The usual places are `secure-cookie-key` beside this file, then `secure-cookie-key` in the state directory, which is made at
    /// the first start. At least 32 bytes, owned by root or the server's account, readable by nobody else, no symbolic link; one
    /// line feed at its end is not part of the secret. A second file with `.previous` added to its name still verifies cookies,
    /// so that a new secret signs nobody out.
    "secure-cookie-key-file" secure_cookie_key_file: OptionalPath = "", Restart,
        "a secret made by the daemon itself at its first start can't be a copy of somebody else's";
    /// Header to add to every response, as `Name: value`.
    "server-add-header" server_add_header: Each<HeaderLine> = "", Hup,
        "none is needed";

    /// Address to listen on.
    "www-address" www_address: Address = "0.0.0.0", Restart,
        "as RStudio Server, so that an existing configuration serves the same people";
    /// Port to listen on; empty for 8787, or 443 with TLS; 0 for any free port.
    "www-port" www_port: OptionalPort = "", Restart,
        "as RStudio Server: bookmarks stay valid";
    /// Path under which everything is served.
    ///
    /// For a proxy in front that passes on a part of its own paths. A header of the client never changes it.
    "www-root-path" www_root_path: RootPath = "/", Hup,
        "most machines serve nothing else at this address";
    /// Threads that serve requests, at most one per processor core.
    "www-thread-pool-size" www_thread_pool_size: Int<1, 256> = "6", Restart,
        "as RStudio Server; never more threads than cores, so that it costs nothing on small machines";
    /// Who may show these pages in a frame.
    "www-frame-origin" www_frame_origin: FrameOriginWords = "none", Hup,
        "a page in a foreign frame can be clicked by mistake";
    /// The cookies' attribute SameSite.
    ///
    /// `none` is for pages that another site frames, and needs TLS.
    "www-same-site" www_same_site: SameSiteWord = "", Hup,
        "not said means Lax, which keeps cookies out of requests that other sites make";
    /// Further host that may ask for changes, beside the one in the address bar.
    "www-allow-origin" www_allow_origin: Each<AllowedOrigin> = "", Hup,
        "only our own pages need to change anything";

    /// Check the origin of requests that change something; 0 doesn't switch that off.
    "www-enable-origin-check" www_enable_origin_check: Bool = "1", Hup,
        "unlike RStudio Server: without it any page can act for whoever is signed in";

    /// Minutes without a person's act after which a sign-in ends; 0 for the scheme counted in days.
    "auth-timeout-minutes" auth_timeout_minutes: Int<0, 525600> = "60", Hup,
        "as RStudio Server: an unattended screen is open for an hour at most";
    /// Minutes that a sign-in lasts at most, used or not; 0 for any time.
    "auth-active-timeout-minutes" auth_active_timeout_minutes: Int<0, 4294967295> = "0", Hup,
        "as RStudio Workbench: who works on for a day need not type the password again";
    /// Days that a sign-in lasts: at most, or exactly when auth-timeout-minutes is 0.
    "auth-stay-signed-in-days" auth_stay_signed_in_days: Int<0, 3650> = "30", Hup,
        "as RStudio Server";
    /// Offer to stay signed in after the browser is closed.
    "auth-stay-signed-in" auth_stay_signed_in: Bool = "1", Hup,
        "as RStudio Workbench; the person chooses";
    /// Groups of which one is needed to sign in; empty for everybody.
    "auth-required-user-group" auth_required_user_group: Commas = "", Hup,
        "as RStudio Server: PAM already says who has an account";
    /// Smallest user id that may sign in; `auto` for UID_MIN of /etc/login.defs.
    "auth-minimum-user-id" auth_minimum_user_id: MinimumUidWord = "auto", Hup,
        "accounts of services have no business here";
    /// Answer the first hidden prompt with the password only when it asks for a password.
    ///
    /// When it is 1, a hidden prompt that doesn't read like `Password:` is shown to the person. Prompts in other languages need 0.
    "auth-pam-require-password-prompt" auth_pam_require_password_prompt: Bool = "1", Hup,
        "a password must not be given as the answer to another question";
    /// Seconds between two sign-ins of one account.
    "auth-sign-in-throttle-seconds" auth_sign_in_throttle_seconds: Int<0, 3600> = "5", Hup,
        "as RStudio Server: guessing gets slow, a person does not notice";
    /// Mark cookies Secure even without TLS here, for a TLS-terminating proxy in front.
    "auth-cookies-force-secure" auth_cookies_force_secure: Bool = "0", Hup,
        "without TLS anywhere nobody could sign in otherwise";
    /// File with HTML to show below the sign-in form; empty for login.html beside this file.
    "auth-login-page-html" auth_login_page_html: OptionalPath = "", Hup,
        "the file that RStudio Server looks for too, in whatever directory the configuration is";

    /// Serve by TLS.
    "ssl-enabled" ssl_enabled: Bool = "0", Restart,
        "it needs a certificate, which only the administrator has";
    /// File with the certificate and its chain, as PEM.
    "ssl-certificate" ssl_certificate: OptionalPath = "", Hup,
        "there is no certificate to guess";
    /// File with the certificate's private key, as PEM; readable by root only.
    "ssl-certificate-key" ssl_certificate_key: OptionalPath = "", Hup,
        "there is no key to guess";
    /// Versions of TLS to offer.
    "ssl-protocols" ssl_protocols: ProtocolWords = "TLSv1.2 TLSv1.3", Restart,
        "older versions are broken (RFC 8996)";
    /// With TLS on port 443: answer on port 80 and send browsers to https.
    "ssl-redirect-http" ssl_redirect_http: Bool = "1", Restart,
        "as RStudio Workbench: people type addresses without https";
    /// With TLS: tell browsers to use nothing else (HSTS).
    "ssl-hsts" ssl_hsts: Bool = "1", Hup,
        "as RStudio Workbench: without it the first request can be redirected by anybody on the way";
    /// Seconds for which browsers remember that.
    "ssl-hsts-max-age" ssl_hsts_max_age: Int<0, 63072000> = "86400", Hup,
        "as RStudio Workbench: a day is short enough to go back";
    /// Let that hold for subdomains too.
    "ssl-hsts-include-subdomains" ssl_hsts_include_subdomains: Bool = "0", Hup,
        "other machines below the same name may have no TLS";

    /// What of consoles and terminals is recorded in the audit log, in every IDE.
    ///
    /// `input` is what people run and type, `all` is also what is shown to them. Passwords typed where the IDE says that they are
    /// hidden are recorded as «hidden»; those typed into a terminal are not told apart. `rsession.conf` and `profiles` may say
    /// otherwise for some people.
    "audit-r-console" audit_r_console: ConsoleAuditWord = "none", Hup,
        "as RStudio Workbench: what people type is theirs until somebody decides otherwise";
    /// Megabytes of these records for one person on one day; 0 for any.
    ///
    /// When they are used up, a record says so, and nothing more of that person is recorded until midnight (UTC).
    "audit-r-console-user-limit-mb" audit_r_console_user_limit_mb: Int<0, 4294967295> = "50", Hup,
        "as RStudio Workbench: one loop that prints must not fill the disk of the audit log";

    /// RStudio's session program; a name alone is one of RStudio Server's package.
    "rsession-path" rsession_path: Text = "rsession", NewSessions,
        "where the package rstudio-server puts it: /usr/lib/rstudio-server/bin";
    /// The program R that RStudio's sessions run; empty for the one in the usual places.
    "rsession-which-r" rsession_which_r: OptionalPath = "", NewSessions,
        "the R that the distribution installs";
    /// Folders with libraries for RStudio's sessions, before R's own.
    "rsession-ld-library-path" rsession_ld_library_path: Text = "", NewSessions,
        "R finds what it was built with";
    /// Folder with the static files of RStudio's page; empty for `www` beside the folder of rsession-path.
    "www-local-path" www_local_path: OptionalPath = "", Restart,
        "the files of the package that the session program is from";
}
