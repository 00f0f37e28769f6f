//! Reads a world's audit log and checks its chain.

use std::path::Path;

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
