//! What a person would try first, tried by a program against a running demo: one `PASS` or `FAIL` line each.
//!
//! Standard input has one JSON object: `address`, `user`, `password`, and `flags`, whether terminal, upload and download are
//! allowed. Started by `cargo xtask demo --smoke`.
#![expect(clippy::print_stdout, reason = "its lines are its result")]

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use portcullis_testing::{Client, kernel, websocket};
use serde::Deserialize;
use serde_json::json;

/// A cold JupyterLab on a slow machine.
const START_SECONDS: u64 = 90;

#[derive(Debug, Deserialize)]
struct Given {
    address: std::net::SocketAddr,
    user: String,
    password: String,
    flags: bool,
}

fn main() -> ExitCode {
    let given: Given = match serde_json::from_reader(std::io::stdin()) {
        Ok(given) => given,
        Err(error) => {
            println!("FAIL  cannot read what to try: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut good = true;
    let mut report = |what: &str, outcome: &Result<()>| match outcome {
        Ok(()) => println!("PASS  {what}"),
        Err(error) => {
            good = false;
            println!("FAIL  {what}: {error:#}");
        }
    };
    if let Err(error) = all(&given, &mut report) {
        report("the rest of the tries", &Err(error));
    }
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn all(given: &Given, report: &mut impl FnMut(&str, &Result<()>)) -> Result<()> {
    let client = Client::new(given.address);
    let value = i32::from(given.flags);
    report("a wrong password is refused", &wrong_password(&client, given));
    let signed_in = client.sign_in(&given.user, &given.password);
    report(&format!("{} signs in with the right one", given.user), &signed_in);
    signed_in.context("not signed in")?;
    let started = client.start_session(START_SECONDS);
    report(
        "JupyterLab starts and answers",
        &started.as_ref().map(drop).map_err(|error| anyhow::anyhow!("{error:#}")),
    );
    let session = started.context("no session")?;
    report(
        "a notebook cell: 1+1 is 2 in a Python kernel over its WebSocket",
        &one_and_one(&client, &session),
    );
    report(&door("terminal", "allow-shell", value), &terminal(&client, &session, given.flags));
    report(&door("upload", "allow-file-uploads", value), &upload(&client, &session, given.flags));
    report(&door("download", "allow-file-downloads", value), &download(&client, &session, given.flags));
    let stopped =
        client.post(&format!("/sessions/{session}/stop"), &[]).and_then(|answer| answer.expect(303));
    report("the session stops", &stopped.map(drop));
    let out = client.post("/auth-sign-out", &[]).and_then(|_| match client.is_signed_in()? {
        false => Ok(()),
        true => bail!("the home page still opens"),
    });
    report("signing out ends it", &out);
    Ok(())
}

fn door(name: &str, flag: &str, value: i32) -> String {
    let verb = if value == 0 { "is refused" } else { "works" };
    format!("{name} {verb} with {flag}={value}")
}

fn wrong_password(client: &Client, given: &Given) -> Result<()> {
    let answer = client.try_sign_in(&given.user, "not the password")?;
    if answer.status == 303 && answer.header("location") == Some("/") || client.is_signed_in()? {
        bail!("let in with a wrong password");
    }
    Ok(())
}

fn one_and_one(client: &Client, session: &str) -> Result<()> {
    let kernel = kernel::start(client, session)?;
    let mut socket = kernel::connect(client, session, &kernel, true)?;
    match kernel::execute(&mut socket, true, "1+1")?.as_str() {
        "2" => Ok(()),
        other => bail!("1+1 is said to be `{other}`"),
    }
}

fn terminal(client: &Client, session: &str, allowed: bool) -> Result<()> {
    let made = client.request("POST", &format!("/s/{session}/api/terminals")).json(&json!({})).send()?;
    let path = format!("/s/{session}/terminals/websocket/1");
    if !allowed {
        refused(&made)?;
        return refused(&websocket::refusal(websocket::open(client, &path, &[]))?);
    }
    made.expect(200)?;
    let mut socket = websocket::open(client, &path, &[])?;
    socket.send(tungstenite::Message::text(json!(["stdin", "echo $((6*7))-is-it\n"]).to_string()))?;
    websocket::await_text(&mut socket, "42-is-it")
}

fn upload(client: &Client, session: &str, allowed: bool) -> Result<()> {
    // As JupyterLab's upload button sends it.
    let body = json!({
        "type": "file", "format": "base64", "name": "up.bin", "path": "up.bin", "chunk": 1, "content": "AAEC"
    });
    let answer = client.request("PUT", &format!("/s/{session}/api/contents/up.bin")).json(&body).send()?;
    if allowed { answer.expect(201).map(drop) } else { refused(&answer) }
}

fn download(client: &Client, session: &str, allowed: bool) -> Result<()> {
    // Saving a text file is editing, not uploading: it works with either flag.
    let body = json!({"type": "file", "format": "text", "content": "to be fetched", "path": "note.txt"});
    let saved = client.request("PUT", &format!("/s/{session}/api/contents/note.txt")).json(&body).send()?;
    if !matches!(saved.status, 200 | 201) {
        bail!("a text file could not be saved: {} {}", saved.status, saved.text());
    }
    let answer = client.get(&format!("/s/{session}/files/note.txt"))?;
    if !allowed {
        return refused(&answer);
    }
    match answer.expect(200)?.text().as_str() {
        "to be fetched" => Ok(()),
        other => bail!("something else was fetched: {other}"),
    }
}

fn refused(answer: &portcullis_testing::Response) -> Result<()> {
    let text = answer.text();
    if answer.status != 403 || !text.contains("rsession.conf") {
        bail!("not refused with its reason: {} {text}", answer.status);
    }
    Ok(())
}
