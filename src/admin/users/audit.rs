//! `portcullis users audit`: what happened to accounts, from the audit log.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;

use super::csv;
use crate::Answer;
use crate::layout::printable;
use crate::screen::{Cell, Column, Screen, table};

/// Longest line read, in bytes: longer than any record.
const LINE_MAX: usize = 2 * 1024 * 1024;
/// Events that are about people: their accounts, sign-ins and what administrators did to them.
const ABOUT_PEOPLE: &[&str] =
    &["sign-in", "sign-in-denied", "sign-in-ended", "revoked", "revocation-done", "exempted", "administered"];

/// The command's arguments.
#[derive(Debug, Args)]
pub(super) struct History {
    /// Only of this account.
    name: Option<String>,
    /// From this day on (UTC), as 2026-01-31.
    #[arg(long, value_name = "DAY", value_parser = day)]
    since: Option<String>,
    /// Up to this day, which is included.
    #[arg(long, value_name = "DAY", value_parser = day)]
    until: Option<String>,
    /// Print comma-separated values with a head.
    #[arg(long, conflicts_with_all = ["json", "csvlog"])]
    csv: bool,
    /// The same without a head, for a log.
    #[arg(long, conflicts_with = "json")]
    csvlog: bool,
    /// Print the records as they are, one JSON object a line.
    #[arg(long)]
    json: bool,
    /// The log.
    #[arg(long, value_name = "FILE", default_value = "/var/lib/portcullis/audit/audit.jsonl")]
    log: PathBuf,
}

fn day(text: &str) -> Result<String, String> {
    let right = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() });
    if right { Ok(text.to_owned()) } else { Err("a day is written as 2026-01-31".into()) }
}

/// A record in the columns of Connect's tool.
struct Row {
    id: String,
    time: String,
    user: String,
    action: String,
    description: String,
    whole: String,
}

const HEAD: [&str; 6] = ["ID", "Time", "UserId", "UserDescription", "Action", "EventDescription"];
const COLUMNS: [Column; 4] = [
    Column { head: "TIME", right: false, spare: 1 },
    Column { head: "USER", right: false, spare: 0 },
    Column { head: "ACTION", right: false, spare: 0 },
    Column { head: "WHAT", right: false, spare: 2 },
];

impl History {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let name = self.log.display();
        let file = File::open(&self.log).with_context(|| format!("cannot open `{name}`"))?;
        let (mut rows, mut unreadable) = (Vec::new(), 0_u64);
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read `{name}`"))? > 0 {
            if line.len() > LINE_MAX {
                bail!("`{name}` has a line of more than {LINE_MAX} bytes: it is no audit log");
            }
            match row(&line) {
                Some(row) => rows.extend(row.filter(|row| self.wants(row))),
                None => unreadable += 1,
            }
            line.clear();
        }
        let complaint = match unreadable {
            0 => String::new(),
            lines => format!(
                "portcullis: {lines} lines are no records; `portcullis audit verify {name}` says more\n"
            ),
        };
        let text = match () {
            () if self.json => rows.iter().map(|row| format!("{}\n", row.whole)).collect(),
            () if self.csv || self.csvlog => {
                let head = if self.csv { csv::line(HEAD) } else { String::new() };
                head + &rows.iter().map(values).collect::<String>()
            }
            () if rows.is_empty() => "no record is about that\n".to_owned(),
            () => {
                let cells = |row: &Row| -> Vec<Cell> {
                    [&row.time, &row.user, &row.action, &row.description]
                        .map(|text| printable(text, 200).into())
                        .to_vec()
                };
                table(&COLUMNS, &rows.iter().map(cells).collect::<Vec<_>>(), Screen::of_output())
            }
        };
        Ok(Answer { text, complaint, ..Answer::default() })
    }

    fn wants(&self, row: &Row) -> bool {
        let day = row.time.get(..10).unwrap_or_default();
        self.name.as_ref().is_none_or(|name| row.user == *name)
            && self.since.as_ref().is_none_or(|since| day >= since.as_str())
            && self.until.as_ref().is_none_or(|until| day <= until.as_str())
    }
}

/// The record of a line: nothing where it is about no person; `None` where it can't be read.
fn row(line: &[u8]) -> Option<Option<Row>> {
    let whole = std::str::from_utf8(line.trim_ascii_end()).ok()?;
    let value: Value = serde_json::from_str(whole).ok()?;
    let word = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let action = word("event");
    if !action.starts_with("account-") && !ABOUT_PEOPLE.contains(&action.as_str()) {
        return Some(None);
    }
    let told = ["seq", "time", "event", "user", "prev", "hash"];
    let fields = value.as_object()?.iter().filter(|(name, _)| !told.contains(&name.as_str()));
    let description: Vec<String> = fields
        .filter(|(_, value)| value.as_str() != Some(""))
        .map(|(name, value)| match value {
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        })
        .collect();
    Some(Some(Row {
        id: value.get("seq")?.to_string(),
        time: word("time"),
        user: word("user"),
        action,
        description: description.join(" "),
        whole: whole.to_owned(),
    }))
}

fn values(row: &Row) -> String {
    csv::line([row.id.as_str(), &row.time, &row.user, &row.user, &row.action, &row.description])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_about_people_are_rows_and_others_are_not() {
        let line = br#"{"seq":7,"time":"2026-11-22T10:00:00Z","event":"account-locked","user":"bob","by":"root","login":-1,"prev":"x","hash":"y"}"#;
        let found = row(line).expect("a record").expect("about a person");
        assert_eq!(
            (found.id.as_str(), found.user.as_str(), found.action.as_str()),
            ("7", "bob", "account-locked")
        );
        assert_eq!(found.description, "by=root login=-1");
        assert_eq!(values(&found), "7,2026-11-22T10:00:00Z,bob,bob,account-locked,by=root login=-1\r\n");
        assert!(row(br#"{"seq":8,"time":"t","event":"executed"}"#).expect("a record").is_none());
        assert!(row(b"half a rec").is_none());
        assert!(day("2026-01-31").is_ok() && day("2026-1-31").is_err() && day("yesterday!").is_err());
    }
}
