//! Headers: which of a client's never reach a session, which of a session's never reach a client, and what we set.
//!
//! Hop-by-hop names (with those that `Connection` lists) are the proxy engine's. Client copies go by prefix and with `_` for `-`
//! too, before ours are set once. Called by `ide` and `errors`.

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, SET_COOKIE, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};

use portcullis_conf::{FrameOrigin, Header};
use portcullis_pages::CONTENT_SECURITY_POLICY as PAGES_POLICY;
use portcullis_proxy::Lines;

use crate::cookies::Jar;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Beginnings of names, after `x-`, by which proxies tell a server who is asking and for what; only we may say that here.
const EDGE_PREFIXES: &[&str] = &[
    "forwarded",
    "rstudio-",
    "rstudiouser",
    "rstudiosystem",
    "rs-",
    "rsc-authorization",
    "auth-",
    "remote-",
    "original-",
    "rewrite-",
    "middleware-",
    "portcullis-",
    "envoy-",
    "client-",
    "ssl-",
    "postback-",
    "jupyter",
    "webauth-",
    "authenticated-",
    "user",
    "cluster-client-",
    "proxy-user",
    "http-method",
    "method-override",
    "real-ip",
    "scheme",
    "url-scheme",
    "host",
];

/// Whether a header of a client stays at the edge. Most don't begin with `x-`: they cost one look at a short list.
pub(crate) fn stays_at_edge(name: &str) -> bool {
    // CGI-like servers read `X_Forwarded_For` as `X-Forwarded-For`; no browser sends a `_`.
    if name.contains('_') {
        return true;
    }
    if let Some(rest) = name.strip_prefix("x-") {
        return EDGE_PREFIXES.iter().any(|prefix| rest.starts_with(prefix));
    }
    match name.as_bytes().first() {
        Some(b'a') => name == "authorization",
        Some(b'c') => name.starts_with("cf-connecting-"),
        Some(b'e') => name == "expect",
        Some(b'f') => matches!(name, "forwarded" | "fastly-client-ip"),
        // Becomes HTTP_PROXY in CGI-like servers (CVE-2016-5385).
        Some(b'p') => name == "proxy",
        Some(b'r') => name.starts_with("remote-"),
        Some(b's') => name.starts_with("ssl-client-"),
        Some(b't') => name == "true-client-ip",
        _ => false,
    }
}

/// Whether a session may not say this: it is about the whole origin, is an order to a proxy in front of us, or asks for a
/// password that no session ever gets.
fn stays_in_session(name: &str) -> bool {
    name.starts_with("access-control-")
        // nginx, Apache, lighttpd, Perlbal: "answer with this file, or from this address, instead".
        || (name.starts_with("x-accel-") && name != "x-accel-buffering")
        || matches!(
            name,
            "accept-ch"
                | "alt-svc"
                | "clear-site-data"
                // Pages for administrators are kept apart from an IDE's windows by it.
                | "cross-origin-opener-policy"
                | "expect-ct"
                | "nel"
                | "public-key-pins"
                | "report-to"
                | "server"
                | "service-worker-allowed"
                | "strict-transport-security"
                | "www-authenticate"
                | "x-lighttpd-send-file"
                | "x-reproxy-file"
                | "x-reproxy-url"
                | "x-sendfile"
                | "x-sendfile2"
        )
}

/// Takes out the headers that a rule names. Most messages carry none or one.
fn take_out(headers: &mut HeaderMap, rule: fn(&str) -> bool) {
    let found = |headers: &HeaderMap| headers.keys().find(|name| rule(name.as_str())).cloned();
    while let Some(name) = found(headers) {
        headers.remove(name);
    }
}

/// Who asks, for the session's eyes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edge<'a> {
    /// The connection's other end.
    pub(crate) peer: &'a HeaderValue,
    /// The authority the browser asked for.
    pub(crate) host: &'a HeaderValue,
    /// Whether it came by https.
    pub(crate) https: bool,
    /// What is left of its cookies without ours.
    pub(crate) cookies: Option<&'a HeaderValue>,
}

/// Takes a client's words out that no session may get from it.
pub(crate) fn strip(headers: &mut HeaderMap) {
    take_out(headers, stays_at_edge);
}

/// What is sent in their place, with every request of the same edge.
pub(crate) fn lines(edge: Edge<'_>, authorization: &HeaderValue) -> Lines {
    Lines::new([
        (HOST, Some(edge.host)),
        (FORWARDED_FOR, Some(edge.peer)),
        (FORWARDED_HOST, Some(edge.host)),
        (FORWARDED_PROTO, Some(&HeaderValue::from_static(if edge.https { "https" } else { "http" }))),
        (COOKIE, edge.cookies),
        (AUTHORIZATION, Some(authorization)),
    ])
}

/// Makes a client's headers fit for a session: strips, then sets.
pub(crate) fn to_session(headers: &mut HeaderMap, edge: Edge<'_>, authorization: &HeaderValue) {
    strip(headers);
    match edge.cookies {
        Some(cookies) => _ = headers.insert(COOKIE, cookies.clone()),
        None => _ = headers.remove(COOKIE),
    }
    // ORDER: ours are set after every client copy is gone.
    headers.insert(AUTHORIZATION, authorization.clone());
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(if edge.https { "https" } else { "http" }));
    headers.insert(FORWARDED_HOST, edge.host.clone());
    headers.insert(HOST, edge.host.clone());
    headers.insert(FORWARDED_FOR, edge.peer.clone());
}

fn ancestors(frame: &FrameOrigin) -> String {
    match frame {
        FrameOrigin::None => "'none'".to_owned(),
        FrameOrigin::Same => "'self'".to_owned(),
        FrameOrigin::Any => "*".to_owned(),
        FrameOrigin::Hosts(hosts) => hosts.join(" "),
    }
}

/// Whether caches that many people share may keep an answer: it must carry no cookie of ours then.
pub(crate) fn is_shared(headers: &HeaderMap) -> bool {
    let said = |value: &HeaderValue| {
        let value = value.as_bytes();
        let word = |word: &[u8]| value.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
        word(b"public") || word(b"s-maxage")
    };
    headers.get_all(CACHE_CONTROL).iter().any(said)
}

/// Headers of answers, worked out once per configuration.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    ours: Vec<(HeaderName, HeaderValue)>,
    theirs: Vec<(HeaderName, HeaderValue)>,
}

impl Answers {
    /// `frame` is `www-frame-origin`, `added` is `server-add-header`.
    pub(crate) fn new(frame: &FrameOrigin, hsts: Option<&str>, added: &[Header]) -> Self {
        let mut both: Vec<(HeaderName, HeaderValue)> =
            vec![(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))];
        both.extend(
            hsts.and_then(|text| Some((STRICT_TRANSPORT_SECURITY, HeaderValue::from_str(text).ok()?))),
        );
        for header in added {
            // Both were checked as an option; what still is no header is left out.
            let name = HeaderName::from_bytes(header.name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&header.value)) {
                both.push((name, value));
            }
        }
        let mut ours = both.clone();
        // Our pages load nothing but our own files; they send forms to us only.
        let policy = format!("{PAGES_POLICY}; frame-ancestors {}", ancestors(frame));
        ours.extend(HeaderValue::from_str(&policy).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
        // Not `no-referrer`: browsers then send `Origin: null` with forms, which the gate refuses.
        ours.push((REFERRER_POLICY, HeaderValue::from_static("same-origin")));
        ours.push((CORP, HeaderValue::from_static("same-origin")));
        ours.push((COOP, HeaderValue::from_static("same-origin")));
        let mut theirs = both;
        match frame {
            FrameOrigin::None => {
                ours.push((X_FRAME_OPTIONS, HeaderValue::from_static("DENY")));
                // IDEs embed pages of their own (previews, help).
                theirs.push((X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")));
            }
            FrameOrigin::Same => {
                ours.push((X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")));
                theirs.push((X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")));
            }
            // The old header can't say these; `frame-ancestors` does.
            FrameOrigin::Any | FrameOrigin::Hosts(_) => {}
        }
        Self { ours, theirs }
    }

    /// Completes an answer of our own. Pages about a person are kept nowhere; named files set their own caching before.
    pub(crate) fn complete(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.ours {
            headers.insert(name.clone(), value.clone());
        }
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }

    /// Edits an answer of a session. `file` says that it is a file of the user's, which must not act as a page of ours.
    pub(crate) fn edit_session(&self, headers: &mut HeaderMap, file: bool) {
        take_out(headers, stays_in_session);
        if headers.contains_key(SET_COOKIE) {
            drop_our_cookies(headers);
        }
        for (name, value) in &self.theirs {
            headers.insert(name.clone(), value.clone());
        }
        // A cache on the way that many share must not guess that it may keep what one person's session said.
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private"));
        if file {
            headers.append(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox allow-scripts"));
        }
    }
}

fn drop_our_cookies(headers: &mut HeaderMap) {
    let ours = |value: &HeaderValue| {
        let bytes = value.as_bytes().trim_ascii_start();
        // A cookie without a name is sent back as its value alone, which then reads as a cookie of that name.
        let bytes = bytes.strip_prefix(b"=").unwrap_or(bytes);
        let end = bytes.iter().position(|byte| *byte == b'=' || *byte == b';').unwrap_or(bytes.len());
        Jar::owns(bytes[..end].trim_ascii())
    };
    if !headers.get_all(SET_COOKIE).iter().any(ours) {
        return;
    }
    let kept: Vec<HeaderValue> =
        headers.get_all(SET_COOKIE).iter().filter(|value| !ours(value)).cloned().collect();
    headers.remove(SET_COOKIE);
    for value in kept {
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests;
