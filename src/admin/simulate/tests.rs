//! Logs made for the test, replayed on configurations of its own.

use std::net::{IpAddr, Ipv4Addr};
use std::slice::from_ref;

use portcullis_model::audit::{Event, GENESIS, record};
use portcullis_model::{SessionId, UserName};

use super::*;

const SESSION: &str = "0011223344556677";

fn refused(
    user: &str,
    method: &str,
    path: &str,
    capability: &str,
    rule: &str,
    effect: &str,
    count: u32,
) -> Event {
    Event::Refused {
        user: user.into(),
        session: SESSION.into(),
        remote: IpAddr::V4(Ipv4Addr::LOCALHOST),
        capability: capability.into(),
        what: format!("{method} /s/{SESSION}{path}"),
        rule: rule.into(),
        id: "abc".into(),
        count,
        ide: "jupyter".into(),
        method: method.into(),
        path: path.into(),
        effect: effect.into(),
    }
}

fn shell(count: u32) -> Event {
    refused("alice", "POST", "/api/terminals", "shell", "allow-shell=0 (rsession.conf:3)", "block", count)
}

fn started(ide: &str) -> Event {
    let session: SessionId = SESSION.parse().expect("an id");
    let json = serde_json::json!({ "session-started": {
        "session": session, "user": "alice", "ide": ide, "pid": 7, "port": 0, "proof": "",
    }});
    serde_json::from_value(json).expect("an event")
}

/// A file with these records, one a minute.
fn log(events: &[Event]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut text, mut before) = (String::new(), GENESIS.to_owned());
    for (at, event) in events.iter().enumerate() {
        let seq = u64::try_from(at).expect("few") + 1;
        let made = record(seq, &format!("2026-11-21T10:{at:02}:00.000Z"), event, &before).expect("a record");
        text.push_str(&made.line);
        text.push('\n');
        before = made.hash;
    }
    let path = dir.path().join("audit.jsonl");
    std::fs::write(&path, text).expect("a file");
    (dir, path)
}

fn simulated(events: &[Event], files: &[(&str, &str)], since: Option<&str>, json: bool) -> Answer {
    let (_kept, audit) = log(events);
    let conf = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        std::fs::write(conf.path().join(name), text).expect("a file");
    }
    let since = since.map(|text| super::since(text).expect("a moment"));
    answer(&Question { config_dir: conf.path().to_owned(), audit, since, json })
}

fn rows(events: &[Event], files: &[(&str, &str)]) -> Vec<serde_json::Value> {
    let found = simulated(events, files, None, true);
    assert_eq!(found.status, 0, "{}", found.complaint);
    let json: serde_json::Value = serde_json::from_str(&found.text).expect("JSON");
    json["rows"].as_array().expect("rows").clone()
}

#[test]
fn what_was_refused_and_would_pass_is_counted() {
    let found = rows(&[shell(1), shell(9)], &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    let row = &found[0];
    assert_eq!((&row["change"], &row["count"]), (&"now-passes".into(), &10.into()));
    assert_eq!(row["user"], "alice");
    assert_eq!(row["flag"], "allow-shell");
    assert_eq!(row["route"], "POST /api/terminals");
    assert_eq!(
        (&row["first"], &row["last"]),
        (&"2026-11-21T10:00:00.000Z".into(), &"2026-11-21T10:01:00.000Z".into())
    );
}

#[test]
fn what_stays_refused_is_unchanged() {
    let found = rows(&[shell(2)], &[("rsession.conf", "allow-shell=0\n")]);
    assert_eq!((&found[0]["change"], &found[0]["count"]), (&"same".into(), &2.into()));
}

#[test]
fn a_flag_that_is_only_recorded_is_told_apart() {
    let audit = [("rsession.conf", "allow-shell=0\n"), ("portcullis.conf", "audit-only=allow-shell\n")];
    assert_eq!(rows(&[shell(1)], &audit)[0]["change"], "now-recorded");
    let recorded =
        refused("alice", "POST", "/api/terminals", "shell", "allow-shell=0 (rsession.conf:3)", "audit", 4);
    assert_eq!(rows(from_ref(&recorded), &audit)[0]["change"], "same");
    assert_eq!(
        rows(from_ref(&recorded), &[("rsession.conf", "allow-shell=0\n")])[0]["change"],
        "now-refused"
    );
    assert_eq!(rows(&[recorded], &[])[0]["change"], "no-longer-recorded");
}

#[test]
fn a_capability_that_only_the_query_told_is_judged_by_the_record() {
    // Without its query this is the list of a folder; the record says it was a download.
    let query = refused(
        "alice",
        "GET",
        "/api/contents/a.bin",
        "download",
        "allow-file-downloads=0 (rsession.conf:1)",
        "block",
        1,
    );
    assert_eq!(rows(from_ref(&query), &[("rsession.conf", "allow-file-downloads=0\n")])[0]["change"], "same");
    assert_eq!(rows(&[query], &[("rsession.conf", "allow-shell=0\n")])[0]["change"], "now-passes");
    let body = refused(
        "alice",
        "PUT",
        "/api/contents/a.bin",
        "upload",
        "allow-file-uploads=0 (rsession.conf:1)",
        "block",
        1,
    );
    assert_eq!(rows(from_ref(&body), &[("rsession.conf", "allow-file-uploads=0\n")])[0]["change"], "same");
    assert_eq!(rows(&[body], &[])[0]["change"], "now-passes");
}

#[test]
fn an_unknown_route_stays_suspect_while_any_flag_restricts() {
    let rule = "unknown route `GET /new`; refused while allow-shell=0 (rsession.conf:3)";
    let unknown = refused("alice", "GET", "/new", "unknown", rule, "block", 1);
    assert_eq!(rows(from_ref(&unknown), &[("rsession.conf", "allow-vcs=0\n")])[0]["change"], "same");
    assert_eq!(rows(from_ref(&unknown), &[])[0]["change"], "now-passes");
    let route = [("rsession.conf", "allow-vcs=0\n"), ("adapters.conf", "[jupyter]\nroute=GET /new ui\n")];
    assert_eq!(rows(&[unknown], &route)[0]["change"], "now-passes", "a row covers it");
}

#[test]
fn a_message_is_judged_by_what_it_takes() {
    let message = Event::Refused {
        user: "alice".into(),
        session: SESSION.into(),
        remote: IpAddr::V4(Ipv4Addr::LOCALHOST),
        capability: "shell".into(),
        what: "terminal message".into(),
        rule: "allow-shell=0 (rsession.conf:3)".into(),
        id: "abc".into(),
        count: 1,
        ide: "code-server".into(),
        method: "GET".into(),
        path: "/stable-1".into(),
        effect: "block".into(),
    };
    assert_eq!(rows(from_ref(&message), &[("rsession.conf", "allow-shell=0\n")])[0]["change"], "same");
    assert_eq!(rows(&[message], &[])[0]["change"], "now-passes");
}

#[test]
fn what_the_record_does_not_tell_is_not_guessed() {
    let rule = "limit-file-upload-size-mb=5 (rsession.conf:1)";
    let large = refused("alice", "PUT", "/api/contents/a.bin", "upload", rule, "block", 1);
    assert_eq!(
        rows(from_ref(&large), &[("rsession.conf", "limit-file-upload-size-mb=9\n")])[0]["change"],
        "unknown"
    );
    assert_eq!(
        rows(from_ref(&large), &[("rsession.conf", "limit-file-upload-size-mb=3\n")])[0]["change"],
        "same"
    );
    assert_eq!(rows(&[large], &[])[0]["change"], "now-passes");
    let outside = refused(
        "no-such-account",
        "GET",
        "/files/x",
        "download",
        "restrict-directory-view=1 (rsession.conf:1): `x`",
        "block",
        1,
    );
    let found = rows(&[outside], &[("rsession.conf", "restrict-directory-view=1\n")]);
    assert_eq!(found[0]["change"], "unknown", "nobody knows their home");
}

#[test]
fn starts_of_sessions_are_replayed_and_older_records_are_understood() {
    let mut old = shell(3);
    if let Event::Refused { ide, method, path, effect, .. } = &mut old {
        [ide, method, path, effect].into_iter().for_each(String::clear);
    }
    let events = [started("jupyter"), old];
    let found = rows(&events, &[("jupyter.conf", "labs-enabled=0\n")]);
    let changes: Vec<_> = found.iter().map(|row| row["change"].as_str().unwrap_or_default()).collect();
    assert_eq!(changes, ["now-refused", "now-passes"], "{found:?}");
    assert_eq!(found[1]["route"], "POST /api/terminals");
}

#[test]
fn a_start_that_was_refused_for_a_level_is_replayed() {
    let mut weak = shell(1);
    if let Event::Refused { capability, what, rule, method, path, .. } = &mut weak {
        *capability = "session".into();
        *what = "open a session".into();
        *rule = "minimum-level=allow-shell:kernel (portcullis.conf:1): it holds at proxy".into();
        [method, path].into_iter().for_each(String::clear);
    }
    assert_eq!(rows(from_ref(&weak), &[])[0]["change"], "now-passes");
    let demanded =
        [("rsession.conf", "allow-shell=0\n"), ("portcullis.conf", "minimum-level=allow-shell:kernel\n")];
    assert_eq!(rows(from_ref(&weak), &demanded)[0]["change"], "same");
    assert_eq!(rows(&[started("jupyter")], &demanded)[0]["change"], "now-refused");
}

#[test]
fn a_changed_log_is_replayed_by_nobody() {
    let (kept, audit) = log(&[shell(1), shell(2)]);
    let text = std::fs::read_to_string(&audit).expect("the log").replace("alice", "mallory");
    std::fs::write(&audit, text).expect("a file");
    let question = Question { config_dir: kept.path().to_owned(), audit, since: None, json: false };
    let found = answer(&question);
    assert_eq!((found.status, found.text.as_str()), (BROKEN, ""));
    assert!(found.complaint.contains("audit.jsonl:1: the record was changed"), "{}", found.complaint);
    assert_eq!(answer(&Question { audit: "/nowhere/audit.jsonl".into(), ..question }).status, UNKNOWN);
}

#[test]
fn older_records_are_left_out_by_their_time() {
    let count = |since| {
        let found = simulated(&[shell(1), shell(2), shell(4)], &[], Some(since), true);
        let json: serde_json::Value = serde_json::from_str(&found.text).expect("JSON");
        json["rows"][0]["count"].as_u64().unwrap_or(0)
    };
    assert_eq!(count("2026-11-21T10:01:00Z"), 6);
    assert_eq!(count("2026-11-21T12:01:30+02:00"), 4);
    assert_eq!(count("2026-11-21"), 7);
    assert_eq!(count("2026-11-22"), 0);
    assert!(super::since("7d").is_ok() && super::since("12h").is_ok() && super::since("30m").is_ok());
    for bad in ["", "7", "7x", "yesterday", "2026-13-01"] {
        assert!(super::since(bad).is_err(), "{bad}");
    }
}

#[test]
fn the_text_says_what_the_log_can_not() {
    let _: UserName = "alice".parse().expect("a name");
    let found =
        simulated(&[shell(1), Event::Overflow { kind: "refused".into(), lost: 5 }], &[], None, false).text;
    for words in [
        "was refused, would pass: 1",
        "  alice",
        "allow-shell",
        "POST /api/terminals",
        "simply allowed are not in the log",
        "5 records that came faster",
        "does not know: alice",
    ] {
        assert!(found.contains(words), "{words}\n--- in\n{found}");
    }
    assert!(found.lines().all(|line| line.chars().count() <= 130), "{found}");
    assert!(simulated(&[], &[], None, false).text.contains("nothing in this log"));
}
