//! What is asked about: one request, or a capability with all its doors.

use anyhow::{Context as _, bail};
use portcullis_model::session::Ide;
use portcullis_policy::{Adapters, Capability, Door, PathClaim, Spoken, doors, row_of, spoken};

/// What is asked about.
#[derive(Debug)]
pub(super) enum Case {
    /// One request.
    Request(Box<Single>),
    /// A capability.
    Capability {
        capability: Capability,
        /// As it was asked.
        path: Option<String>,
        /// The same as a request would name it.
        claim: Option<PathClaim>,
    },
}

/// One request.
#[derive(Debug)]
pub(super) struct Single {
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub upgrade: bool,
    pub body: Option<Vec<u8>>,
}

impl Single {
    pub(super) fn ask(&self) -> portcullis_policy::Ask<'_> {
        portcullis_policy::Ask {
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            upgrade: self.upgrade,
            subprotocol: None,
            content_length: self.body.as_ref().and_then(|body| u64::try_from(body.len()).ok()),
            wants_html: false,
            port_token: None,
        }
    }

    pub(super) fn shown(&self) -> String {
        let query = self.query.as_ref().map_or_else(String::new, |query| format!("?{query}"));
        let socket = if self.upgrade { " (WebSocket)" } else { "" };
        format!("{} {}{query}{socket}", self.method, self.path)
    }
}

impl Case {
    /// `POST /s/ID/rpc/start_terminal`, or the same without `/s/ID`.
    pub(super) fn of_request(text: &str, upgrade: bool, body: Option<Vec<u8>>) -> anyhow::Result<Self> {
        let (method, target) = text.trim().split_once(' ').with_context(|| {
            format!("`{text}` is no request: write method and path, such as `POST /api/terminals`")
        })?;
        let target = target.trim();
        let (path, query) =
            target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
        let Some(below) = ides_own(path) else {
            bail!("`{path}` is no path: it does not start with a slash");
        };
        Ok(Self::Request(Box::new(Single {
            method: method.to_owned(),
            path: below.to_owned(),
            query: query.map(str::to_owned),
            upgrade,
            body,
        })))
    }

    /// A capability, with a file where one is meant.
    pub(super) fn of_capability(
        capability: Capability,
        path: Option<&str>,
        home: Option<&str>,
    ) -> anyhow::Result<Self> {
        let claim = path.map(|path| claim(path, home)).transpose()?;
        Ok(Self::Capability { capability, path: path.map(str::to_owned), claim })
    }

    /// Whether an IDE's table knows the request; of a capability each may be asked.
    pub(super) fn known_in(&self, adapters: &Adapters, ide: Ide) -> bool {
        match self {
            // A row for whatever has no other is no knowledge.
            Self::Request(single) => row_of(adapters, ide, &single.ask())
                .is_some_and(|row| row.capability() != Capability::Unknown),
            Self::Capability { capability, claim, .. } => {
                let file = claim.as_ref().map(|claim| claim.tail.as_str());
                !doors(adapters, ide, *capability, file).is_empty() || !spoken(ide, *capability).is_empty()
            }
        }
    }
}

/// All requests of a capability in an IDE.
pub(super) fn all_doors(
    adapters: &Adapters,
    ide: Ide,
    capability: Capability,
    claim: Option<&PathClaim>,
) -> (Vec<Door>, Vec<Spoken>) {
    let file =
        claim.map(|claim| if claim.absolute { format!("/{}", claim.tail) } else { claim.tail.clone() });
    (doors(adapters, ide, capability, file.as_deref()), spoken(ide, capability))
}

/// The path behind `/s/<id>`.
fn ides_own(path: &str) -> Option<&str> {
    if !path.starts_with('/') {
        return None;
    }
    let Some(rest) = path.strip_prefix("/s/") else { return Some(path) };
    Some(rest.find('/').map_or("/", |at| &rest[at..]))
}

/// A file below the home is named from there, as IDEs do; any other by its whole path.
fn claim(path: &str, home: Option<&str>) -> anyhow::Result<PathClaim> {
    let path = path.strip_prefix("~/").unwrap_or(path);
    if path.chars().any(char::is_control) || path.split('/').any(|part| part == "..") {
        bail!("the path has a `..` or a control character: no IDE's request may name it so");
    }
    let parts =
        |text: &str| text.split('/').filter(|part| !matches!(*part, "" | ".")).collect::<Vec<_>>().join("/");
    let below = home
        .and_then(|home| std::path::Path::new(path).strip_prefix(home).ok())
        .and_then(std::path::Path::to_str);
    Ok(match below {
        Some(below) => PathClaim { tail: parts(below), absolute: false },
        None => PathClaim { tail: parts(path), absolute: path.starts_with('/') },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_the_log_writes_it() {
        for (text, method, path, query) in [
            ("POST /s/0011223344556677/rpc/x", "POST", "/rpc/x", None),
            ("GET /s/x", "GET", "/", None),
            ("GET /api/contents/a?type=file", "GET", "/api/contents/a", Some("type=file")),
            (" GET  /lab ", "GET", "/lab", None),
        ] {
            let Case::Request(single) = Case::of_request(text, false, None).expect(text) else {
                panic!("{text}")
            };
            assert_eq!(
                (single.method.as_str(), single.path.as_str(), single.query.as_deref()),
                (method, path, query)
            );
        }
        assert!(Case::of_request("/lab", false, None).is_err());
        assert!(Case::of_request("GET lab", false, None).is_err());
    }

    #[test]
    fn a_file_below_the_home_is_named_from_there() {
        let of = |path| claim(path, Some("/home/a")).map(|claim| (claim.tail, claim.absolute));
        assert_eq!(of("/home/a/x/y").expect("a path"), ("x/y".to_owned(), false));
        assert_eq!(of("x//y").expect("a path"), ("x/y".to_owned(), false));
        assert_eq!(of("~/x").expect("a path"), ("x".to_owned(), false));
        assert_eq!(of("/home/ab").expect("a path"), ("home/ab".to_owned(), true));
        assert!(of("../x").is_err() && of("a\nb").is_err());
    }
}
