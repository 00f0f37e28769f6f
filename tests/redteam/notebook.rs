//! Attempts of a person in the real JupyterLab: cells of a notebook, and requests that its page sends.

use anyhow::{Context, Result};
use portcullis_testing::{kernel, websocket};
use serde_json::{Value, json};

use crate::attempt::Attempt;
use crate::field::{Field, START};
use crate::inside::Tried;
use crate::outcome::Outcome;
use crate::{evidence, sources};

/// JupyterLab starts slowly, so one session has them all; what they are after differs, and so do the records.
pub(crate) fn attempts(field: &Field, attempts: &[&Attempt]) -> Result<Vec<Tried>> {
    let id = field.client.start_session(START)?;
    let kernel = kernel::start(&field.client, &id)?;
    let mut socket = kernel::connect(&field.client, &id, &kernel, true)?;
    let first = attempts.first().context("no attempts")?;
    let env = json!(field.env(&id, first)?);
    let prepare =
        format!("import os, json\nos.environ.update(json.loads({:?}))\nprint('ready')", env.to_string());
    kernel::run(&mut socket, true, &prepare)?;
    let mut outcomes = Vec::new();
    for attempt in attempts {
        let outcome = if attempt.name == "terminal" {
            terminal(field, &id)
        } else {
            cell(attempt.name).and_then(|code| Outcome::of_cell(&kernel::run(&mut socket, true, &code)?.text))
        };
        outcomes.push(outcome.unwrap_or_else(|error| Outcome::Broken(format!("{error:#}"))));
    }
    drop(socket);
    let ended = field.end(&id)?;
    let named = |one: &&Attempt, records: &[Value]| evidence::find(one.evidence, records).is_some();
    let all = |records: &[Value]| !field.confined || attempts.iter().all(|one| named(one, records));
    let mut records = field.records(&[&id], all)?;
    records.push(ended);
    Ok(outcomes.into_iter().map(|outcome| Tried { outcome, records: records.clone() }).collect())
}

/// The source of the cell of this name.
fn cell(name: &str) -> Result<String> {
    let path = sources::folder().join("notebook/ways.ipynb");
    let notebook: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let cells = notebook["cells"].as_array().context("a notebook without cells")?;
    let cell = cells.iter().find(|cell| cell["id"] == name).with_context(|| format!("no cell `{name}`"))?;
    let lines = cell["source"].as_array().context("a cell without lines")?;
    Ok(lines.iter().filter_map(Value::as_str).collect())
}

/// A terminal, as the launcher's button opens one.
fn terminal(field: &Field, id: &str) -> Result<Outcome> {
    let answer = field.client.request("POST", &format!("/s/{id}/api/terminals")).json(&json!({})).send()?;
    if answer.status != 200 {
        return Ok(Outcome::Held(format!("{}: {}", answer.status, answer.text())));
    }
    let name = answer.json()?["name"].as_str().context("no terminal")?.to_owned();
    let mut socket = websocket::open(&field.client, &format!("/s/{id}/terminals/websocket/{name}"), &[])?;
    let typed = json!(["stdin", "echo rt-shell-$((40+2))\n"]).to_string();
    socket.send(tungstenite::Message::text(typed))?;
    Ok(match websocket::await_text(&mut socket, "rt-shell-42") {
        Ok(()) => Outcome::Escaped("a terminal is open".into()),
        Err(error) => Outcome::Held(format!("{error:#}")),
    })
}
