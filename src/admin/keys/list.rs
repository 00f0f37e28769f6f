//! `portcullis keys list`.

use anyhow::bail;
use clap::Args;
use portcullis_wire::admin::{ApiKeyRow, FromDaemon, RingRow, ToDaemon};
use serde_json::{Value, json};

use crate::Answer;
use crate::operations::{Asking, now};
use crate::screen::{Cell, Column, Screen, Tone, count, short, table};

/// The command's arguments.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    asking: Asking,
}

const COLUMNS: [Column; 9] = [
    Column { head: "KEY", right: false, spare: 0 },
    Column { head: "USER", right: false, spare: 0 },
    Column { head: "NAME", right: false, spare: 3 },
    Column { head: "SCOPES", right: false, spare: 2 },
    Column { head: "ROLE", right: false, spare: 0 },
    Column { head: "ENDS", right: false, spare: 1 },
    Column { head: "LAST USED", right: false, spare: 1 },
    Column { head: "FROM", right: false, spare: 4 },
    Column { head: "", right: false, spare: 0 },
];

impl List {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let (mut ring, mut keys) = (Vec::new(), Vec::new());
        for message in self.asking.run_dir.ask(&ToDaemon::Keys)? {
            match message {
                FromDaemon::Ring(rows) => ring = rows,
                FromDaemon::ApiKeys(some) => keys.extend(some),
                _ => bail!("the daemon answered something else"),
            }
        }
        let text = if self.asking.json {
            let keys: Vec<Value> = keys.iter().map(object).collect();
            let ring: Vec<Value> = ring.iter().map(ring_object).collect();
            format!("{}\n", serde_json::to_string_pretty(&json!({ "cookies": ring, "api-keys": keys }))?)
        } else {
            told(&ring, &keys, Screen::of_output(), now())
        };
        Ok(Answer { text, ..Answer::default() })
    }
}

fn told(ring: &[RingRow], keys: &[ApiKeyRow], screen: Screen, now: u64) -> String {
    let mut text = String::new();
    for (at, row) in ring.iter().enumerate() {
        let does = if at == 0 { "signs" } else { "is still taken" };
        let age =
            row.written.map_or_else(String::new, |at| format!(", {} old", short(now.saturating_sub(at))));
        let sign_ins = count(row.sign_ins.into(), "sign-in", "sign-ins");
        text += &format!("cookie key {}: {does}{age}, {sign_ins}\n", row.id);
    }
    if keys.is_empty() {
        return text + "there are no API keys\n";
    }
    let cells = |row: &ApiKeyRow| -> Vec<Cell> {
        let ends = match row.until {
            Some(until) if until > now => format!("in {}", short(until - now)),
            Some(_) => "over".to_owned(),
            None => "never".to_owned(),
        };
        let used = row.used.map_or_else(
            || "never".to_owned(),
            |(at, from)| format!("{} ago from {from}", short(now.saturating_sub(at))),
        );
        // Whoever signs in, or is looked up, is known on this machine.
        let barred = if row.barred == "waits" { "waits for its owner's sign-in" } else { &row.barred };
        let from = if row.sources.is_empty() { "everywhere".to_owned() } else { row.sources.join(" ") };
        vec![
            row.id.to_string().into(),
            row.user.to_string().into(),
            row.name.clone().into(),
            row.scopes.clone().into(),
            row.role.to_string().into(),
            ends.into(),
            used.into(),
            from.into(),
            Cell { text: barred.to_owned(), tone: Tone::Odd },
        ]
    };
    let rows: Vec<Vec<Cell>> = keys.iter().map(cells).collect();
    text + &table(&COLUMNS, &rows, screen)
}

fn ring_object(row: &RingRow) -> Value {
    json!({ "id": row.id, "written": row.written, "sign-ins": row.sign_ins })
}

fn object(row: &ApiKeyRow) -> Value {
    json!({
        "id": row.id.as_str(),
        "user": row.user.as_str(),
        "name": row.name,
        "scopes": row.scopes.split(' ').collect::<Vec<_>>(),
        "role": row.role.word(),
        "sources": row.sources,
        "created": row.created,
        "until": row.until,
        "last-used": row.used.map(|(at, _)| at),
        "last-used-from": row.used.map(|(_, from)| from.to_string()),
        "barred": row.barred,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_opens_nothing_says_so_on_a_narrow_terminal_too() {
        let row = ApiKeyRow {
            id: "abcdefg234".parse().expect("an id"),
            user: "alice".parse().expect("a name"),
            name: "nightly build".into(),
            scopes: "sessions ide".into(),
            role: portcullis_model::account::Role::Viewer,
            sources: vec!["192.0.2.0/24".into()],
            created: 1,
            until: Some(90_000),
            used: None,
            barred: "waits".into(),
        };
        let good = ApiKeyRow { sources: Vec::new(), barred: String::new(), ..row.clone() };
        let wide = told(&[], &[row.clone(), good], Screen { width: None, colour: false }, 3_600);
        for part in ["nightly build", "in 1d", "192.0.2.0/24", "everywhere", "waits for its owner's sign-in"]
        {
            assert!(wide.contains(part), "{part} is not in {wide}");
        }
        let narrow = told(&[], &[row], Screen { width: Some(60), colour: false }, 3_600);
        assert!(narrow.contains("waits") && !narrow.contains("192.0.2.0"), "{narrow}");
    }
}
