//! `portcullis audit verify`: whether the log is what was written.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use anyhow::Context as _;
use portcullis_model::audit::{ChainError, GENESIS, check};

use crate::Answer;

/// Longest line that can be a record, in bytes: sixteen times the longest that is written.
const LINE_MAX: u64 = 1024 * 1024;

/// Checks the chain from the first record on.
pub(crate) fn verify(path: &Path) -> anyhow::Result<Answer> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot open `{name}`"))?;
    let checked = chain(BufReader::new(file), |_| ()).with_context(|| format!("cannot read `{name}`"))?;
    Ok(match checked {
        Ok(Chain { records: 0, .. }) => Answer { text: format!("{name}: no records\n"), ..Answer::default() },
        Ok(Chain { records, last }) => {
            let text =
                format!("{name}: {records} records, each follows from the one before\nlast hash: {last}\n");
            Answer { text, ..Answer::default() }
        }
        Err(Broken { line, why, good }) => {
            let text = format!("{name}:{line}: {why}\nrecords in order before it: {good}\n");
            Answer { text, status: 1, ..Answer::default() }
        }
    })
}

/// A log in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub records: u64,
    last: String,
}

/// The first line that does not follow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub line: u64,
    pub why: String,
    good: u64,
}

/// Checks all records, and shows each that follows from those before it.
pub(crate) fn chain(
    mut log: impl BufRead,
    mut seen_record: impl FnMut(&str),
) -> std::io::Result<Result<Chain, Broken>> {
    let mut seen = Chain { records: 0, last: GENESIS.to_owned() };
    loop {
        let mut bytes = Vec::new();
        log.by_ref().take(LINE_MAX + 1).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(Ok(seen));
        }
        let next = seen.records + 1;
        match record(&bytes, next, &seen.last) {
            Ok(hash) => {
                seen = Chain { records: next, last: hash };
                seen_record(std::str::from_utf8(bytes.trim_ascii_end()).unwrap_or_default());
            }
            Err(why) => return Ok(Err(Broken { line: next, why, good: seen.records })),
        }
    }
}

fn record(bytes: &[u8], number: u64, before: &str) -> Result<String, String> {
    let Some(line) = bytes.strip_suffix(b"\n") else {
        return Err("the line has no end: the record was cut off, or more was meant to follow".into());
    };
    let line = std::str::from_utf8(line).map_err(|_| ChainError::Malformed.to_string())?;
    check(line, number, before).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_model::audit::{Event, record};

    fn log(records: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let mut before = GENESIS.to_owned();
        for number in 1..=records {
            let event = Event::Stopped { why: format!("reason {number}") };
            let made = record(number, "2026-01-01T00:00:00.000Z", &event, &before).expect("a record");
            before = made.hash;
            lines.push(made.line + "\n");
        }
        lines
    }

    fn broken_at(lines: &[String]) -> Option<u64> {
        let text = lines.concat();
        chain(text.as_bytes(), |_| ()).expect("readable").err().map(|broken| broken.line)
    }

    #[test]
    fn a_whole_log_is_in_order() {
        assert_eq!(broken_at(&log(5)), None);
        assert_eq!(broken_at(&[]), None);
    }

    #[test]
    fn the_first_record_that_does_not_follow_is_named() {
        let good = log(5);
        let mut changed = good.clone();
        changed[2] = changed[2].replace("reason 3", "reason 9");
        assert_eq!(broken_at(&changed), Some(3));
        let mut removed = good.clone();
        removed.remove(1);
        assert_eq!(broken_at(&removed), Some(2));
        let mut first_removed = good.clone();
        first_removed.remove(0);
        assert_eq!(broken_at(&first_removed), Some(1));
        let mut moved = good.clone();
        moved.swap(3, 4);
        assert_eq!(broken_at(&moved), Some(4));
        let mut torn = good.clone();
        torn[4].truncate(20);
        assert_eq!(broken_at(&torn), Some(5));
        let mut blank = good.clone();
        blank.insert(2, "\n".into());
        assert_eq!(broken_at(&blank), Some(3));
    }

    #[test]
    fn the_answer_names_file_and_line() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("audit.jsonl");
        std::fs::write(&path, log(2).concat()).expect("a file");
        let good = verify(&path).expect("an answer");
        assert!(good.status == 0 && good.text.contains(": 2 records"), "{}", good.text);
        std::fs::write(&path, log(2).concat().replace("reason 2", "reason 7")).expect("a file");
        let bad = verify(&path).expect("an answer");
        assert_eq!(bad.status, 1);
        let expected = format!(
            "{}:2: the record was changed: its hash does not fit its bytes\nrecords in order before it: 1\n",
            path.display()
        );
        assert!(bad.text.starts_with(&expected), "{}", bad.text);
        assert!(verify(&dir.path().join("none")).is_err());
    }
}
