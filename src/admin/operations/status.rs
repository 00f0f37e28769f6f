//! `portcullis status`: how the daemon is.

use anyhow::bail;
use portcullis_model::load::SessionLoad;
use portcullis_model::offline::Offline;
use portcullis_wire::admin::{FromDaemon, MachineState, OthersState, ServerState, Status, ToDaemon};
use serde_json::json;

use super::{Asking, load};
use crate::Answer;
use crate::daemon::exit_of;
use crate::exempt::{moment, span};
use crate::exit::Exit;
use crate::layout::printable;
use crate::screen::{Screen, Tone, count};

/// The command.
pub(crate) fn status(asking: &Asking) -> anyhow::Result<Answer> {
    let answer = match asking.run_dir.ask(&ToDaemon::Status) {
        Ok(answer) => answer,
        Err(error) => {
            // As LSB's init scripts: 3 is that it doesn't run, 4 that it can't be said.
            let exit = if exit_of(&error) == Exit::NotRunning { Exit::Stopped } else { Exit::NotPermitted };
            let hint = if exit == Exit::Stopped { "hint: `portcullis start` starts it\n" } else { "" };
            let complaint = format!("portcullis: {error:#}\n{hint}");
            return Ok(Answer { complaint, status: exit.code(), ..Answer::default() });
        }
    };
    let mut answer = answer.into_iter();
    let Some(FromDaemon::Status(status)) = answer.next() else { bail!("the daemon answered something else") };
    let mut loads = Vec::new();
    for message in answer {
        let FromDaemon::Loads(some) = message else { bail!("the daemon answered something else") };
        loads.extend(some);
    }
    let text = if asking.json {
        format!("{}\n", as_object(&status, &loads))
    } else {
        told(&status, Screen::of_output()) + &loads.iter().map(load::line).collect::<String>()
    };
    // A script may go by the exit status alone.
    let exit = if status.serving && status.writable { Exit::Done } else { Exit::Failed };
    Ok(Answer { text, status: exit.code(), ..Answer::default() })
}

fn as_object(status: &Status, loads: &[SessionLoad]) -> serde_json::Value {
    let server = |server: &ServerState| {
        json!({
            "pid": server.pid,
            "phase": server.phase,
            "since": server.since,
            "connections": server.carried.connections,
            "websockets": server.carried.websockets,
            "busy": server.carried.busy,
            "ends-in-seconds": server.ends_in,
        })
    };
    let offline = |offline: &Offline| json!({ "message": offline.message, "since": offline.since, "suspended": offline.suspended });
    json!({
        "version": status.version,
        "pid": status.pid,
        "uptime-seconds": status.uptime,
        "address": status.address,
        "serving": status.serving,
        "writable": status.writable,
        "generation": status.generation,
        "sign-ins": status.sign_ins,
        "sessions": status.sessions,
        "exemptions": status.exemptions,
        "programs-recorded": status.not_recorded.is_none(),
        "programs-not-recorded-because": status.not_recorded,
        "offline": status.offline.as_ref().map(offline),
        "others": status.others.as_ref().map(others),
        "servers": status.servers.iter().map(server).collect::<Vec<_>>(),
        "limited-sessions": loads.iter().map(load::object).collect::<Vec<_>>(),
    })
}

fn told(status: &Status, screen: Screen) -> String {
    let serves = match (status.serving, &status.offline) {
        (false, _) => screen.paint(Tone::Bad, "does NOT serve"),
        (true, Some(_)) => screen.paint(Tone::Odd, "is OFFLINE"),
        (true, None) => screen.paint(Tone::Good, "serves"),
    };
    let mut text = format!(
        "portcullis {} (process {}) {serves} on {}, started {} ago, configuration {}\n",
        status.version,
        status.pid,
        status.address,
        span(status.uptime),
        status.generation,
    );
    if !status.writable {
        let wrong = "audit log or state can't be written: nobody is let in, nothing is started";
        text += &format!("{}\n", screen.paint(Tone::Bad, wrong));
    }
    if let Some(offline) = &status.offline {
        let message = printable(&offline.message, 500);
        let said = if message.is_empty() { String::new() } else { format!(": {message}") };
        text +=
            &format!("offline since {}{said}; `portcullis online` lets people in\n", moment(offline.since));
    }
    text += &format!(
        "sign-ins: {}\nsessions: {}\nexemptions: {}\nprograms started in sessions: {}\n",
        status.sign_ins,
        status.sessions,
        status.exemptions,
        status.not_recorded.as_ref().map_or("recorded".to_owned(), |why| format!("NOT recorded: {why}"))
    );
    text += &status.others.as_ref().map(|others| others_told(others, screen)).unwrap_or_default();
    text + &status.servers.iter().map(server).collect::<String>()
}

/// The machines with the same database, as JSON.
fn others(others: &OthersState) -> serde_json::Value {
    let machine = |one: &MachineState| {
        json!({
            "name": one.name,
            "silent-seconds": one.silent,
            "same-keys": one.same_keys,
            "same-factor-key": one.same_factor_key,
            "ahead-milliseconds": one.ahead,
        })
    };
    json!({
        "apart-seconds": others.apart,
        "cut-off": others.cut_off,
        "owed": others.owed,
        "machines": others.machines.iter().map(machine).collect::<Vec<_>>(),
    })
}

/// The same for people.
fn others_told(others: &OthersState, screen: Screen) -> String {
    let mut text = match (others.apart, others.cut_off) {
        (None, _) => "database: shared, heard of\n".to_owned(),
        (Some(seconds), cut_off) => {
            let what = if cut_off { ": nobody is answered (`database-lost-seconds`)" } else { "" };
            let text = format!("database: NOT heard of for {}{what}", span(seconds));
            format!("{}\n", screen.paint(Tone::Bad, &text))
        }
    };
    if others.owed > 0 {
        text += &format!("ends that other machines have not heard of: {}\n", others.owed);
    }
    for one in &others.machines {
        let keys = if one.same_keys { "" } else { ", OTHER cookie keys" };
        let factor = if one.same_factor_key { "" } else { ", ANOTHER factor key" };
        let (name, silent) = (printable(&one.name, 100), span(one.silent));
        text += &format!("machine {name}: heard of {silent} ago{keys}{factor}\n");
    }
    text
}

/// A server, with what hangs on it.
fn server(server: &ServerState) -> String {
    let ServerState { pid, phase, carried, .. } = server;
    let hangs = format!(
        "{} and {}",
        count(carried.connections.into(), "connection", "connections"),
        count(carried.websockets.into(), "WebSocket", "WebSockets")
    );
    match server.ends_in {
        Some(seconds) => {
            format!("server {pid}: {phase}, {hangs} left, which are cut in {}\n", span(seconds))
        }
        None => format!("server {pid}: {phase}, {hangs}\n"),
    }
}

#[cfg(test)]
mod tests {
    use portcullis_wire::launcher::Carried;

    use super::*;
    use crate::daemon::RunDir;
    use crate::daemon::tests::daemon;

    fn status_of(serving: bool) -> Status {
        Status {
            version: "1".into(),
            pid: 7,
            uptime: 3700,
            address: "127.0.0.1:8787".into(),
            serving,
            writable: true,
            generation: 2,
            sign_ins: 3,
            sessions: 4,
            exemptions: 5,
            not_recorded: None,
            offline: None,
            servers: Vec::new(),
            others: None,
        }
    }

    #[test]
    fn how_it_stands_with_other_machines_is_told() {
        let (name, silent, ahead) = ("b".into(), 3, 0);
        let machine = MachineState { name, silent, same_keys: false, same_factor_key: false, ahead };
        let state = OthersState { apart: Some(70), cut_off: true, owed: 2, machines: vec![machine] };
        let status = Status { others: Some(state), ..status_of(true) };
        let text = told(&status, Screen { width: None, colour: false });
        for wanted in [
            "NOT heard of for 1 min",
            "nobody is answered",
            "not heard of: 2",
            "machine b",
            "OTHER cookie keys, ANOTHER factor key",
        ] {
            assert!(text.contains(wanted), "{wanted}: {text}");
        }
        let heard = Status { others: Some(OthersState::default()), ..status_of(true) };
        assert!(told(&heard, Screen { width: None, colour: false }).contains("database: shared, heard of"));
        assert_eq!(others(&OthersState { apart: Some(7), ..OthersState::default() })["apart-seconds"], 7);
    }

    #[test]
    fn a_status_is_told_and_its_exit_status_says_whether_it_serves() {
        for serving in [true, false] {
            let (dir, thread) =
                daemon(vec![FromDaemon::Status(Box::new(status_of(serving))), FromDaemon::Done]);
            let asking = Asking { run_dir: RunDir::at(dir.path()), json: false };
            let answer = status(&asking).expect("an answer");
            assert_eq!(answer.status, u8::from(!serving));
            let text = answer.text;
            assert!(text.contains("started 1 h 1 min ago") && text.contains("sessions: 4"), "{text}");
            thread.join().expect("ended");
        }
        assert_eq!(as_object(&status_of(true), &[])["sign-ins"], 3);
        let nowhere = Asking { run_dir: RunDir::at(std::path::Path::new("/nowhere")), json: true };
        let answer = status(&nowhere).expect("an answer");
        assert!(answer.status == 3 && answer.complaint.contains("doesn't run"), "{answer:?}");
    }

    #[test]
    fn offline_and_what_old_servers_carry_is_told() {
        let carried = Carried { connections: 1, websockets: 2, busy: 0 };
        let old = ServerState { pid: 9, phase: "draining".into(), since: 1, ends_in: Some(3_660), carried };
        let new = ServerState { pid: 10, phase: "serving".into(), since: 1, ends_in: None, carried };
        let offline = Offline { message: "new disks".into(), since: 1_790_000_000, suspended: false };
        let status = Status { offline: Some(offline), servers: vec![new, old], ..status_of(true) };
        let text = told(&status, Screen { width: None, colour: false });
        assert!(
            text.contains("is OFFLINE on") && text.contains("UTC: new disks; `portcullis online`"),
            "{text}"
        );
        let lines = "server 10: serving, 1 connection and 2 WebSockets\n\
                     server 9: draining, 1 connection and 2 WebSockets left, which are cut in 1 h 1 min\n";
        assert!(text.ends_with(lines), "{text}");
        let json = as_object(&status, &[]);
        assert_eq!(
            (json["servers"][1]["websockets"].as_u64(), json["offline"]["message"].as_str()),
            (Some(2), Some("new disks"))
        );
    }
}
