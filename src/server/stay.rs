//! The button that keeps a session which would end: a person's act, whatever else was told a moment ago. Called by `serve`.

use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Response, StatusCode};
use portcullis_model::SessionId;
use portcullis_model::lifetime::Sign;
use portcullis_model::session::State;
use portcullis_proxy::Body;
use portcullis_wire::ToLauncher;

use crate::call::Call;
use crate::sessions::{unauthenticated, unknown};

/// From a form of the home page, and from the notice in an IDE's own page, which reads no page.
pub(crate) fn stay(call: &Call<'_>, id: SessionId) -> Response<Body> {
    if call.method != Method::POST {
        return call.reader().form_only(&call.method, "/");
    }
    let Some(person) = call.person() else { return unauthenticated(call) };
    let Some(live) = call.snapshot.session_of(person, id) else { return unknown(call) };
    call.acted();
    if live.session.state == State::Running {
        tracing::debug!(user = person.user(), session = %id, "stays");
        live.acted(call.now);
        call.world().link.tell(ToLauncher::Activity { session: id, at: call.now, by: Sign::Stay });
    }
    if call.html {
        return call.reader().go("/");
    }
    let mut response = call.reader().answer(StatusCode::NO_CONTENT, "text/plain", Body::empty());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
