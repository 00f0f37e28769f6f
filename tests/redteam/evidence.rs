//! Finds the audit record that names an attempt.

use serde_json::Value;

use crate::attempt::Evidence;

/// The first record among a session's that is this evidence.
pub(crate) fn find<'a>(wanted: &[Evidence], records: &'a [Value]) -> Option<&'a Value> {
    wanted.iter().find_map(|one| records.iter().find(|record| names(*one, record)))
}

/// Why there is none to be had, when the session has nothing that could be refused.
pub(crate) fn not_there(wanted: &[Evidence]) -> Option<&'static str> {
    wanted.iter().find_map(|one| match one {
        Evidence::NotThere(why) => Some(*why),
        _ => None,
    })
}

/// Why it is known to get out, where it is.
pub(crate) fn known(wanted: &[Evidence]) -> Option<&'static str> {
    wanted.iter().find_map(|one| match one {
        Evidence::Known(why) => Some(*why),
        _ => None,
    })
}

fn names(wanted: Evidence, record: &Value) -> bool {
    let is = |event: &str| record["event"] == event;
    match wanted {
        Evidence::Denied(part) => is("denied") && says(record, part),
        Evidence::Executed(part) => {
            // A shell's stand-in runs, and the record says that it was no shell.
            let refused = record["success"] == false
                || record["verdict"].as_str().is_some_and(|verdict| verdict.contains("refuse"));
            let execve = record["what"].as_str().is_some_and(|what| what.contains("exec"));
            says(record, part) && (is("executed") && refused || is("denied") && execve)
        }
        Evidence::Ran(part) => is("executed") && record["success"] == true && says(record, part),
        Evidence::Limit(part) => is("limit-reached") && says(record, part),
        Evidence::Refused(part) => is("refused") && says(record, part),
        Evidence::LeftOver => {
            is("session-ended") && record["left_over"].as_u64().is_some_and(|left| left > 0)
        }
        Evidence::NotThere(_) | Evidence::Known(_) => false,
    }
}

/// Whether one of the record's own fields has this in it. Who and when is in every record and says nothing.
fn says(record: &Value, part: &str) -> bool {
    const EVERYWHERE: &[&str] = &["event", "time", "user", "ide", "prev", "hash", "seq", "session", "cwd"];
    let Some(fields) = record.as_object() else { return false };
    let mut told = fields.iter().filter(|(name, _)| !EVERYWHERE.contains(&name.as_str()));
    told.any(|(_, value)| match value {
        Value::String(text) => text.contains(part),
        Value::Array(words) => words.iter().any(|word| word.as_str().is_some_and(|word| word.contains(part))),
        _ => false,
    })
}

/// A record in a few words, for the table.
pub(crate) fn words(record: &Value) -> String {
    let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
    let event = text("event");
    let seq = record["seq"].as_u64().unwrap_or_default();
    let more = match event.as_str() {
        "denied" => format!("{} {} by {}", text("what"), text("target"), text("by")),
        "executed" => format!("{} {}", text("program"), text("error")),
        "limit-reached" => text("what"),
        "refused" => format!("{} {}", text("capability"), text("path")),
        "session-ended" => format!("left_over={}", record["left_over"]),
        _ => String::new(),
    };
    format!("{event} #{seq}: {}", more.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_must_be_of_the_kind_and_name_the_target() {
        let records = [
            json!({"event": "executed", "program": "/usr/bin/perl", "success": true, "argv": ["perl"], "cwd": "/x"}),
            json!({"event": "denied", "what": "fs.read_file", "target": "/home/data/a", "by": "landlock"}),
            json!({"event": "executed", "program": "/usr/bin/awk", "success": false, "error": "ENOENT"}),
        ];
        assert!(find(&[Evidence::Executed("perl")], &records).is_none(), "it ran");
        assert!(find(&[Evidence::Executed("/x")], &records).is_none(), "a folder names nothing");
        assert_eq!(find(&[Evidence::Executed("awk")], &records), Some(&records[2]));
        let two = [Evidence::Denied("data/b"), Evidence::Denied("data/a")];
        assert_eq!(find(&two, &records), Some(&records[1]));
        assert!(find(&[Evidence::NotThere("why")], &records).is_none());
    }
}
