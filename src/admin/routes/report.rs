//! What no row covers, as a table or as JSON, and what nobody could tell.

use std::collections::BTreeMap;

use portcullis_model::session::Ide;
use serde::Serialize;

use super::{Place, Request, Told, suggestion};
use crate::Answer;
use crate::layout::{WIDTH, printable, table, wrapped};

/// Most rows of the table; the JSON has all.
const ROWS: usize = 200;
/// Longest cell: a path of an attacker's may be as long as a target.
const CELL_MAX: usize = 80;

/// A request without a row.
#[derive(Debug, Serialize)]
pub(super) struct Uncovered {
    method: String,
    path: String,
    socket: bool,
    /// Where it was learnt of, the surest first.
    from: Vec<Place>,
    /// How often the log has it.
    count: u64,
    /// Its handler, or when it was asked for last.
    about: String,
    /// A line that covers it; the capability is a guess.
    route: String,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ide: String,
    title: String,
    /// Requests that were looked at.
    looked_at: usize,
    uncovered: Vec<Uncovered>,
    /// What can't be told from here.
    blind: Vec<String>,
}

impl Report {
    /// Of what the places told.
    pub(super) fn new(title: &str, ide: Ide, told: Vec<Told>, covered: impl Fn(&Request) -> bool) -> Self {
        let mut looked_at = 0;
        let mut found: BTreeMap<String, Uncovered> = BTreeMap::new();
        let mut blind = Vec::new();
        for place in told {
            blind.extend(place.blind);
            for request in place.requests {
                looked_at += 1;
                if covered(&request) {
                    continue;
                }
                let route = suggestion::line(&request);
                let Request { method, path, socket, place, count, about, .. } = request;
                let entry = found.entry(route.clone()).or_insert_with(|| Uncovered {
                    method,
                    path,
                    socket,
                    from: Vec::new(),
                    count: 0,
                    about: String::new(),
                    route,
                });
                entry.count += count;
                if !entry.from.contains(&place) {
                    entry.from.push(place);
                    entry.from.sort();
                }
                if about > entry.about {
                    entry.about = about;
                }
            }
        }
        let mut uncovered: Vec<Uncovered> = found.into_values().collect();
        uncovered.sort_by(|one, other| {
            (&one.path, &one.method, one.socket).cmp(&(&other.path, &other.method, other.socket))
        });
        Self { ide: ide.word().to_owned(), title: title.to_owned(), looked_at, uncovered, blind }
    }

    /// For people.
    pub(super) fn text(&self) -> Answer {
        let mut text = format!(
            "{}: {} of {} requests are in no row\n",
            printable(&self.title, CELL_MAX),
            self.uncovered.len(),
            self.looked_at
        );
        if !self.uncovered.is_empty() {
            let cut = |cell: &str| printable(cell, CELL_MAX);
            let mut rows = vec![["METHOD", "PATH", "REFUSED", "FROM", "ABOUT"].map(str::to_owned).to_vec()];
            for one in self.uncovered.iter().take(ROWS) {
                let method = if one.socket { "WS".to_owned() } else { cut(&one.method) };
                let count = if one.count == 0 { "-".to_owned() } else { one.count.to_string() };
                let from: Vec<&str> = one.from.iter().map(|place| place.word()).collect();
                rows.push(vec![method, cut(&one.path), count, from.join(","), cut(&one.about)]);
            }
            text.push('\n');
            text.push_str(&table(&rows));
            if self.uncovered.len() > ROWS {
                text.push_str(&format!("… and {} more: --json has all\n", self.uncovered.len() - ROWS));
            }
            let section = Ide::from_word(&self.ide).map_or_else(String::new, |ide| match ide {
                Ide::App(name) => format!("[app {name}]"),
                ide => format!("[{}]", ide.word()),
            });
            text.push_str(&format!(
                "\nFor adapters.conf. The capability is a guess from method and path: look what the request does first.\n\n{section}\n"
            ));
            for one in self.uncovered.iter().take(ROWS) {
                text.push_str(&one.route);
                text.push('\n');
            }
        }
        if !self.blind.is_empty() {
            text.push_str("\nNot to be seen from here:\n");
            for why in &self.blind {
                for (at, line) in wrapped(&printable(why, 10 * WIDTH), WIDTH - 2).into_iter().enumerate() {
                    text.push_str(if at == 0 { "- " } else { "  " });
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
        Answer { text, ..Answer::default() }
    }

    /// For programs.
    pub(super) fn json(&self) -> anyhow::Result<Answer> {
        Ok(Answer { text: format!("{}\n", serde_json::to_string_pretty(self)?), ..Answer::default() })
    }
}

impl Place {
    const fn word(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Log => "log",
            Self::List => "list",
        }
    }
}
