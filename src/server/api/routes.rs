//! The places of the interface, once: what is found by method and path, and what the reference says of it (docs/api.md).

use http::Method;

use super::answers::Refusal;

/// What is done at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    OwnAccount,
    Users,
    UserAdd,
    User,
    UserEdit,
    UserLock,
    Keys,
    KeyAdd,
    KeyEnd,
    Groups,
    GroupAdd,
    Group,
    GroupRename,
    GroupRemove,
    Members,
    MemberAdd,
    MemberRemove,
    Audit,
    Sessions,
    SessionOpen,
    SessionStop,
}

impl Op {
    /// Whether it reads a body.
    pub(super) const fn has_body(self) -> bool {
        matches!(
            self,
            Self::UserAdd
                | Self::UserEdit
                | Self::UserLock
                | Self::KeyAdd
                | Self::GroupAdd
                | Self::GroupRename
                | Self::MemberAdd
                | Self::SessionOpen
        )
    }
}

/// A place.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "scope, who and doc are for the reference, which a test writes")
)]
pub(crate) struct Row {
    pub(crate) op: Op,
    pub(crate) method: Method,
    /// Below `/__api__/v1`; a part in braces is any one part.
    pub(crate) path: &'static str,
    /// The scope that a key needs; empty where no key will do.
    pub(crate) scope: &'static str,
    /// Who may, in words; the table of permissions decides.
    pub(crate) who: &'static str,
    /// What it does, with its parameters.
    pub(crate) doc: &'static str,
}

macro_rules! rows {
    ($($method:ident $path:literal $op:ident [$scope:literal] $who:literal $doc:literal;)*) => {
        /// All places, in the order of the reference.
        pub(crate) static ROUTES: &[Row] = &[$(Row {
            op: Op::$op, method: Method::$method, path: $path, scope: $scope, who: $who, doc: $doc,
        },)*];
    };
}

rows! {
    GET "user" OwnAccount ["account:read"] "everybody" "Your own account.";
    GET "users" Users ["users:read"] "everybody; viewers not with `users-see-themselves-only=1`" "Accounts, a page at a time: `limit` (1 to 32), `next`, `prefix` (a part of a name or address), `account_status=locked` (locked ones too).";
    POST "users" UserAdd ["users:write"] "administrators; publishers with `publishers-create-users=1`" "Makes an account before its first sign-in: `username`, `provider` (`system` where it is left out), `unique_id` (base64; of the system's the uid as text), `unix_name`, `user_role`, `first_name`, `last_name`, `email`.";
    GET "users/{guid}" User ["users:read"] "everybody, of themselves also with `account:read`; viewers not with `users-see-themselves-only=1`" "One account.";
    PUT "users/{guid}" UserEdit ["users:write"] "administrators; everybody of themselves (`user-info-editable-by`), the role only downwards" "Changes `first_name`, `last_name`, `email`, `username`, `user_role`; what is left out stays.";
    POST "users/{guid}/lock" UserLock ["users:write"] "administrators; everybody may lock themselves" "Locks or unlocks: `locked`. Everything of a locked account ends at once.";
    GET "users/{guid}/keys" Keys [""] "everybody of themselves; administrators" "API keys that live. Their texts are kept nowhere.";
    POST "users/{guid}/keys" KeyAdd [""] "everybody for themselves, after a recent proof (`renew-minutes`)" "Makes an API key: `name`, `scopes` (words with spaces between, or a list), `role` (at most your own), `days` (`api-key-max-days`), `sources` (addresses or ranges). The answer's `key` is shown this once.";
    DELETE "users/{guid}/keys/{id}" KeyEnd [""] "everybody of themselves; administrators" "Ends an API key, and what is open by it.";
    GET "groups" Groups ["users:read"] "everybody; viewers not with `users-see-themselves-only=1`" "Groups of our own: `limit` (1 to 99), `next`.";
    POST "groups" GroupAdd ["users:write"] "administrators; publishers with `publishers-own-groups=1`" "Makes a group: `name`. It is yours.";
    GET "groups/{guid}" Group ["users:read"] "everybody; viewers not with `users-see-themselves-only=1`" "One group.";
    PUT "groups/{guid}" GroupRename ["users:write"] "its owner; administrators" "Gives it another `name`.";
    DELETE "groups/{guid}" GroupRemove ["users:write"] "its owner; administrators" "Removes it.";
    GET "groups/{guid}/members" Members ["users:read"] "everybody; viewers not with `users-see-themselves-only=1`" "Who is in it: `limit` (1 to 99), `next`.";
    POST "groups/{guid}/members" MemberAdd ["users:write"] "its owner; administrators" "Adds a member: `user_guid`.";
    DELETE "groups/{guid}/members/{user}" MemberRemove ["users:write"] "its owner; administrators; everybody may leave" "Takes a member out.";
    GET "audit_logs" Audit ["audit:read"] "administrators" "Records, the newest first: `next`, and `user`, `event`, `session`, `from`, `until`, `text` to search for.";
    GET "sessions" Sessions ["sessions"] "everybody" "Your own sessions.";
    POST "sessions" SessionOpen ["sessions"] "everybody (`session-minimum-role`)" "Starts a session: `ide`.";
    DELETE "sessions/{id}" SessionStop ["sessions"] "everybody" "Stops a session of yours.";
}

/// A place that was found, with what stands for its parts in braces.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    pub(crate) op: Op,
    pub(crate) ids: Vec<&'a str>,
}

/// Finds a place; `tail` is the raw path behind `/__api__`.
pub(super) fn find<'a>(method: &Method, tail: &'a str) -> Result<Found<'a>, Refusal> {
    let path = tail.strip_prefix("/v1/").ok_or_else(nowhere)?;
    // What a HEAD would say is what a GET says.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let mut known = false;
    for row in ROUTES {
        if let Some(ids) = fits(row.path, path) {
            known = true;
            if row.method == *method {
                return Ok(Found { op: row.op, ids });
            }
        }
    }
    Err(if known {
        Refusal::new(http::StatusCode::METHOD_NOT_ALLOWED, 2, "no such method here")
    } else {
        nowhere()
    })
}

fn nowhere() -> Refusal {
    Refusal::absent(2, "no such place")
}

fn fits<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut ids = Vec::new();
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        let part = parts.next()?;
        if wanted.starts_with('{') {
            if part.is_empty() {
                return None;
            }
            ids.push(part);
        } else if part != wanted {
            return None;
        }
    }
    parts.next().is_none().then_some(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_byte_for_byte() {
        let found = |method: Method, tail| find(&method, tail).map(|found| found.op).ok();
        assert_eq!(found(Method::GET, "/v1/user"), Some(Op::OwnAccount));
        assert_eq!(found(Method::HEAD, "/v1/user"), Some(Op::OwnAccount));
        assert_eq!(found(Method::POST, "/v1/users/abc/lock"), Some(Op::UserLock));
        let member = find(&Method::DELETE, "/v1/groups/a/members/b").expect("a place");
        assert_eq!(member, Found { op: Op::MemberRemove, ids: vec!["a", "b"] });
        for bad in [
            "",
            "/",
            "/v1",
            "/v1/",
            "/v1/user/",
            "/v1//user",
            "/v2/user",
            "/v1/users//lock",
            "/v1/USER",
            "/v1/us%65r",
        ] {
            assert_eq!(found(Method::GET, bad), None, "{bad}");
        }
        assert_eq!(found(Method::DELETE, "/v1/user"), None);
    }

    /// The reference of the interface, from the table.
    fn reference() -> String {
        let mut text = String::from(HEAD);
        text.push_str("| Request | Scope of a key | Who may | What |\n|---|---|---|---|\n");
        for row in ROUTES {
            let scope =
                if row.scope.is_empty() { "never by a key".to_owned() } else { format!("`{}`", row.scope) };
            text.push_str(&format!(
                "| `{} {}` | {scope} | {} | {} |\n",
                row.method, row.path, row.who, row.doc
            ));
        }
        text
    }

    const HEAD: &str = include_str!("head.md");

    #[test]
    fn the_reference_is_of_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
        if std::env::var_os("PORTCULLIS_GENERATE").is_some() {
            std::fs::write(path, reference()).expect("docs/api.md");
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == reference(),
            "docs/api.md is stale: PORTCULLIS_GENERATE=1 cargo test -p portcullis-server reference writes it"
        );
    }
}
