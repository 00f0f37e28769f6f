//! Answers of the interface for programs: what was done, or `{code, error, payload}` with the code of Posit Connect's interface.

use http::header::{CACHE_CONTROL, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use portcullis_model::permission::Rule;
use portcullis_proxy::Body;
use portcullis_wire::accounts::AccountRefusal;
use portcullis_wire::identity::StoreRefusal;
use serde_json::{Value, json};

use crate::call::Call;

/// What was done.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: StatusCode,
    /// None where there is nothing to say.
    pub(super) body: Option<Value>,
}

impl Told {
    /// Something.
    pub(super) const fn of(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body) }
    }

    /// Nothing more.
    pub(super) const fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None }
    }
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: u16,
    what: String,
    /// For the log alone.
    cause: Option<String>,
    /// Under which it is recorded already.
    id: Option<String>,
}

impl Refusal {
    /// One.
    pub(super) fn new(status: StatusCode, code: u16, what: &str) -> Self {
        Self { status, code, what: what.to_owned(), cause: None, id: None }
    }

    /// Something in the request can't be used.
    pub(super) fn value(code: u16, what: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, what)
    }

    /// There is no such thing.
    pub(super) fn absent(code: u16, what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, what)
    }

    /// A cookie without the token of a page.
    pub(super) fn no_token() -> Self {
        let what =
            "beside the cookie of a sign-in the token of one of its pages is needed; programs use an API key";
        Self::new(StatusCode::FORBIDDEN, 92, what)
    }

    /// It does not work at the moment.
    pub(super) fn unavailable(cause: &str) -> Self {
        let one = Self::new(StatusCode::SERVICE_UNAVAILABLE, 1, "it does not work at the moment");
        Self { cause: Some(cause.to_owned()), ..one }
    }

    /// Recorded under this id.
    pub(super) fn under(self, id: &str) -> Self {
        Self { id: Some(id.to_owned()), ..self }
    }
}

/// A rule of the table of permissions.
pub(super) fn ruled(rule: Rule) -> Refusal {
    let status = StatusCode::from_u16(rule.status()).unwrap_or(StatusCode::FORBIDDEN);
    Refusal::new(status, rule.code(), &rule.to_string())
}

/// What the launcher refuses.
pub(super) fn refused(call: &Call<'_>, refusal: &AccountRefusal) -> Refusal {
    let keyed = call.identity.as_ref().is_some_and(|identity| identity.key.is_some());
    of(refusal, keyed)
}

fn of(refusal: &AccountRefusal, keyed: bool) -> Refusal {
    let text = refusal.to_string();
    let new = |status, code| Refusal::new(status, code, &text);
    match refusal {
        AccountRefusal::Rule(refused) => ruled(refused.rule),
        AccountRefusal::Nobody => new(StatusCode::UNAUTHORIZED, if keyed { 30 } else { 24 }),
        AccountRefusal::Gone => new(StatusCode::NOT_FOUND, 4),
        AccountRefusal::Busy => new(StatusCode::TOO_MANY_REQUESTS, 1),
        AccountRefusal::NotWritable => Refusal::unavailable(&text),
        AccountRefusal::Value(_) => new(StatusCode::BAD_REQUEST, 25),
        AccountRefusal::Store(refusal) => match refusal {
            StoreRefusal::NoAccount(_) | StoreRefusal::Removed => new(StatusCode::NOT_FOUND, 9),
            StoreRefusal::Absent(_) => new(StatusCode::NOT_FOUND, 4),
            StoreRefusal::Exists(_) => new(StatusCode::CONFLICT, 15),
            StoreRefusal::Taken(_) => new(StatusCode::CONFLICT, 8),
            StoreRefusal::Locked => new(StatusCode::FORBIDDEN, 50),
            // What the database says of itself is for the log.
            StoreRefusal::Unreachable(_) | StoreRefusal::Broken(_) => Refusal::unavailable(&text),
            _ => new(StatusCode::BAD_REQUEST, 25),
        },
        AccountRefusal::Code => new(StatusCode::BAD_REQUEST, 25),
    }
}

/// Says what was done.
pub(super) fn done(call: &Call<'_>, told: Told) -> Response<Body> {
    let mut response = match told.body {
        Some(body) => call.reader().answer(told.status, "application/json", body.to_string().into()),
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = told.status;
            call.generation().answers.complete(response.headers_mut());
            response
        }
    };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Says why it was not.
pub(super) fn not_done(call: &Call<'_>, refusal: Refusal) -> Response<Body> {
    let Refusal { status, code, what, cause, id } = refusal;
    let id = id.unwrap_or_else(crate::refusals::fresh_id);
    let user = call.reader().user.unwrap_or("");
    tracing::info!(%id, status = status.as_u16(), code, %user, cause = %cause.as_deref().unwrap_or(&what), "not done");
    let body = json!({ "code": code, "error": what, "payload": null, "portcullis": { "id": id } });
    let mut response = call.reader().answer(status, "application/json", body.to_string().into());
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    match status {
        StatusCode::UNAUTHORIZED => _ = headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Key")),
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        _ => {}
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_has_the_code_that_clients_know() {
        for (refusal, keyed, status, code) in [
            (AccountRefusal::Rule(Rule::MayNotLock.into()), true, 403, 49),
            (AccountRefusal::Rule(Rule::Renew.into()), false, 401, 99),
            (AccountRefusal::Nobody, true, 401, 30),
            (AccountRefusal::Nobody, false, 401, 24),
            (AccountRefusal::Store(StoreRefusal::NoAccount("x".into())), true, 404, 9),
            (AccountRefusal::Store(StoreRefusal::Exists("x".into())), true, 409, 15),
            (AccountRefusal::Store(StoreRefusal::Unreachable("pg".into())), true, 503, 1),
        ] {
            let found = of(&refusal, keyed);
            assert_eq!((found.status.as_u16(), found.code), (status, code), "{refusal:?}");
        }
        let away = of(&AccountRefusal::Store(StoreRefusal::Broken("disk".into())), true);
        assert!(!away.what.contains("disk"), "{away:?}");
    }
}
