//! From the cookie to the person, with a memory per connection: a connection that is kept alive verifies its cookie once.
//!
//! The memory holds only as long as the snapshot's epoch stands: ending any sign-in, or a new configuration, voids it.

use std::cell::RefCell;
use std::sync::Arc;

use http::header::{COOKIE, HeaderMap};

use crate::cookies::{Presence, Presented, find};
use crate::state::{Person, Snapshot};

/// What a connection remembers.
#[derive(Debug, Default)]
pub(crate) struct Memo(RefCell<Option<Remembered>>);

#[derive(Debug)]
struct Remembered {
    /// Copied: a slice of the request would keep its whole buffer.
    cookies: Box<[u8]>,
    epoch: u64,
    presence: Presence,
    person: Arc<Person>,
}

/// Whoever sends a valid cookie.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Who.
    pub(crate) person: Arc<Person>,
    /// What the cookie said.
    pub(crate) presence: Presence,
}

/// Who sends this request. `now` in seconds since 1970.
pub(crate) fn identify(memo: &Memo, snapshot: &Snapshot, headers: &HeaderMap, now: u64) -> Option<Identity> {
    if let Some(known) = memo.0.borrow().as_ref() {
        let fresh = now < known.presence.claims.expires && now < known.person.until();
        if fresh && known.epoch == snapshot.epoch && same(&known.cookies, headers) {
            return Some(Identity { person: known.person.clone(), presence: known.presence });
        }
    }
    let Presented::One(value) = find(headers, snapshot.generation.jar.name) else { return None };
    let claims = snapshot.generation.ring.verify(value, now).ok()?;
    let person = snapshot.people.get(&claims.sign_in)?.clone();
    if now >= person.until() {
        return None;
    }
    let presence = Presence { claims, stay: snapshot.generation.jar.stays(headers) };
    let remembered = Remembered {
        cookies: joined(headers).into(),
        epoch: snapshot.epoch,
        presence,
        person: person.clone(),
    };
    *memo.0.borrow_mut() = Some(remembered);
    Some(Identity { person, presence })
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
