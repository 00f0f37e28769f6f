//! The command as a whole, on a configuration and a log of the test's own.

use std::path::Path;

use super::*;

const CONF: &str =
    "[jupyter]\nroute = GET /known/** ui\n[app sales]\ncommand=/bin/x {socket}\nroute=GET /a ui\n";

fn folder(log: &[serde_json::Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("adapters.conf"), CONF).expect("a file");
    // No JupyterLab, so that nothing of the machine's is asked.
    std::fs::write(folder.path().join("jupyter.conf"), "jupyter-exe=/nowhere/jupyter-lab\n").expect("a file");
    let lines: String = log.iter().map(|record| format!("{record}\n")).collect();
    std::fs::write(folder.path().join("audit.jsonl"), lines).expect("a file");
    folder
}

fn refused(session: &str, ide: &str, request: &str, count: u64) -> serde_json::Value {
    let (method, path) = request.split_once(' ').expect("a request");
    let rule = format!("unknown route `{request}`; refused while allow-shell=0 (rsession.conf:1)");
    let path = path.trim_end_matches(" (WebSocket)");
    serde_json::json!({"event": "refused", "session": session, "ide": ide, "capability": "unknown", "rule": rule,
        "method": method, "path": path, "count": count, "time": "2026-01-01T00:00:00.000Z"})
}

fn question(folder: &Path) -> Question {
    Question {
        dir: ConfigDir { config_dir: Some(folder.to_owned()) },
        session: None,
        ide: Some(Ide::Jupyter),
        app: None,
        from: None,
        audit: folder.join("audit.jsonl"),
        user: None,
        json: true,
    }
}

fn routes(question: &Question) -> (Vec<String>, serde_json::Value) {
    let text = answer(question).expect("an answer").text;
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let uncovered = json["uncovered"].as_array().expect("a list");
    (uncovered.iter().filter_map(|one| one["route"].as_str().map(str::to_owned)).collect(), json)
}

#[test]
fn refused_requests_are_listed_once_with_a_line_each() {
    let log = [
        refused("0011223344556677", "jupyter", "GET /new/7", 1),
        refused("0011223344556677", "jupyter", "GET /new/8", 4),
        refused("0011223344556677", "jupyter", "GET /live (WebSocket)", 1),
        refused("0011223344556677", "jupyter", "GET /known/now", 1),
        refused("8811223344556677", "sales", "POST /b", 1),
    ];
    let folder = folder(&log);
    let mut asked = question(folder.path());
    let (lines, json) = routes(&asked);
    assert_eq!(lines, ["route = GET /live ui socket", "route = GET /new/* ui"]);
    assert_eq!(
        (&json["uncovered"][1]["count"], &json["uncovered"][1]["from"][0]),
        (&5.into(), &"log".into())
    );
    assert_eq!(json["looked_at"], 4);
    let blind = json["blind"].to_string();
    assert!(blind.contains("could not be asked for its routes: no JupyterLab is installed"), "{blind}");
    asked.ide = None;
    asked.app = Some("sales".parse().expect("a name"));
    assert_eq!(routes(&asked).0, ["route = POST /b write act"]);
    asked.app = Some("other".parse().expect("a name"));
    assert!(answer(&asked).expect_err("undeclared").to_string().contains("not declared"));
    asked.json = false;
    asked.app = Some("sales".parse().expect("a name"));
    let text = answer(&asked).expect("an answer").text;
    assert!(text.starts_with("sales: 1 of 1 requests are in no row\n"), "{text}");
    assert!(text.contains("\n[app sales]\nroute = POST /b write act\n") && text.contains("guess"), "{text}");
}

#[test]
fn a_session_is_looked_up_in_the_log() {
    let id = "0011223344556677";
    let started =
        serde_json::json!({"event": "session-started", "session": id, "ide": "sales", "user": "anna"});
    let log = [started, refused(id, "", "GET /c", 1), refused("8811223344556677", "sales", "GET /d", 1)];
    let folder = folder(&log);
    let mut asked = question(folder.path());
    asked.ide = None;
    asked.session = Some(id.parse().expect("an id"));
    assert_eq!(routes(&asked).0, ["route = GET /c ui"]);
    asked.session = Some("ffffffffffffffff".parse().expect("an id"));
    assert!(answer(&asked).is_err());
}

#[test]
fn what_can_not_be_seen_is_said() {
    let folder = folder(&[]);
    let mut asked = question(folder.path());
    asked.audit = folder.path().join("none");
    let (lines, json) = routes(&asked);
    assert!(lines.is_empty() && json["blind"].to_string().contains("there is no audit log"), "{json}");
    asked.ide = None;
    asked.session = Some("0011223344556677".parse().expect("an id"));
    let error = format!("{:#}", answer(&asked).expect_err("no log"));
    assert!(error.contains("ask as root"), "{error}");
}

#[test]
fn a_list_is_looked_at_line_by_line() {
    let folder = folder(&[]);
    let list = folder.path().join("list");
    std::fs::write(
        &list,
        "# seen\nGET /lab\nGET /known/x?y=1\n\nPOST /known/x\nWS /api/events/subscribe\nWS /other\n",
    )
    .expect("a file");
    let mut asked = question(folder.path());
    asked.from = Some(list.clone());
    assert_eq!(routes(&asked).0, ["route = POST /known/x write act", "route = GET /other ui socket"]);
    for bad in ["GET", "get /x", "GET x", "GET /x y"] {
        std::fs::write(&list, format!("GET /lab\n{bad}\n")).expect("a file");
        let error = format!("{:#}", answer(&asked).expect_err(bad));
        assert!(error.contains("line 2"), "{error}");
    }
}

#[test]
fn the_ides_are_named() {
    assert_eq!(built_in("code-server"), Ok(Ide::CodeServer));
    assert!(built_in("sales").is_err_and(|why| why.contains("--app")));
}
