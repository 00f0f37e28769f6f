//! How we are, for machines that ask: `/healthz`, `/readyz` and Workbench's `/health-check`. Nobody signs in for them.
//!
//! `/healthz` says that this process serves, also while a launcher is being replaced; `/readyz` that people can be sent here; `/health-check` how busy the machine is. None
//! names anybody. Called by `serve`, before anything else of a request is looked at.

use std::fmt::Write as _;

use http::header::{ACCEPT, CACHE_CONTROL, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use portcullis_conf::Settings;
use portcullis_model::machine::Machine;
use portcullis_proxy::Body;
use serde_json::json;

use crate::answers::{Public, Reader};
use crate::figures::figures;
use crate::state::Snapshot;
use crate::world::{Thread, World};

/// `/health-check` as long as no file says otherwise.
const CHECK: &str = "health-check";

/// A question of a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    /// Its method.
    pub(crate) method: &'a Method,
    /// Its headers.
    pub(crate) headers: &'a HeaderMap,
    /// Seconds since 1970.
    pub(crate) now: u64,
}

impl<'a> Question<'a> {
    /// The one that a request asks.
    pub(crate) fn of<B>(request: &'a Request<B>, now: u64) -> Self {
        Self { method: request.method(), headers: request.headers(), now }
    }

    fn is_wrong(&self) -> bool {
        !matches!(*self.method, Method::GET | Method::HEAD)
    }

    fn wants_json(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
        accept.is_some_and(|kinds| kinds.split([',', ';']).any(|kind| kind.trim() == "application/json"))
    }
}

/// Whether this process serves.
pub(crate) fn alive(world: &World, reader: &Reader<'_>, question: Question<'_>) -> Response<Body> {
    if question.is_wrong() {
        return reader.wrong_method("GET, HEAD");
    }
    let text = match serving(world) {
        Ok(()) => "ok",
        Err(why) => why,
    };
    let status = if text == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body =
        if question.wants_json() { json!({ "status": text }).to_string() } else { format!("{text}\n") };
    answer(reader, question, status, body)
}

fn serving(world: &World) -> Result<(), &'static str> {
    // Handed over is not ending: whoever asks anew finds another server at work.
    let ending = world.drain.started() && !world.drain.handed_over();
    if ending { Err("draining") } else { Ok(()) }
}

/// Whether people can be sent here.
pub(crate) async fn ready(thread: &Thread, reader: &Reader<'_>, question: Question<'_>) -> Response<Body> {
    if question.is_wrong() {
        return reader.wrong_method("GET, HEAD");
    }
    let reasons = reasons(&thread.world).await;
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = match (question.wants_json(), reasons.is_empty()) {
        (true, ready) => json!({ "ready": ready, "reasons": reasons }).to_string(),
        (false, true) => "ready\n".to_owned(),
        (false, false) => {
            reasons.iter().fold(String::new(), |text, reason| text + "not ready: " + reason + "\n")
        }
    };
    answer(reader, question, status, body)
}

/// Why people should be sent elsewhere.
async fn reasons(world: &World) -> Vec<&'static str> {
    let mut reasons: Vec<&str> = serving(world).err().into_iter().collect();
    let snapshot = world.table.load();
    match figures(world).await {
        None => reasons.push("no launcher"),
        Some(figures) => {
            if !figures.writable {
                reasons.push("records can't be written");
            }
            if figures.generation != snapshot.generation.number {
                reasons.push("another configuration is being taken up");
            }
        }
    }
    if snapshot.offline.is_some() {
        reasons.push("offline");
    }
    if snapshot.apart {
        reasons.push("the database is not heard of");
    }
    reasons
}

/// Whether this is the address of the health check: that of its file, where there is one.
fn is_check(settings: &Settings, name: &str) -> bool {
    let wanted = settings.health_check.as_ref().map_or(CHECK, |file| file.name.as_str());
    settings.operation.server_health_check_enabled && wanted == name
}

/// How busy the machine is, in Workbench's form.
pub(crate) async fn check(
    thread: &Thread,
    reader: &Reader<'_>,
    name: &str,
    question: Question<'_>,
) -> Response<Body> {
    let settings = &reader.generation.settings;
    if !is_check(settings, name) {
        return reader.refuse(Public::of(StatusCode::NOT_FOUND), "unknown path");
    }
    if question.is_wrong() {
        return reader.wrong_method("GET, HEAD");
    }
    let reasons = reasons(&thread.world).await;
    let told = figures(&thread.world).await;
    let variables =
        variables(&thread.world.table.load(), told.as_ref().map(|told| told.machine), question.now);
    let body = match (&settings.health_check, question.wants_json()) {
        (_, true) => {
            let all = variables.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
            serde_json::Value::Object(all.collect()).to_string()
        }
        (Some(file), false) => filled(&file.text, &variables),
        (None, false) => lines(&variables),
    };
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(reader, question, status, body)
}

/// Name and value of each variable, in Workbench's order; what isn't known is left out.
fn variables(snapshot: &Snapshot, machine: Option<Machine>, now: u64) -> Vec<(&'static str, String)> {
    let sessions = || snapshot.sessions.values();
    let active = sessions().filter(|live| live.session.state.is_live()).count();
    let used = sessions().map(|live| live.last_activity()).max();
    let idle = used.map_or(0, |used| now.saturating_sub(used));
    let mut all = vec![("active-sessions", active.to_string()), ("idle-seconds", idle.to_string())];
    if let Some(Machine { processor, memory, swap, load, .. }) = machine {
        let percent = |thousandths: u16| format!("{}.{}", thousandths / 10, thousandths % 10);
        all.extend([
            ("cpu-percent", percent(processor)),
            ("memory-percent", percent(memory)),
            ("swap-percent", percent(swap)),
            ("load-average", format!("{}.{:02}", load / 100, load % 100)),
        ]);
    }
    all
}

fn lines(variables: &[(&str, String)]) -> String {
    variables.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name}: {value}");
        text
    })
}

/// A template with its variables filled in; those of a licence say that none is needed.
fn filled(template: &str, variables: &[(&str, String)]) -> String {
    let licence = [
        ("license-status", "not-needed"),
        ("license-days-left", "unlimited"),
        ("license-allow-product-usage", "1"),
    ];
    let known = variables.iter().map(|(name, value)| (*name, value.as_str())).chain(licence);
    known.fold(template.to_owned(), |text, (name, value)| text.replace(&format!("#{name}#"), value))
}

fn answer(reader: &Reader<'_>, question: Question<'_>, status: StatusCode, body: String) -> Response<Body> {
    let kind = if question.wants_json() { "application/json" } else { "text/plain; charset=utf-8" };
    let mut response = reader.answer(status, kind, body.into());
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generation::Generation;
    use crate::state::Table;
    use crate::state::tests::session;

    #[test]
    fn the_text_is_workbenchs() {
        let table = Table::new(std::sync::Arc::new(Generation::for_tests(&[])));
        table.session(session("alice", 7));
        let machine =
            Machine { processor: 125, memory: 999, swap: 0, load: 105, memory_mb: 1, processors: 1 };
        let snapshot = table.load();
        let used = snapshot.sessions.values().map(|live| live.last_activity()).max().expect("one");
        let all = variables(&snapshot, Some(machine), used + 42);
        assert_eq!(
            lines(&all),
            "active-sessions: 1\nidle-seconds: 42\ncpu-percent: 12.5\nmemory-percent: 99.9\nswap-percent: 0.0\n\
             load-average: 1.05\n"
        );
        assert_eq!(
            filled("<s>#active-sessions#</s> #load-average# #license-status# #other#", &all),
            "<s>1</s> 1.05 not-needed #other#"
        );
        assert_eq!(lines(&variables(&snapshot, None, used)), "active-sessions: 1\nidle-seconds: 0\n");
    }

    #[test]
    fn the_address_is_that_of_the_file() {
        let settings = |files: &[(&str, &str)]| Generation::for_tests(files).settings;
        assert!(!is_check(&settings(&[]), "health-check"), "off by default");
        let on = ("rserver.conf", "server-health-check-enabled=1\n");
        assert!(is_check(&settings(&[on]), "health-check"));
        let named = settings(&[on, ("health-check-B64C", "x")]);
        assert!(is_check(&named, "health-check-B64C") && !is_check(&named, "health-check"));
    }
}
