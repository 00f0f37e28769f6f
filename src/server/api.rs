//! `/__api__/v1`: what programs ask about accounts, groups, keys, sessions and the audit log, as JSON.
//!
//! A program comes by an API key. The cookie of a sign-in is not enough by itself, for an IDE's page has the same origin as this: it
//! needs the token of one of our own pages beside it, but for looking at oneself. Who may do what the launcher decides; here is only
//! how it is asked. The places stand in one table ([`routes`]), from which their reference is made. Called by `serve`.

mod answers;
mod people;
pub(crate) mod routes;
mod shapes;
mod things;

use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName};
use http::{Request, Response, StatusCode};
use portcullis_model::permission::Rule;
use portcullis_proxy::upload::{CollectError, collect};
use portcullis_proxy::{Body, Incoming};
use portcullis_wire::ToLauncher;
use portcullis_wire::accounts::{AccountAnswer, Asker, Wish};
use portcullis_wire::owned::{OwnedAnswer, OwnedWish};
use serde_json::{Map, Value};

use self::answers::{Told, refused, ruled};
use self::routes::{Found, Op, find};
use crate::call::Call;
use crate::tab::is_token;

/// Where it is, below the root path.
pub(crate) const PREFIX: &str = "/__api__";
/// The token of one of our pages, beside a cookie.
pub(crate) const TOKEN: HeaderName = HeaderName::from_static("x-portcullis-token");
/// Largest body: names, an address, thirty ranges.
const BODY_MAX: u64 = 16 * 1024;
/// Time for one.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// The launcher gives the database five seconds, and a search ten.
const ANSWERED_WITHIN: Duration = Duration::from_secs(12);

/// Answers one request; `tail` is what follows [`PREFIX`].
pub(crate) async fn answer(call: &Call<'_>, tail: &str, request: Request<Incoming>) -> Response<Body> {
    match carry(call, tail, request).await {
        Ok(told) => answers::done(call, told),
        Err(refusal) => answers::not_done(call, refusal),
    }
}

async fn carry(call: &Call<'_>, tail: &str, request: Request<Incoming>) -> Result<Told, answers::Refusal> {
    let Found { op, ids } = find(&call.method, tail)?;
    let Some(identity) = &call.identity else { return Err(ruled(Rule::SignInFirst)) };
    let (head, body) = request.into_parts();
    if identity.key.is_none() {
        if op != Op::OwnAccount && !has_token(call, &head.headers) {
            return Err(answers::Refusal::no_token());
        }
        call.acted();
    }
    let body = if op.has_body() { read(&head.headers, body).await? } else { Map::new() };
    match op {
        Op::OwnAccount | Op::Users | Op::UserAdd | Op::User | Op::UserEdit | Op::UserLock => {
            people::carry(call, op, &ids, &body).await
        }
        _ => things::carry(call, op, &ids, &body).await,
    }
}

fn has_token(call: &Call<'_>, headers: &HeaderMap) -> bool {
    let own = call.person().map(|person| person.sign_in.id);
    let mut tokens = headers.get_all(&TOKEN).iter();
    match (own, tokens.next().and_then(|token| token.to_str().ok()), tokens.next()) {
        (Some(own), Some(token), None) => is_token(call, own, token),
        _ => false,
    }
}

/// A body that is one JSON object.
async fn read(headers: &HeaderMap, body: Incoming) -> Result<Map<String, Value>, answers::Refusal> {
    let bad = |what: &str| answers::Refusal::value(87, what);
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or(b"application/json");
    let end = kind.iter().position(|byte| *byte == b';').unwrap_or(kind.len());
    if !kind[..end].trim_ascii().eq_ignore_ascii_case(b"application/json") {
        return Err(bad("the body is not JSON by its type"));
    }
    let bytes = match collect(body, BODY_MAX, BODY_WITHIN).await {
        Ok(bytes) => bytes,
        Err(CollectError::TooLarge { .. }) => return Err(bad("the body is too large")),
        Err(_) => return Err(bad("the body did not arrive")),
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(bad("the body is no JSON object")),
    }
}

/// Asks the launcher in the name of whoever asks.
async fn ask(call: &Call<'_>, wish: Wish) -> Result<AccountAnswer, answers::Refusal> {
    let asker = match call.identity.as_ref() {
        Some(identity) => match &identity.key {
            Some(keyed) => Asker::Key(keyed.key.id),
            None => Asker::SignIn(identity.person.sign_in.id),
        },
        None => return Err(ruled(Rule::SignInFirst)),
    };
    let (request, answered) = call.world().accounts.begin();
    let message = ToLauncher::AccountAsk { request, asker, wish: Box::new(wish) };
    let answer = async {
        call.world().link.ask(message).await.ok()?;
        answered.await.ok()
    };
    match tokio::time::timeout(ANSWERED_WITHIN, answer).await.ok().flatten() {
        Some(Ok(answer)) => Ok(*answer),
        Some(Err(refusal)) => Err(refused(call, &refusal)),
        None => Err(answers::Refusal::unavailable("the launcher did not answer about accounts")),
    }
}

/// The same of what is owned.
async fn ask_owned(call: &Call<'_>, wish: OwnedWish) -> Result<OwnedAnswer, answers::Refusal> {
    match ask(call, Wish::Owned(wish)).await? {
        AccountAnswer::Owned(answer) => Ok(answer),
        _ => Err(otherwise()),
    }
}

fn otherwise() -> answers::Refusal {
    answers::Refusal::unavailable("the launcher answered something else than was asked")
}

/// That a key is refused, before it is known what for. The answer is the same whatever is wrong with it.
pub(crate) fn bad_key(call: &Call<'_>, id: &str, too_many: bool) -> Response<Body> {
    let refusal = if too_many {
        answers::Refusal::new(
            StatusCode::TOO_MANY_REQUESTS,
            30,
            "too many requests with a key that is not good",
        )
    } else {
        answers::Refusal::new(StatusCode::UNAUTHORIZED, 30, "the API key is not good here")
    };
    answers::not_done(call, refusal.under(id))
}

/// That a request says in two ways who sends it.
pub(crate) fn ambiguous(call: &Call<'_>, what: &'static str) -> Response<Body> {
    answers::not_done(call, answers::Refusal::new(StatusCode::BAD_REQUEST, 25, what))
}

/// That a good key opens nothing here.
pub(crate) fn not_by_key(call: &Call<'_>, rule: Rule) -> Response<Body> {
    answers::not_done(call, ruled(rule))
}

/// That a request of somebody's browser comes from another page than ours.
pub(crate) fn foreign(call: &Call<'_>, id: &str) -> Response<Body> {
    let what = "the request does not come from this server's own pages";
    answers::not_done(call, answers::Refusal::new(StatusCode::FORBIDDEN, 92, what).under(id))
}
