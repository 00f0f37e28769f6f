//! From the cookie to the person, with a memory per connection: a connection that is kept alive verifies its cookie once.
//!
//! The memory holds only as long as the snapshot's epochs stand: a new configuration voids all, a sign-in that ends voids those of
//! one connection in 256 ([`shards`](crate::shards)), the own one among them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use portcullis_model::cookie::Claims;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use crate::cookies::{Presence, Presented, find, strip};
use crate::gate::authority;
use crate::keys::Keyed;
use crate::passage::{Passage, own_copy};
use crate::state::{Person, Snapshot};

/// What a connection remembers.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: RefCell<Option<Rc<Known>>>,
    /// The authority that its last request asked for: well-formed.
    authority: RefCell<Option<HeaderValue>>,
    /// What its last key told.
    key: RefCell<Option<Rc<Known>>>,
    /// The way of its last request into a session.
    pub(crate) passage: RefCell<Option<Rc<Passage>>>,
}

impl Memo {
    /// What this very key told before, if that is so still.
    pub(crate) fn remembered_key(
        &self,
        snapshot: &Snapshot,
        headers: &HeaderMap,
        text: &[u8],
    ) -> Option<Rc<Known>> {
        let known = self.key.borrow();
        let known = known.as_ref()?;
        let keyed = known.key.as_ref()?;
        let same_text = known.text.as_ref().is_some_and(|before| before.ct_eq(text).into());
        let same_people = known.epochs == snapshot.key_epochs(&keyed.key.id);
        (same_text && same_people && same(&known.cookies, headers)).then(|| known.clone())
    }

    /// Remembers what a key told.
    pub(crate) fn remember_key(&self, known: Rc<Known>) {
        *self.key.borrow_mut() = Some(known);
    }

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
    /// The key by which they came, where it was none of our cookies.
    pub(crate) key: Option<Arc<Keyed>>,
    /// It as it came, to be told again.
    text: Option<Zeroizing<Box<[u8]>>>,
    /// What is left of the request's cookies without ours.
    pub(crate) others: Option<HeaderValue>,
    /// Copied: a slice of the request would keep its whole buffer.
    cookies: Box<[u8]>,
    epochs: (u64, u64),
}

impl Known {
    /// Whoever sends a good key.
    pub(crate) fn by_key(keyed: Arc<Keyed>, snapshot: &Snapshot, headers: &HeaderMap, text: &[u8]) -> Self {
        let claims = Claims { sign_in: keyed.person.sign_in.id, issued: 0, expires: u64::MAX };
        Self {
            person: keyed.person.clone(),
            presence: Presence { claims, stay: false },
            others: others(headers),
            cookies: joined(headers).into(),
            epochs: snapshot.key_epochs(&keyed.key.id),
            text: Some(Zeroizing::new(text.into())),
            key: Some(keyed),
        }
    }
}

/// Who sends this request. `now` in seconds since 1970.
pub(crate) fn identify(memo: &Memo, snapshot: &Snapshot, headers: &HeaderMap, now: u64) -> Option<Identity> {
    if let Some(known) = memo.known.borrow().as_ref() {
        let fresh = now < known.presence.claims.expires && now < known.person.until();
        let same_people = known.epochs == snapshot.epochs(&known.person.sign_in.id);
        if fresh && same_people && same(&known.cookies, headers) {
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
    let epochs = snapshot.epochs(&person.sign_in.id);
    let others = others(headers);
    let known = Rc::new(Known { person, presence, key: None, text: None, others, cookies, epochs });
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
    use portcullis_model::sign_in::SignIn;

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

    /// A person whose sign-in has this number, of any of 256 parts.
    fn numbered(number: u32) -> SignIn {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_le_bytes());
        SignIn { id: SignInId::from_bytes(id), ..sign_in("alice", 1) }
    }

    #[test]
    fn a_sign_in_that_ends_makes_few_connections_verify_again_and_a_configuration_all() {
        const PEOPLE: u32 = 1024;
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        table.sign_ins((0..PEOPLE).map(numbered).collect());
        let connections: Vec<(Memo, HeaderMap)> = (0..PEOPLE)
            .map(|number| {
                let claims = Claims { sign_in: numbered(number).id, issued: 100, expires: 3700 };
                let value = format!("portcullis={}", table.load().generation.ring.sign(&claims));
                let cookie = HeaderValue::from_str(&value).expect("ascii");
                (Memo::default(), [(COOKIE, cookie)].into_iter().collect())
            })
            .collect();
        let snapshot = table.load();
        let all = |snapshot: &Snapshot| -> Vec<Option<Identity>> {
            connections.iter().map(|(memo, cookie)| identify(memo, snapshot, cookie, 200)).collect()
        };
        let anew = |before: &[Option<Identity>], after: &[Option<Identity>]| {
            let pairs = before.iter().zip(after).filter_map(|(one, other)| one.as_ref().zip(other.as_ref()));
            pairs.filter(|(one, other)| !Rc::ptr_eq(one, other)).count()
        };
        let first = all(&snapshot);
        assert!(first.iter().all(Option::is_some));
        assert_eq!(anew(&first, &all(&snapshot)), 0, "nothing happened");
        table.sign_in_ended(numbered(7).id);
        let second = all(&table.load());
        assert!(second[7].is_none(), "hers is over");
        // Those of the same part: numbers 263, 519 and 775.
        assert_eq!(anew(&first, &second), 3);
        table.sign_in(numbered(2000));
        assert_eq!(anew(&second, &all(&table.load())), 0, "who comes voids nothing");
        table.configure(Arc::new(Generation::for_tests(&[])));
        assert_eq!(anew(&second, &all(&table.load())), 1023, "a configuration is everybody's");
    }
}
