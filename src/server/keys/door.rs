//! What becomes of a request with a key before any place is asked: let in, or refused with a record.

use std::time::{SystemTime, UNIX_EPOCH};

use http::Response;
use portcullis_model::audit::Event;
use portcullis_model::key::KeyRefusal;
use portcullis_model::permission::Rule;
use portcullis_proxy::Body;

use super::{Bad, Needs, scope_of};
use crate::api;
use crate::call::Call;
use crate::refusals::{fresh_id, what};
use crate::routes::Route;

/// Milliseconds since 1970.
pub(crate) fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    u64::try_from(since).unwrap_or(u64::MAX)
}

/// The answer to a request that has no good key, or several words for who sends it.
pub(crate) fn refuse(call: &Call<'_>, bad: &Bad) -> Response<Body> {
    match bad {
        Bad::Ambiguous(what) => api::ambiguous(call, what),
        Bad::Key(why, id) => {
            if !call.world().bad_keys.may_say(call.peer, milliseconds()) {
                return api::bad_key(call, &fresh_id(), true);
            }
            api::bad_key(call, &record(call, *why, id), false)
        }
    }
}

/// The answer to a good key at a place that is not for it; `None` where it may go on.
pub(crate) fn not_here(call: &Call<'_>, place: Route<'_>) -> Option<Response<Body>> {
    let keyed = call.identity.as_ref()?.key.as_ref()?;
    let rule = match scope_of(place) {
        Some(Needs::Judged) => return None,
        Some(Needs::Scope(scope)) if keyed.key.scopes.has(scope) => return None,
        Some(Needs::Scope(_)) => Rule::Scope,
        None => Rule::NeverByKey,
    };
    record(call, KeyRefusal::Scope, keyed.key.id.as_str());
    Some(api::not_by_key(call, rule))
}

fn record(call: &Call<'_>, why: KeyRefusal, key: &str) -> String {
    let id = fresh_id();
    tracing::info!(%id, %key, peer = %call.peer, why = why.word(), "an API key was refused");
    call.world().link.audit(Event::KeyRefused {
        key: key.to_owned(),
        remote: call.peer,
        why,
        what: what(call.method.as_str(), call.uri.path()),
        id: id.clone(),
    });
    id
}
