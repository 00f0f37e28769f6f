//! Reads a world's audit log and checks its chain.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use portcullis_model::audit::{GENESIS, check};
use serde_json::Value;

/// All records, after the chain was checked from the first to the last.
///
/// # Errors
/// The first line that does not follow from those before it.
pub fn read(state: &Path) -> Result<Vec<Value>> {
    let path = state.join("audit/audit.jsonl");
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    let mut previous = GENESIS.to_owned();
    let mut records = Vec::new();
    // A record is complete when its line feed is there; the writer may be in the middle of the next one.
    let complete = text.rfind('\n').map_or("", |at| &text[..at]);
    for (at, line) in complete.lines().enumerate() {
        let seq = u64::try_from(at)? + 1;
        match check(line, seq, &previous) {
            Ok(hash) => previous = hash,
            Err(error) => bail!("audit record {seq}: {error}: {line}"),
        }
        records.push(serde_json::from_str(line)?);
    }
    Ok(records)
}

/// Reads a log as it grows: each record once, and each checked against the one before.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    at: u64,
    seq: u64,
    previous: String,
}

impl Tail {
    /// From the first record of a world's log.
    pub fn new(state: &Path) -> Self {
        Self { path: state.join("audit/audit.jsonl"), at: 0, seq: 0, previous: GENESIS.to_owned() }
    }

    /// The records that came since the last call.
    ///
    /// # Errors
    /// When the log is shorter than it was, or a record doesn't follow from the one before.
    pub fn more(&mut self) -> Result<Vec<Value>> {
        let mut file = std::fs::File::open(&self.path)
            .with_context(|| format!("cannot read `{}`", self.path.display()))?;
        let length = file.metadata()?.len();
        if length < self.at {
            bail!("the log has {length} bytes, and had {}", self.at);
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        // The last line may be half written: it is read when it is whole, or a launcher puts it aside.
        text.truncate(text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
        let mut records = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let line = std::str::from_utf8(&line[..line.len() - 1]).context("a line that is no text")?;
            self.seq += 1;
            match check(line, self.seq, &self.previous) {
                Ok(hash) => self.previous = hash,
                Err(error) => bail!("audit record {}: {error}: {line}", self.seq),
            }
            records.push(serde_json::from_str(line)?);
        }
        self.at += text.len() as u64;
        Ok(records)
    }

    /// How many records there were.
    pub const fn count(&self) -> u64 {
        self.seq
    }
}

/// Whether a record is of this event and has these fields (compared as text, numbers as written).
pub fn matches(record: &Value, event: &str, fields: &[(&str, &str)]) -> bool {
    record["event"] == event
        && fields.iter().all(|(name, value)| match &record[*name] {
            Value::String(text) => text == value,
            Value::Number(number) => number.to_string() == *value,
            Value::Bool(truth) => truth.to_string() == *value,
            other => *other == **value,
        })
}
