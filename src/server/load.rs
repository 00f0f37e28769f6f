//! What a session uses of its limits, and that it will end, for the IDE's own page to warn by. Called by `serve`.
//!
//! A page asks this by itself, so it is nobody's act: neither the session nor the sign-in lives longer by it.

use http::header::{CACHE_CONTROL, HeaderValue};
use http::{Method, Response, StatusCode};
use portcullis_model::SessionId;
use portcullis_model::lifetime::{Clocks, Warning, lead};
use portcullis_model::load::Load;
use portcullis_pages::EndNotice;
use portcullis_pages::load::{killed, meters};
use portcullis_proxy::Body;
use serde_json::{Value, json};

use crate::call::Call;
use crate::sessions::{unauthenticated, unknown};

/// Seconds between two questions of a page: a warning half a minute late mostly leaves time still.
const EVERY: u64 = 30;
/// The same where the clocks are short.
const EVERY_LEAST: u64 = 5;

/// The answer, as JSON.
pub(crate) fn load(call: &Call<'_>, id: SessionId) -> Response<Body> {
    if !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().wrong_method("GET, HEAD");
    }
    let Some(person) = call.person() else { return unauthenticated(call) };
    let Some(live) = call.snapshot.session_of(person, id) else { return unknown(call) };
    let mut body = told(&live.session.load, call.now);
    let clocks = call.generation().clocks(&person.sign_in.principal, live.session.ide);
    body["every"] = json!(every(&clocks));
    body["ends"] = live.session.warning.as_ref().map_or(Value::Null, |warning| ends(warning, call.now));
    let body = body.to_string();
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

/// In how many seconds the page should ask again: twice within the time of a warning.
fn every(clocks: &Clocks) -> u64 {
    let minutes =
        [clocks.idle_minutes, clocks.disconnected_minutes].into_iter().filter(|minutes| *minutes > 0);
    minutes.map(|minutes| lead(u64::from(minutes) * 60) / 2).fold(EVERY, u64::min).max(EVERY_LEAST)
}

/// That the session will end, as the notice in the IDE's page says it.
fn ends(warning: &Warning, now: u64) -> Value {
    let notice = EndNotice::of(warning, now);
    let text = format!("{} {}", notice.why, notice.todo);
    json!({ "left": notice.left, "outcome": notice.outcome(), "text": text, "stay": notice.can_stay })
}

/// Without the marks that our own pages make of names.
fn plain(text: String) -> String {
    text.replace('`', "'")
}

#[cfg(test)]
mod tests {
    use portcullis_model::lifetime::Clock;
    use portcullis_model::load::{Killed, Share, Used, Whose};

    use super::*;

    #[test]
    fn a_page_asks_often_enough_to_see_a_warning() {
        let of = |idle_minutes, disconnected_minutes| {
            every(&Clocks { idle_minutes, disconnected_minutes, ..Clocks::default() })
        };
        assert_eq!([of(0, 0), of(120, 0), of(1, 0), of(120, 2)], [30, 30, 7, 15]);
    }

    #[test]
    fn the_end_is_told_with_its_time() {
        let warning = Warning { clock: Clock::Idle, at: 130, suspends: false };
        let told = ends(&warning, 100);
        assert_eq!((&told["left"], &told["stay"]), (&json!(30), &json!(true)));
        assert_eq!(told["outcome"], "Will end in");
        assert!(told["text"].as_str().expect("a text").starts_with("Nobody uses it"));
        let aged = Warning { clock: Clock::MaximumAge, ..warning };
        assert_eq!(ends(&aged, 200)["stay"], json!(false));
    }

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
