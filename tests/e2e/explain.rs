//! One reason everywhere: the IDE's error, the audit record and `portcullis explain` say the same rule; `simulate` and `doctor` on
//! what a real daemon left behind.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use libtest_mimic::Trial;
use portcullis_testing::{Client, Stage, World, case, place, websocket};
use serde_json::{Value, json};

pub(crate) fn all() -> Vec<Trial> {
    vec![
        case("explain::the_reason_is_the_same_in_ide_log_and_command", same_reason),
        case("explain::what_the_command_lets_through_passes", same_passing),
        case("explain::an_exemption_is_counted_while_it_holds", exemption),
        case("explain::the_log_is_replayed_under_another_configuration", simulate),
        case("explain::doctor_finds_the_daemon_and_names_each_level", doctor),
    ]
}

/// Runs the administrator's command; its JSON and exit status.
fn portcullis(args: &[&str]) -> Result<(Value, i32)> {
    let output =
        Command::new(place::program("portcullis")).args(args).output().context("cannot run portcullis")?;
    let text = String::from_utf8(output.stdout)?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    let json = serde_json::from_str(&text).with_context(|| format!("{args:?}: {text}{complaint}"))?;
    Ok((json, output.status.code().unwrap_or(-1)))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is text")
}

/// What the command says of a request of this person.
fn explained(world: &World, user: &str, request: &str, more: &[&str]) -> Result<(Value, i32)> {
    let (conf, run) = (world.config_dir(), world.run_dir());
    let mut args = vec!["explain", "--config-dir", text(&conf)?, "--run-dir", text(&run)?, "--json"];
    args.extend(["--user", user, "--ide", "jupyter", "--request", request]);
    args.extend(more);
    let (report, status) = portcullis(&args)?;
    Ok((report["findings"][0].clone(), status))
}

const FLAGS: &str = "allow-shell=0\nallow-file-uploads=0\nallow-file-downloads=1\nrestrict-directory-view=1";

fn send(
    client: &Client,
    id: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Result<portcullis_testing::Response> {
    let request = client.request(method, &format!("/s/{id}{path}"));
    match body {
        Some(body) => request.json(body).send(),
        None if matches!(method, "GET" | "HEAD") => request.send(),
        None => request.body("").send(),
    }
}

fn same_reason(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", FLAGS).start()?;
    let (account, client) = world.signed_in("una")?;
    std::os::unix::fs::symlink("/etc", account.home.join("away"))?;
    let id = client.start_session(30)?;
    let upload = json!({"type": "file", "format": "base64", "name": "u", "path": "u", "content": "AAEC"});
    let cases: [(&str, &str, Option<&Value>, &str); 5] = [
        ("POST", "/api/terminals", None, "shell"),
        ("GET", "/some/new/door", None, "unknown"),
        ("PUT", "/api/contents/u", Some(&upload), "upload"),
        ("GET", "/files/away/passwd", None, "download"),
        ("POST", "/lab/../api/terminals", None, "unknown"),
    ];
    for (method, path, body, capability) in cases {
        let answer = send(&client, &id, method, path, body)?;
        ensure!((400..500).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text());
        let told = answer.json().with_context(|| format!("{method} {path}: {}", answer.text()))?;
        let rule = told["reason"].as_str().context("no reason in the IDE's error")?.to_owned();
        let shown = told["portcullis"]["id"].as_str().context("no id in the IDE's error")?.to_owned();
        let record = world.await_audit("refused", &[("session", &id), ("id", &shown)], 10)?;
        ensure!(record["rule"] == rule.as_str(), "{method} {path}: the log says {record}, the IDE {rule}");
        ensure!(
            record["ide"] == "jupyter" && record["method"] == method && record["path"] == path,
            "{record}"
        );
        ensure!(record["effect"] == "block" && record["capability"] == capability, "{record}");
        let kept = world.folder().join("body.json");
        let mut more = Vec::new();
        if let Some(body) = body {
            std::fs::write(&kept, body.to_string())?;
            more.extend(["--body", text(&kept)?]);
        }
        let request = format!("{method} /s/{id}{path}");
        let (finding, status) = explained(&world, &account.name, &request, &more)?;
        ensure!(status == 1, "{request}: exit status {status}: {finding}");
        ensure!(finding["rule"] == rule.as_str(), "{request}: the command says {finding}, the IDE {rule}");
        let message = told["message"].as_str().unwrap_or_default();
        let reason = finding["reason"].as_str().unwrap_or_default().replace('`', "");
        ensure!(reason == message, "{request}: the command says {reason}, the IDE {message}");
        ensure!(finding["capability"] == capability, "{request}: {finding}");
        let code = finding["status"].as_u64().context("no status")?;
        ensure!(code == u64::from(answer.status), "{request}: {code}, but was answered {}", answer.status);
    }
    // A WebSocket is refused at its handshake, for the same reason.
    let socket = websocket::open(&client, &format!("/s/{id}/terminals/websocket/1"), &[]);
    let refused = websocket::refusal(socket)?;
    let (finding, status) = explained(&world, &account.name, "GET /terminals/websocket/1", &["--upgrade"])?;
    let rule = finding["rule"].as_str().context("no rule")?;
    ensure!(status == 1 && refused.text().contains(rule), "{rule}: {}", refused.text());
    Ok(())
}

fn same_passing(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", FLAGS).start()?;
    let (account, client) = world.signed_in("vic")?;
    std::fs::write(account.home.join("mine.txt"), "mine")?;
    let id = client.start_session(30)?;
    for path in ["/api/kernels", "/files/mine.txt", "/api/contents/mine.txt"] {
        let answer = send(&client, &id, "GET", path, None)?;
        ensure!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
        let (finding, status) = explained(&world, &account.name, &format!("GET {path}"), &[])?;
        ensure!(status == 0 && finding["decision"] == "forwarded", "{path}: {finding}");
        ensure!(finding["row"]["source"].as_str().is_some_and(|source| !source.is_empty()), "{finding}");
    }
    Ok(())
}

fn exemption(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let (account, client) = world.signed_in("wes")?;
    let id = client.start_session(30)?;
    let ask = || explained(&world, &account.name, "POST /api/terminals", &[]);
    ensure!(ask()?.1 == 1, "it is refused before");
    let run = world.run_dir();
    let args = [
        "exempt",
        &account.name,
        "allow-shell",
        "--for",
        "1h",
        "--reason",
        "a test",
        "--run-dir",
        text(&run)?,
    ];
    let output = Command::new(place::program("portcullis")).args(args).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    ensure!(ask()?.1 == 0, "it holds at once: {}", ask()?.0);
    let answer = send(&client, &id, "POST", "/api/terminals", Some(&json!({})))?;
    ensure!(answer.status < 300, "{} {}", answer.status, answer.text());
    Ok(())
}

fn simulate(stage: &Stage) -> Result<()> {
    let world = stage.world().conf("rsession.conf", "allow-shell=0").start()?;
    let (account, client) = world.signed_in("xia")?;
    let id = client.start_session(30)?;
    ensure!(send(&client, &id, "POST", "/api/terminals", None)?.status == 403, "it is refused");
    client.get(&format!("/s/{id}/files/bytes-100"))?.expect(200)?;
    world.await_audit("refused", &[("session", &id)], 10)?;
    world.await_audit("transfer", &[("session", &id)], 10)?;
    let other = world.folder().join("other");
    std::fs::create_dir(&other)?;
    std::fs::write(other.join("rsession.conf"), "allow-file-downloads=0\n")?;
    let log = world.state_dir().join("audit/audit.jsonl");
    let (report, status) =
        portcullis(&["simulate", "--config-dir", text(&other)?, "--audit", text(&log)?, "--json"])?;
    ensure!(status == 0, "{report}");
    let rows = report["rows"].as_array().context("no rows")?;
    let change = |route: &str| {
        let found = rows.iter().find(|row| row["route"] == route && row["user"] == account.name.as_str());
        found.map_or(String::new(), |row| row["change"].as_str().unwrap_or_default().to_owned())
    };
    ensure!(change("POST /api/terminals") == "now-passes", "{report}");
    ensure!(change("download of a file") == "now-refused", "{report}");
    ensure!(change("start of jupyter") == "same", "{report}");
    let changed = std::fs::read_to_string(&log)?.replacen("shell", "Shell", 1);
    let copy = world.folder().join("changed.jsonl");
    std::fs::write(&copy, changed)?;
    let output = Command::new(place::program("portcullis"))
        .args(["simulate", "--config-dir", text(&other)?, "--audit", text(&copy)?])
        .output()?;
    ensure!(output.status.code() == Some(1) && output.stdout.is_empty(), "a changed log was replayed");
    Ok(())
}

fn doctor(stage: &Stage) -> Result<()> {
    let world = stage
        .world()
        .conf("rsession.conf", "allow-shell=0")
        .conf("portcullis.conf", "minimum-level=allow-shell:proxy")
        .start()?;
    let (conf, run, state) = (world.config_dir(), world.run_dir(), world.state_dir());
    let args =
        ["doctor", "--config-dir", text(&conf)?, "--run-dir", text(&run)?, "--state-dir", text(&state)?];
    let (report, _) = portcullis(&[&args[..], &["--json"]].concat())?;
    let checks = report["checks"].as_array().context("no checks")?;
    let of =
        |subject: &str| checks.iter().find(|check| check["subject"] == subject).cloned().unwrap_or_default();
    ensure!(of("daemon")["outcome"] == "PASS", "{}", of("daemon"));
    ensure!(of("minimum-level")["outcome"] == "PASS", "{}", of("minimum-level"));
    ensure!(of(text(&state)?)["outcome"] == "PASS" && of(text(&run)?)["outcome"] == "PASS", "{report}");
    let shell = &report["flags"][0];
    ensure!(shell["flag"] == "allow-shell" && shell["restricts"] == true, "{shell}");
    let cells = shell["ides"].as_array().context("no IDEs")?;
    ensure!(cells.len() >= 3 && cells.iter().all(|cell| cell["level"] == "proxy"), "{shell}");
    Ok(())
}
