//! The hot path: `/s/<id>/…` from a verified request to the IDE and back.
//!
//! Whose session it is, what the policy says of the request, where a path leads, which headers pass: all decided here, before a
//! byte goes to the IDE; what was decided on is sent on unchanged. Nothing here is allocated for a request that is simply
//! allowed, beyond what the engine needs. Called by `serve`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use portcullis_model::session::{Ide, State};
use portcullis_model::{Effect, SessionId};
use portcullis_policy::rstudio::refusal_answer;
use portcullis_policy::{
    Ask, BodyRule, Forward, PathRule, QueryRule, Refusal, Target, Verdict, app_refusal_body, decide,
    judge_body, port_of_another, refusal_body,
};
use portcullis_proxy::upload::{CollectError, collect};
use portcullis_proxy::{Body, Incoming, WebSocketAsk};
use portcullis_sys::listeners::listeners;

use crate::answers::Public;
use crate::call::{Call, ides_path};
use crate::cookies::{self, Presented};
use crate::launcher_link::chain;
use crate::limits::{capped, too_large};
use crate::pass::{self, Passing};
use crate::reach::check_path;
use crate::rstudio::{form, page};
use crate::sessions::{unauthenticated, unknown};
use crate::state::{Live, Person};

const SUBPROTOCOL: HeaderName = HeaderName::from_static("sec-websocket-protocol");

/// Time for a body that is read whole before it goes on: some megabytes over a line of a megabit.
const JUDGED_WITHIN: Duration = Duration::from_secs(180);

/// A session's address without its final slash.
pub(crate) fn bare(call: &Call<'_>, id: SessionId) -> Response<Body> {
    match call.person() {
        None => unauthenticated(call),
        Some(person) if call.snapshot.session_of(person, id).is_none() => unknown(call),
        Some(_) => call.reader().go(&format!("/s/{id}/")),
    }
}

/// A request to a session; the IDE's own path begins at byte `tail_at` of the path.
pub(crate) async fn ide(
    call: &Call<'_>,
    request: &mut Request<Incoming>,
    id: SessionId,
    tail_at: usize,
) -> Response<Body> {
    // Borrowed, not cloned: all threads would write to the same reference counts on every request.
    let Some(person) = call.person() else { return unauthenticated(call) };
    let Some(live) = call.snapshot.session_of(person, id) else { return unknown(call) };
    if let Some(response) = not_running(call, live) {
        return response;
    }
    // A program that polls is no open page.
    if !person.is_program() {
        live.way.sight.browser(call.now);
    }
    let uri = call.uri;
    let upgrade = request.extensions().get::<WebSocketAsk>().is_some();
    let subprotocol = if upgrade { request.headers().get(SUBPROTOCOL).cloned() } else { None };
    let token = port_token(live, tail_path(uri, tail_at), request.headers());
    let ask = Ask {
        method: call.method.as_str(),
        path: tail_path(uri, tail_at),
        query: uri.query(),
        upgrade,
        subprotocol: subprotocol.as_ref().and_then(|value| value.to_str().ok()),
        content_length: content_length(request.headers()),
        wants_html: call.html,
        port_token: token.as_deref(),
    };
    let mut response = match admit(call, person, live, &ask, request).await {
        Ok(Passing::Request { forward: Forward { target: Target::Own(own), .. }, .. }) => {
            page::answer(call, live, own, ask.path, request.headers()).await
        }
        Ok(passing) => pass::pass(call, person, live, request, passing).await,
        Err(response) => response,
    };
    crate::serve::renew(call, call.identity.as_ref(), &mut response);
    response
}

/// The IDE's own path.
fn tail_path(uri: &Uri, tail_at: usize) -> &str {
    uri.path().get(tail_at..).unwrap_or("/")
}

/// The cookie by which RStudio names local ports, for requests that name one.
fn port_token(live: &Live, path: &str, headers: &HeaderMap) -> Option<String> {
    if live.session.ide != Ide::Rstudio || !(path.starts_with("/p/") || path.starts_with("/p6/")) {
        return None;
    }
    match cookies::find(headers, "port-token") {
        Presented::One(token) => Some(token.to_owned()),
        Presented::Nothing | Presented::Foreign => None,
    }
}

/// Decides; everything that may go on comes out with the conditions it goes under.
async fn admit(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    ask: &Ask<'_>,
    request: &mut Request<Incoming>,
) -> Result<Passing, Response<Body>> {
    let ide = live.session.ide;
    let mut forward = match decide(&call.generation().adapters, ide, person.flags_in(live.session.id), ask) {
        Verdict::Forward(forward) => forward,
        Verdict::Refuse(refusal) => return Err(refuse(call, live, &refusal)),
    };
    if forward.paths != PathRule::None || forward.recorded != PathRule::None {
        check_path(call, person, live, &forward).await?;
    }
    if let Some(response) = foreign_port(call, person, live, &forward) {
        return Err(response);
    }
    if !matches!(forward.body, BodyRule::Judge { .. }) {
        forward.noted.take().iter().for_each(|refusal| noted(call, live, refusal));
    }
    if let Some(path) = &forward.spelt {
        *request.uri_mut() = with_path(request.uri(), ask.path, path).ok_or_else(|| malformed(call))?;
    }
    if let QueryRule::Add(parameter) = forward.query {
        *request.uri_mut() = with_parameter(request.uri(), parameter).ok_or_else(|| malformed(call))?;
    }
    if ask.upgrade {
        return Ok(Passing::Socket { forward });
    }
    let all = call.generation().body_limit();
    let limit = match forward.body {
        BodyRule::Stream | BodyRule::Form => all,
        BodyRule::Limit(limit) | BodyRule::Judge { limit } => Some(capped(limit, all)),
    };
    if let (Some(limit), Some(length)) = (limit, ask.content_length) {
        if length > limit {
            return Err(refuse(
                call,
                live,
                &too_large(call.generation(), person.flags_in(live.session.id), &forward, limit),
            ));
        }
    }
    if forward.body == BodyRule::Form {
        let body = std::mem::take(request.body_mut());
        let watched = form::watched(call, person, live, request.headers(), body);
        let (upload, ended) = watched.map_err(|refusal| refuse(call, live, &refusal))?;
        return Ok(Passing::Request { upload, forward, limit, ended });
    }
    let ended = form::Ended::default();
    let BodyRule::Judge { limit: judged } = forward.body else {
        let upload = std::mem::take(request.body_mut()).into();
        return Ok(Passing::Request { upload, forward, limit, ended });
    };
    let body = std::mem::take(request.body_mut());
    let most = limit.unwrap_or(judged);
    let room = call.world().judging.room(person.user(), ask.content_length.unwrap_or(most).min(most));
    let Ok(_room) = tokio::time::timeout(JUDGED_WITHIN, room).await else {
        let what = Some("Too much is being saved at once. Try again when the other documents are saved.");
        let public = Public { what, ..Public::of(StatusCode::SERVICE_UNAVAILABLE) };
        return Err(call.reader().refuse(public, "no memory for another body that is to be judged"));
    };
    let bytes = match live.way.sight.while_it_lasts(collect(body, most, JUDGED_WITHIN)).await {
        Ok(bytes) => bytes,
        Err(CollectError::Slow(_)) => {
            return Err(call
                .reader()
                .refuse(Public::of(StatusCode::REQUEST_TIMEOUT), "a body came too slowly"));
        }
        Err(CollectError::TooLarge { limit }) => {
            return Err(refuse(
                call,
                live,
                &too_large(call.generation(), person.flags_in(live.session.id), &forward, limit),
            ));
        }
        Err(error) => {
            return Err(call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), &chain(&error)));
        }
    };
    judge(call, person, live, ask, &mut forward, &bytes).await?;
    Ok(Passing::Request { upload: bytes.into(), forward, limit: None, ended })
}

/// Asks the policy about a whole body; what it says is added to what it said of the head.
async fn judge(
    call: &Call<'_>,
    person: &Arc<Person>,
    live: &Arc<Live>,
    ask: &Ask<'_>,
    forward: &mut Forward,
    bytes: &Bytes,
) -> Result<(), Response<Body>> {
    match judge_body(
        &call.generation().adapters,
        live.session.ide,
        person.flags_in(live.session.id),
        ask,
        bytes,
    ) {
        Verdict::Forward(judged) => {
            check_path(call, person, live, &judged).await?;
            judged.noted.iter().for_each(|refusal| noted(call, live, refusal));
            forward.activity |= judged.activity;
            forward.capability = judged.capability;
            forward.transfer = judged.transfer;
            forward.typed = judged.typed;
            Ok(())
        }
        Verdict::Refuse(refusal) => Err(refuse(call, live, &refusal)),
    }
}

/// Asks the kernel who listens on a port that the IDE will connect to; the answer when it is not the session's owner.
///
/// Whoever takes a port first could otherwise show a page there that acts as the owner: it is of our origin.
fn foreign_port(call: &Call<'_>, person: &Person, live: &Live, forward: &Forward) -> Option<Response<Body>> {
    let port = forward.port?;
    match listeners(port) {
        Ok(owners) if owners.is_empty() => {
            let what = format!("No program listens on port {port} of this machine.");
            let public = Public { what: Some(&what), ..Public::of(StatusCode::BAD_GATEWAY) };
            Some(call.reader().refuse(public, "the port of a port proxy is not taken"))
        }
        Ok(owners) if owners.iter().all(|owner| *owner == person.sign_in.principal.uid.0) => None,
        Ok(_) => Some(refuse(call, live, &port_of_another(port))),
        // Fail closed: nobody can say whose program it is.
        Err(error) => Some(call.reader().refuse(Public::of(StatusCode::BAD_GATEWAY), &chain(&error))),
    }
}

/// A refusal in the IDE's own form, or as a page for a person; recorded in the audit log.
pub(crate) fn refuse(call: &Call<'_>, live: &Live, refusal: &Refusal) -> Response<Body> {
    let id = call.refused_in(live, refusal, Effect::Block);
    if live.session.ide == Ide::Rstudio {
        if let Some((status, kind, body)) =
            refusal_answer(ides_path(call.generation().root.as_str(), call.uri.path()), refusal, &id)
        {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::FORBIDDEN);
            return call.reader().answer(status, kind, body.into());
        }
    }
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::FORBIDDEN);
    if call.html {
        let public = Public { what: Some(&refusal.text), rule: Some(&refusal.rule), ..Public::of(status) };
        return call.reader().refuse_as(public, &id);
    }
    let (kind, body) = match live.session.ide {
        Ide::App(_) => app_refusal_body(refusal, &id, call.accepts),
        ide => refusal_body(ide, refusal, &id, false),
    };
    call.reader().answer(status, kind, body.into())
}

/// Records what would have been refused, had the flag's effect not been `audit`.
pub(crate) fn noted(call: &Call<'_>, live: &Live, refusal: &Refusal) {
    call.refused_in(live, refusal, Effect::Audit);
}

/// What to say when the IDE can't be asked now.
fn not_running(call: &Call<'_>, live: &Live) -> Option<Response<Body>> {
    let (status, what) = match &live.session.state {
        State::Running => return None,
        State::Launching(_) => (StatusCode::SERVICE_UNAVAILABLE, "This session is still starting."),
        State::Ending => (StatusCode::GONE, "This session is ending."),
        State::Ended(_) => (StatusCode::GONE, "This session has ended."),
    };
    if call.html && matches!(call.method, Method::GET | Method::HEAD) {
        return Some(call.reader().go(&format!("/sessions/{}", live.session.id)));
    }
    // Not logged: every poll of an open tab comes here.
    Some(
        call.reader()
            .refuse_as(Public { what: Some(what), ..Public::of(status) }, &live.session.id.to_string()),
    )
}

fn malformed(call: &Call<'_>) -> Response<Body> {
    call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "the address can't be extended")
}

/// The address with the IDE's own path, which is its end, in another spelling.
fn with_path(uri: &Uri, asked: &str, spelt: &str) -> Option<Uri> {
    let before = uri.path().strip_suffix(asked)?;
    let joined = match uri.query() {
        Some(query) => format!("{before}{spelt}?{query}"),
        None => format!("{before}{spelt}"),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(joined).ok()?);
    Uri::from_parts(parts).ok()
}

fn with_parameter(uri: &Uri, parameter: &str) -> Option<Uri> {
    let joined = match uri.query() {
        Some(query) => format!("{}?{query}&{parameter}", uri.path()),
        None => format!("{}?{parameter}", uri.path()),
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(joined).ok()?);
    Uri::from_parts(parts).ok()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_spelt_anew_and_nothing_else_changes() {
        let spelt = |uri: &str| {
            let uri = uri.parse().expect("a uri");
            with_path(&uri, "/files/%61//b", "/files/a/b").map(|uri| uri.to_string())
        };
        assert_eq!(spelt("/s/a/files/%61//b?b=%20").as_deref(), Some("/s/a/files/a/b?b=%20"));
        assert_eq!(spelt("/s/files/%61//b/files/%61//b").as_deref(), Some("/s/files/%61//b/files/a/b"));
        assert_eq!(spelt("/s/a/files/a"), None);
    }

    #[test]
    fn a_parameter_is_added_and_nothing_else_changes() {
        let added =
            |uri: &str| with_parameter(&uri.parse().expect("a uri"), "x=1").map(|uri| uri.to_string());
        assert_eq!(added("/s/a/api?b=%20").as_deref(), Some("/s/a/api?b=%20&x=1"));
        assert_eq!(added("/s/a/%41").as_deref(), Some("/s/a/%41?x=1"));
    }
}
