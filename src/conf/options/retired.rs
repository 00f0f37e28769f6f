//! Old names: a value that still fits is carried over, with a warning.

use crate::option::retired;
use crate::value::{Colons, RootPath, Text};

retired! { RSERVER;
    /// Path under which everything is served.
    "www-url-path-prefix": RootPath => "www-root-path", true;
    /// Cookies for browsers of before 2020.
    "www-legacy-cookies": Text => "www-same-site", false;
    /// Allow pages in frames.
    "www-iframe-embedding": Text => "www-same-site", false;
    /// Cookies for frames in browsers of before 2020.
    "www-iframe-legacy-cookies": Text => "www-same-site", false;
    /// Sign the header of a trusted proxy.
    "auth-proxy-require-hmac": Text => "auth-proxy", false;
}

retired! { RSESSION;
    /// Directories that stay within reach when restrict-directory-view is 1.
    "directory-view-whitelist": Colons => "directory-view-allow-list", true;
    /// Environment variables that are not kept when a session is suspended.
    "session-env-var-save-blacklist": Text => "session-ephemeral-env-vars", true;
}
