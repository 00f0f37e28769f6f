//! What administrators do: asked first, posted with the token of that page, done by the launcher.

use http::{Request, Response, StatusCode};
use portcullis_model::session::Ide;
use portcullis_model::{SessionId, SignInId, UserName};
use portcullis_pages::admin::{EndPersonPage, EndSessionPage, Tab};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::ToLauncher;
use portcullis_wire::watch::{AdminAct, AdminManner, AdminRefusal, Look};

use super::{ask, failed, frame, query, refused};
use crate::answers::Public;
use crate::call::Call;
use crate::forms::Form;
use crate::sign_in;
use crate::tab::{is_token, no_token, token};

/// The form of the page that was asked on, when it is one of ours.
pub(super) async fn form(call: &Call<'_>, request: Request<Incoming>) -> Result<Form, Response<Body>> {
    let (head, body) = request.into_parts();
    let form = Form::read(&head.headers, body).await.map_err(|error| sign_in::form_refused(call, &error))?;
    let own = call.person().map(|person| person.sign_in.id);
    if own.is_some_and(|own| is_token(call, own, form.one("token"))) {
        return Ok(form);
    }
    Err(no_token(call, "administration"))
}

/// Does it, and goes to `place`.
async fn done(call: &Call<'_>, act: AdminAct, place: &str) -> Response<Body> {
    let Some(sign_in) = call.person().map(|person| person.sign_in.id) else { return failed(call, None) };
    let (name, shown) = (call.reader().user.unwrap_or_default().to_owned(), format!("{act:?}"));
    match ask(call, |request| ToLauncher::AdminAct { request, sign_in, act }).await {
        Ok(_) => {
            tracing::info!(user = %name, act = %shown, "an administrator acted");
            call.reader().go(place)
        }
        Err(refusal) => refused(call, refusal),
    }
}

/// Asks before a session is ended.
pub(super) fn ask_session(call: &Call<'_>, look: &Look, id: SessionId) -> Response<Body> {
    let live = call.snapshot.sessions.get(&id).filter(|live| live.session.state.is_live());
    let (Some(live), Some(person)) = (live, call.person()) else {
        return failed(call, Some(AdminRefusal::Gone));
    };
    let token = token(call, person.sign_in.id);
    let (frame, admin) = frame(call, Tab::Sessions, look, None);
    let page = EndSessionPage {
        frame,
        admin,
        id,
        user: live.session.user.as_str(),
        title: call.generation().adapters.title(&live.session.ide),
        suspends: live.session.ide == Ide::Rstudio,
        token: &token,
    };
    call.reader().page(StatusCode::OK, page.html())
}

/// Ends a session.
pub(super) async fn end_session(
    call: &Call<'_>,
    id: SessionId,
    request: Request<Incoming>,
) -> Response<Body> {
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    let Some(manner) = AdminManner::from_word(form.one("manner")) else {
        return call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "unknown manner");
    };
    let said = if manner == AdminManner::Suspend { "suspend" } else { "session" };
    let place = format!("/admin/sessions?said={said}");
    done(call, AdminAct::EndSession { session: id, manner }, &place).await
}

/// Asks before a sign-in, or everything of a person, is ended.
pub(super) fn ask_person(call: &Call<'_>, look: &Look) -> Response<Body> {
    let Some(own) = call.person() else { return failed(call, None) };
    let asked = query(call, "sign-in").and_then(|id| id.parse::<SignInId>().ok());
    let one = asked.and_then(|id| call.snapshot.people.get(&id));
    let named = query(call, "user").filter(|_| asked.is_none());
    let Some(user) = one.map(|person| person.user().to_owned()).or(named) else {
        return failed(call, Some(AdminRefusal::Gone));
    };
    let sign_ins = call.snapshot.people.values().filter(|person| person.user() == user).count() as u64;
    let live = call.snapshot.sessions.values().filter(|live| live.session.state.is_live());
    let sessions = live.filter(|live| live.session.user.as_str() == user).count() as u64;
    if sign_ins + sessions == 0 {
        return failed(call, Some(AdminRefusal::Gone));
    }
    let remote = one.map(|person| person.sign_in.remote.to_string()).unwrap_or_default();
    let token = token(call, own.sign_in.id);
    let is_own = match asked {
        Some(id) => id == own.sign_in.id,
        None => own.user() == user,
    };
    let (frame, admin) = frame(call, Tab::People, look, None);
    let page = EndPersonPage {
        frame,
        admin,
        user: &user,
        sign_in: asked.map(|id| (id, remote.as_str())),
        sign_ins,
        sessions,
        own: is_own,
        token: &token,
    };
    call.reader().page(StatusCode::OK, page.html())
}

/// Ends a sign-in, or everything of a person.
pub(super) async fn end_person(call: &Call<'_>, request: Request<Incoming>) -> Response<Body> {
    let form = match form(call, request).await {
        Ok(form) => form,
        Err(response) => return response,
    };
    if let Ok(target) = form.one("sign-in").parse::<SignInId>() {
        return done(call, AdminAct::EndSignIn { target }, "/admin/people?said=sign-in").await;
    }
    match form.one("user").parse::<UserName>() {
        Ok(user) => done(call, AdminAct::Revoke { user }, "/admin/people?said=revoked").await,
        Err(_) => call.reader().refuse(Public::of(StatusCode::BAD_REQUEST), "neither a sign-in nor a name"),
    }
}
