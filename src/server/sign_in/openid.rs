//! OpenID Connect as a browser goes through it: to the provider, and back with a code.
//!
//! What must come back unchanged, and what only this browser may use, is in a sealed cookie; nothing of a flow is kept here. The
//! code is handed on unread: who examines it isn't this process.

use http::header::HeaderMap;
use http::{Method, Response, StatusCode};
use portcullis_model::proof::{Evidence, MethodName};
use portcullis_model::sign_in::PublicDenial;
use portcullis_pages::Notice;
use portcullis_proxy::Body;
use portcullis_wire::ToLauncher;

use super::agent::agent;
use super::away::{leave, missing};
use super::way_back::WayBack;
use super::{denied, form, logged, say, target};
use crate::call::Call;
use crate::conversations::Begun;
use crate::cookies::{Presented, find};

/// Where the provider sends browsers back to, below our address: as RStudio Workbench has it.
pub(crate) const CALLBACK: &str = "/openid/callback";

/// Our address, as the provider is to know it.
fn redirect_uri(call: &Call<'_>) -> String {
    let generation = call.generation();
    match &generation.settings.openid.auth_openid_base_uri {
        Some(base) => format!("{}{CALLBACK}", base.trim_end_matches('/')),
        None => {
            let scheme = if generation.https() { "https" } else { "http" };
            format!("{scheme}://{}{}{CALLBACK}", call.host(), generation.root)
        }
    }
}

/// Somebody wants to go to the provider.
pub(crate) async fn begin(call: &Call<'_>) -> Response<Body> {
    match missing(call, MethodName::Openid) {
        Some(response) => response,
        None => leave(call, MethodName::Openid, redirect_uri(call)).await,
    }
}

/// Somebody comes back.
pub(crate) async fn callback(call: &Call<'_>, headers: &HeaderMap) -> Response<Body> {
    if let Some(response) = missing(call, MethodName::Openid) {
        return response;
    }
    if call.method != Method::GET {
        return call.reader().wrong_method("GET");
    }
    let mut response = came_back(call, headers).await;
    // A flow comes back once, whatever came of it.
    call.generation().ways.jar.clear(response.headers_mut());
    response
}

async fn came_back(call: &Call<'_>, headers: &HeaderMap) -> Response<Body> {
    let again = |cause: &str| {
        logged(call, cause);
        form(call, StatusCode::OK, &target(call, ""), "", None, Some(Notice::StartAgain))
    };
    let ways = &call.generation().ways;
    let pending = match find(headers, ways.jar.name) {
        Presented::One(value) => ways.seal.open(value, call.now),
        Presented::Nothing => return again("a way back without its cookie"),
        Presented::Foreign => return again("a way back with a foreign cookie"),
    };
    let pending = match pending {
        Ok(pending) => pending,
        Err(why) => return again(&why.to_string()),
    };
    let Some(way_back) = WayBack::read(call.uri.query()) else { return again("a malformed way back") };
    if let Err(why) = pending.comes_back(MethodName::Openid, way_back.state()) {
        return again(&why.to_string());
    }
    let begun = Begun { user: String::new(), app_uri: target(call, &pending.app_uri), stay: pending.stay };
    let (code, issuer) = match way_back {
        WayBack::Code { code, issuer, .. } => (code, issuer),
        WayBack::Refused { error, cancelled, .. } => {
            let id = logged(call, &format!("the provider answered {error}"));
            return if cancelled {
                form(call, StatusCode::OK, &begun.app_uri, "", None, Some(Notice::Cancelled))
            } else {
                denied(call, &begun, PublicDenial::Unavailable, &id)
            };
        }
    };
    let Some((number, turn)) = call.world().conversations.begin(begun.clone(), call.peer, call.now) else {
        return denied(call, &begun, PublicDenial::Busy, &logged(call, "too many sign-ins under way"));
    };
    let proven_since = pending.proven_since();
    let evidence = Evidence::Code {
        code,
        nonce: pending.nonce,
        verifier: pending.verifier,
        redirect_uri: pending.redirect_uri,
        issuer,
        proven_since,
    };
    let agent = agent(headers);
    let start = ToLauncher::SignInStart { conversation: number, remote: call.peer, evidence, agent };
    say(call, number, begun, start, turn).await
}
