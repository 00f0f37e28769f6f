//! The records of an audit log that can be judged again. Older logs lack fields; what can be told from others is.

use std::collections::HashMap;

use portcullis_model::session::Ide;
use portcullis_policy::Capability;
use serde_json::Value;

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A request, or a message where there is no method.
    Request {
        /// Empty for a message.
        method: String,
        /// The IDE's own path; of a message that of its socket.
        path: String,
        /// What the log calls it.
        what: String,
        capability: Capability,
        rule: String,
        /// It passed and was only recorded.
        passed: bool,
    },
    /// Bytes of a file.
    Transfer { upload: bool, path: String, bytes: u64 },
    /// A session that was started, or refused because a flag holds too weakly (`minimum-level`).
    Start { refused: bool },
}

/// A record to be replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub time: String,
    pub user: String,
    pub ide: Ide,
    pub count: u64,
    pub what: What,
}

/// What was read of a log.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub records: Vec<Record>,
    /// All records of the file.
    pub all: u64,
    /// Refusals that no flag decides: outside of a session, or of an unknown IDE.
    pub elsewhere: u64,
    /// Requests recorded together because there were too many kinds.
    pub summed: u64,
    /// Records that the server lost because they came too fast.
    pub lost: u64,
    /// Beyond the most.
    pub left_out: u64,
    ides: HashMap<String, Ide>,
}

impl Log {
    /// Takes a line, whose hash was checked.
    pub(super) fn take(&mut self, line: &str, since: Option<&str>, most: usize) {
        let Ok(fields) = serde_json::from_str::<Value>(line) else { return };
        let text = |name: &str| fields[name].as_str().unwrap_or_default();
        let number = |name: &str| fields[name].as_u64().unwrap_or(0);
        let event = text("event");
        if event == "session-started" {
            if let Some(ide) = Ide::from_word(text("ide")) {
                self.ides.insert(text("session").to_owned(), ide);
            }
        }
        // A moment with a fraction of a second stands behind the same one without: `.` is less than `Z`, so whole parts are compared.
        if since.is_some_and(|since| text("time").get(..19) < since.get(..19)) {
            return;
        }
        let ide = Ide::from_word(text("ide")).or_else(|| self.ides.get(text("session")).copied());
        let what = match event {
            "refused" => self.refused(&fields, ide.is_some()),
            "transfer" => Some(What::Transfer {
                upload: text("direction") == "upload",
                path: text("path").to_owned(),
                bytes: number("bytes"),
            }),
            "session-started" => Some(What::Start { refused: false }),
            "overflow" => {
                self.lost += number("lost");
                None
            }
            _ => None,
        };
        let (Some(what), Some(ide)) = (what, ide) else {
            self.elsewhere += u64::from(event == "transfer");
            return;
        };
        if self.records.len() >= most {
            self.left_out += 1;
            return;
        }
        let count = if event == "refused" { number("count").max(1) } else { 1 };
        self.records.push(Record {
            time: text("time").to_owned(),
            user: text("user").to_owned(),
            ide,
            count,
            what,
        });
    }

    fn refused(&mut self, fields: &Value, known_ide: bool) -> Option<What> {
        let text = |name: &str| fields[name].as_str().unwrap_or_default().to_owned();
        let count = fields["count"].as_u64().unwrap_or(1).max(1);
        if text("what") == "further requests of other kinds" {
            self.summed += count;
            return None;
        }
        if text("rule").starts_with("minimum-level=") && known_ide {
            return Some(What::Start { refused: true });
        }
        let capability = Capability::from_word(&text("capability"));
        let (Some(capability), true) = (capability, known_ide) else {
            self.elsewhere += count;
            return None;
        };
        let (mut method, mut path) = (text("method"), text("path"));
        let what = text("what");
        if path.is_empty() {
            // Before these fields were recorded: `POST /s/<id>/api/terminals`, cut at its end.
            let (said, below) = what.split_once(' ')?;
            let below = below.strip_prefix("/s/").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
            if below.is_none() || below.is_some_and(|below| below.ends_with('…')) {
                self.elsewhere += count;
                return None;
            }
            (method, path) = (said.to_owned(), below.unwrap_or_default().to_owned());
        }
        let request =
            what.split_once(' ').is_some_and(|(first, rest)| first == method && rest.starts_with('/'));
        if !request {
            method.clear();
        }
        let passed = text("effect") == "audit";
        Some(What::Request { method, path, what, capability, rule: text("rule"), passed })
    }
}
