//! What would change, counted by user, flag and route; and what the log can't tell.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::records::{Log, Record};
use super::replay::{Fate, Outcome};
use crate::Answer;
use crate::layout::{WIDTH, field, printable, table, wrapped};

/// Most lines of one part of the table; the JSON has all.
const LINES: usize = 200;

/// What the log can't tell, always said.
const LIMITS: [&str; 4] = [
    "Requests that were simply allowed are not in the log (but for file transfers and starts of sessions): what a stricter \
     configuration would refuse of them is not counted here. Where it matters, run the new flags with `audit-only` for a while.",
    "A request is replayed by its method and path; its query and body were not recorded, only the capability that they came to.",
    "Groups are those of today, and so are files and links where a path is compared.",
    "Exemptions are left aside: they are no part of a configuration.",
];

/// The kinds of change, worst news first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Change {
    /// Passed, would be refused.
    NowRefused,
    /// Refused, would pass.
    NowPasses,
    /// Refused, would pass and be recorded.
    NowRecorded,
    /// Passed unrecorded, would be recorded.
    NewlyRecorded,
    /// Recorded, would pass unrecorded.
    NoLongerRecorded,
    /// The log doesn't tell.
    Unknown,
    /// As before.
    Same,
}

impl Change {
    const fn of(before: Fate, after: Fate) -> Self {
        match (before, after) {
            (_, Fate::Unknown) | (Fate::Unknown, _) => Self::Unknown,
            (Fate::Passes | Fate::Recorded, Fate::Refused) => Self::NowRefused,
            (Fate::Refused, Fate::Passes) => Self::NowPasses,
            (Fate::Refused, Fate::Recorded) => Self::NowRecorded,
            (Fate::Passes, Fate::Recorded) => Self::NewlyRecorded,
            (Fate::Recorded, Fate::Passes) => Self::NoLongerRecorded,
            (Fate::Passes, Fate::Passes)
            | (Fate::Recorded, Fate::Recorded)
            | (Fate::Refused, Fate::Refused) => Self::Same,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::NowRefused => "passed, would be refused",
            Self::NowPasses => "was refused, would pass",
            Self::NowRecorded => "was refused, would pass and be recorded (audit-only)",
            Self::NewlyRecorded => "passed, would be recorded as well (audit-only)",
            Self::NoLongerRecorded => "was recorded (audit-only), would pass without a record",
            Self::Unknown => "not to be said from the log",
            Self::Same => "unchanged",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    change: Change,
    user: String,
    flag: String,
    ide: String,
    route: String,
}

#[derive(Debug)]
struct Sum {
    count: u64,
    first: String,
    last: String,
    why: String,
}

/// The counts.
#[derive(Debug)]
pub(super) struct Report {
    config_dir: String,
    audit: String,
    since: Option<String>,
    records: u64,
    replayed: usize,
    elsewhere: u64,
    summed: u64,
    lost: u64,
    not_here: Vec<String>,
    sums: BTreeMap<Key, Sum>,
}

#[derive(Debug, Serialize)]
struct Row<'r> {
    change: Change,
    user: &'r str,
    flag: &'r str,
    ide: &'r str,
    route: &'r str,
    count: u64,
    first: &'r str,
    last: &'r str,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'r str,
}

impl Report {
    pub(super) fn new(dir: &Path, audit: &Path, since: Option<&str>, log: &Log) -> Self {
        Self {
            config_dir: dir.display().to_string(),
            audit: audit.display().to_string(),
            since: since.map(str::to_owned),
            records: log.all,
            replayed: log.records.len(),
            elsewhere: log.elsewhere,
            summed: log.summed,
            lost: log.lost,
            not_here: Vec::new(),
            sums: BTreeMap::new(),
        }
    }

    pub(super) fn count(&mut self, record: &Record, outcome: Outcome) {
        let Outcome { before, after, flag, route, why } = outcome;
        let change = Change::of(before, after);
        let ide = record.ide.word().to_owned();
        let key = Key { change, user: record.user.clone(), flag, ide, route };
        let sum = self.sums.entry(key).or_insert_with(|| Sum {
            count: 0,
            first: record.time.clone(),
            last: record.time.clone(),
            why,
        });
        sum.count = sum.count.saturating_add(record.count);
        sum.last.clone_from(&record.time);
    }

    pub(super) fn people_not_here(&mut self, people: Vec<String>) {
        self.not_here = people;
    }

    fn rows(&self, wanted: Option<Change>) -> Vec<Row<'_>> {
        let rows = self.sums.iter().filter(|(key, _)| wanted.is_none_or(|wanted| key.change == wanted));
        rows.map(|(key, sum)| Row {
            change: key.change,
            user: &key.user,
            flag: &key.flag,
            ide: &key.ide,
            route: &key.route,
            count: sum.count,
            first: &sum.first,
            last: &sum.last,
            why: &sum.why,
        })
        .collect()
    }

    pub(super) fn answer(&self, json: bool) -> anyhow::Result<Answer> {
        let text = if json { self.json()? } else { self.text() };
        Ok(Answer { text, ..Answer::default() })
    }

    fn json(&self) -> anyhow::Result<String> {
        let value = serde_json::json!({
            "config_dir": self.config_dir,
            "audit": self.audit,
            "since": self.since,
            "records": self.records,
            "replayed": self.replayed,
            "not_replayed": {
                "no_flag_decides": self.elsewhere,
                "recorded_together": self.summed,
                "lost_before_written": self.lost,
            },
            "accounts_not_here": self.not_here,
            "rows": self.rows(None),
            "limits": LIMITS,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
    }

    fn text(&self) -> String {
        let mut out = String::new();
        field(&mut out, "audit log", &format!("{}, {} records, in order", self.audit, self.records));
        if let Some(since) = &self.since {
            field(&mut out, "since", since);
        }
        field(&mut out, "under", &self.config_dir);
        field(&mut out, "replayed", &format!("{} records", self.replayed));
        for change in [
            Change::NowRefused,
            Change::NowPasses,
            Change::NowRecorded,
            Change::NewlyRecorded,
            Change::NoLongerRecorded,
            Change::Unknown,
            Change::Same,
        ] {
            self.part(&mut out, change);
        }
        if self.sums.is_empty() {
            out.push_str("\nthere is nothing in this log that a flag decides\n");
        }
        out.push_str("\nnot in these figures\n");
        for line in self.left_out().into_iter().chain(LIMITS.map(str::to_owned)) {
            for (at, line) in wrapped(&line, WIDTH - 4).iter().enumerate() {
                out.push_str(if at == 0 { "  - " } else { "    " });
                out.push_str(line);
                out.push('\n');
            }
        }
        out
    }

    fn part(&self, out: &mut String, change: Change) {
        let rows = self.rows(Some(change));
        if rows.is_empty() {
            return;
        }
        let total: u64 = rows.iter().map(|row| row.count).sum();
        out.push_str(&format!("\n{}: {total}\n", change.title()));
        let head = ["  USER", "FLAG", "COUNT", "FIRST", "LAST", "REQUEST"].map(str::to_owned).to_vec();
        let mut lines = vec![head];
        lines.extend(rows.iter().take(LINES).map(|row| {
            vec![
                format!("  {}", printable(row.user, 16)),
                printable(row.flag, 28),
                row.count.to_string(),
                minute(row.first),
                minute(row.last),
                printable(&format!("{} {}", row.ide, row.route), 200),
            ]
        }));
        out.push_str(&table(&lines));
        if rows.len() > LINES {
            out.push_str(&format!("  and {} more: --json has all\n", rows.len() - LINES));
        }
    }

    fn left_out(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.elsewhere > 0 {
            lines.push(format!(
                "{} refusals that no flag decides (outside of a session, by origin, by port).",
                self.elsewhere
            ));
        }
        if self.summed > 0 {
            lines.push(format!("{} requests that were recorded together, without their paths.", self.summed));
        }
        if self.lost > 0 {
            lines.push(format!("{} records that came faster than they could be written.", self.lost));
        }
        if !self.not_here.is_empty() {
            let names = self.not_here.join(", ");
            lines.push(format!(
                "The groups of accounts that this machine does not know: {}.",
                printable(&names, 400)
            ));
        }
        lines
    }
}

/// `2026-11-21 08:15` of a moment of the log.
fn minute(time: &str) -> String {
    time.get(..16).map_or_else(|| printable(time, 16), |minute| minute.replace('T', " "))
}
