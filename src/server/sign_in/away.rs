//! The way to a provider, whichever it is: asked of the launcher, kept in a sealed cookie, taken by redirect or by a form.
//!
//! Nothing of a flow is kept here. It must not send a browser anywhere but to https, whatever it is told.

use std::time::{Duration, Instant};

use http::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use http::{Method, Response, StatusCode};
use portcullis_model::flow::Pending;
use portcullis_model::proof::{Begin, MethodName};
use portcullis_model::sign_in::{Denied, PublicDenial};
use portcullis_pages::LeavePage;
use portcullis_proxy::Body;
use portcullis_wire::ToLauncher;

use super::{denied, logged, target};
use crate::answers::Public;
use crate::call::Call;
use crate::conversations::Begun;
use crate::forms::query_value;

/// Time for the launcher to say where the provider is: it may have to ask the provider first.
pub(super) const WITHIN: Duration = Duration::from_secs(25);

/// Whether this configuration has a method; an address that leads nowhere otherwise.
pub(super) fn missing(call: &Call<'_>, method: MethodName) -> Option<Response<Body>> {
    let here = call.generation().ways.has(method);
    let why = format!("this way to sign in is off: {method}");
    (!here).then(|| call.reader().refuse(Public::of(StatusCode::NOT_FOUND), &why))
}

/// Whether this address asks too often.
pub(super) fn too_often(call: &Call<'_>) -> Option<&'static str> {
    let may = call.world().begin_limit.may(call.peer, Instant::now());
    (!may).then_some("too many ways to a provider for one network")
}

/// Somebody wants to go to the provider of this method, and to come back to this address of ours.
pub(super) async fn leave(call: &Call<'_>, method: MethodName, way_back: String) -> Response<Body> {
    if call.method != Method::GET {
        return call.reader().wrong_method("GET");
    }
    let wanted = call.uri.query().and_then(|query| query_value(query, "appUri")).unwrap_or_default();
    let app_uri = target(call, &wanted);
    let begun = Begun { user: String::new(), app_uri, stay: false };
    if let Some(why) = too_often(call) {
        return denied(call, &begun, PublicDenial::Busy, &logged(call, why));
    }
    let unavailable = |cause| denied(call, &begun, PublicDenial::Unavailable, &logged(call, cause));
    let pending = Pending::begin(method, way_back, &begun.app_uri, begun.stay, call.now);
    let Ok(mut pending) = pending else { return unavailable("no randomness") };
    // Who is signed in already comes to prove it once more, and what the provider remembers of them would prove nothing.
    pending.anew = call.identity.is_some();
    pending.replaces = call.identity.as_ref().map(|identity| identity.person.sign_in.id);
    let begin = match ask(call, &pending).await {
        Some(Ok(begin)) => begin,
        Some(Err((why, id))) => return denied(call, &begun, why.public(), &id),
        None => return unavailable("the launcher did not say where the provider is"),
    };
    pending.request.clone_from(&begin.request);
    let ways = &call.generation().ways;
    let Some(value) = ways.seal.seal(&pending) else {
        return unavailable("the address of this server is too long");
    };
    let Some(mut response) = to_provider(call, &begin, &pending.state) else {
        return unavailable("the provider's address is no address");
    };
    ways.jar.give(response.headers_mut(), method, &value);
    response
}

async fn ask(call: &Call<'_>, pending: &Pending) -> Option<Result<Box<Begin>, (Denied, String)>> {
    let (request, answer) = call.world().begins.begin();
    let message = ToLauncher::Begin {
        request,
        remote: call.peer,
        method: pending.method,
        flow: Box::new(pending.flow(pending.anew)),
    };
    let asked = async {
        call.world().link.ask(message).await.ok()?;
        answer.await.ok()
    };
    tokio::time::timeout(WITHIN, asked).await.ok().flatten()
}

/// Away from here: the one answer of ours that names another host.
fn to_provider(call: &Call<'_>, begin: &Begin, state: &str) -> Option<Response<Body>> {
    let place = HeaderValue::from_str(&begin.url).ok().filter(|_| begin.url.starts_with("https://"))?;
    let Some(message) = &begin.form else {
        let mut response = call.reader().go("/");
        response.headers_mut().insert(LOCATION, place);
        return Some(response);
    };
    let page = LeavePage { frame: call.reader().frame(), place: &begin.url, message, state };
    let mut response = call.reader().page(StatusCode::OK, page.html());
    let policy = response.headers().get(CONTENT_SECURITY_POLICY).and_then(|policy| policy.to_str().ok());
    // By https to wherever the provider sends the form on to: browsers hold redirects to it too. There is one form, and it is ours.
    let policy = policy.unwrap_or_default().replace("form-action 'self'", "form-action https:");
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_str(&policy).ok()?);
    Some(response)
}
