//! Requests that the audit log has as unknown: refused, or recorded with the effect `audit`.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read as _};
use std::path::Path;

use anyhow::Context as _;
use portcullis_model::SessionId;
use portcullis_model::session::Ide;
use serde_json::Value;

use super::{Place, Request, Told};

/// Longest line that can be a record, in bytes: sixteen times the longest that is written.
const LINE_MAX: u64 = 1024 * 1024;
/// How a rule about a request in no row begins; the request follows, in backquotes.
const UNKNOWN: &str = "unknown route `";
/// What follows the path of a WebSocket there.
const SOCKET: &str = " (WebSocket)";

/// Reads what a log says of an IDE, or of one session of it.
pub(super) fn read(path: &Path, ide: Ide, session: Option<SessionId>) -> Told {
    let name = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) => {
            let why = match error.kind() {
                ErrorKind::PermissionDenied => {
                    format!(
                        "the audit log `{name}` can't be read without root's rights: what was refused as unknown is not listed."
                    )
                }
                ErrorKind::NotFound => {
                    format!("there is no audit log `{name}`: what was refused as unknown is not listed.")
                }
                _ => format!(
                    "the audit log `{name}` can't be read ({error}): what was refused as unknown is not listed."
                ),
            };
            return Told { blind: vec![why], ..Told::default() };
        }
    };
    let mut found = Found { ide, session: session.map(|id| id.to_string()), ..Found::new(ide) };
    if let Err(error) = each_line(BufReader::new(file), |line| found.take(line)) {
        found.blind.push(format!("the audit log `{name}` could be read in part only: {error}."));
    }
    found.told()
}

/// What a session runs, and whose it is.
pub(super) fn session(path: &Path, session: SessionId) -> anyhow::Result<(Ide, String)> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot read `{name}`"))?;
    let (wanted, mut found) = (session.to_string(), None);
    each_line(BufReader::new(file), |line| {
        let Ok(record) = serde_json::from_str::<Value>(line) else { return };
        if record["event"] == "session-started" && record["session"] == wanted.as_str() {
            let ide = record["ide"].as_str().and_then(Ide::from_word);
            found = ide.zip(record["user"].as_str().map(str::to_owned));
        }
    })?;
    found.with_context(|| format!("no session `{wanted}` started according to `{name}`"))
}

fn each_line(mut log: impl BufRead, mut take: impl FnMut(&str)) -> std::io::Result<()> {
    loop {
        let mut bytes = Vec::new();
        log.by_ref().take(LINE_MAX).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(());
        }
        if let Ok(line) = std::str::from_utf8(&bytes) {
            take(line);
        }
    }
}

struct Found {
    ide: Ide,
    session: Option<String>,
    /// What sessions run, for records that don't say it.
    ides: HashMap<String, Ide>,
    requests: HashMap<(String, String, bool), (u64, String)>,
    summed: u64,
    blind: Vec<String>,
}

impl Found {
    fn new(ide: Ide) -> Self {
        let (ides, requests) = (HashMap::new(), HashMap::new());
        Self { ide, session: None, ides, requests, summed: 0, blind: Vec::new() }
    }

    fn take(&mut self, line: &str) {
        // Most records are about something else: not worth taking apart.
        if !line.contains("\"refused\"") && !line.contains("\"session-started\"") {
            return;
        }
        let Ok(record) = serde_json::from_str::<Value>(line) else { return };
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let session = text("session");
        if text("event") == "session-started" {
            if let Some(ide) = Ide::from_word(text("ide")) {
                self.ides.insert(session.to_owned(), ide);
            }
            return;
        }
        let ran = Ide::from_word(text("ide")).or_else(|| self.ides.get(session).copied());
        let meant = self.session.as_ref().map_or(ran == Some(self.ide), |wanted| wanted == session);
        if text("event") != "refused" || !meant {
            return;
        }
        let count = record["count"].as_u64().unwrap_or(1);
        let Some((method, path, socket)) = unknown(text("rule"), text("method"), text("path")) else {
            if text("capability") == "unknown" && text("method").is_empty() {
                self.summed += count;
            }
            return;
        };
        let seen = self.requests.entry((method, path, socket)).or_default();
        seen.0 += count;
        seen.1 = text("time").to_owned();
    }

    fn told(mut self) -> Told {
        if self.summed > 0 {
            self.blind.push(format!(
                "{} refusals of unknown requests were recorded together, without their addresses.",
                self.summed
            ));
        }
        self.blind.push(
            "The audit log has unknown requests only of times when a flag restricted (or was set to be audited) for whoever asked."
                .to_owned(),
        );
        let request = |((method, path, socket), (count, last)): ((String, String, bool), (u64, String))| {
            let about = if last.is_empty() { String::new() } else { format!("last {last}") };
            Request { method, path, shape: None, socket, place: Place::Log, count, about }
        };
        Told { requests: self.requests.into_iter().map(request).collect(), blind: self.blind }
    }
}

/// The request of a rule about one that is in no row. Method and path have fields of their own, where the log is new enough;
/// the rule has them cut.
fn unknown(rule: &str, method: &str, path: &str) -> Option<(String, String, bool)> {
    let (target, rest) = rule.strip_prefix(UNKNOWN)?.split_once('`')?;
    // A known route in an odd spelling needs no row.
    if rest.starts_with(':') {
        return None;
    }
    let (plain, socket) = match target.strip_suffix(SOCKET) {
        Some(plain) => (plain, true),
        None => (target, false),
    };
    let (said, written) = plain.split_once(' ')?;
    let (method, path) = if path.is_empty() { (said, written) } else { (method, path) };
    (path.starts_with('/')).then(|| (method.to_owned(), path.to_owned(), socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_names_its_request() {
        let found = |rule: &str| unknown(rule, "", "");
        assert_eq!(
            found("unknown route `GET /a/b`; refused while allow-shell=0 (rsession.conf:3)"),
            Some(("GET".into(), "/a/b".into(), false))
        );
        assert_eq!(
            found("unknown route `GET /ws (WebSocket)`; refused while x"),
            Some(("GET".into(), "/ws".into(), true))
        );
        assert_eq!(found("unknown route `GET //a`: it holds an empty segment; refused while x"), None);
        assert_eq!(found("allow-shell=0 (rsession.conf:3)"), None);
        assert_eq!(
            unknown("unknown route `POST /cu`; refused", "POST", "/cut/off"),
            Some(("POST".into(), "/cut/off".into(), false))
        );
    }
}
