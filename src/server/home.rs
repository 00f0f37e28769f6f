//! The home page: your sessions, what you can start, what is restricted for you. Called by `serve` and `sessions`.

use std::borrow::Cow;

use http::{Method, Response, StatusCode};
use portcullis_conf::ConsoleAudit;
use portcullis_conf::adapters::TCP_REFUSED;
use portcullis_model::AppName;
use portcullis_model::lifetime::Clocks;
use portcullis_model::session::{Ide, Session, State};
use portcullis_pages::{HomePage, Lifted, Recorded, Restriction, SessionCard, StartChoice, meaning};
use portcullis_policy::sandbox::Held;
use portcullis_policy::{App, code_server, rstudio};
use portcullis_proxy::Body;

use crate::call::Call;
use crate::sign_in;
use crate::state::Person;

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
        .map(|live| SessionCard {
            title: call.generation().adapters.title(&live.session.ide),
            last_activity: live.last_activity(),
            resume: resumable(call, &live.session),
            ..SessionCard::from(&live.session)
        })
        .collect();
    let (generation, who) = (call.generation(), &person.sign_in.principal);
    let held =
        Held::of(&generation.settings, &person.standing.flags, &who.user, &who.groups, &generation.host);
    let lines: Vec<_> =
        person.standing.flags.summary(&held).into_iter().filter(|line| line.restricts).collect();
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
            effect: line.effect,
            level: line.level,
            remains: line.remains,
        })
        .collect();
    let exemptions: Vec<_> = call.snapshot.exemptions_of(person).collect();
    let lifted: Vec<Lifted<'_>> = exemptions
        .iter()
        .map(|one| Lifted { flag: &one.flag, session: one.session, reason: &one.reason, until: one.until })
        .collect();
    let audit = &person.standing.flags.console;
    let audit_rule = audit.origin.to_string();
    let consoles = (audit.value > ConsoleAudit::None)
        .then(|| Recorded { shown_too: audit.value == ConsoleAudit::All, rule: &audit_rule });
    let offered = offered(call);
    let choices: Vec<StartChoice<'_>> = offered
        .iter()
        .map(|(ide, unavailable)| StartChoice {
            ide: *ide,
            title: call.generation().adapters.title(ide),
            unavailable: unavailable.as_deref(),
        })
        .collect();
    let page = HomePage {
        frame: call.reader().frame(),
        now: call.now,
        sessions: &cards,
        start: &choices,
        problem,
        restrictions: &restrictions,
        lifted: &lifted,
        consoles,
        clocks: clocks(call, person),
        administers: generation.settings.rights(&who.groups, person.sign_in.role).is_some(),
    };
    call.reader().page(status, page.html())
}

/// The clocks that this person's sessions have in common; suspended is what RStudio would be, where there is one.
fn clocks(call: &Call<'_>, person: &Person) -> Clocks {
    let clocks = |ide| call.generation().clocks(&person.sign_in.principal, ide);
    let suspends = unavailable(call, Ide::Rstudio).is_none() && clocks(Ide::Rstudio).suspends;
    Clocks { suspends, ..clocks(Ide::Jupyter) }
}

/// The word to post for a suspended session to go on.
fn resumable<'s>(call: &Call<'_>, session: &'s Session) -> Option<&'s str> {
    match &session.state {
        State::Ended(end) if end.suspended && unavailable(call, session.ide).is_none() => {
            Some(session.ide.word())
        }
        _ => None,
    }
}

/// Why an IDE is not offered; `None` when it is.
pub(crate) fn unavailable(call: &Call<'_>, ide: Ide) -> Option<Cow<'static, str>> {
    match ide {
        Ide::Rstudio if !is_file(&rstudio::place(&call.generation().settings)) => {
            Some("RStudio is not installed on this server.".into())
        }
        Ide::Rstudio => None,
        Ide::CodeServer if !call.generation().settings.vscode.enabled => {
            Some("VS Code is switched off on this server (`enabled=0` in vscode.conf).".into())
        }
        Ide::CodeServer if !is_installed(call) => Some("code-server is not installed on this server.".into()),
        Ide::CodeServer => None,
        Ide::App(name) => app_unavailable(call, name).map(Cow::Owned),
        Ide::Jupyter if call.generation().settings.jupyter.labs_enabled => None,
        Ide::Jupyter => {
            Some("JupyterLab is switched off on this server (`labs-enabled=0` in jupyter.conf).".into())
        }
    }
}

/// The same of a declared application; the launcher asks the same again.
fn app_unavailable(call: &Call<'_>, name: AppName) -> Option<String> {
    let Some(app) = call.generation().adapters.app(name) else {
        return Some("It is not set up on this server.".to_owned());
    };
    if let Some(rule) = call
        .person()
        .and_then(|person| app.refuses(&person.sign_in.principal.user, &person.sign_in.principal.groups))
    {
        return Some(format!("It is not open to your account (`{rule}`)."));
    }
    app.is_tcp().then(|| format!("It is not started here ({}): {TCP_REFUSED}.", app.place()))
}

/// Whether code-server is in one of its places. The session looks again, as the person.
fn is_installed(call: &Call<'_>) -> bool {
    code_server::places(&call.generation().settings).iter().any(|place| is_file(place))
}

fn is_file(place: &str) -> bool {
    std::fs::metadata(place).is_ok_and(|found| found.is_file())
}

/// What may be started, with the reason where it can't be: the IDEs, then the applications that are open to this person.
fn offered(call: &Call<'_>) -> Vec<(Ide, Option<Cow<'static, str>>)> {
    // Only what can be started by this version is offered.
    let code_server = (unavailable(call, Ide::CodeServer).is_none()).then_some(Ide::CodeServer);
    let rstudio = (unavailable(call, Ide::Rstudio).is_none()).then_some(Ide::Rstudio);
    let built_in = rstudio.into_iter().chain([Ide::Jupyter]).chain(code_server);
    let principal = call.person().map(|person| &person.sign_in.principal);
    let open = |app: &&App| principal.is_some_and(|who| app.refuses(&who.user, &who.groups).is_none());
    let apps = call.generation().adapters.apps().iter().filter(open).map(|app| Ide::App(app.name()));
    built_in.chain(apps).map(|ide| (ide, unavailable(call, ide))).collect()
}
