//! What becomes of it in one IDE, and how that is printed.

use portcullis_model::session::Ide;
use portcullis_policy::{Capability, Finer, Row};
use serde::Serialize;

use super::change::Change;
use crate::judge::{Decision, Led};
use crate::layout::{WIDTH, field, printable, wrapped};

/// Longest request that is shown whole.
pub(super) const SHOWN: usize = 400;

/// What becomes of it in one IDE.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) ide: String,
    pub(super) asked: String,
    pub(super) decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// What would have refused it, where the flag's effect is `audit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) recorded: Option<String>,
    pub(super) capability: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) row: Option<RowFound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<Led>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) level: Option<LevelFound>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) conditions: Vec<String>,
    #[serde(skip_serializing_if = "Change::is_empty")]
    pub(super) change: Change,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) doors: Vec<DoorFound>,
}

#[derive(Debug, Serialize)]
pub(super) struct RowFound {
    pub(super) methods: Vec<&'static str>,
    pub(super) path: String,
    pub(super) needs: Vec<&'static str>,
    pub(super) source: String,
    pub(super) seen: String,
    /// The call's own entry, where requests of one row do many things.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<CallFound>,
}

#[derive(Debug, Serialize)]
pub(super) struct CallFound {
    name: &'static str,
    pub(super) needs: Vec<&'static str>,
    pub(super) source: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct LevelFound {
    pub(super) flag: &'static str,
    pub(super) level: &'static str,
    pub(super) reason: String,
    pub(super) raise: String,
    pub(super) remains: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct DoorFound {
    pub(super) request: String,
    pub(super) decision: Decision,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rule: Option<String>,
}

impl RowFound {
    pub(super) fn of(row: &Row, finer: Option<Finer>) -> Self {
        let words = |needs: &[Capability]| needs.iter().map(|capability| capability.word()).collect();
        Self {
            call: finer.map(|call| CallFound {
                name: call.name,
                needs: words(call.needs),
                source: call.source,
            }),
            methods: row.methods.words(),
            path: row.path.to_string(),
            needs: words(&row.needs),
            source: row.source.to_string(),
            seen: row.seen.to_string(),
        }
    }

    fn text(&self) -> String {
        if let Some(call) = &self.call {
            let needs = call.needs.join("+");
            let row = format!("{} {}", self.methods.join("|"), self.path);
            return format!(
                "{row}, the call {}, which takes {needs}\n{} (seen in {})",
                call.name, call.source, self.seen
            );
        }
        let seen = if self.seen.is_empty() { String::new() } else { format!(" (seen in {})", self.seen) };
        format!(
            "{} {}, which takes {}\n{}{seen}",
            self.methods.join("|"),
            self.path,
            self.needs.join("+"),
            self.source
        )
    }
}

impl Finding {
    pub(super) fn without_requests(ide: Ide, asked: String, capability: Capability) -> Self {
        Self {
            ide: ide.word().to_owned(),
            asked,
            decision: Decision::Unknown,
            status: None,
            rule: None,
            reason: None,
            recorded: None,
            capability: capability.word(),
            row: None,
            path: None,
            level: None,
            conditions: vec!["no request of this IDE's table takes it".to_owned()],
            change: Change::default(),
            doors: Vec::new(),
        }
    }

    /// Whether there was nothing to judge.
    fn refused_nowhere(&self) -> bool {
        self.doors.is_empty() && self.rule.is_none() && self.path.is_none()
    }

    pub(super) fn text(&self, out: &mut String) {
        field(out, "asked", &format!("{} in {}", self.asked, self.ide));
        let decision = match (self.decision, self.status) {
            (Decision::Forwarded, _) => "FORWARDED to the IDE".to_owned(),
            (Decision::Refused, Some(status)) => format!("REFUSED, answered {status} by the server"),
            (Decision::Refused, None) => "REFUSED".to_owned(),
            (Decision::Unknown, _) if self.doors.len() > 1 => {
                "NOT IN ONE WORD: see the doors below".to_owned()
            }
            (Decision::Unknown, _) if self.row.is_none() && self.refused_nowhere() => {
                "NO DOOR to it is known".to_owned()
            }
            (Decision::Unknown, _) => "NOT TO BE SAID from here".to_owned(),
        };
        field(out, "decision", &decision);
        let texts = [("rule", &self.rule), ("reason", &self.reason), ("recorded", &self.recorded)];
        for (label, text) in texts {
            if let Some(text) = text {
                field(out, label, &printable(text, 2000));
            }
        }
        field(out, "capability", self.capability);
        match &self.row {
            Some(row) => field(out, "row", &row.text()),
            None if self.doors.is_empty() && self.conditions.is_empty() => {
                field(out, "row", "none: no row of this IDE's table covers it")
            }
            None => {}
        }
        if let Some(led) = &self.path {
            field(out, "path", &path_text(led));
        }
        if let Some(level) = &self.level {
            field(out, "level", &format!("{} for {}: {}", level.level, level.flag, level.reason));
            field(out, "remains", level.remains);
            field(out, "stronger", &level.raise);
        }
        self.conditions.iter().for_each(|condition| field(out, "condition", condition));
        let label = if self.decision == Decision::Refused { "to allow" } else { "to refuse" };
        let many = self.change.lines.len();
        for (at, line) in self.change.lines.iter().enumerate() {
            match self.decision {
                Decision::Refused if many > 1 => {
                    field(out, label, &format!("{} of {many}, all are needed: {line}", at + 1))
                }
                _ => field(out, label, line),
            }
        }
        self.change.instead.iter().for_each(|line| field(out, "or", line));
        if !self.doors.is_empty() {
            out.push('\n');
            self.doors.iter().for_each(|door| door.text(out));
        }
    }
}

impl DoorFound {
    fn text(&self, out: &mut String) {
        let word = match self.decision {
            Decision::Forwarded => "open",
            Decision::Refused => "shut",
            Decision::Unknown => "?",
        };
        let rule =
            self.rule.as_ref().map_or_else(String::new, |rule| format!("  {}", printable(rule, SHOWN)));
        for (at, line) in wrapped(&format!("{}{rule}", self.request), WIDTH - 8).iter().enumerate() {
            let word = if at == 0 { word } else { "" };
            out.push_str(&format!("  {word:6}{line}\n"));
        }
    }
}

fn path_text(led: &Led) -> String {
    let resolved = match &led.resolved {
        Some(resolved) if *resolved == led.asked => String::new(),
        Some(resolved) => format!(" leads to {resolved}"),
        None => " can't be followed from here".to_owned(),
    };
    let within = match led.allowed {
        Some(true) => "within the home or a listed directory",
        Some(false) => "outside of the home and of directory-view-allow-list",
        None => "nobody can say where",
    };
    format!("{}{resolved}: {within} (looked at as this process; the session looks as the person)", led.asked)
}
