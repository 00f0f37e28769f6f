//! The home page: your sessions, what you can start, what is restricted for you. Called by `serve` and `sessions`.

use http::{Method, Response, StatusCode};
use portcullis_model::session::Ide;
use portcullis_pages::{HomePage, Restriction, SessionCard, StartChoice, meaning};
use portcullis_proxy::Body;

use crate::call::Call;
use crate::sign_in;

/// The page; `problem` says why the last start did not begin.
pub(crate) fn home(call: &Call<'_>, problem: Option<&str>, status: StatusCode) -> Response<Body> {
    let asked = call.method == Method::POST && problem.is_some();
    if !asked && !matches!(call.method, Method::GET | Method::HEAD) {
        return call.reader().wrong_method("GET, HEAD");
    }
    let Some(person) = call.person() else { return sign_in::first(call) };
    if !call.renews_itself() {
        call.acted();
    }
    let sessions: Vec<_> = call.snapshot.sessions_of(person).collect();
    let cards: Vec<SessionCard<'_>> = sessions
        .iter()
        .map(|live| SessionCard { last_activity: live.last_activity(), ..SessionCard::from(&live.session) })
        .collect();
    let lines: Vec<_> = person.flags.summary().into_iter().filter(|line| line.restricts).collect();
    let texts: Vec<(String, String)> = lines
        .iter()
        .map(|line| {
            let text = meaning(line.flag, &line.value).unwrap_or_else(|| line.title.to_owned());
            (text, line.origin.to_string())
        })
        .collect();
    let restrictions: Vec<Restriction<'_>> = lines
        .iter()
        .zip(&texts)
        .map(|(line, (text, rule))| Restriction {
            flag: line.flag,
            value: &line.value,
            meaning: text,
            rule,
            level: line.level,
            remains: line.remains,
        })
        .collect();
    let page = HomePage {
        frame: call.reader().frame(),
        now: call.now,
        sessions: &cards,
        start: &choices(call),
        problem,
        restrictions: &restrictions,
        session_timeout_minutes: call.generation().idle_minutes(&person.sign_in.principal),
    };
    call.reader().page(status, page.html())
}

/// Why an IDE is not offered; `None` when it is.
pub(crate) fn unavailable(call: &Call<'_>, ide: Ide) -> Option<&'static str> {
    match ide {
        Ide::Rstudio | Ide::CodeServer | Ide::App(_) => Some("It is not set up on this server."),
        Ide::Jupyter if call.generation().settings.jupyter.labs_enabled => None,
        Ide::Jupyter => Some("JupyterLab is switched off on this server (`labs-enabled=0` in jupyter.conf)."),
    }
}

fn choices(call: &Call<'_>) -> Vec<StartChoice<'static>> {
    // Only what can be started by this version is offered.
    [Ide::Jupyter].into_iter().map(|ide| StartChoice { ide, unavailable: unavailable(call, ide) }).collect()
}
