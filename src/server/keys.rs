//! API keys at the door: found in a request, checked in memory, remembered as a cookie's verdict is.
//!
//! A key comes in `Authorization: Key …` or `X-RSC-Authorization`, once, and from nowhere else: not from an address, not from a
//! cookie. It opens the interface for programs and, with its scope, one's own sessions; no page. Nothing of it reaches a session.
//! Whoever sends a bad one is told one answer, whatever is wrong with it. Called by `serve`.

pub(crate) mod door;
mod limit;
mod uses;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use portcullis_model::key::{ApiKey, KeyId, KeyRefusal, Scope, parse};
use portcullis_model::sign_in::SignIn;
use portcullis_model::{SignInId, key};

pub(crate) use self::limit::BadKeys;
pub(crate) use self::uses::Uses;
use crate::cookies::{self, Presented as Cookie};
use crate::routes::Route;
use crate::state::{Person, Snapshot};
use crate::who::{Identity, Known, Memo};

/// The header of clients of Posit Connect, where a proxy in front uses the other one itself.
pub(crate) const RSC: HeaderName = HeaderName::from_static("x-rsc-authorization");
/// The scheme, in any case (RFC 9110, 11.1).
const SCHEME: &[u8] = b"key";
/// A use is told at most once in so many milliseconds.
const TOLD_EVERY: u64 = 60_000;
/// The id of the sign-in that a key's person has: that of nobody who signed in.
pub(crate) const NO_SIGN_IN: SignInId = SignInId::from_bytes([0; 16]);

/// A key as the server has it.
#[derive(Debug)]
pub(crate) struct Keyed {
    /// What is compared.
    pub(crate) key: ApiKey,
    /// As whom it acts.
    pub(crate) person: Arc<Person>,
    /// When its last use was told, in milliseconds since 1970. Shared by all snapshots it stands in.
    pub(crate) told: Arc<AtomicU64>,
}

impl Keyed {
    /// Whether the launcher is to hear that it is used at this moment.
    fn is_news(&self, now: u64) -> bool {
        let due = |told: u64| (now >= told.saturating_add(TOLD_EVERY) || now < told).then_some(now);
        self.told.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok()
    }
}

/// Who acts by a key, with what of the launcher's row a sign-in would say.
pub(crate) fn person_of(row: &portcullis_wire::keys::KeyRow) -> SignIn {
    let since = row.key.created / 1000;
    let one = SignIn::of(NO_SIGN_IN, row.principal.clone(), IpAddr::from([0, 0, 0, 0]), (since, u64::MAX));
    SignIn { account: Some(row.key.account), role: row.key.role(row.role), ..one }
}

/// What a request's headers hold of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented<'a> {
    /// None.
    Nothing,
    /// Exactly one, as it came.
    One(&'a [u8]),
    /// More than one, or one beside another word for who it is. Never "the first wins".
    Several,
}

/// Looks for a key.
pub(crate) fn presented(headers: &HeaderMap) -> Presented<'_> {
    // Most requests have neither header.
    if !headers.contains_key(AUTHORIZATION) && !headers.contains_key(RSC) {
        return Presented::Nothing;
    }
    let mut found = Presented::Nothing;
    let mut count = 0;
    for value in headers.get_all(AUTHORIZATION).iter().chain(headers.get_all(RSC)) {
        count += 1;
        if let Some(text) = of_scheme(value.as_bytes()) {
            found = Presented::One(text);
        }
    }
    match found {
        Presented::One(_) if count > 1 => Presented::Several,
        found => found,
    }
}

fn of_scheme(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.trim_ascii_start().split_at_checked(SCHEME.len())?;
    let is_it = scheme.eq_ignore_ascii_case(SCHEME) && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_it.then(|| rest.trim_ascii())
}

/// Why a request with a key goes no further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bad {
    /// It has several keys, or a cookie of ours as well.
    Ambiguous(&'static str),
    /// The key is not good. With its public half as it came, where it has one.
    Key(KeyRefusal, String),
}

/// Who sends this request by a key. `now` in milliseconds since 1970.
pub(crate) fn identify(
    memo: &Memo,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    text: &[u8],
    peer: IpAddr,
    now: u64,
) -> Result<(Identity, bool), Bad> {
    if cookies::find(headers, snapshot.generation.jar.name) != Cookie::Nothing {
        return Err(Bad::Ambiguous("a request has either a key or the cookie of a sign-in"));
    }
    let remembered = memo.remembered_key(snapshot, headers, text);
    let known = match remembered {
        Some(known) => known,
        None => {
            let keyed = look_up(snapshot, text)?;
            let known = Rc::new(Known::by_key(keyed, snapshot, headers, text));
            memo.remember_key(known.clone());
            known
        }
    };
    let Some(keyed) = known.key.as_ref() else { return Err(Bad::Key(KeyRefusal::Unknown, String::new())) };
    let bad = |why| Err(Bad::Key(why, keyed.key.id.to_string()));
    // What a clock and an address decide is decided each time.
    if keyed.key.until.is_some_and(|until| now >= until) {
        return bad(KeyRefusal::Expired);
    }
    if !keyed.key.good(now, peer) {
        return bad(KeyRefusal::Source);
    }
    let news = keyed.is_news(now);
    Ok((known, news))
}

fn look_up(snapshot: &Snapshot, text: &[u8]) -> Result<Arc<Keyed>, Bad> {
    let form = |id: String| Bad::Key(KeyRefusal::Form, id);
    let text = std::str::from_utf8(text).map_err(|_| form(String::new()))?;
    let (id, digest) = parse(text).map_err(|_| form(public_half(text)))?;
    if !snapshot.generation.settings.people.api_keys_enabled {
        return Err(Bad::Key(KeyRefusal::Off, id.to_string()));
    }
    let Some(keyed) = snapshot.keys.get(&id) else {
        return Err(Bad::Key(KeyRefusal::Unknown, id.to_string()));
    };
    if keyed.key.digest.matches(&digest) {
        Ok(keyed.clone())
    } else {
        Err(Bad::Key(KeyRefusal::Secret, id.to_string()))
    }
}

/// The part of a text that is no secret, if it looks like a key at all.
fn public_half(text: &str) -> String {
    let id = text.strip_prefix(key::PREFIX).and_then(|rest| rest.get(..10));
    id.filter(|id| id.parse::<KeyId>().is_ok()).unwrap_or_default().to_owned()
}

/// What a key needs to be answered at this place; `None` where no key is: pages are people's.
pub(crate) const fn scope_of(place: Route<'_>) -> Option<Needs> {
    match place {
        // Each request of it is judged by what it wants.
        Route::Api(_) => Some(Needs::Judged),
        Route::Ide(..) | Route::IdeBare(_) => Some(Needs::Scope(Scope::Ide)),
        _ => None,
    }
}

/// What a key needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// A scope.
    Scope(Scope),
    /// The launcher says.
    Judged,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn a_key_is_found_once_in_a_header_and_nowhere_else() {
        for (list, wanted) in [
            (&[][..], Presented::Nothing),
            (&[("authorization", "Key abc")][..], Presented::One(&b"abc"[..])),
            (&[("authorization", "key  abc ")][..], Presented::One(&b"abc"[..])),
            (&[("authorization", "KEY\tabc")][..], Presented::One(&b"abc"[..])),
            (&[("x-rsc-authorization", "Key abc")][..], Presented::One(&b"abc"[..])),
            (&[("authorization", "Key")][..], Presented::One(&b""[..])),
            (&[("authorization", "Keyabc")][..], Presented::Nothing),
            (&[("authorization", "Bearer abc")][..], Presented::Nothing),
            (&[("authorization", "Basic Key abc")][..], Presented::Nothing),
            (&[("cookie", "key=abc"), ("x-key", "Key abc")][..], Presented::Nothing),
            (&[("authorization", "Key a"), ("authorization", "Key a")][..], Presented::Several),
            (&[("authorization", "Key a"), ("x-rsc-authorization", "Key a")][..], Presented::Several),
            (&[("authorization", "Basic x"), ("authorization", "Key a")][..], Presented::Several),
            (&[("authorization", "Basic x"), ("x-rsc-authorization", "Key a")][..], Presented::Several),
        ] {
            assert_eq!(presented(&headers(list)), wanted, "{list:?}");
        }
    }

    #[test]
    fn only_what_is_public_is_told() {
        assert_eq!(public_half("ptk_abcdefg234_secret"), "abcdefg234");
        for none in ["", "ptk_", "ptk_ABCDEFGHIJ", "abcdefg234", "ptk_abcdefg23"] {
            assert_eq!(public_half(none), "", "{none}");
        }
    }
}
