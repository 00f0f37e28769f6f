//! Signing in without a page: by a proxy's header, or as the one account of `auth-none`.
//!
//! In both cases nothing proves who it is; the launcher lets it through only as root's files say, and the audit log says by
//! whose word.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use portcullis_model::proof::{Evidence, MethodName};
use portcullis_model::sign_in::PublicDenial;
use portcullis_proxy::{Body, Reason};
use portcullis_wire::ToLauncher;

use super::agent::agent;
use super::header::{Unnamed, named};
use super::loopback::is_local;
use super::{logged, say};
use crate::answers::Public;
use crate::call::Call;
use crate::conversations::Begun;
use crate::generation::Generation;
use crate::who::Identity;
use crate::world::World;

const REFRESH: HeaderName = HeaderName::from_static("refresh");

/// Signs in whoever needs no page, and sends them on; `None` where there is a page.
pub(crate) async fn unasked(call: &Call<'_>, headers: &HeaderMap, app_uri: &str) -> Option<Response<Body>> {
    let generation = call.generation();
    let evidence = if generation.ways.has(MethodName::None) {
        if !is_local(call.peer, call.host()) {
            return Some(nobody(call, "auth-none: not from this machine, or not to its own address"));
        }
        Evidence::Nothing
    } else if generation.ways.has(MethodName::Proxy) {
        match named(&generation.settings, &generation.ways.header, headers, call.peer) {
            Ok(named) => Evidence::Header { user: named.user, peer: call.peer },
            Err(why) => return Some(unnamed(call, why)),
        }
    } else {
        return None;
    };
    if call.method != Method::GET {
        return Some(call.reader().wrong_method("GET"));
    }
    let begun = Begun { user: String::new(), app_uri: app_uri.to_owned(), stay: false };
    let Some((number, turn)) = call.world().conversations.begin(begun.clone(), call.peer, call.now) else {
        let id = logged(call, "too many sign-ins under way");
        return Some(super::denied(call, &begun, PublicDenial::Busy, &id));
    };
    let agent = agent(headers);
    let start = ToLauncher::SignInStart { conversation: number, remote: call.peer, evidence, agent };
    Some(say(call, number, begun, start, turn).await)
}

fn nobody(call: &Call<'_>, cause: &str) -> Response<Body> {
    let public = Public {
        status: StatusCode::UNAUTHORIZED,
        what: Some("You are not signed in, and there is no way to sign in from here."),
        ..Public::default()
    };
    call.reader().refuse(public, cause)
}

/// The proxy named nobody: to its own page, where there is one.
fn unnamed(call: &Call<'_>, why: Unnamed) -> Response<Body> {
    let settings = &call.generation().settings.proxy_header;
    let place = settings.auth_proxy_sign_in_url.as_deref().filter(|_| why == Unnamed::Missing);
    let Some(place) = place else { return nobody(call, &why.to_string()) };
    match settings.auth_proxy_sign_in_delay {
        0 => call.reader().go_to(place),
        delay => {
            let mut response = nobody(call, &why.to_string());
            if let Ok(value) = HeaderValue::from_str(&format!("{delay}; url={place}")) {
                response.headers_mut().insert(REFRESH, value);
            }
            response
        }
    }
}

/// Who asks, when the proxy still names them. Whoever it names now, the cookie is somebody else's then: that sign-in ends.
pub(crate) fn still_named(
    world: &World,
    generation: &Generation,
    headers: &HeaderMap,
    peer: std::net::IpAddr,
    identity: Option<Identity>,
) -> Option<Identity> {
    let identity = identity?;
    if !generation.ways.has(MethodName::Proxy) {
        return Some(identity);
    }
    let named = named(&generation.settings, &generation.ways.header, headers, peer);
    if named.as_ref().is_ok_and(|named| named.account.as_str() == identity.person.user()) {
        return Some(identity);
    }
    let (id, user) = (identity.person.sign_in.id, identity.person.user());
    tracing::info!(%user, %peer, cause = %named.err().map_or_else(|| "the proxy names somebody else".to_owned(), |why| why.to_string()), "signed out");
    identity.person.presence.cut.cut(Reason::Revoked);
    world.link.tell(ToLauncher::SignOut { sign_in: id });
    world.table.sign_in_ended(id);
    None
}
