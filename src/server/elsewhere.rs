//! Machines that share a database: a cookie or an API key that another one gave out, and the answer while this one has lost contact
//! with them.
//!
//! A cookie of ours that names a sign-in unknown here costs one question to the launcher, and so does a text of a key's form; what is
//! known costs nothing. A moment's memory keeps a page's many requests with a cookie that is over from asking each. Called by `serve`.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use portcullis_model::SignInId;
use portcullis_model::key::{KeyId, KeyRefusal};
use portcullis_proxy::Body;
use portcullis_wire::ToLauncher;

use crate::answers::{Public, Reader};
use crate::cookies::{Presented, find};
use crate::keys::{Bad, door};
use crate::link::Pending;
use crate::routes::Route;
use crate::state::Snapshot;
use crate::world::World;

/// Time for the launcher, which asks the database and PAM: some 20 ms, more where a directory is far. Then the sign-in page is shown.
const WITHIN: Duration = Duration::from_secs(2);
/// For how long a sign-in or a key that does not live is not asked for again.
const OVER_FOR: Duration = Duration::from_secs(1);
/// Those that are remembered: each is a cookie that we signed, or a key that was asked for, so that few are needed.
const OVER_MAX: usize = 4096;
/// Seconds after which a browser may try again.
const AGAIN: HeaderValue = HeaderValue::from_static("10");

/// What may be another machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Comer {
    SignIn(SignInId),
    Key(KeyId),
}

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    /// Who waits for an answer.
    pub(crate) asked: Pending<bool>,
    /// What does not live, and until when that is believed.
    over: Mutex<HashMap<Comer, Instant>>,
}

impl Elsewhere {
    /// Whether this one is not to be asked for.
    fn is_over(&self, id: Comer, now: Instant) -> bool {
        let over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        over.get(&id).is_some_and(|until| now < *until)
    }

    /// It does not live.
    fn note(&self, id: Comer, now: Instant) {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if over.len() >= OVER_MAX {
            over.retain(|_, until| now < *until);
        }
        if over.len() < OVER_MAX {
            over.insert(id, now + OVER_FOR);
        }
    }
}

/// The sign-in that a cookie of ours names and that is not known here.
fn unknown(snapshot: &Snapshot, headers: &HeaderMap, now: u64) -> Option<SignInId> {
    let Presented::One(value) = find(headers, snapshot.generation.jar.name) else { return None };
    let claims = snapshot.generation.ring.verify(value, now).ok()?;
    (!snapshot.people.contains_key(&claims.sign_in)).then_some(claims.sign_in)
}

/// Whether whoever sends this, of whom nothing is known here, is signed in at another machine: the table has them from here on.
pub(crate) async fn is_known(world: &World, snapshot: &Snapshot, headers: &HeaderMap, now: u64) -> bool {
    let Some(sign_in) = unknown(snapshot, headers, now) else { return false };
    let here = || world.table.load().people.contains_key(&sign_in);
    lives(world, Comer::SignIn(sign_in), |request| ToLauncher::Known { request, sign_in }, here).await
}

/// Whether this key, of which nothing is known here, is one that another machine made: the table has it from here on. An address that
/// sent many bad ones asks nobody for a while.
pub(crate) async fn is_key_known(world: &World, bad: &Bad, peer: IpAddr) -> bool {
    let Bad::Key(KeyRefusal::Unknown, id) = bad else { return false };
    let Ok(key) = id.parse::<KeyId>() else { return false };
    if !world.bad_keys.has_room(peer, door::milliseconds()) {
        return false;
    }
    let here = || world.table.load().keys.contains_key(&key);
    lives(world, Comer::Key(key), |request| ToLauncher::KnownKey { request, key }, here).await
}

async fn lives(
    world: &World,
    comer: Comer,
    question: impl FnOnce(u64) -> ToLauncher,
    here: impl Fn() -> bool,
) -> bool {
    if world.elsewhere.is_over(comer, Instant::now()) {
        return false;
    }
    let (request, answer) = world.elsewhere.asked.begin();
    let asked = async {
        world.link.ask(question(request)).await.ok()?;
        answer.await.ok()
    };
    let lives = tokio::time::timeout(WITHIN, asked).await.ok().flatten().unwrap_or(false);
    // Where it lives and is gone again already, it is not asked for in a circle.
    let here = lives && here();
    if !here {
        world.elsewhere.note(comer, Instant::now());
    }
    here
}

/// Whether a place is as ever while this machine has lost contact with the others: what tells machines how the server is, what pages
/// are made of, and leaving. Administrators' pages are not: who may see them is not known.
pub(crate) const fn stays(place: Route<'_>) -> bool {
    matches!(
        place,
        Route::Health
            | Route::Ready
            | Route::HealthCheck(_)
            | Route::Static(_)
            | Route::SignOut
            | Route::Malformed
    )
}

/// The answer everywhere else. Not logged: every poll of a forgotten tab gets it.
pub(crate) fn apart(reader: &Reader<'_>) -> Response<Body> {
    let public = Public {
        what: Some("This server has lost contact with its database."),
        why: Some("Whether you are still signed in is not known here. Running sessions go on."),
        todo: Some("Wait, and try again."),
        ..Public::of(StatusCode::SERVICE_UNAVAILABLE)
    };
    let mut response = reader.refuse_as(public, "apart");
    response.headers_mut().insert(RETRY_AFTER, AGAIN);
    response
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::header::COOKIE;
    use portcullis_model::SessionId;
    use portcullis_model::cookie::Claims;

    use super::*;
    use crate::generation::Generation;
    use crate::state::{Table, tests::sign_in};

    const ID: SignInId = SignInId::from_bytes([9; 16]);

    #[test]
    fn only_a_cookie_of_ours_that_is_unknown_is_asked_for() {
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        let cookie = |value: &str| -> HeaderMap {
            let value = HeaderValue::from_str(&format!("portcullis={value}")).expect("ascii");
            [(COOKIE, value)].into_iter().collect()
        };
        let signed = table.load().generation.ring.sign(&Claims { sign_in: ID, issued: 100, expires: 1000 });
        let ours = cookie(&signed);
        assert_eq!(unknown(&table.load(), &ours, 200), Some(ID));
        assert_eq!(unknown(&table.load(), &ours, 1000), None, "past its time");
        assert_eq!(unknown(&table.load(), &HeaderMap::new(), 200), None);
        assert_eq!(unknown(&table.load(), &cookie(&signed.replacen("v1.", "v1.0", 1)), 200), None);
        let mut known = sign_in("alice", 1);
        known.id = ID;
        table.sign_in(known);
        assert_eq!(unknown(&table.load(), &ours, 200), None, "it is known");
    }

    #[test]
    fn what_does_not_live_is_not_asked_for_again_at_once() {
        let (elsewhere, now, one) = (Elsewhere::default(), Instant::now(), Comer::SignIn(ID));
        assert!(!elsewhere.is_over(one, now));
        elsewhere.note(one, now);
        assert!(elsewhere.is_over(one, now + OVER_FOR / 2));
        assert!(!elsewhere.is_over(one, now + OVER_FOR));
        assert!(!elsewhere.is_over(Comer::Key("aaaaaaaaaa".parse().expect("an id")), now));
        for number in 0..=OVER_MAX {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&(number as u64).to_le_bytes());
            elsewhere.note(Comer::SignIn(SignInId::from_bytes(id)), now);
        }
        let count = |elsewhere: &Elsewhere| elsewhere.over.lock().expect("nobody panics holding it").len();
        assert_eq!(count(&elsewhere), OVER_MAX);
        elsewhere.note(Comer::SignIn(SignInId::from_bytes([0xff; 16])), now + OVER_FOR);
        assert_eq!(count(&elsewhere), 1, "those of before are forgotten");
    }

    #[test]
    fn nothing_of_people_stays_while_apart() {
        let id = SessionId::from_bytes([7; 8]);
        for place in [Route::Home, Route::SignIn, Route::DoSignIn, Route::Ide(id, "/"), Route::Events] {
            assert!(!stays(place), "{place:?}");
        }
        for place in [Route::Health, Route::Static("x"), Route::SignOut] {
            assert!(stays(place), "{place:?}");
        }
        let generation = Generation::for_tests(&[]);
        for html in [true, false] {
            let response = apart(&Reader { generation: &generation, user: None, html });
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[RETRY_AFTER], "10");
        }
    }
}
