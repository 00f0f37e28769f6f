//! From the cookie to the person, with a memory per connection: a connection that is kept alive verifies its cookie once.
//!
//! The memory holds only as long as the snapshot's epoch stands: ending any sign-in, or a new configuration, voids it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};

use crate::cookies::{Presence, Presented, find, strip};
use crate::gate::authority;
use crate::passage::{Passage, own_copy};
use crate::state::{Person, Snapshot};

/// What a connection remembers.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: RefCell<Option<Rc<Known>>>,
    /// The authority that its last request asked for: well-formed.
    authority: RefCell<Option<HeaderValue>>,
    /// The way of its last request into a session.
    pub(crate) passage: RefCell<Option<Rc<Passage>>>,
}

impl Memo {
    /// The authority that a request asks for, when it is one and well-formed.
    pub(crate) fn authority(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let mut hosts = headers.get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
        let mut known = self.authority.borrow_mut();
        if known.as_ref() != Some(host) {
            authority(headers)?;
            *known = Some(own_copy(host));
        }
        known.clone()
    }
}

/// Whoever sends a valid cookie. Shared within a connection: its thread alone counts the references.
pub(crate) type Identity = Rc<Known>;

/// What one verified cookie told.
#[derive(Debug)]
pub(crate) struct Known {
    /// Who.
    pub(crate) person: Arc<Person>,
    /// What the cookie said.
    pub(crate) presence: Presence,
    /// What is left of the request's cookies without ours.
    pub(crate) others: Option<HeaderValue>,
    /// Copied: a slice of the request would keep its whole buffer.
    cookies: Box<[u8]>,
    epoch: u64,
}

/// Who sends this request. `now` in seconds since 1970.
pub(crate) fn identify(memo: &Memo, snapshot: &Snapshot, headers: &HeaderMap, now: u64) -> Option<Identity> {
    if let Some(known) = memo.known.borrow().as_ref() {
        let fresh = now < known.presence.claims.expires && now < known.person.until();
        if fresh && known.epoch == snapshot.epoch && same(&known.cookies, headers) {
            return Some(known.clone());
        }
    }
    let Presented::One(value) = find(headers, snapshot.generation.jar.name) else { return None };
    let claims = snapshot.generation.ring.verify(value, now).ok()?;
    let person = snapshot.people.get(&claims.sign_in)?.clone();
    if now >= person.until() {
        return None;
    }
    let presence = Presence { claims, stay: snapshot.generation.jar.stays(headers) };
    let cookies = joined(headers).into();
    let known = Rc::new(Known { person, presence, others: others(headers), cookies, epoch: snapshot.epoch });
    *memo.known.borrow_mut() = Some(known.clone());
    Some(known)
}

/// The cookies that a session gets.
fn others(headers: &HeaderMap) -> Option<HeaderValue> {
    let cookies = headers.get_all(COOKIE).iter().map(|value| (COOKIE, value.clone()));
    let mut jar: HeaderMap = cookies.collect();
    strip(&mut jar);
    // Copied, for the same reason.
    HeaderValue::from_bytes(jar.get(COOKIE)?.as_bytes()).ok()
}

/// A header's value can't hold a line feed, so it parts them unmistakably.
fn joined(headers: &HeaderMap) -> Vec<u8> {
    headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().iter().copied().chain([b'\n'])).collect()
}

fn same(known: &[u8], headers: &HeaderMap) -> bool {
    let mut rest = known;
    for value in headers.get_all(COOKIE) {
        match rest.strip_prefix(value.as_bytes()).and_then(|rest| rest.strip_prefix(b"\n")) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use portcullis_model::SignInId;
    use portcullis_model::cookie::Claims;

    use super::*;
    use crate::generation::Generation;
    use crate::state::{Table, tests::sign_in};

    fn table() -> Table {
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        table.sign_in(sign_in("alice", 1));
        table.sign_in(sign_in("bob", 2));
        table
    }

    fn cookie(table: &Table, number: u8, expires: u64) -> HeaderMap {
        let claims = Claims { sign_in: SignInId::from_bytes([number; 16]), issued: 100, expires };
        let value = format!("a=b; portcullis={}", table.load().generation.ring.sign(&claims));
        [(COOKIE, HeaderValue::from_str(&value).expect("ascii"))].into_iter().collect()
    }

    fn who(memo: &Memo, table: &Table, headers: &HeaderMap, now: u64) -> Option<String> {
        identify(memo, &table.load(), headers, now).map(|identity| identity.person.user().to_owned())
    }

    #[test]
    fn a_connection_remembers_exactly_its_cookie() {
        let (table, memo) = (table(), Memo::default());
        let (alice, bob) = (cookie(&table, 1, 3700), cookie(&table, 2, 3700));
        for _ in 0..2 {
            assert_eq!(who(&memo, &table, &alice, 200).as_deref(), Some("alice"));
            assert_eq!(who(&memo, &table, &bob, 200).as_deref(), Some("bob"));
            assert_eq!(who(&memo, &table, &HeaderMap::new(), 200), None);
        }
        let mut both = alice.clone();
        both.append(COOKIE, bob[COOKIE].clone());
        assert_eq!(who(&memo, &table, &both, 200), None);
    }

    #[test]
    fn a_host_is_looked_at_once_and_only_that_one_is_remembered() {
        let memo = Memo::default();
        let host = |hosts: &[&'static str]| -> HeaderMap {
            hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect()
        };
        for _ in 0..2 {
            assert_eq!(memo.authority(&host(&["a.test:1"])).expect("one"), "a.test:1");
            for bad in [&["user@a.test"][..], &["a.test:1", "a.test:1"], &[]] {
                assert_eq!(memo.authority(&host(bad)), None, "{bad:?}");
            }
            assert_eq!(memo.authority(&host(&["b.test"])).expect("one"), "b.test");
        }
    }

    #[test]
    fn a_session_gets_the_other_cookies() {
        let (table, memo) = (table(), Memo::default());
        let alice = cookie(&table, 1, 3700);
        let mut several = alice.clone();
        several.append(COOKIE, HeaderValue::from_static("c=d; portcullis-stay=1"));
        let ours = alice[COOKIE].to_str().expect("ascii").trim_start_matches("a=b; ");
        let bare: HeaderMap = [(COOKIE, HeaderValue::from_str(ours).expect("ascii"))].into_iter().collect();
        for (headers, others) in [(&alice, Some("a=b")), (&several, Some("a=b; c=d")), (&bare, None)] {
            for _ in 0..2 {
                let known = identify(&memo, &table.load(), headers, 200).expect("alice");
                assert_eq!(known.others.as_ref().map(|value| value.to_str().expect("ascii")), others);
            }
        }
    }

    #[test]
    fn what_is_remembered_ends_with_the_cookie_the_sign_in_and_the_configuration() {
        let (table, memo) = (table(), Memo::default());
        let alice = cookie(&table, 1, 1000);
        assert!(who(&memo, &table, &alice, 999).is_some());
        assert_eq!(who(&memo, &table, &alice, 1000), None);
        let alice = cookie(&table, 1, 99_999);
        assert!(who(&memo, &table, &alice, 3699).is_some());
        assert_eq!(who(&memo, &table, &alice, 3700), None, "the sign-in itself is over");
        assert!(who(&memo, &table, &alice, 200).is_some());
        table.sign_in_ended(SignInId::from_bytes([1; 16]));
        assert_eq!(who(&memo, &table, &alice, 200), None);
    }
}
