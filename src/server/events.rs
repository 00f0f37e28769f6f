//! State changes of a person's sessions, as server-sent events. Called by `serve`.
//!
//! A stream ends with the sign-in, when the page goes, or when the server drains; the browser then asks again by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use portcullis_model::lifetime::Warning;
use portcullis_model::load::Load;
use portcullis_model::session::State;
use portcullis_model::{SessionId, SignInId};
use portcullis_pages::{KEEP_ALIVE, session_event, signed_out_event};
use portcullis_proxy::{Body, BodySender};

use crate::call::Call;
use crate::sessions::unauthenticated;
use crate::state::Snapshot;
use crate::world::World;

/// Below the half minute after which proxies take a silent stream for dead.
const ALIVE_EVERY: Duration = Duration::from_secs(20);

/// What a page was told of each session.
type Told = HashMap<SessionId, (State, Load, Option<Warning>)>;

/// The stream.
pub(crate) fn events(call: &Call<'_>) -> Response<Body> {
    if call.method != Method::GET {
        return call.reader().wrong_method("GET");
    }
    let Some(person) = call.person() else { return unauthenticated(call) };
    let (sender, body) = Body::channel();
    tokio::task::spawn_local(tell(call.thread.world.clone(), person.sign_in.id, sender));
    let mut response = call.reader().answer(StatusCode::OK, "text/event-stream", body);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx in front would hold events back otherwise.
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    response
}

async fn tell(world: Arc<World>, sign_in: SignInId, sender: BodySender) {
    let mut changes = world.table.changes();
    let mut told: Told = HashMap::new();
    loop {
        changes.mark_unchanged();
        let snapshot = world.table.load();
        let Some(text) = news(&snapshot, sign_in, &mut told) else {
            sender.send(signed_out_event()).await;
            return;
        };
        if world.drain.started() || snapshot.apart || (!text.is_empty() && !sender.send(text).await) {
            return;
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(ALIVE_EVERY) => if !sender.send(KEEP_ALIVE).await { return },
            () = sender.closed() => return,
        }
    }
}

/// What changed since it was told last; `None` when the sign-in is over.
fn news(snapshot: &Snapshot, sign_in: SignInId, told: &mut Told) -> Option<String> {
    let person = snapshot.people.get(&sign_in)?;
    let mut text = String::new();
    for live in snapshot.sessions_of(person) {
        let (id, state) = (live.session.id, &live.session.state);
        let (load, warning) = (&live.session.load, live.session.warning);
        let same = |(known, shown, warned): &(State, Load, Option<Warning>)| {
            known == state && load.shows_as(shown) && *warned == warning
        };
        if !told.get(&id).is_some_and(same) {
            text.push_str(&session_event(id, state));
            told.insert(id, (state.clone(), load.clone(), warning));
        }
    }
    told.retain(|id, _| snapshot.sessions.contains_key(id));
    Some(text)
}

#[cfg(test)]
mod tests {
    use portcullis_model::lifetime::Clock;
    use portcullis_model::session::Session;

    use super::*;
    use crate::generation::Generation;
    use crate::state::Table;
    use crate::state::tests::{session, sign_in};

    #[test]
    fn only_ones_own_changes_are_told_and_once() {
        let table = Table::new(Arc::new(Generation::for_tests(&[])));
        table.sign_in(sign_in("alice", 1));
        table.session(session("alice", 7));
        table.session(session("bob", 8));
        let id = SignInId::from_bytes([1; 16]);
        let mut told = HashMap::new();
        let first = news(&table.load(), id, &mut told).expect("signed in");
        assert!(first.contains("0707070707070707") && !first.contains("0808080808080808"));
        assert_eq!(news(&table.load(), id, &mut told).as_deref(), Some(""));
        table.session(Session { state: State::Running, ..session("alice", 7) });
        assert!(news(&table.load(), id, &mut told).expect("signed in").contains("running"));
        let warning = Some(Warning { clock: Clock::Idle, at: 9, suspends: false });
        table.session(Session { state: State::Running, warning, ..session("alice", 7) });
        assert!(news(&table.load(), id, &mut told).expect("signed in").contains("running"), "it will end");
        assert_eq!(news(&table.load(), id, &mut told).as_deref(), Some(""));
        table.sign_in_ended(id);
        assert_eq!(news(&table.load(), id, &mut told), None);
    }
}
