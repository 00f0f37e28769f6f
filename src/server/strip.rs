//! What a session's program does not know: the path under which people reach it.
//!
//! A program that believes to be at `/` gets requests without `/s/<id>`, and what its answers say of paths is put below it again.
//! Cookies of declared applications stay below their session, whatever they say: two sessions of one person are of one origin. Called
//! by `pass` alone; sessions of programs that know their path are not touched.

use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::uri::PathAndQuery;
use http::{Request, Uri};
use portcullis_model::session::Ide;
use portcullis_policy::Prefix;

use crate::call::Call;
use crate::state::Live;

const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// What [`dress`] is to say.
#[derive(Debug, Clone)]
struct Outside(HeaderValue);

/// Says where the program is as the browser sees it, when its prefix was taken off.
///
/// ORDER: after a client's own headers of that name are gone.
pub(crate) fn dress<B>(request: &mut Request<B>) {
    if let Some(Outside(path)) = request.extensions_mut().remove() {
        request.headers_mut().insert(FORWARDED_PREFIX, path);
    }
}

/// A session's place, as the browser sees it.
#[derive(Debug)]
pub(crate) struct Outer {
    /// `/ide/s/<id>`, without a slash at its end.
    path: String,
    strips: bool,
}

impl Outer {
    /// Of a session that needs it.
    pub(crate) fn of(call: &Call<'_>, live: &Live) -> Option<Self> {
        let ide = live.session.ide;
        let strips = call.generation().adapters.prefix(ide) == Prefix::Strip;
        if !strips && !matches!(ide, Ide::App(_)) {
            return None;
        }
        let path = format!("{}/s/{}", call.generation().root.as_str().trim_end_matches('/'), live.session.id);
        Some(Self { path, strips })
    }

    /// Of a program that believes to be at `/` where this path leads.
    pub(crate) const fn at(path: String) -> Self {
        Self { path, strips: true }
    }

    /// Takes the prefix off a request and says what it was.
    pub(crate) fn request<B>(&self, request: &mut Request<B>) {
        if !self.strips {
            return;
        }
        if let Some(inner) = self.inner(request.uri()) {
            *request.uri_mut() = inner;
        }
        if let Ok(path) = HeaderValue::from_str(&self.path) {
            request.extensions_mut().insert(Outside(path));
        }
    }

    fn inner(&self, uri: &Uri) -> Option<Uri> {
        // The very bytes that were decided on: what stands behind the prefix, query and all.
        let inner = uri.path_and_query()?.as_str().strip_prefix(&self.path)?;
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(PathAndQuery::try_from(inner).ok()?);
        Uri::from_parts(parts).ok()
    }

    /// Puts what an answer says of paths below the session.
    pub(crate) fn answer(&self, headers: &mut HeaderMap, host: &HeaderValue) {
        if self.strips {
            let moved = headers.get(LOCATION).and_then(|to| self.location(to, host));
            if let Some(moved) = moved {
                headers.insert(LOCATION, moved);
            }
        }
        if headers.contains_key(SET_COOKIE) {
            let cookies: Vec<HeaderValue> =
                headers.get_all(SET_COOKIE).iter().map(|cookie| self.cookie(cookie)).collect();
            headers.remove(SET_COOKIE);
            for cookie in cookies {
                headers.append(SET_COOKIE, cookie);
            }
        }
    }

    /// A redirect to a path of the program's own, as the browser must be told it.
    fn location(&self, to: &HeaderValue, host: &HeaderValue) -> Option<HeaderValue> {
        let to = to.to_str().ok()?;
        let absolute = to.strip_prefix("https://").or_else(|| to.strip_prefix("http://"));
        let path = match absolute {
            // A program that was told our name may write it out.
            Some(rest) => rest.strip_prefix(host.to_str().ok()?)?,
            None => to,
        };
        let path = if path.is_empty() { "/" } else { path };
        // `//x` and `/\x` are other hosts to a browser: not ours to move.
        let ours = path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\");
        (ours && !self.holds(path)).then(|| HeaderValue::from_str(&format!("{}{path}", self.path)).ok())?
    }

    /// Whether a path lies below the session already.
    fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&self.path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))
    }

    /// A cookie that goes to this session only.
    fn cookie(&self, cookie: &HeaderValue) -> HeaderValue {
        let Ok(text) = cookie.to_str() else { return cookie.clone() };
        let mut parts = text.split(';');
        let mut out = parts.next().unwrap_or_default().to_owned();
        let mut path = None;
        for part in parts {
            match part.split_once('=') {
                // The last one counts, as in browsers.
                Some((name, value)) if name.trim().eq_ignore_ascii_case("path") => path = Some(value.trim()),
                _ => {
                    out.push(';');
                    out.push_str(part);
                }
            }
        }
        let path = match path {
            Some(path) if self.holds(path) => path.to_owned(),
            Some(path) if self.strips && path.starts_with('/') => format!("{}{path}", self.path),
            _ => format!("{}/", self.path),
        };
        out.push_str("; Path=");
        out.push_str(&path);
        HeaderValue::from_str(&out).unwrap_or_else(|_| cookie.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "/ide/s/0011223344556677";

    fn outer(strips: bool) -> Outer {
        Outer { path: AT.to_owned(), strips }
    }

    #[test]
    fn the_prefix_goes_off_and_nothing_else_changes() {
        for (sent, inner) in [
            ("/", "/"),
            ("/a/%41//b?x=%2f&y", "/a/%41//b?x=%2f&y"),
            ("/ide/s/0011223344556677/x", "/ide/s/0011223344556677/x"),
        ] {
            for uri in [format!("{AT}{sent}"), format!("https://h.test{AT}{sent}")] {
                let mut request = Request::get(&uri).body(()).expect("a request");
                outer(true).request(&mut request);
                dress(&mut request);
                assert_eq!(request.uri().path_and_query().map(PathAndQuery::as_str), Some(inner), "{uri}");
                assert_eq!(request.headers()[FORWARDED_PREFIX], AT);
                let mut kept = Request::get(&uri).body(()).expect("a request");
                outer(false).request(&mut kept);
                dress(&mut kept);
                assert_eq!(kept.uri().to_string(), uri);
                assert!(kept.headers().is_empty());
            }
        }
    }

    #[test]
    fn redirects_stay_below_the_session() {
        let host = HeaderValue::from_static("h.test:8787");
        let moved = |to: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, HeaderValue::from_static(to));
            outer(true).answer(&mut headers, &host);
            headers[LOCATION].to_str().expect("text").to_owned()
        };
        for (to, expected) in [
            ("/", "/ide/s/0011223344556677/"),
            ("/a?b", "/ide/s/0011223344556677/a?b"),
            ("http://h.test:8787/a", "/ide/s/0011223344556677/a"),
            ("https://h.test:8787", "/ide/s/0011223344556677/"),
            ("/ide/s/0011223344556677/a", "/ide/s/0011223344556677/a"),
            ("/ide/s/0011223344556677x", "/ide/s/0011223344556677/ide/s/0011223344556677x"),
            ("./a", "./a"),
            ("a/b", "a/b"),
            ("//other.test/a", "//other.test/a"),
            ("/\\other.test/a", "/\\other.test/a"),
            ("https://other.test/a", "https://other.test/a"),
            ("http://h.test:87870/a", "http://h.test:87870/a"),
            ("http://h.test:8787.other.test/a", "http://h.test:8787.other.test/a"),
        ] {
            assert_eq!(moved(to), expected, "{to}");
        }
    }

    #[test]
    fn cookies_go_to_their_session_only() {
        let of = |strips: bool, cookie: &'static str| {
            let mut headers = HeaderMap::new();
            headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
            headers.append(SET_COOKIE, HeaderValue::from_static("other=1"));
            outer(strips).answer(&mut headers, &HeaderValue::from_static("h"));
            assert_eq!(headers.get_all(SET_COOKIE).iter().count(), 2);
            headers[SET_COOKIE].to_str().expect("text").to_owned()
        };
        for (strips, cookie, expected) in [
            (true, "a=b; Path=/; HttpOnly", "a=b; HttpOnly; Path=/ide/s/0011223344556677/"),
            (true, "a=b; path=/x", "a=b; Path=/ide/s/0011223344556677/x"),
            (true, "a=b", "a=b; Path=/ide/s/0011223344556677/"),
            (true, "a=b; Path=/x; Path=/", "a=b; Path=/ide/s/0011223344556677/"),
            (false, "a=b; Path=/", "a=b; Path=/ide/s/0011223344556677/"),
            (false, "a=b; Path=/s/ffffffffffffffff/", "a=b; Path=/ide/s/0011223344556677/"),
            (false, "a=b; Path=/ide/s/0011223344556677/x", "a=b; Path=/ide/s/0011223344556677/x"),
        ] {
            assert_eq!(of(strips, cookie), expected, "{cookie}");
        }
    }
}
