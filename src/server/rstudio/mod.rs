//! What RStudio's own server did in front of its sessions: headers and tokens, the page, local ports, forms that stream.
//!
//! Which requests these are is the policy's to say ([`Target`](portcullis_policy::Target), [`BodyRule::Form`](portcullis_policy::BodyRule)).
//! Called by `ide` and `pass`.

pub(crate) mod form;
pub(crate) mod page;
pub(crate) mod port;

use http::Uri;
use http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use http::uri::PathAndQuery;

use crate::call::Call;
use crate::cookies::without;
use crate::state::Live;

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-rs-csrf-token");
const IDENTITY: HeaderName = HeaderName::from_static("x-rstudiouseridentity");
const REQUEST: HeaderName = HeaderName::from_static("x-rstudio-request");
const ROOT_PATH: HeaderName = HeaderName::from_static("x-rstudio-root-path");

/// Cookies of rserver's that rsession believes: only ours reach it.
const THEIRS: [&str; 5] = ["rs-csrf-token", "csrf-token", "user-id", "user-list-id", "persist-auth"];

/// Sets what rsession wants of its server, whose copies from the browser are gone by now. `inner` is the address without the
/// session's prefix.
///
/// The pair of tokens is the same text on both sides: rsession compares no more than that. Our own check of where a request comes
/// from stands in its place.
pub(crate) fn dress(call: &Call<'_>, live: &Live, headers: &mut HeaderMap, inner: &Uri) {
    headers.remove(AUTHORIZATION);
    let token = live.session.token.expose();
    let sensitive = |bytes: &[u8]| {
        let mut value = HeaderValue::from_bytes(bytes).unwrap_or_else(|_| HeaderValue::from_static("none"));
        value.set_sensitive(true);
        value
    };
    let mut cookies = without(headers, &THEIRS);
    if !cookies.is_empty() {
        cookies.extend_from_slice(b"; ");
    }
    cookies.extend_from_slice(b"rs-csrf-token=");
    cookies.extend_from_slice(token);
    headers.insert(COOKIE, sensitive(&cookies));
    headers.insert(CSRF_HEADER, sensitive(token));
    if let Ok(user) = HeaderValue::from_str(live.session.user.as_str()) {
        headers.insert(IDENTITY, user);
    }
    let scheme = if call.generation().https() { "https" } else { "http" };
    let root = format!("{}/s/{}", call.generation().root.as_str().trim_end_matches('/'), live.session.id);
    let rest = inner.path_and_query().map_or("/", PathAndQuery::as_str);
    if let Ok(whole) = HeaderValue::from_str(&format!("{scheme}://{}{root}{rest}", call.host())) {
        headers.insert(REQUEST, whole);
    }
    if let Ok(root) = HeaderValue::from_str(&root) {
        headers.insert(ROOT_PATH, root);
    }
}
