//! The sign-in cookie as it goes to and comes from browsers: found, issued, renewed, cleared.
//!
//! The value and its MAC are `portcullis_model::cookie`'s; here are name, attributes and the jar. Byte-exact: no decoding, no
//! folding, no quotes, so that nothing but our own name is ever taken for it. Called by `gate`, `sign_in` and `ide`.

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use portcullis_conf::SameSite;
use portcullis_model::cookie::{Claims, KeyRing, NAME_PLAIN, NAME_TLS};

use crate::sign_in::{FLOW_PLAIN, FLOW_TLS};

/// A cookie is renewed when the sign-in's end has moved by so many seconds: at most once a minute.
pub(crate) const RENEW_AFTER: u64 = 60;

/// Marks a browser whose owner ticked "stay signed in": its renewed cookies stay persistent. It opens nothing.
const STAY_PLAIN: &str = "portcullis-stay";
const STAY_TLS: &str = "__Host-portcullis-stay";

/// How browsers are told to keep our cookies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jar {
    /// Name of the sign-in cookie.
    pub(crate) name: &'static str,
    stay: &'static str,
    attributes: String,
}

impl Jar {
    /// `root` is `www-root-path` without its final slash; `secure` says that browsers come by https.
    pub(crate) fn new(root: &str, secure: bool, same_site: SameSite) -> Self {
        // `__Host-` needs `Secure` and `Path=/` (RFC 6265bis, 4.1.3.2).
        let (name, stay) =
            if secure && root.is_empty() { (NAME_TLS, STAY_TLS) } else { (NAME_PLAIN, STAY_PLAIN) };
        let path = if root.is_empty() { "/" } else { root };
        let same_site = match same_site {
            SameSite::None if secure => "None",
            // Lax lets links from elsewhere open a session, and nothing more. Browsers drop `SameSite=None` without
            // `Secure`: nobody could sign in.
            SameSite::Unset | SameSite::Lax | SameSite::None => "Lax",
        };
        let secure = if secure { "; Secure" } else { "" };
        Self { name, stay, attributes: format!("; Path={path}; HttpOnly; SameSite={same_site}{secure}") }
    }

    /// Adds the cookies of a sign-in that is good until `claims.expires`.
    pub(crate) fn issue(&self, headers: &mut HeaderMap, ring: &KeyRing, claims: &Claims, stay: bool) {
        let age = claims.expires.saturating_sub(claims.issued);
        let age = if stay { format!("; Max-Age={age}") } else { String::new() };
        let value = ring.sign(claims);
        append(headers, &format!("{}={value}{}{age}", self.name, self.attributes));
        if stay {
            append(headers, &format!("{}=1{}{age}", self.stay, self.attributes));
        }
    }

    /// Renews the cookie when the sign-in's end (`until`) has moved on since it was made.
    pub(crate) fn renew(
        &self,
        headers: &mut HeaderMap,
        ring: &KeyRing,
        presented: &Presence,
        until: u64,
        now: u64,
    ) -> bool {
        let Presence { claims, stay } = presented;
        if until < claims.expires.saturating_add(RENEW_AFTER) {
            return false;
        }
        self.issue(headers, ring, &Claims { sign_in: claims.sign_in, issued: now, expires: until }, *stay);
        true
    }

    /// Adds what makes a browser forget them: same name, path and attributes.
    pub(crate) fn clear(&self, headers: &mut HeaderMap) {
        for name in [self.name, self.stay] {
            append(headers, &format!("{name}={}; Max-Age=0", self.attributes));
        }
    }

    /// Whether a browser of this request wants its cookie kept beyond its own end.
    pub(crate) fn stays(&self, headers: &HeaderMap) -> bool {
        matches!(find(headers, self.stay), Presented::One("1"))
    }

    /// Whether this name is one of ours, under any configuration.
    pub(crate) fn owns(name: &[u8]) -> bool {
        [NAME_TLS, NAME_PLAIN, STAY_TLS, STAY_PLAIN, FLOW_TLS, FLOW_PLAIN]
            .iter()
            .any(|ours| ours.as_bytes() == name)
    }
}

/// What a verified cookie told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presence {
    /// Its claims.
    pub(crate) claims: Claims,
    /// Whether "stay signed in" was ticked.
    pub(crate) stay: bool,
}

/// What a request's `Cookie` headers hold under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented<'a> {
    /// None.
    Nothing,
    /// Exactly one.
    One(&'a str),
    /// More than one, or bytes no browser got from us: somebody else wrote into the jar. Never "the first wins".
    Foreign,
}

/// Looks for cookies named exactly `name`.
pub(crate) fn find<'a>(headers: &'a HeaderMap, name: &str) -> Presented<'a> {
    let mut found = Presented::Nothing;
    for header in headers.get_all(COOKIE) {
        for (key, value) in pairs(header.as_bytes()) {
            if key != name.as_bytes() {
                continue;
            }
            found = match (found, std::str::from_utf8(value)) {
                (Presented::Nothing, Ok(value)) if value.is_ascii() => Presented::One(value),
                _ => return Presented::Foreign,
            };
        }
    }
    found
}

/// Takes our cookies out of the request; what is left stays byte for byte. Cookies that HTTP/2 brought in several headers are
/// joined to one, as HTTP/1.1 wants it (RFC 9113, 8.2.3).
pub(crate) fn strip(headers: &mut HeaderMap) {
    let ours = |header: &HeaderValue| pairs(header.as_bytes()).any(|(name, _)| Jar::owns(name));
    let all = headers.get_all(COOKIE);
    let several = all.iter().nth(1).is_some();
    if !several && !all.iter().any(ours) {
        return;
    }
    let kept: Vec<HeaderValue> = all.iter().filter_map(without_ours).collect();
    let joined = kept.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b"; "[..]);
    headers.remove(COOKIE);
    if let (false, Ok(value)) = (joined.is_empty(), HeaderValue::from_bytes(&joined)) {
        headers.insert(COOKIE, value);
    }
}

/// The request's cookies as one line, without those of these names.
pub(crate) fn without(headers: &HeaderMap, names: &[&str]) -> Vec<u8> {
    let mut kept = Vec::new();
    for header in headers.get_all(COOKIE) {
        for piece in header.as_bytes().split(|byte| *byte == b';') {
            let (name, value) = split(piece);
            let other = names.iter().all(|known| !known.as_bytes().eq_ignore_ascii_case(name));
            if (name.is_empty() && value.is_empty()) || !other {
                continue;
            }
            if !kept.is_empty() {
                kept.extend_from_slice(b"; ");
            }
            kept.extend_from_slice(piece.trim_ascii());
        }
    }
    kept
}

fn without_ours(header: &HeaderValue) -> Option<HeaderValue> {
    let mut kept: Vec<u8> = Vec::with_capacity(header.len());
    for piece in header.as_bytes().split(|byte| *byte == b';') {
        let piece = piece.strip_prefix(b" ").unwrap_or(piece);
        if Jar::owns(split(piece).0) || piece.is_empty() {
            continue;
        }
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(piece);
    }
    if kept.is_empty() { None } else { HeaderValue::from_bytes(&kept).ok() }
}

fn pairs(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|byte| *byte == b';').map(split)
}

/// Name and value of one piece. Only spaces and tabs around it are dropped, as browsers and RFC 6265 have it.
fn split(piece: &[u8]) -> (&[u8], &[u8]) {
    let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
    let start = piece.iter().position(|byte| !blank(byte)).unwrap_or(piece.len());
    let end = piece.iter().rposition(|byte| !blank(byte)).map_or(start, |at| at + 1);
    let piece = &piece[start..end];
    match piece.iter().position(|byte| *byte == b'=') {
        Some(at) => (&piece[..at], &piece[at + 1..]),
        // A piece without `=` is a value without a name (RFC 6265bis, 5.6): never ours.
        None => (&[], piece),
    }
}

fn append(headers: &mut HeaderMap, text: &str) {
    // Every part is ASCII of ours; a root path with other characters was refused as an option.
    if let Ok(value) = HeaderValue::from_str(text) {
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use portcullis_model::cookie::Key;
    use portcullis_model::{Secret, SignInId};

    use super::*;

    fn ring(name: &'static str) -> KeyRing {
        KeyRing::new(&[Key::new(Secret::new(vec![5; 32])).expect("a key")], name).expect("a ring")
    }

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(COOKIE, HeaderValue::from_bytes(value).expect("a value"));
        }
        headers
    }

    const CLAIMS: Claims = Claims { sign_in: SignInId::from_bytes([3; 16]), issued: 100, expires: 3700 };

    fn set(headers: &HeaderMap) -> Vec<&str> {
        headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("ascii")).collect()
    }

    #[test]
    fn attributes_follow_tls_root_path_and_same_site() {
        let mut out = HeaderMap::new();
        Jar::new("", true, SameSite::Lax).issue(&mut out, &ring(NAME_TLS), &CLAIMS, false);
        assert_eq!(set(&out).len(), 1);
        assert!(set(&out)[0].starts_with("__Host-portcullis=v1."));
        assert!(set(&out)[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"));

        let mut out = HeaderMap::new();
        Jar::new("/ide", false, SameSite::None).issue(&mut out, &ring(NAME_PLAIN), &CLAIMS, true);
        assert!(set(&out)[0].starts_with("portcullis=v1."));
        assert!(set(&out)[0].ends_with("; Path=/ide; HttpOnly; SameSite=Lax; Max-Age=3600"));
        assert_eq!(set(&out)[1], "portcullis-stay=1; Path=/ide; HttpOnly; SameSite=Lax; Max-Age=3600");

        let jar = Jar::new("/ide", true, SameSite::None);
        assert_eq!(
            (jar.name, jar.attributes.as_str()),
            (NAME_PLAIN, "; Path=/ide; HttpOnly; SameSite=None; Secure")
        );
    }

    #[test]
    fn clearing_uses_the_same_name_and_attributes() {
        let mut out = HeaderMap::new();
        Jar::new("", true, SameSite::Unset).clear(&mut out);
        assert_eq!(
            set(&out),
            [
                "__Host-portcullis=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0",
                "__Host-portcullis-stay=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0",
            ]
        );
    }

    #[test]
    fn a_cookie_is_renewed_at_most_once_a_minute() {
        let (jar, ring) = (Jar::new("", false, SameSite::Lax), ring(NAME_PLAIN));
        let presence = Presence { claims: CLAIMS, stay: false };
        let mut out = HeaderMap::new();
        assert!(!jar.renew(&mut out, &ring, &presence, 3759, 159));
        assert!(out.is_empty());
        assert!(jar.renew(&mut out, &ring, &presence, 3760, 160));
        let value = set(&out)[0].split(['=', ';']).nth(1).expect("a value").to_owned();
        assert_eq!(ring.verify(&value, 200), Ok(Claims { issued: 160, expires: 3760, ..CLAIMS }));
    }

    #[test]
    fn only_the_exact_name_once_is_ours() {
        let name = "portcullis";
        for (jar, expected) in [
            (&[&b"a=b; portcullis=x; c=d"[..]][..], Presented::One("x")),
            (&[b"a=b", b"portcullis=x"], Presented::One("x")),
            (&[b"portcullis=x=y"], Presented::One("x=y")),
            (&[b"portcullis2=x; Portcullis=y; portculli=z"], Presented::Nothing),
            (&[b"=portcullis=x"], Presented::Nothing),
            (&[b"port%63ullis=x"], Presented::Nothing),
            (&[b"\xe2\x80\x80portcullis=x"], Presented::Nothing),
            (&[b"a=1, portcullis=x"], Presented::Nothing),
            (&[b"portcullis=x; portcullis=y"], Presented::Foreign),
            (&[b"portcullis=x", b"portcullis=x"], Presented::Foreign),
            (&[b"portcullis=\xff"], Presented::Foreign),
            (&[b"$Version=1; portcullis=\"a\""], Presented::One("\"a\"")),
            (&[b";;; portcullis=x;"], Presented::One("x")),
        ] {
            assert_eq!(find(&headers(jar), name), expected, "{jar:?}");
        }
    }

    #[test]
    fn stripping_takes_ours_and_nothing_else() {
        let mut jar =
            headers(&[b"_xsrf=2|a; __Host-portcullis=x; odd; portcullis-stay=1; b=\"q;", b"portcullis=y"]);
        strip(&mut jar);
        let left: Vec<_> = jar.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
        assert_eq!(left, [&b"_xsrf=2|a; odd; b=\"q"[..]]);
        let mut crumbs = headers(&[b"a=b", b"portcullis=x", b"c=d"]);
        strip(&mut crumbs);
        assert_eq!(crumbs.get_all(COOKIE).iter().collect::<Vec<_>>(), ["a=b; c=d"]);
        let mut untouched = headers(&[b"a=b;;c=d"]);
        strip(&mut untouched);
        assert_eq!(untouched[COOKIE].as_bytes(), b"a=b;;c=d");
    }
}
