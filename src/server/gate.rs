//! Who may do what with a request, before any IDE is asked: where it comes from and where it may go next. Pure.
//!
//! An IDE's own checks don't count here: adding its token turns them off, so each is repeated at this door.
//! Called by `serve` and `ide` for every request.

use std::fmt;

use http::header::{HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER};
use http::{Method, Uri};

/// Fetch metadata, which browsers send and pages can't set (Fetch Metadata Request Headers, W3C).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Why a request is refused at the gate. A page tells the person in its own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GateRefusal {
    /// It says it comes from another site.
    ForeignOrigin,
    /// It changes something and doesn't say where it comes from.
    NoOrigin,
    /// It is embedded in, or fetched by, a page of another site.
    CrossSite,
}

impl fmt::Display for GateRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ForeignOrigin => "the request comes from another site",
            Self::NoOrigin => "the request does not say where it comes from",
            Self::CrossSite => "another site's page asked for it",
        })
    }
}

/// What of the configuration the gate needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins {
    /// We serve TLS ourselves: only https is our own origin.
    pub(crate) tls: bool,
    /// `www-allow-origin`: hosts, or whole origins, with `*` for any run of characters.
    pub(crate) allowed: Vec<String>,
    /// `www-frame-origin` lets other sites embed us.
    pub(crate) framed: bool,
}

impl Origins {
    /// Judges a request that changes something, or opens a WebSocket. `host` is its authority.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn judge_change(&self, headers: &HeaderMap, host: &str) -> Result<(), GateRefusal> {
        let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
        if let Some(origin) = one(headers, &ORIGIN)? {
            return if self.is_listed(origin) || (self.is_own(origin, host) && !is_foreign(site)) {
                Ok(())
            } else {
                Err(GateRefusal::ForeignOrigin)
            };
        }
        if is_foreign(site) {
            return Err(GateRefusal::CrossSite);
        }
        if site == Some(b"same-origin") {
            return Ok(());
        }
        match one(headers, &REFERER)?.and_then(origin_of) {
            Some(origin) if self.is_own(&origin, host) || self.is_listed(&origin) => Ok(()),
            Some(_) => Err(GateRefusal::ForeignOrigin),
            None => Err(GateRefusal::NoOrigin),
        }
    }

    /// Judges a request that only reads. Links from elsewhere are fine; embedding and fetching are not.
    ///
    /// # Errors
    /// Why it is refused.
    pub(crate) fn judge_read(&self, headers: &HeaderMap) -> Result<(), GateRefusal> {
        let value = |name: HeaderName| headers.get(name).map(HeaderValue::as_bytes);
        if !is_foreign(value(SEC_FETCH_SITE)) {
            return Ok(());
        }
        let navigated = value(SEC_FETCH_MODE) == Some(b"navigate");
        match value(SEC_FETCH_DEST) {
            Some(b"document") if navigated => Ok(()),
            Some(b"iframe" | b"frame" | b"embed" | b"object") if navigated && self.framed => Ok(()),
            _ => match one(headers, &ORIGIN)? {
                Some(origin) if self.is_listed(origin) => Ok(()),
                _ => Err(GateRefusal::CrossSite),
            },
        }
    }

    fn is_own(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else { return false };
        // Without TLS of our own it may end before us: then browsers say https and we see http.
        let scheme_fits = scheme == "https" || (scheme == "http" && !self.tls);
        scheme_fits
            && without_default_port(authority, scheme)
                .eq_ignore_ascii_case(without_default_port(host, scheme))
    }

    fn is_listed(&self, origin: &str) -> bool {
        let Some((_, authority)) = origin.split_once("://") else { return false };
        let host = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let host = host.map_or(authority, |(host, _)| host);
        self.allowed.iter().any(|pattern| {
            [origin, authority, host].iter().any(|text| matches(pattern.as_bytes(), text.as_bytes()))
        })
    }
}

/// Whether a method changes nothing by its definition (RFC 9110, 9.2.1).
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Whether a person sees the answer as a page: a redirect to the sign-in page helps there, and nowhere else.
pub(crate) fn is_navigation(headers: &HeaderMap) -> bool {
    if let Some(mode) = headers.get(SEC_FETCH_MODE) {
        return mode.as_bytes() == b"navigate";
    }
    headers
        .get(http::header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.split(',').any(|kind| kind.trim_start().starts_with("text/html")))
}

/// A path to go to after sign-in, taken only when it can't be anything but a path of ours.
pub(crate) fn app_uri<'a>(wanted: &'a str, root: &str) -> Option<&'a str> {
    const LONGEST: usize = 2048; // as long as the longest address browsers commonly keep
    let inside = wanted.strip_prefix(root)?;
    let odd = |byte: u8| !(0x21..=0x7e).contains(&byte) || byte == b'\\';
    if wanted.len() > LONGEST
        || wanted.bytes().any(odd)
        || !inside.starts_with('/')
        || inside.starts_with("//")
    {
        return None;
    }
    let path = inside.split(['?', '#']).next().unwrap_or(inside);
    let lower = path.to_ascii_lowercase();
    let dots = lower.replace("%2e", ".").split('/').any(|piece| piece == "." || piece == "..");
    let hidden = ["%2f", "%5c", "%00", "%09", "%0a", "%0d"].iter().any(|code| lower.contains(code));
    let loops = [
        "/auth-sign-in",
        "/auth-do-sign-in",
        "/auth-continue",
        "/auth-kerberos",
        "/auth-sign-out",
        "/openid/begin",
        "/openid/callback",
        "/saml/begin",
        "/saml/acs",
    ]
    .contains(&path);
    if dots || hidden || loops || path.contains("//") { None } else { Some(wanted) }
}

/// The authority a request asks for, when it is one and well-formed.
pub(crate) fn authority(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(http::header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let found = host.to_str().ok()?;
    let (name, port) = match found.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (found, None),
    };
    let name_fits = if let Some(inside) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        inside.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        !name.is_empty() && name.len() <= 253 && name.bytes().all(fits)
    };
    let port_fits =
        port.is_none_or(|port| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok());
    (name_fits && port_fits).then_some(found)
}

fn is_foreign(site: Option<&[u8]>) -> bool {
    matches!(site, Some(value) if value != b"same-origin" && value != b"none")
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, GateRefusal> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| GateRefusal::ForeignOrigin),
        (Some(_), Some(_)) => Err(GateRefusal::ForeignOrigin),
    }
}

fn origin_of(referer: &str) -> Option<String> {
    let uri: Uri = referer.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}

fn without_default_port<'a>(authority: &'a str, scheme: &str) -> &'a str {
    let port = if scheme == "https" { ":443" } else { ":80" };
    authority.strip_suffix(port).unwrap_or(authority)
}

/// Full match where `*` stands for any run of characters; letters of ASCII compare without case.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p].eq_ignore_ascii_case(&text[t]) {
            (p, t) = (p + 1, t + 1);
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, t) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).expect("a value"))
            })
            .collect()
    }

    #[test]
    fn only_our_own_origin_may_change_things() {
        let plain = Origins::default();
        let tls = Origins { tls: true, ..Origins::default() };
        let judge = |origins: &Origins, list: &[(&'static str, &str)]| {
            origins.judge_change(&headers(list), "ide.test:8787")
        };
        let ours = ("origin", "http://ide.test:8787");
        assert_eq!(judge(&plain, &[ours]), Ok(()));
        assert_eq!(judge(&plain, &[("origin", "https://ide.test:8787")]), Ok(()));
        assert_eq!(judge(&tls, &[ours]), Err(GateRefusal::ForeignOrigin));
        assert_eq!(judge(&plain, &[ours, ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(judge(&plain, &[ours, ("sec-fetch-site", "cross-site")]), Err(GateRefusal::ForeignOrigin));
        assert_eq!(judge(&plain, &[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(judge(&plain, &[("sec-fetch-site", "same-site")]), Err(GateRefusal::CrossSite));
        assert_eq!(judge(&plain, &[("sec-fetch-site", "none")]), Err(GateRefusal::NoOrigin));
        assert_eq!(judge(&plain, &[("referer", "http://ide.test:8787/x?y")]), Ok(()));
        assert_eq!(judge(&plain, &[("referer", "http://evil.test/")]), Err(GateRefusal::ForeignOrigin));
        assert_eq!(judge(&plain, &[]), Err(GateRefusal::NoOrigin));
        for bad in [
            "null",
            "",
            "http://ide.test",
            "http://ide.test:8787.evil.test",
            "http://ide.test.:8787",
            "http://evil.test:8787",
            "ide.test:8787",
            "ftp://ide.test:8787",
            "http://x@ide.test:8787",
        ] {
            assert_eq!(judge(&plain, &[("origin", bad)]), Err(GateRefusal::ForeignOrigin), "{bad}");
        }
        let mut two = headers(&[ours]);
        two.append(ORIGIN, HeaderValue::from_static("http://evil.test"));
        assert_eq!(plain.judge_change(&two, "ide.test:8787"), Err(GateRefusal::ForeignOrigin));
    }

    #[test]
    fn default_ports_and_case_are_the_same_origin() {
        let origins = Origins { tls: true, ..Origins::default() };
        let list = headers(&[("origin", "https://ide.test")]);
        assert_eq!(origins.judge_change(&list, "IDE.test:443"), Ok(()));
        assert_eq!(origins.judge_change(&list, "ide.test:80"), Err(GateRefusal::ForeignOrigin));
    }

    #[test]
    fn listed_origins_match_whole() {
        let origins =
            Origins { allowed: vec!["*.good.test".into(), "https://a.test".into()], ..Origins::default() };
        let judge = |origin: &str| origins.judge_change(&headers(&[("origin", origin)]), "ide.test");
        assert_eq!(judge("https://x.y.good.test:8443"), Ok(()));
        assert_eq!(judge("https://a.test"), Ok(()));
        for bad in
            ["http://a.test", "https://good.test", "https://x.good.test.evil", "https://xgood.test", "null"]
        {
            assert_eq!(judge(bad), Err(GateRefusal::ForeignOrigin), "{bad}");
        }
    }

    #[test]
    fn reading_from_elsewhere_is_for_links_only() {
        let (closed, framed) = (Origins::default(), Origins { framed: true, ..Origins::default() });
        let from = |site, mode, dest| {
            headers(&[("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)])
        };
        assert_eq!(closed.judge_read(&from("same-origin", "cors", "empty")), Ok(()));
        assert_eq!(closed.judge_read(&from("none", "navigate", "document")), Ok(()));
        assert_eq!(closed.judge_read(&from("cross-site", "navigate", "document")), Ok(()));
        assert_eq!(closed.judge_read(&HeaderMap::new()), Ok(()));
        for bad in [
            from("cross-site", "no-cors", "script"),
            from("same-site", "cors", "empty"),
            from("cross-site", "navigate", "iframe"),
        ] {
            assert_eq!(closed.judge_read(&bad), Err(GateRefusal::CrossSite), "{bad:?}");
        }
        assert_eq!(framed.judge_read(&from("cross-site", "navigate", "iframe")), Ok(()));
    }

    #[test]
    fn after_sign_in_only_a_path_of_ours() {
        for good in ["/", "/s/0011223344556677/lab?reset", "/s/0011223344556677/lab/tree/a%20b", "/?x=//y"] {
            assert_eq!(app_uri(good, ""), Some(good));
        }
        assert_eq!(app_uri("/ide/s/x", "/ide"), Some("/ide/s/x"));
        for bad in [
            "//evil",
            "/\\evil",
            "/%5cevil",
            "https:evil",
            "https://evil",
            "///evil",
            "/%09/evil",
            "javascript:x",
            "/..//evil",
            "/%2e%2e/x",
            "/a/%2F/evil",
            "/%0d%0aX:1",
            "",
            "evil",
            "/a//b",
            "/a/../b",
            "/auth-sign-out",
            "/\tx",
            "/é",
        ] {
            assert_eq!(app_uri(bad, ""), None, "{bad:?}");
        }
        for bad in ["/", "/other", "/idex", "/ide", "/ide//evil"] {
            assert_eq!(app_uri(bad, "/ide"), None, "{bad}");
        }
        assert_eq!(app_uri(&format!("/{}", "x".repeat(10_000)), ""), None);
    }

    #[test]
    fn an_authority_is_one_and_well_formed() {
        for good in ["ide.test", "ide.test:8787", "[::1]:80", "127.0.0.1"] {
            assert_eq!(authority(&headers(&[("host", good)])), Some(good));
        }
        for bad in ["", "a:99999", "user@a", "a b", "[::1", "a,b", "a:", ":80", "a/b"] {
            assert_eq!(authority(&headers(&[("host", bad)])), None, "{bad}");
        }
        assert_eq!(authority(&HeaderMap::new()), None);
        let mut two = headers(&[("host", "a.test")]);
        two.append(http::header::HOST, HeaderValue::from_static("a.test"));
        assert_eq!(authority(&two), None);
    }

    #[test]
    fn a_navigation_is_what_a_person_sees_as_a_page() {
        let accept = headers(&[("accept", "text/html,application/xhtml+xml")]);
        assert!(is_navigation(&accept));
        assert!(!is_navigation(&headers(&[("accept", "*/*")])));
        assert!(!is_navigation(&headers(&[("accept", "text/html"), ("sec-fetch-mode", "cors")])));
        assert!(is_navigation(&headers(&[("accept", "*/*"), ("sec-fetch-mode", "navigate")])));
    }
}
