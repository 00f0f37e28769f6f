//! `portcullis simulate`: what the audit log of one configuration would have been under another.
//!
//! `records` reads the log, `replay` judges each record anew, `report` counts and prints. The log's chain is verified on the way: what
//! was tampered with proves nothing.

mod records;
mod replay;
mod report;

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::audit::chain;
use crate::{Answer, configuration};

use records::Log;
use replay::Replay;
use report::Report;

/// Exit status of a log whose chain is broken.
const BROKEN: u8 = 1;
/// Exit status when it can't be said.
const UNKNOWN: u8 = 2;
/// Most records that are replayed: a gigabyte of log or so.
const RECORDS_MAX: usize = 2_000_000;

/// What is asked.
#[derive(Debug, Args)]
pub(crate) struct Question {
    /// Directory with the configuration to try.
    #[arg(long, value_name = "DIR")]
    pub config_dir: PathBuf,
    /// The log, usually /var/lib/portcullis/audit/audit.jsonl.
    #[arg(long, value_name = "FILE")]
    pub audit: PathBuf,
    /// Only what was recorded since then: a date, a moment (2026-11-21T08:00:00Z), or a time back from now (7d, 12h).
    #[arg(long, value_name = "WHEN", value_parser = since)]
    pub since: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// A moment as the log writes moments, so that the two can be compared as texts.
fn since(text: &str) -> Result<String, String> {
    let bad = || format!("`{text}` is no moment: write 2026-11-21, 2026-11-21T08:00:00Z, 7d or 12h");
    if let Some((number, unit)) = text.split_at_checked(text.len().saturating_sub(1)) {
        if let Ok(number) = number.parse::<u32>() {
            let back = match unit {
                "d" => Duration::days(number.into()),
                "h" => Duration::hours(number.into()),
                "m" => Duration::minutes(number.into()),
                _ => return Err(bad()),
            };
            let moment = OffsetDateTime::now_utc().checked_sub(back).ok_or_else(bad)?;
            return moment.format(&Rfc3339).map_err(|_| bad());
        }
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let moment = OffsetDateTime::parse(&whole, &Rfc3339).map_err(|_| bad())?.to_offset(UtcOffset::UTC);
    moment.format(&Rfc3339).map_err(|_| bad())
}

/// The answer.
pub(crate) fn answer(question: &Question) -> Answer {
    run(question).unwrap_or_else(|error| Answer {
        complaint: format!("portcullis: {error:#}\n"),
        status: UNKNOWN,
        ..Answer::default()
    })
}

fn run(question: &Question) -> anyhow::Result<Answer> {
    if !question.config_dir.is_dir() {
        bail!("there is no directory `{}`", question.config_dir.display());
    }
    let settings = configuration::usable(&question.config_dir)?;
    let log = match read(&question.audit, question.since.as_deref())? {
        Ok(log) => log,
        Err(complaint) => return Ok(Answer { complaint, status: BROKEN, ..Answer::default() }),
    };
    let mut replay = Replay::new(&settings);
    let mut report = Report::new(&question.config_dir, &question.audit, question.since.as_deref(), &log);
    for record in &log.records {
        report.count(record, replay.judge(record));
    }
    report.people_not_here(replay.strangers());
    report.answer(question.json)
}

/// All that can be replayed; the complaint, when the chain is broken.
fn read(path: &Path, since: Option<&str>) -> anyhow::Result<Result<Log, String>> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open `{name}`"))?;
    let mut log = Log::default();
    let checked = chain(BufReader::new(file), |line| log.take(line, since, RECORDS_MAX));
    match checked.with_context(|| format!("cannot read `{name}`"))? {
        Ok(chain) => {
            if log.left_out > 0 {
                bail!("`{name}` has more than {RECORDS_MAX} records to replay: say a later --since");
            }
            log.all = chain.records;
            Ok(Ok(log))
        }
        Err(broken) => Ok(Err(format!(
            "{name}:{}: {}\nportcullis: nothing is replayed from a log that was changed\n",
            broken.line, broken.why
        ))),
    }
}

#[cfg(test)]
mod tests;
