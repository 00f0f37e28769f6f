//! Every request's way in: address, path, method, host, origin, cookie; then the place it asks for.
//!
//! The order is the order of cost and of trust: nothing of a request is used before the checks above it passed. Called by
//! the proxy engine for each request.

use std::net::IpAddr;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use portcullis_conf::Access;
use portcullis_pages::assets;
use portcullis_policy::Accepts;
use portcullis_proxy::{Body, ConnInfo, Incoming, WebSocketAsk};

use crate::answers::{Public, Reader};
use crate::call::Call;
use crate::cookies::RENEW_AFTER;
use crate::gate::{GateRefusal, is_navigation, is_safe};
use crate::headers::is_shared;
use crate::health::Question;
use crate::keys::{self, Bad, Presented};
use crate::routes::{Route, route};
use crate::state::{Snapshot, now};
use crate::who::{Identity, Memo, identify};
use crate::world::Thread;
use crate::{
    account, administration, api, elsewhere, events, health, home, ide, limited, load, offline, sessions,
    sign_in, stay,
};

/// Answers one request.
pub(crate) async fn handle(
    thread: &Thread,
    mut request: Request<Incoming>,
    conn: &ConnInfo<Memo>,
) -> Response<Body> {
    let snapshot = thread.snapshot();
    let now = now();
    let generation = &snapshot.generation;
    let headers = request.headers();
    let uri = request.uri().clone();
    let html = is_navigation(headers);
    let reader = Reader { generation, user: None, html };
    let peer = conn.peer.ip().to_canonical();

    if let (Access::Deny, line) = generation.settings.ip_rules.decide(peer) {
        return reader.refuse(
            Public::of(StatusCode::FORBIDDEN),
            &format!("ip-rules:{} denies {peer}", line.unwrap_or(0)),
        );
    }
    let place = route(uri.path(), generation.root.as_str());
    match place {
        Route::Malformed => return reader.refuse(Public::of(StatusCode::BAD_REQUEST), "malformed path"),
        Route::Health => return health::alive(&thread.world, &reader, Question::of(&request, now)),
        Route::Ready => return health::ready(thread, &reader, Question::of(&request, now)).await,
        Route::HealthCheck(name) => {
            return health::check(thread, &reader, name, Question::of(&request, now)).await;
        }
        Route::Static(name) => return file(&reader, request.method(), name),
        _ => {}
    }
    if let Some(offline) = snapshot.offline.as_ref().filter(|_| !offline::stays(place)) {
        return offline::answer(&reader, offline, now);
    }
    if snapshot.apart && !elsewhere::stays(place) {
        return elsewhere::apart(&reader);
    }
    if !known(request.method()) {
        return reader.wrong_method("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    }
    let Some(host) = conn.memo.authority(headers) else {
        return reader.refuse(Public::of(StatusCode::BAD_REQUEST), "no host, or a malformed one");
    };
    let by_key = by_key(thread, conn, &snapshot, headers, peer);
    if let Some(Err(bad)) = &by_key {
        // Once, as below: what another machine made is in the next snapshot.
        if elsewhere::is_key_known(&thread.world, bad, peer).await {
            return Box::pin(handle(thread, request, conn)).await;
        }
    }
    let identity = match &by_key {
        Some(came) => came.as_ref().ok().cloned(),
        None => {
            let identity = identify(&conn.memo, &snapshot, headers, now);
            // Once: whoever is signed in at another machine is in the next snapshot.
            if identity.is_none() && elsewhere::is_known(&thread.world, &snapshot, headers, now).await {
                return Box::pin(handle(thread, request, conn)).await;
            }
            sign_in::unasked::still_named(&thread.world, generation, headers, peer, identity)
        }
    };
    // No page of another site can send a key: only a cookie comes by itself.
    let gate = if identity.is_some() && by_key.is_some() {
        Ok(())
    } else {
        judge(generation, &request, &host, place)
    };
    let method = request.method().clone();
    let accepts = Accepts::of(headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()));
    let memo = &conn.memo;
    let call = Call { thread, memo, snapshot, identity, peer, host, method, uri: &uri, html, accepts, now };
    if let Some(came) = by_key {
        let refused = match came {
            Ok(_) => keys::door::not_here(&call, place),
            Err(bad) => Some(keys::door::refuse(&call, &bad)),
        };
        if let Some(response) = refused {
            return response;
        }
    }
    if let Err(refusal) = gate {
        return foreign(&call, place, refusal);
    }
    if let Some(response) = limited::answer(&call, place) {
        return response;
    }
    let mut response = match place {
        Route::Ide(id, tail) => {
            // Who sends it is a proxy that is believed; no session learns its name.
            request.headers_mut().remove(&call.generation().ways.header);
            return ide::ide(&call, &mut request, id, uri.path().len() - tail.len()).await;
        }
        Route::IdeBare(id) => ide::bare(&call, id),
        Route::Home => home::home(&call, None, StatusCode::OK),
        Route::SignIn => sign_in::page(&call, request.headers()).await,
        Route::OpenidBegin => sign_in::openid::begin(&call).await,
        Route::OpenidCallback => sign_in::openid::callback(&call, request.headers()).await,
        Route::SamlBegin => sign_in::saml::begin(&call).await,
        Route::SamlAnswer => sign_in::saml::answer(&call, request).await,
        Route::SamlMetadata => sign_in::saml::metadata(&call).await,
        Route::Kerberos => sign_in::kerberos::ticket(&call, request.headers()).await,
        Route::DoSignIn => sign_in::begin(&call, request).await,
        Route::Continue => sign_in::go_on(&call, request).await,
        Route::SignOut => sign_in::sign_out(&call).await,
        Route::Sessions => sessions::start(&call, request).await,
        Route::Session(id) => sessions::status(&call, id),
        Route::Stop(id) => sessions::stop(&call, id).await,
        Route::Stay(id) => stay::stay(&call, id),
        Route::Load(id) => load::load(&call, id),
        Route::Events => events::events(&call),
        Route::Api(tail) => api::answer(&call, tail, request).await,
        Route::Admin(place) => administration::answer(&call, place, request).await,
        Route::Account(tail) => account::answer(&call, tail, request).await,
        Route::Unknown
        | Route::Malformed
        | Route::Health
        | Route::Ready
        | Route::HealthCheck(_)
        | Route::Static(_) => call.reader().refuse(Public::of(StatusCode::NOT_FOUND), "unknown path"),
    };
    renew(&call, call.identity.as_ref(), &mut response);
    response
}

/// Who sends this request by a key; `None` where it has none.
fn by_key(
    thread: &Thread,
    conn: &ConnInfo<Memo>,
    snapshot: &Snapshot,
    headers: &HeaderMap,
    peer: IpAddr,
) -> Option<Result<Identity, Bad>> {
    let text = match keys::presented(headers) {
        Presented::Nothing => return None,
        Presented::Several => return Some(Err(Bad::Ambiguous("a request has one key in one header"))),
        Presented::One(text) => text,
    };
    let now = keys::door::milliseconds();
    let came = keys::identify(&conn.memo, snapshot, headers, text, peer, now);
    Some(came.map(|(identity, news)| {
        if let Some(keyed) = identity.key.as_ref().filter(|_| news) {
            thread.world.key_uses.note(keyed.key.id, now, peer);
        }
        identity
    }))
}

/// Gives the browser a cookie that lasts as long as the sign-in does by now.
pub(crate) fn renew(call: &Call<'_>, identity: Option<&Identity>, response: &mut Response<Body>) {
    let due = |identity: &&Identity| {
        identity.key.is_none()
            && identity.person.until() >= identity.presence.claims.expires.saturating_add(RENEW_AFTER)
    };
    let Some(identity) = identity.filter(due) else { return };
    let headers = response.headers_mut();
    // A page that signs in or out has set its own. Whoever shares a cache with this person would get the cookie too: the next
    // answer will carry it.
    if headers.contains_key(http::header::SET_COOKIE) || is_shared(headers) {
        return;
    }
    let (generation, until) = (call.generation(), identity.person.until());
    generation.jar.renew(headers, &generation.ring, &identity.presence, until, call.now);
}

fn known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
    )
}

fn judge(
    generation: &crate::generation::Generation,
    request: &Request<Incoming>,
    host: &HeaderValue,
    place: Route<'_>,
) -> Result<(), GateRefusal> {
    let upgrade = request.extensions().get::<WebSocketAsk>().is_some();
    // A provider's page posts its answer here: the one post that another site may send. No cookie of a sign-in comes with it, and what
    // it proves is the answer's own affair.
    if place == Route::SamlAnswer && *request.method() == Method::POST && !upgrade {
        return Ok(());
    }
    if upgrade || !is_safe(request.method()) {
        return generation.origins.judge_change(request.headers(), host.to_str().unwrap_or_default());
    }
    match place {
        // Everybody may be sent to these; they show nothing of anybody.
        Route::SignIn | Route::SamlMetadata | Route::Unknown => Ok(()),
        _ => generation.origins.judge_read(request.headers()),
    }
}

fn foreign(call: &Call<'_>, place: Route<'_>, refusal: GateRefusal) -> Response<Body> {
    let session = match place {
        Route::Ide(id, _) | Route::Session(id) | Route::Stop(id) | Route::Stay(id) | Route::Load(id) => {
            id.to_string()
        }
        _ => String::new(),
    };
    let rule = format!("origin check: {refusal} (www-allow-origin)");
    let id = call.refused(&session, "unknown", &rule);
    if matches!(place, Route::Api(_)) {
        return api::foreign(call, &id);
    }
    let public = Public {
        status: StatusCode::FORBIDDEN,
        what: Some("This request was refused because it does not come from this server's own pages."),
        why: Some("A page of another site could act in your name otherwise."),
        rule: Some(&rule),
        todo: Some(
            "Open the address in a new tab. Behind another proxy, the administrator can list its name in `www-allow-origin`.",
        ),
    };
    call.reader().refuse_as(public, &id)
}

fn file(reader: &Reader<'_>, method: &Method, name: &str) -> Response<Body> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return reader.wrong_method("GET, HEAD");
    }
    let Some(asset) = assets().iter().find(|asset| asset.path == name) else {
        return reader.refuse(Public::of(StatusCode::NOT_FOUND), "no such file");
    };
    let mut response = reader.answer(StatusCode::OK, asset.content_type, Body::full(asset.bytes));
    // The name has a hash of the bytes: it never means anything else.
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(http::header::CACHE_CONTROL, forever);
    response
}
