//! What administrators see: the launcher's look beside what this server knows of people and sessions.

use std::collections::{BTreeMap, HashMap};

use http::{Response, StatusCode};
use portcullis_model::SessionId;
use portcullis_model::machine::Machine;
use portcullis_model::session::State;
use portcullis_pages::admin::{
    AdminSessionsPage, Fact, OverviewPage, PeoplePage, PersonRow, Plot, Scale, SessionRow, SignInRow, Tab,
};
use portcullis_proxy::Body;
use portcullis_wire::watch::{Look, SessionUse};

use super::{frame, query};
use crate::call::Call;

/// How everything is.
pub(super) fn overview(call: &Call<'_>, look: &Look) -> Response<Body> {
    let now = call.now;
    let plot = |title, id, scale, pick: fn(&portcullis_model::machine::LoadSample) -> u64| {
        Plot::new(title, id, scale, look.history.iter().map(|one| (one.at, pick(one))), now)
    };
    let plots = [
        plot("Processors", "processor", Scale::Share, |one| one.processor.into()),
        plot("Memory", "memory", Scale::Share, |one| one.memory.into()),
        plot("Sessions", "sessions", Scale::Count, |one| one.sessions.into()),
        plot("Load average", "load", Scale::Load, |one| one.load.into()),
    ];
    let (people, machine, daemon) =
        (people_facts(call), machine_facts(&look.machine), daemon_facts(call, look));
    let (frame, admin) = frame(call, Tab::Overview, look, None);
    let page =
        OverviewPage { frame, admin, people: &people, machine: &machine, daemon: &daemon, plots: &plots };
    call.reader().page(StatusCode::OK, page.html())
}

fn people_facts(call: &Call<'_>) -> Vec<Fact> {
    let sessions =
        || call.snapshot.sessions.values().map(|live| &live.session).filter(|one| one.state.is_live());
    let running = sessions().filter(|one| one.state == State::Running).count();
    let mut by_ide: BTreeMap<&str, usize> = BTreeMap::new();
    for session in sessions() {
        *by_ide.entry(call.generation().adapters.title(&session.ide)).or_default() += 1;
    }
    let ides: Vec<String> = by_ide.into_iter().map(|(title, count)| format!("{count} {title}")).collect();
    let sum = |pick: fn(&portcullis_proxy::Gauges) -> u64| -> u64 {
        call.world().gauges.iter().map(|one| pick(one)).sum()
    };
    vec![
        Fact::new("Sign-ins", call.snapshot.people.len().to_string()),
        Fact::new("Sessions", format!("{}, {running} running", sessions().count())),
        Fact::new("IDEs", if ides.is_empty() { "none".to_owned() } else { ides.join(", ") }),
        Fact::new("WebSockets", sum(portcullis_proxy::Gauges::tunnels).to_string()),
        Fact::new("Connections", sum(portcullis_proxy::Gauges::connections).to_string()),
    ]
}

fn machine_facts(machine: &Machine) -> Vec<Fact> {
    let percent = |thousandths: u16| format!("{}.{} %", thousandths / 10, thousandths % 10);
    vec![
        Fact::new("Processors", format!("{} of {}", percent(machine.processor), machine.processors)),
        Fact {
            wrong: machine.memory >= 950,
            ..Fact::new("Memory", format!("{} of {} MB", percent(machine.memory), machine.memory_mb))
        },
        Fact::new("Swap", percent(machine.swap)),
        Fact::new("Load average", format!("{}.{:02}", machine.load / 100, machine.load % 100)),
    ]
}

fn daemon_facts(call: &Call<'_>, look: &Look) -> Vec<Fact> {
    let hours = look.uptime / 3600;
    let uptime = if hours < 48 {
        format!("{hours} h {} min", look.uptime / 60 % 60)
    } else {
        format!("{} days", hours / 24)
    };
    let offline = call.snapshot.offline.is_some();
    vec![
        Fact::new("Version", env!("CARGO_PKG_VERSION")),
        Fact::new("Up for", uptime),
        Fact::new("Configuration", format!("number {}", call.generation().number)),
        Fact {
            wrong: offline,
            ..Fact::new("People are let in", if offline { "no: offline" } else { "yes" })
        },
        Fact {
            wrong: !look.writable,
            ..Fact::new(
                "Records",
                if look.writable {
                    format!("{} written", look.audit_seq)
                } else {
                    "can't be written".to_owned()
                },
            )
        },
        Fact::new(
            "Programs",
            look.not_recorded
                .clone()
                .map_or_else(|| "recorded".to_owned(), |why| format!("not recorded: {why}")),
        ),
        Fact::new("Servers of before", look.draining.to_string()),
    ]
}

/// Everybody's sessions.
pub(super) fn sessions(call: &Call<'_>, look: &Look) -> Response<Body> {
    let uses: HashMap<SessionId, SessionUse> = look.sessions.iter().copied().collect();
    let user = query(call, "user").unwrap_or_default();
    let live = call.snapshot.sessions.values().filter(|live| live.session.state.is_live());
    let mut rows: Vec<SessionRow<'_>> = live
        .filter(|live| user.is_empty() || live.session.user.as_str() == user)
        .map(|live| {
            let session = &live.session;
            let used = uses.get(&session.id).copied().unwrap_or_default();
            SessionRow {
                id: session.id,
                user: session.user.as_str(),
                title: call.generation().adapters.title(&session.ide),
                state: &session.state,
                started: session.started,
                last_activity: live.last_activity(),
                processor: used.processor,
                memory: used.memory,
                transfers: used.transfers,
                bytes: used.bytes,
                refusals: used.refusals,
            }
        })
        .collect();
    rows.sort_by(|a, b| (a.user, a.started, a.id).cmp(&(b.user, b.started, b.id)));
    let said = query(call, "said").and_then(|word| said(&word));
    let (frame, admin) = frame(call, Tab::Sessions, look, said);
    call.reader()
        .page(StatusCode::OK, AdminSessionsPage { frame, admin, sessions: &rows, user: &user }.html())
}

/// Everybody who is signed in.
pub(super) fn people(call: &Call<'_>, look: &Look) -> Response<Body> {
    let mut people: BTreeMap<&str, PersonRow<'_>> = BTreeMap::new();
    let own = call.person().map(|person| person.sign_in.id);
    for person in call.snapshot.people.values() {
        let sign_in = &person.sign_in;
        let row = SignInRow {
            id: sign_in.id,
            remote: sign_in.remote.to_string(),
            since: sign_in.since,
            until: person.until(),
            own: own == Some(sign_in.id),
        };
        entry(&mut people, person.user()).sign_ins.push(row);
    }
    for live in call.snapshot.sessions.values().filter(|live| live.session.state.is_live()) {
        entry(&mut people, live.session.user.as_str()).sessions += 1;
    }
    let mut people: Vec<_> = people.into_values().collect();
    for person in &mut people {
        person.sign_ins.sort_by_key(|one| std::cmp::Reverse(one.since));
    }
    let said = query(call, "said").and_then(|word| said(&word));
    let (frame, admin) = frame(call, Tab::People, look, said);
    call.reader().page(StatusCode::OK, PeoplePage { frame, admin, people: &people }.html())
}

fn entry<'m, 'a>(people: &'m mut BTreeMap<&'a str, PersonRow<'a>>, user: &'a str) -> &'m mut PersonRow<'a> {
    people.entry(user).or_insert_with(|| PersonRow { user, sign_ins: Vec::new(), sessions: 0 })
}

/// What was done before the page came.
fn said(word: &str) -> Option<&'static str> {
    match word {
        "session" => Some("The session ends."),
        "suspend" => Some("The session was asked to suspend itself. While something runs in it, it goes on."),
        "sign-in" => Some("The sign-in is over."),
        "revoked" => Some("Everything of that person ends."),
        _ => None,
    }
}
