//! What a session uses of its limits, for the IDE's own page to warn by. Called by `serve`.
//!
//! A page asks this by itself, so it is nobody's act: neither the session nor the sign-in lives longer by it.

use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Response, StatusCode};
use portcullis_model::SessionId;
use portcullis_model::load::Load;
use portcullis_pages::load::{killed, meters};
use portcullis_proxy::Body;
use serde_json::{Value, json};

use crate::call::Call;
use crate::sessions::{unauthenticated, unknown};

/// The answer, as JSON.
pub(crate) fn load(call: &Call<'_>, id: SessionId) -> Response<Body> {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().wrong_method("GET, HEAD");
    }
    let Some(person) = call.person() else { return unauthenticated(call) };
    let Some(live) = call.snapshot.session_of(person, id) else { return unknown(call) };
    let body = told(&live.session.load, call.now).to_string();
    let mut response = call.reader().answer(StatusCode::OK, "application/json", body.into());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Every limit with its hundredths and, when it is close, a warning; the last process that the kernel ended, with how long ago
/// that was in seconds.
fn told(load: &Load, now: u64) -> Value {
    let limits: Vec<Value> = meters(load)
        .into_iter()
        .map(|meter| json!({ "key": meter.key, "percent": meter.percent, "text": meter.warning.map(plain) }))
        .collect();
    let killed = load.killed.as_ref().map(|one| {
        json!({ "key": one.count.to_string(), "age": now.saturating_sub(one.at), "text": plain(killed(one)) })
    });
    json!({ "limits": limits, "killed": killed })
}

/// Without the marks that our own pages make of names.
fn plain(text: String) -> String {
    text.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use portcullis_model::load::{Killed, Share, Used, Whose};

    use super::*;

    #[test]
    fn limits_and_ends_are_told() {
        let memory_mb = Some(Share { used: 95, limit: 100 });
        let processes = Some(Share { used: 5, limit: 100 });
        let mut load = Load { session: Used { memory_mb, processes }, ..Load::default() };
        let answer = told(&load, 100);
        assert_eq!(answer["limits"][0]["key"], "session-memory");
        assert_eq!(answer["limits"][0]["percent"], 95);
        assert!(answer["limits"][0]["text"].as_str().expect("a warning").contains("95 of its 100 MB"));
        assert_eq!(answer["limits"][1], json!({ "key": "session-processes", "percent": 5, "text": null }));
        assert_eq!(answer["killed"], Value::Null);
        let (program, whose) = ("python3".to_owned(), Whose::Session);
        load.killed = Some(Killed { program, pid: 7, at: 90, whose, limit_mb: 100, count: 2 });
        let answer = told(&load, 100);
        assert_eq!((&answer["killed"]["key"], &answer["killed"]["age"]), (&json!("2"), &json!(10)));
        assert!(answer["killed"]["text"].as_str().expect("a text").contains("'python3' (process 7)"));
    }
}
