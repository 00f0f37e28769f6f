//! `/account`: one's own sign-ins, what was before, who looked. The launcher knows and does; here is what a browser may do.
//!
//! As the pages for administrators these are answered to a tab of their own, and each form has the token of its page: what stands
//! here outlives a session, and a notebook must not press it. Called by `serve`.

mod factors;
mod keys;
mod sign_ins;

use std::time::Duration;

use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use portcullis_pages::account::AccountPage;
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::ToLauncher;
use portcullis_wire::accounts::{AccountAnswer, AccountRefusal, Asker, Own, Wish};
use portcullis_wire::identity::StoreRefusal;

use crate::answers::Public;
use crate::call::Call;
use crate::forms::{Form, query_value};
use crate::sign_in;
use crate::tab::{is_a_tab, is_token, no_tab, no_token, token};

/// The launcher gives the database five seconds; one that takes longer is stuck.
const ANSWERED_WITHIN: Duration = Duration::from_secs(8);
/// What a refusal of these pages is recorded as.
const CAPABILITY: &str = "account";

/// Answers one request at `/account` or below; `tail` is what follows that.
pub(crate) async fn answer(call: &Call<'_>, tail: &str, request: Request<Incoming>) -> Response<Body> {
    if call.person().is_none() {
        return sign_in::first(call);
    }
    if !is_a_tab(request.headers()) {
        return no_tab(call, CAPABILITY, "Pages about your account");
    }
    call.acted();
    let mut response = match (tail, call.method == Method::POST) {
        ("", false) => page(call).await,
        (tail, _) if tail.starts_with("/factors") => {
            factors::answer(call, &tail["/factors".len()..], request).await
        }
        ("/keys", _) => keys::answer(call, request).await,
        ("/keys/end", true) => keys::end(call, request).await,
        ("/keys/end", false) => call.reader().form_only(&call.method, "/account/keys"),
        ("/sign-ins/end", true) => sign_ins::end(call, request).await,
        ("/sign-ins/end", false) => call.reader().form_only(&call.method, "/account"),
        ("", true) => call.reader().wrong_method("GET, HEAD"),
        _ => call.reader().refuse(Public::of(StatusCode::NOT_FOUND), "unknown path"),
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Asks the launcher for whoever is signed in; `Err(None)` when it doesn't answer.
///
/// # Errors
/// Why not.
pub(crate) async fn ask(call: &Call<'_>, wish: Wish) -> Result<AccountAnswer, Option<AccountRefusal>> {
    let sign_in = call.person().map(|person| person.sign_in.id).ok_or(None)?;
    let (request, answered) = call.world().accounts.begin();
    let message = ToLauncher::AccountAsk { request, asker: Asker::SignIn(sign_in), wish: Box::new(wish) };
    let answer = async {
        call.world().link.ask(message).await.ok()?;
        answered.await.ok()
    };
    let answer = tokio::time::timeout(ANSWERED_WITHIN, answer).await.ok().flatten();
    answer.ok_or(None)?.map(|answer| *answer).map_err(Some)
}

/// The form of one of these pages, when it is one.
///
/// # Errors
/// The answer, where it is none.
pub(crate) async fn form(call: &Call<'_>, request: Request<Incoming>) -> Result<Form, Response<Body>> {
    let (head, body) = request.into_parts();
    let form = Form::read(&head.headers, body).await.map_err(|error| sign_in::form_refused(call, &error))?;
    let own = call.person().map(|person| person.sign_in.id);
    if own.is_some_and(|own| is_token(call, own, form.one("token"))) {
        return Ok(form);
    }
    Err(no_token(call, CAPABILITY))
}

/// The page.
async fn page(call: &Call<'_>) -> Response<Body> {
    let Some(person) = call.person() else { return sign_in::first(call) };
    let own: Own = match ask(call, Wish::OwnLook).await {
        Ok(AccountAnswer::Own(own)) => *own,
        Ok(_) => return refused(call, None),
        Err(refusal) => return refused(call, refusal),
    };
    let said = call.uri.query().and_then(|query| query_value(query, "said"));
    let sign_ins = sign_ins::living(&own);
    let past = own.past.as_ref().map(|past| (sign_ins::over(past), sign_ins::looks(past)));
    let token = token(call, person.sign_in.id);
    let page = AccountPage {
        frame: call.reader().frame(),
        now: call.now,
        said: said.as_deref().and_then(sign_ins::said),
        token: &token,
        role: own.role,
        sign_ins: &sign_ins,
        past: past.as_ref().map(|(over, looks)| (over.as_slice(), looks.as_slice())),
    };
    call.reader().page(StatusCode::OK, page.html())
}

/// What was not done, as its reader may know it.
pub(crate) fn refused(call: &Call<'_>, refusal: Option<AccountRefusal>) -> Response<Body> {
    let Some(refusal) = refusal else {
        return call.reader().refuse(
            Public::of(StatusCode::SERVICE_UNAVAILABLE),
            "the launcher did not answer about an account",
        );
    };
    let status = match &refusal {
        AccountRefusal::Nobody => StatusCode::UNAUTHORIZED,
        AccountRefusal::Rule(_) | AccountRefusal::Code => StatusCode::FORBIDDEN,
        AccountRefusal::Value(_) => StatusCode::BAD_REQUEST,
        AccountRefusal::Gone => StatusCode::NOT_FOUND,
        AccountRefusal::Busy => StatusCode::TOO_MANY_REQUESTS,
        AccountRefusal::Store(StoreRefusal::Unreachable(_) | StoreRefusal::Broken(_))
        | AccountRefusal::NotWritable => StatusCode::SERVICE_UNAVAILABLE,
        AccountRefusal::Store(_) => StatusCode::CONFLICT,
    };
    let cause = refusal.to_string();
    let what = match &refusal {
        // What the database says of itself is for the log.
        AccountRefusal::Store(StoreRefusal::Unreachable(_) | StoreRefusal::Broken(_)) => {
            "It was not done: the database of accounts does not answer at the moment.".to_owned()
        }
        _ => format!("It was not done: {cause}."),
    };
    let todo = match &refusal {
        AccountRefusal::Rule(refused) if refused.rule == portcullis_model::permission::Rule::Renew => {
            Some("Sign out, sign in again, and do it within the next minutes.")
        }
        _ => None,
    };
    call.reader().refuse(Public { what: Some(&what), todo, ..Public::of(status) }, &cause)
}
