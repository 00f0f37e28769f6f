//! `/admin`: pages for administrators. The launcher says who is one, and does what they ask; here is what a browser may do.
//!
//! Everybody else gets what an unknown path gets. An IDE's page has the same origin as these, and may show what others wrote: so
//! these are answered to navigations of a whole tab only, in a group of windows of their own (`Cross-Origin-Opener-Policy`), and
//! what acts needs a token that stands in the page. A script in a notebook can then neither read nor press anything here. Browsers
//! tell so by TLS (or at localhost) only; without it, a page of the same origin is not told apart. Called by `serve`.

mod act;
mod look;
mod search;
mod users;

use std::time::Duration;

use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Request, Response, StatusCode};
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
use crate::tab::{is_a_tab, no_tab};

/// Searches may read for some seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15);

/// Answers one request below `/admin`.
pub(crate) async fn answer(call: &Call<'_>, place: AdminPlace, request: Request<Incoming>) -> Response<Body> {
    if !call.generation().settings.operation.admin_enabled {
        return nowhere(call);
    }
    let Some(person) = call.person() else { return sign_in::first(call) };
    if !is_a_tab(request.headers()) {
        return no_tab(call, "administration", "Pages for administrators");
    }
    if !call.renews_itself() {
        call.acted();
    }
    let acting = matches!(place, AdminPlace::EndSession(_) | AdminPlace::EndPerson | AdminPlace::ActOnUser);
    let posted = call.method == Method::POST;
    if !(matches!(call.method, Method::GET | Method::HEAD) || (acting && posted)) {
        return call.reader().wrong_method(if acting { "GET, HEAD, POST" } else { "GET, HEAD" });
    }
    let sign_in = person.sign_in.id;
    let history = place == AdminPlace::Overview;
    // Whose sessions are listed may be many; whose is asked about is one.
    let at = match place {
        AdminPlace::EndSession(id) if !posted => Some(id),
        _ => None,
    };
    let look = match ask(call, |request| ToLauncher::AdminLook { request, sign_in, history, at }).await {
        Ok(AdminAnswer::Look(look)) => *look,
        Ok(_) => return failed(call, None),
        Err(refusal) => return refused(call, refusal),
    };
    let mut response = match place {
        AdminPlace::Overview => look::overview(call, &look),
        AdminPlace::Sessions => look::sessions(call, &look),
        AdminPlace::People => look::people(call, &look),
        AdminPlace::Audit => search::page(call, &look).await,
        AdminPlace::Users => users::page(call, &look).await,
        AdminPlace::EndSession(_) | AdminPlace::EndPerson | AdminPlace::ActOnUser if !look.acts => {
            refused(call, Some(AdminRefusal::NotSuperuser))
        }
        AdminPlace::EndSession(id) if posted => act::end_session(call, id, request).await,
        AdminPlace::EndSession(id) => act::ask_session(call, &look, id),
        AdminPlace::ActOnUser if posted => users::act(call, request).await,
        AdminPlace::ActOnUser => call.reader().go("/admin/users"),
        AdminPlace::EndPerson if posted => act::end_person(call, request).await,
        AdminPlace::EndPerson => act::ask_person(call, &look),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
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
