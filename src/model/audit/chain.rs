//! Records as they stand in the log: numbered, and chained by their hashes.

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::Event;

/// The first record's `prev`.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A record as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The JSON line, without its line feed.
    pub line: String,
    /// Its hash: the next record's `prev`.
    pub hash: String,
}

/// Makes the record number `seq` (from 1) of an event at `time` (RFC 3339, UTC, milliseconds), chained to `prev`.
///
/// # Errors
/// When the event can't be written as JSON; none of the table can fail.
pub fn record(seq: u64, time: &str, event: &Event, prev: &str) -> Result<Record, serde_json::Error> {
    let mut fields = serde_json::Map::new();
    fields.insert("seq".into(), seq.into());
    fields.insert("time".into(), time.into());
    fields.insert("event".into(), event.name().into());
    if let serde_json::Value::Object(tagged) = serde_json::to_value(event)? {
        for (_, inner) in tagged {
            if let serde_json::Value::Object(inner) = inner {
                fields.extend(inner);
            }
        }
    }
    fields.insert("prev".into(), prev.into());
    let body = serde_json::to_string(&fields)?;
    let hash = chain(prev, &body);
    let open = body.strip_suffix('}').unwrap_or(&body);
    Ok(Record { line: format!("{open},\"hash\":\"{hash}\"}}"), hash })
}

/// Why a line of the log is not the next record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ChainError {
    /// Not a record at all.
    #[error("the line is not a record")]
    Malformed,
    /// Its bytes are not those that were hashed.
    #[error("the record was changed: its hash does not fit its bytes")]
    Changed,
    /// It does not follow the record before it.
    #[error("records are missing, added or moved: expected number {expected}, found {found}")]
    Broken {
        /// Number after the one before.
        expected: u64,
        /// Number found.
        found: u64,
    },
}

/// Checks that `line` is record `seq` chained to `prev`, and returns its hash.
///
/// # Errors
/// See [`ChainError`].
pub fn check(line: &str, seq: u64, prev: &str) -> Result<String, ChainError> {
    let (open, tail) = line.rsplit_once(",\"hash\":\"").ok_or(ChainError::Malformed)?;
    let hash = tail.strip_suffix("\"}").ok_or(ChainError::Malformed)?;
    let body = format!("{open}}}");
    let fields: serde_json::Value = serde_json::from_str(&body).map_err(|_| ChainError::Malformed)?;
    let found = fields["seq"].as_u64().ok_or(ChainError::Malformed)?;
    let said = fields["prev"].as_str().ok_or(ChainError::Malformed)?;
    if chain(said, &body) != hash {
        return Err(ChainError::Changed);
    }
    if found != seq || said != prev {
        return Err(ChainError::Broken { expected: seq, found });
    }
    Ok(hash.to_owned())
}

/// SHA-256 over the previous hash, a line feed, and the record's JSON without its `hash` field.
fn chain(prev: &str, body: &str) -> String {
    let digest = Sha256::new().chain_update(prev).chain_update("\n").chain_update(body).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_holds_and_every_tampering_shows() {
        let first = record(
            1,
            "2026-01-01T00:00:00.000Z",
            &Event::Overflow { kind: "refused".into(), lost: 3 },
            GENESIS,
        )
        .expect("a record");
        let next = Event::Stopped { why: "a \"quoted\" ,\"hash\":\"x\"} text".into() };
        let second = record(2, "2026-01-01T00:00:01.000Z", &next, &first.hash).expect("a record");
        assert_eq!(check(&first.line, 1, GENESIS), Ok(first.hash.clone()));
        assert_eq!(check(&second.line, 2, &first.hash), Ok(second.hash));
        assert_eq!(check(&first.line.replace(":3,", ":4,"), 1, GENESIS), Err(ChainError::Changed));
        assert_eq!(check(&second.line, 1, GENESIS), Err(ChainError::Broken { expected: 1, found: 2 }));
        assert_eq!(check("{}", 1, GENESIS), Err(ChainError::Malformed));
    }
}
