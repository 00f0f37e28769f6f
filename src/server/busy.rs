//! A long computation is use too: before a session's idle time is over, its IDE is asked whether anything runs.
//!
//! Only a busy kernel counts; open connections don't, a forgotten tab keeps none alive. The question itself carries the mark by
//! which Jupyter leaves it out of its own clocks. Runs on the control thread.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use portcullis_model::lifetime::lead;
use portcullis_model::session::{Ide, State};
use portcullis_proxy::{Cuts, ForwardOptions, Upload, forward};

use crate::pass::connect_to;
use crate::state::{Live, Person, Snapshot, now};
use crate::world::Thread;

/// How often is looked: the shortest clock is a minute, of which the launcher hears within ten seconds.
const EVERY: Duration = Duration::from_secs(20);
/// A session is asked when so little is left before its owner would be warned, in seconds: two looks fit in.
const NEAR: u64 = 60;
/// Largest list of kernels that is read: hundreds of them.
const LIST_MAX: usize = 256 * 1024;
/// An IDE that takes longer is not asked again until the next look.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// Looks for ever.
pub(crate) async fn watch(thread: &Thread) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        let snapshot = thread.world.table.load();
        for live in snapshot.sessions.values() {
            let at = now();
            if is_near(&snapshot, live, at) && is_busy(thread, &snapshot, live).await {
                tracing::debug!(session = %live.session.id, "a kernel is busy");
                live.way.sight.kernel(at);
            }
        }
    }
}

/// Whether a running session's idle time is nearly over.
fn is_near(snapshot: &Snapshot, live: &Live, at: u64) -> bool {
    if live.session.state != State::Running {
        return false;
    }
    // Its owner may be signed out by now: then the options of everybody are taken.
    let clocks = match owner(snapshot, live) {
        Some(person) => snapshot.generation.clocks(&person.sign_in.principal, live.session.ide),
        None => snapshot.generation.settings.clocks_for(&live.session.user, &[], live.session.ide).clocks,
    };
    let last = live.last_activity().max(live.way.sight.last_kernel());
    let idle = at.saturating_sub(last);
    // The clocks that a busy kernel moves.
    [clocks.idle_minutes, clocks.disconnected_minutes].into_iter().filter(|minutes| *minutes > 0).any(
        |minutes| {
            let length = u64::from(minutes) * 60;
            idle.saturating_add(NEAR + lead(length)) >= length
        },
    )
}

fn owner<'a>(snapshot: &'a Snapshot, live: &Live) -> Option<&'a Person> {
    let people = snapshot.people.values().map(AsRef::as_ref);
    people.into_iter().find(|person| person.sign_in.principal.user == live.session.user)
}

async fn is_busy(thread: &Thread, snapshot: &Snapshot, live: &Live) -> bool {
    if live.session.ide != Ide::Jupyter {
        // Only Jupyter can be asked so far.
        return false;
    }
    let path = format!("{}/s/{}/api/kernels?no_track_activity=1", snapshot.generation.root, live.session.id);
    let Ok(mut request) = Request::get(path).body(()) else { return false };
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(AUTHORIZATION, live.way.authorization.clone());
    let options = ForwardOptions {
        cuts: Cuts::one(&live.way.cut),
        answer_within: Some(ANSWER_WITHIN),
        ..ForwardOptions::default()
    };
    let owner_uid = owner(snapshot, live).map(|person| person.sign_in.principal.uid);
    let connect = async || connect_to(thread, owner_uid, live).await;
    let Ok(response) = forward(&live.way.upstream, &mut request, Upload::Empty, options, connect).await
    else {
        return false;
    };
    if response.status() != StatusCode::OK {
        return false;
    }
    match tokio::time::timeout(ANSWER_WITHIN, Limited::new(response.into_body(), LIST_MAX).collect()).await {
        Ok(Ok(list)) => any_busy(&list.to_bytes()),
        _ => false,
    }
}

/// Whether a list of Jupyter's kernels has one that computes.
fn any_busy(list: &[u8]) -> bool {
    let Ok(serde_json::Value::Array(kernels)) = serde_json::from_slice(list) else { return false };
    kernels.iter().any(|kernel| kernel["execution_state"] == "busy")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use portcullis_model::session::Session;

    use super::*;
    use crate::generation::Generation;
    use crate::state::Table;
    use crate::state::tests::session;

    #[test]
    fn only_a_busy_kernel_counts() {
        assert!(any_busy(br#"[{"execution_state":"idle"},{"execution_state":"busy"}]"#));
        for idle in [&b"[]"[..], br#"[{"execution_state":"idle","connections":3}]"#, b"{}", b"junk"] {
            assert!(!any_busy(idle));
        }
    }

    #[test]
    fn a_session_is_asked_only_near_its_end() {
        let table =
            Table::new(Arc::new(Generation::for_tests(&[("rsession.conf", "session-timeout-minutes=10\n")])));
        table.session(Session { state: State::Running, ..session("alice", 7) });
        let near = |at| {
            let snapshot = table.load();
            snapshot.sessions.values().all(|live| is_near(&snapshot, live, at))
        };
        assert!(!near(100 + 389) && near(100 + 390) && near(100 + 9999));
        table.session(session("alice", 7));
        assert!(!near(9999), "it is not running");
    }
}
