//! `/admin`: pages for administrators. The launcher says who is one, and does what they ask; here is what a browser may do.
//!
//! Everybody else gets what an unknown path gets. An IDE's page has the same origin as these, and may show what others wrote: so
//! these are answered to navigations of a whole tab only, in a group of windows of their own (`Cross-Origin-Opener-Policy`), and
//! what acts needs a token that stands in the page. A script in a notebook can then neither read nor press anything here. Browsers
//! tell so by TLS (or at localhost) only; without it, a page of the same origin is not told apart. Called by `serve`.

mod act;
mod look;
mod search;

use std::time::Duration;

use http::header::{CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use portcullis_model::SignInId;
use portcullis_model::cookie::Claims;
use portcullis_pages::Frame;
use portcullis_pages::admin::{AdminFrame, Tab};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::ToLauncher;
use portcullis_wire::watch::{AdminAnswer, AdminRefusal, Look};

use crate::answers::Public;
use crate::call::Call;
use crate::forms::query_value;
use crate::routes::AdminPlace;
use crate::sign_in;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// Searches may read for some seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);
/// For so long a form may be left open.
const FORM_LIVES: u64 = 3600;

/// Answers one request below `/admin`.
pub(crate) async fn answer(call: &Call<'_>, place: AdminPlace, request: Request<Incoming>) -> Response<Body> {
    if !call.generation().settings.operation.admin_enabled {
        return nowhere(call);
    }
    let Some(person) = call.person() else { return sign_in::first(call) };
    if !is_a_tab(request.headers()) {
        let id =
            call.refused("", "administration", "pages for administrators are opened in a tab of their own");
        let public = Public {
            what: Some("Pages for administrators are answered to a tab of their own only."),
            why: Some("A page inside of an IDE could read them or act in your name otherwise."),
            ..Public::of(StatusCode::FORBIDDEN)
        };
        return call.reader().refuse_as(public, &id);
    }
    if !call.renews_itself() {
        call.acted();
    }
    let acting = matches!(place, AdminPlace::EndSession(_) | AdminPlace::EndPerson);
    let posted = call.method == Method::POST;
    if !(matches!(call.method, Method::GET | Method::HEAD) || (acting && posted)) {
        return call.reader().wrong_method(if acting { "GET, HEAD, POST" } else { "GET, HEAD" });
    }
    let sign_in = person.sign_in.id;
    let history = place == AdminPlace::Overview;
    let look = match ask(call, |request| ToLauncher::AdminLook { request, sign_in, history }).await {
        Ok(AdminAnswer::Look(look)) => *look,
        Ok(_) => return failed(call, None),
        Err(refusal) => return refused(call, refusal),
    };
    let mut response = match place {
        AdminPlace::Overview => look::overview(call, &look),
        AdminPlace::Sessions => look::sessions(call, &look),
        AdminPlace::People => look::people(call, &look),
        AdminPlace::Audit => search::page(call, &look).await,
        AdminPlace::EndSession(_) | AdminPlace::EndPerson if !look.acts => {
            refused(call, Some(AdminRefusal::NotSuperuser))
        }
        AdminPlace::EndSession(id) if posted => act::end_session(call, id, request).await,
        AdminPlace::EndSession(id) => act::ask_session(call, &look, id),
        AdminPlace::EndPerson if posted => act::end_person(call, request).await,
        AdminPlace::EndPerson => act::ask_person(call, &look),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser opens a tab by this. Programs say nothing of it.
fn is_a_tab(headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, word: &str| {
        headers.get(name).is_none_or(|value| value.as_bytes() == word.as_bytes())
    };
    is(&SEC_FETCH_DEST, "document") && is(&SEC_FETCH_MODE, "navigate")
}

/// Asks the launcher; `Err(None)` when it doesn't answer.
async fn ask(
    call: &Call<'_>,
    message: impl FnOnce(u64) -> ToLauncher,
) -> Result<AdminAnswer, Option<AdminRefusal>> {
    let (request, answered) = call.world().administrators.begin();
    let message = message(request);
    let answer = async {
        call.world().link.ask(message).await.ok()?;
        answered.await.ok()
    };
    let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await.ok().flatten();
    answer.ok_or(None)?.map_err(Some)
}

/// What is not for this person is not there.
fn nowhere(call: &Call<'_>) -> Response<Body> {
    call.reader().refuse(Public::of(StatusCode::NOT_FOUND), "unknown path")
}

fn refused(call: &Call<'_>, refusal: Option<AdminRefusal>) -> Response<Body> {
    match refusal {
        Some(AdminRefusal::NotAdministrator) => {
            let id =
                call.refused("", "administration", "not in a group of admin-group or admin-superuser-group");
            call.reader().refuse_as(Public::of(StatusCode::NOT_FOUND), &id)
        }
        Some(AdminRefusal::NotSuperuser) => {
            let rule = "admin-superuser-group";
            let id = call.refused("", "administration", rule);
            let public = Public {
                what: Some("You may see what others do, and not end it."),
                rule: Some(rule),
                ..Public::of(StatusCode::FORBIDDEN)
            };
            call.reader().refuse_as(public, &id)
        }
        other => failed(call, other),
    }
}

fn failed(call: &Call<'_>, refusal: Option<AdminRefusal>) -> Response<Body> {
    let status = match refusal {
        Some(AdminRefusal::Gone) => StatusCode::NOT_FOUND,
        Some(AdminRefusal::Busy) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    let what = refusal.map(|refusal| format!("It was not done: {refusal}."));
    let public = Public { what: what.as_deref(), ..Public::of(status) };
    let cause =
        refusal.map_or_else(|| "the launcher did not answer an administrator".to_owned(), |r| r.to_string());
    call.reader().refuse(public, &cause)
}

fn frame<'a>(
    call: &'a Call<'_>,
    tab: Tab,
    look: &Look,
    said: Option<&'a str>,
) -> (Frame<'a>, AdminFrame<'a>) {
    let live = query(call, "live").as_deref() == Some("1");
    (call.reader().frame(), AdminFrame { tab, live, acts: look.acts, said, now: call.now })
}

/// One value of the query, or nothing.
fn query(call: &Call<'_>, name: &str) -> Option<String> {
    query_value(call.uri.query()?, name)
}

/// What stands in a form: good for this sign-in, for a while.
fn token(call: &Call<'_>, sign_in: SignInId) -> String {
    let claims = Claims { sign_in, issued: call.now, expires: call.now + FORM_LIVES };
    call.generation().forms.sign(&claims)
}

fn is_token(call: &Call<'_>, sign_in: SignInId, token: &str) -> bool {
    call.generation().forms.verify(token, call.now).is_ok_and(|claims| claims.sign_in == sign_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_may_cause_is_no_tab() {
        let is_a_tab = |dest: &'static str, mode: &'static str| {
            let pair = [(SEC_FETCH_DEST, dest), (SEC_FETCH_MODE, mode)];
            is_a_tab(&pair.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect())
        };
        assert!(is_a_tab("document", "navigate") && super::is_a_tab(&HeaderMap::new()));
        for (dest, mode) in [
            ("empty", "cors"),
            ("empty", "same-origin"),
            ("iframe", "navigate"),
            ("document", "cors"),
            ("object", "navigate"),
        ] {
            assert!(!is_a_tab(dest, mode), "{dest} {mode}");
        }
    }
}
