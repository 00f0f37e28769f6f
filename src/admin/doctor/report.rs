//! What is printed: what is wrong first, then the table of levels with its reasons.

use std::io::IsTerminal as _;
use std::path::Path;

use portcullis_conf::Settings;
use portcullis_model::session::Ide;
use portcullis_policy::levels::HostFacts;

use super::levels::{Cell, Line, lines, minimums};
use super::{Question, host, ides, place};
use crate::Answer;
use crate::check::{self, Check, Outcome};
use crate::layout::{WIDTH, table, wrapped};

/// Everything that was looked at.
#[derive(Debug)]
pub(super) struct Report {
    config_dir: String,
    usable: bool,
    facts: HostFacts,
    checks: Vec<Check>,
    lines: Vec<Line>,
    ides: Vec<Ide>,
    /// Sections of `profiles`, which can change values for some people.
    sections: usize,
}

impl Report {
    pub(super) fn new(dir: &Path, named: bool, question: &Question, settings: Option<&Settings>) -> Self {
        let facts = host::facts();
        let ides = settings.map_or_else(|| Ide::BUILT_IN.to_vec(), ides);
        let (status, daemon) = place::daemon(&question.run_dir);
        let mut checks = vec![daemon];
        checks.extend(status.iter().flat_map(place::others));
        checks.extend(check::report(dir, named).into_checks());
        if let Some(settings) = settings {
            checks.extend(place::programs(settings, &ides));
            checks.push(place::port(settings, status.is_some()));
            let offered: Vec<Ide> =
                ides.iter().copied().filter(|ide| super::switched_off(settings, *ide).is_none()).collect();
            checks.extend(minimums(settings, &offered, &facts));
        }
        checks.extend(place::directories(question.run_dir.path(), &question.state_dir));
        checks.push(place::clock(&question.state_dir));
        Self {
            config_dir: dir.display().to_string(),
            usable: settings.is_some(),
            lines: lines(settings, &ides, &facts),
            sections: settings.map_or(0, |settings| settings.profiles.sections.len()),
            facts,
            checks,
            ides,
        }
    }

    fn status(&self) -> u8 {
        u8::from(self.checks.iter().any(|check| check.outcome == Outcome::Fail))
    }

    pub(super) fn answer(&self, json: bool) -> anyhow::Result<Answer> {
        let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let text = if json { self.json()? } else { self.text(colour) };
        Ok(Answer { text, status: self.status(), ..Answer::default() })
    }

    fn json(&self) -> anyhow::Result<String> {
        let value = serde_json::json!({
            "config_dir": self.config_dir,
            "configuration_is_usable": self.usable,
            "healthy": self.status() == 0,
            "host": {
                "landlock": self.facts.landlock,
                "cgroup": self.facts.cgroup,
                "controllers": self.facts.controllers,
                "seccomp": self.facts.seccomp,
                "namespaces": self.facts.namespaces,
                "network_namespace": self.facts.network_namespace,
                "connections": self.facts.connections,
                "user_namespaces": self.facts.user_namespaces,
                "audit": self.facts.audit,
                "executions": self.facts.executions,
                "container": self.facts.container,
            },
            "layers": host::shown(&self.facts),
            "checks": self.checks,
            "profile_sections": self.sections,
            "flags": self.lines,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&value)?))
    }

    pub(super) fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        let failed: Vec<&Check> = self.of(Outcome::Fail);
        out.push_str(&format!("configuration: {}\n\n", self.config_dir));
        if failed.is_empty() {
            out.push_str("nothing is wrong\n");
        } else {
            out.push_str(&format!("wrong: {}\n", failed.len()));
        }
        failed.iter().for_each(|check| told(&mut out, check, colour));
        out.push_str("\nto know\n");
        self.of(Outcome::Info).iter().for_each(|check| told(&mut out, check, colour));
        out.push_str(&format!("\nright: {}\n", self.of(Outcome::Pass).len()));
        self.of(Outcome::Pass).iter().for_each(|check| told(&mut out, check, colour));
        out.push_str(&kernel(&self.facts));
        self.levels(&mut out);
        out
    }

    /// Those of one outcome; options that aren't there and are fine that way are no news.
    fn of(&self, outcome: Outcome) -> Vec<&Check> {
        let silent = |check: &Check| check.text == "not there, which is fine" && check.problems.is_empty();
        self.checks.iter().filter(|check| check.outcome == outcome && !silent(check)).collect()
    }

    fn levels(&self, out: &mut String) {
        out.push_str("\nhow strongly each flag holds where it restricts (kernel > proxy > ide > none)\n\n");
        // Declared applications are alike: nobody knows a switch of theirs.
        let shown =
            self.ides.iter().position(|ide| matches!(ide, Ide::App(_))).map_or(self.ides.len(), |at| at + 1);
        let mut notes: Vec<&Cell> = Vec::new();
        let head = self.ides.iter().take(shown).map(|ide| match ide {
            Ide::App(_) => "APPLICATIONS".to_owned(),
            ide => ide.word().to_uppercase(),
        });
        let mut rows = vec![["FLAG", "VALUE"].map(str::to_owned).into_iter().chain(head).collect::<Vec<_>>()];
        for line in &self.lines {
            let mut row = vec![line.flag.to_owned(), value(line)];
            row.extend(line.ides.iter().take(shown).map(|cell| noted(cell, &mut notes)));
            rows.push(row);
        }
        out.push_str(&table(&rows));
        out.push('\n');
        for (at, cell) in notes.iter().enumerate() {
            let label = format!("[{}]", at + 1);
            for (at, text) in
                wrapped(&format!("{}: {}.", cell.level, cell.reason), WIDTH - 6).iter().enumerate()
            {
                let label = if at == 0 { label.as_str() } else { "" };
                out.push_str(&format!("{label:6}{text}\n"));
            }
        }
        let closing = [
            "A * marks what restricts now; `-` is a flag that is about another IDE.",
            "What is at `kernel` binds code in consoles, notebooks and terminals too; what is at another level binds what comes \
             through the browser.",
        ];
        let sections = format!(
            "profiles has {} sections that can change values for some people: `portcullis explain --user NAME` tells for one.",
            self.sections
        );
        let closing = closing.into_iter().chain((self.sections > 0).then_some(sections.as_str()));
        out.push('\n');
        for text in closing {
            wrapped(text, WIDTH).iter().for_each(|line| out.push_str(&format!("{line}\n")));
        }
    }
}

/// The layers that sessions are confined by: which are here, what falls without the others, and what to do.
pub(super) fn kernel(facts: &HostFacts) -> String {
    let mut out = String::from("\nkernel: what sessions are confined by\n\n");
    for layer in host::shown(facts) {
        let label = if layer.here { "here" } else { "missing" };
        let state = if layer.state == "here" { "" } else { &layer.state };
        indented(&mut out, &format!("  {label:9}{:29}", layer.name), state);
        let indent = " ".repeat(40);
        if !layer.here {
            indented(&mut out, &indent, &format!("falls without it: {}", layer.holds));
        }
        if !layer.hint.is_empty() {
            indented(&mut out, &indent, &format!("hint: {}", layer.hint));
        }
    }
    out.push('\n');
    for (name, state) in host::words(facts) {
        indented(&mut out, &format!("  {name:38}"), &state);
    }
    out
}

/// A text beside a label, wrapped below itself.
fn indented(out: &mut String, label: &str, text: &str) {
    let width = label.chars().count();
    for (at, line) in wrapped(text, WIDTH.saturating_sub(width)).iter().enumerate() {
        let label = if at == 0 { label.to_owned() } else { " ".repeat(width) };
        out.push_str(&format!("{label}{line}\n"));
    }
}

fn value(line: &Line) -> String {
    let Some(value) = &line.value else { return "-".to_owned() };
    let mark = if line.restricts { "*" } else { "" };
    let effect = if line.effect == Some("audit") { " audit" } else { "" };
    format!("{value}{mark}{effect}")
}

/// A cell, with the number of its reason.
fn noted<'c>(cell: &'c Cell, notes: &mut Vec<&'c Cell>) -> String {
    if !cell.applies {
        return "-".to_owned();
    }
    let known = notes.iter().position(|note| note.level == cell.level && note.reason == cell.reason);
    let number = known.unwrap_or_else(|| {
        notes.push(cell);
        notes.len() - 1
    });
    format!("{} [{}]", cell.level, number + 1)
}

fn told(out: &mut String, check: &Check, colour: bool) {
    let (label, code) = match check.outcome {
        Outcome::Fail => ("[FAIL]", "31"),
        Outcome::Info => ("[INFO]", "33"),
        Outcome::Pass => ("[PASS]", "32"),
    };
    let shown = if colour { format!("\u{1b}[{code}m{label}\u{1b}[0m") } else { label.to_owned() };
    let lines = wrapped(&format!("{}: {}", check.subject, check.text), WIDTH - 7);
    for (at, line) in lines.iter().enumerate() {
        let label = if at == 0 { format!("{shown} ") } else { " ".repeat(7) };
        out.push_str(&format!("{label}{line}\n"));
    }
    for problem in &check.problems {
        let option = problem.option.as_ref().map_or_else(String::new, |option| format!("{option}: "));
        let text = format!("line {}: {option}{}", problem.line, problem.text);
        wrapped(&text, WIDTH - 9).iter().for_each(|line| out.push_str(&format!("         {line}\n")));
    }
    if let Some(hint) = &check.hint {
        wrapped(&format!("hint: {hint}"), WIDTH - 7)
            .iter()
            .for_each(|line| out.push_str(&format!("       {line}\n")));
    }
}
