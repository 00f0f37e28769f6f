//! From a raw path to a place. Nothing is decoded, folded or joined: a path is one of ours byte for byte, or it isn't.
//!
//! The IDE's own tail is left as it came, for `portcullis_policy` to judge and to be sent on unchanged. Called by `serve`.

use portcullis_model::SessionId;

/// A place of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Home page: your sessions.
    Home,
    /// Sign-in page.
    SignIn,
    /// User name and password.
    DoSignIn,
    /// Answers to further prompts.
    Continue,
    /// To an OpenID provider.
    OpenidBegin,
    /// Back from it.
    OpenidCallback,
    /// To a SAML provider.
    SamlBegin,
    /// Its answer.
    SamlAnswer,
    /// What it is told of us.
    SamlMetadata,
    /// By a ticket of Kerberos.
    Kerberos,
    /// Sign out.
    SignOut,
    /// Start a session.
    Sessions,
    /// One session's status page.
    Session(SessionId),
    /// Stop it.
    Stop(SessionId),
    /// Stay in it, when it would end.
    Stay(SessionId),
    /// What it uses of its limits, and whether it will end.
    Load(SessionId),
    /// State changes as they come.
    Events,
    /// A file of our pages, by its hashed name.
    Static(&'a str),
    /// Whether we serve.
    Health,
    /// Whether people can be sent here.
    Ready,
    /// How busy we are, at the address that the configuration says: with its name.
    HealthCheck(&'a str),
    /// The interface for programs: what follows `/__api__`.
    Api(&'a str),
    /// Pages for administrators.
    Admin(AdminPlace),
    /// One's own account: what follows `/account`.
    Account(&'a str),
    /// A session without the slash behind its id.
    IdeBare(SessionId),
    /// Inside a session: the tail begins with `/`.
    Ide(SessionId, &'a str),
    /// Nothing.
    Unknown,
    /// No path that a browser would send: it is not looked at further.
    Malformed,
}

/// A page for administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminPlace {
    /// How the machine is.
    Overview,
    /// Everybody's sessions.
    Sessions,
    /// End one: asked first.
    EndSession(SessionId),
    /// Everybody who is signed in.
    People,
    /// End a sign-in, or everything of a person: asked first.
    EndPerson,
    /// Everybody's accounts.
    Users,
    /// Change one.
    ActOnUser,
    /// The audit log.
    Audit,
}

/// Finds the place. `root` is `www-root-path` without its final slash.
pub(crate) fn route<'a>(path: &'a str, root: &str) -> Route<'a> {
    if !is_plain(path) {
        return Route::Malformed;
    }
    // The component border is checked: `/ide` does not cover `/idex`.
    let Some(inside) = path.strip_prefix(root).filter(|rest| rest.starts_with('/') || rest.is_empty()) else {
        // Health checkers of load balancers don't know the root path.
        return health(path).unwrap_or(Route::Unknown);
    };
    if let Some(place) = health(inside) {
        return place;
    }
    if let Some(tail) =
        inside.strip_prefix("/__api__").filter(|tail| tail.is_empty() || tail.starts_with('/'))
    {
        return Route::Api(tail);
    }
    if inside == "/admin" || inside.starts_with("/admin/") {
        return admin(&inside["/admin".len()..]).map_or(Route::Unknown, Route::Admin);
    }
    if let Some(tail) =
        inside.strip_prefix("/account").filter(|tail| tail.is_empty() || tail.starts_with('/'))
    {
        return Route::Account(tail);
    }
    if let Some(rest) = inside.strip_prefix("/s/") {
        let (id, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        return match (id.parse(), tail) {
            (Ok(id), "") => Route::IdeBare(id),
            (Ok(id), tail) => Route::Ide(id, tail),
            (Err(_), _) => Route::Unknown,
        };
    }
    if let Some(rest) = inside.strip_prefix("/sessions/") {
        let (id, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        return match (id.parse(), tail) {
            (Ok(id), "") => Route::Session(id),
            (Ok(id), "/stop") => Route::Stop(id),
            (Ok(id), "/stay") => Route::Stay(id),
            (Ok(id), "/load") => Route::Load(id),
            _ => Route::Unknown,
        };
    }
    match inside {
        "/" | "" => Route::Home,
        "/auth-sign-in" => Route::SignIn,
        "/auth-do-sign-in" => Route::DoSignIn,
        "/auth-continue" => Route::Continue,
        "/openid/begin" => Route::OpenidBegin,
        "/openid/callback" => Route::OpenidCallback,
        "/saml/begin" => Route::SamlBegin,
        "/saml/acs" => Route::SamlAnswer,
        "/saml/metadata" => Route::SamlMetadata,
        "/auth-kerberos" => Route::Kerberos,
        "/auth-sign-out" => Route::SignOut,
        "/sessions" => Route::Sessions,
        "/events" => Route::Events,
        other => other.strip_prefix("/static/").map_or(Route::Unknown, Route::Static),
    }
}

fn health(path: &str) -> Option<Route<'_>> {
    match path {
        "/healthz" => Some(Route::Health),
        "/readyz" => Some(Route::Ready),
        other => {
            let name = other.strip_prefix('/').filter(|name| name.starts_with("health-check"))?;
            (!name.contains('/')).then_some(Route::HealthCheck(name))
        }
    }
}

fn admin(tail: &str) -> Option<AdminPlace> {
    if let Some(rest) = tail.strip_prefix("/sessions/") {
        return rest.strip_suffix("/end")?.parse().ok().map(AdminPlace::EndSession);
    }
    match tail {
        "" => Some(AdminPlace::Overview),
        "/sessions" => Some(AdminPlace::Sessions),
        "/people" => Some(AdminPlace::People),
        "/people/end" => Some(AdminPlace::EndPerson),
        "/users" => Some(AdminPlace::Users),
        "/users/act" => Some(AdminPlace::ActOnUser),
        "/audit" => Some(AdminPlace::Audit),
        _ => None,
    }
}

/// What every browser sends: printable ASCII, whole escapes, no backslash; never an escaped zero.
pub(crate) fn is_plain(path: &str) -> bool {
    let bytes = path.as_bytes();
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    bytes.first() == Some(&b'/')
        && bytes.iter().enumerate().all(|(at, byte)| match byte {
            b'%' => hex(at + 1) && hex(at + 2) && bytes[at + 1..at + 3] != *b"00",
            b'\\' | b'#' => false,
            _ => (0x21..=0x7e).contains(byte),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0011223344556677";

    fn id() -> SessionId {
        ID.parse().expect("an id")
    }

    #[test]
    fn places_are_found_byte_for_byte() {
        for (path, place) in [
            ("/", Route::Home),
            ("/auth-sign-in", Route::SignIn),
            ("/auth-do-sign-in", Route::DoSignIn),
            ("/auth-continue", Route::Continue),
            ("/openid/begin", Route::OpenidBegin),
            ("/openid/callback", Route::OpenidCallback),
            ("/saml/begin", Route::SamlBegin),
            ("/saml/acs", Route::SamlAnswer),
            ("/saml/metadata", Route::SamlMetadata),
            ("/auth-kerberos", Route::Kerberos),
            ("/auth-sign-out", Route::SignOut),
            ("/sessions", Route::Sessions),
            ("/events", Route::Events),
            ("/healthz", Route::Health),
            ("/readyz", Route::Ready),
            ("/health-check", Route::HealthCheck("health-check")),
            ("/health-check-B64C", Route::HealthCheck("health-check-B64C")),
            ("/__api__/v1/user", Route::Api("/v1/user")),
            ("/__api__", Route::Api("")),
            ("/admin", Route::Admin(AdminPlace::Overview)),
            ("/admin/sessions", Route::Admin(AdminPlace::Sessions)),
            ("/admin/sessions/0011223344556677/end", Route::Admin(AdminPlace::EndSession(id()))),
            ("/admin/people", Route::Admin(AdminPlace::People)),
            ("/admin/people/end", Route::Admin(AdminPlace::EndPerson)),
            ("/admin/audit", Route::Admin(AdminPlace::Audit)),
            ("/admin/users", Route::Admin(AdminPlace::Users)),
            ("/admin/users/act", Route::Admin(AdminPlace::ActOnUser)),
            ("/account", Route::Account("")),
            ("/account/sign-ins/end", Route::Account("/sign-ins/end")),
            ("/static/app.1a2b.css", Route::Static("app.1a2b.css")),
            ("/s/0011223344556677", Route::IdeBare(id())),
            ("/s/0011223344556677/", Route::Ide(id(), "/")),
            ("/s/0011223344556677/lab/tree/a%20b", Route::Ide(id(), "/lab/tree/a%20b")),
            ("/s/0011223344556677//x", Route::Ide(id(), "//x")),
            ("/sessions/0011223344556677", Route::Session(id())),
            ("/sessions/0011223344556677/stop", Route::Stop(id())),
            ("/sessions/0011223344556677/stay", Route::Stay(id())),
            ("/sessions/0011223344556677/load", Route::Load(id())),
        ] {
            assert_eq!(route(path, ""), place, "{path}");
            if path != "/" {
                assert_eq!(route(&format!("/ide{path}"), "/ide"), place, "{path}");
            }
        }
        assert_eq!(route("/ide", "/ide"), Route::Home);
        assert_eq!(route("/ide/", "/ide"), Route::Home);
        assert_eq!(route("/healthz", "/ide"), Route::Health);
    }

    #[test]
    fn everything_else_is_nowhere() {
        for path in [
            "//",
            "//s/0011223344556677/",
            "/./",
            "/static/../sessions/x",
            "/S/0011223344556677/",
            "/s//0011223344556677/",
            "/s/001122334455667/",
            "/s/001122334455667A/",
            "/s/%30011223344556677/",
            "/s/0011223344556677;x/",
            "/auth-sign-in/",
            "/Auth-sign-in",
            "/%61uth-sign-in",
            "/x/../auth-sign-in",
            "/sessions/",
            "/sessions/0011223344556677/",
            "/healthz/",
            "/auth-kerberos/",
            "/openid",
            "/openid/",
            "/openid/callback/",
            "/OpenID/callback",
            "/saml",
            "/saml/acs/",
            "/saml//acs",
            "/Saml/acs",
            "/saml/%61cs",
            "/saml/acs;x",
            "/health-check/x",
            "/xhealth-check",
            "/admin/",
            "/adminx",
            "/__api__x",
            "/__API__/v1/user",
            "/%5f_api__/v1/user",
            "/Admin",
            "/admin//sessions",
            "/admin/sessions/",
            "/admin/sessions/x/end",
            "/admin/sessions/0011223344556677",
            "/admin/sessions/0011223344556677/end/",
            "/admin/../admin",
            "/admin;x",
            "/%61dmin",
            "/sessions/0011223344556677/stop/",
            "/%2e%2e/",
            "/s%2f0011223344556677/",
        ] {
            let place = route(path, "");
            assert!(matches!(place, Route::Unknown | Route::Static("../sessions/x")), "{path}: {place:?}");
        }
        for path in ["/s/0011223344556677/", "/idex/", "/IDE/", "/ide//", "/"] {
            assert_eq!(route(path, "/ide"), Route::Unknown, "{path}");
        }
    }

    #[test]
    fn odd_bytes_are_malformed_everywhere() {
        for path in [
            "",
            "x",
            "*",
            "/a\\b",
            "/a b",
            "/a\tb",
            "/é",
            "/%",
            "/%2",
            "/%zz",
            "/%%32%65",
            "/a#b",
            "/%00",
            "/s/0011223344556677/a%00",
            "/s/0011223344556677/\u{7f}",
        ] {
            assert_eq!(route(path, ""), Route::Malformed, "{path:?}");
        }
    }
}
