//! `portcullis check-config`: everything that is wrong with the configuration, file by file, then the machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use portcullis_conf::sign_in::{PROXY_HEADER_FILE, anybody_here};
use portcullis_conf::{FileKind, Problem, Settings, Severity, Sources, load};
use portcullis_policy::{Adapters, Row};
use serde::Serialize;

use crate::machine;
use crate::{Answer, EX_CONFIG};

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Outcome {
    Pass,
    Info,
    Fail,
}

impl Outcome {
    const fn label(self) -> &'static str {
        match self {
            Self::Pass => "[PASS]",
            Self::Info => "[INFO]",
            Self::Fail => "[FAIL]",
        }
    }
}

/// One line of the report, with the problems below it.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    pub outcome: Outcome,
    /// A file, or an option.
    pub subject: String,
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
}

impl Check {
    pub(crate) fn new(outcome: Outcome, subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self { outcome, subject: subject.into(), text: text.into(), hint: None, problems: Vec::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Everything that was checked.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    config_dir: PathBuf,
    valid: bool,
    checks: Vec<Check>,
}

/// Checks a directory. One that was named has to exist; the usual one need not.
pub(crate) fn report(dir: &Path, named: bool) -> Report {
    let mut checks = Vec::new();
    if !dir.is_dir() {
        let outcome = if named { Outcome::Fail } else { Outcome::Info };
        checks.push(Check::new(
            outcome,
            dir.display().to_string(),
            "there is no such directory: every option has its default",
        ));
    }
    match Sources::read(dir) {
        Ok(sources) => {
            let mut loaded = load(&sources);
            loaded.problems.extend(rows_beside(&loaded.settings));
            loaded.problems.extend(anybody_here(&loaded.settings, dir.join(PROXY_HEADER_FILE).is_file()));
            checks.extend(file_checks(&sources, loaded.problems));
            // What a wrong configuration asks of the machine is nobody's question.
            if checks.iter().all(|check| check.outcome != Outcome::Fail) {
                checks.extend(machine_checks(&sources, &loaded.settings));
            }
        }
        Err(error) => {
            let why = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
            checks.push(Check::new(Outcome::Fail, dir.display().to_string(), format!("{error}{why}")));
        }
    }
    let valid = checks.iter().all(|check| check.outcome != Outcome::Fail);
    Report { config_dir: dir.to_owned(), valid, checks }
}

/// Lines of `adapters.conf` that do less than they look like: a built-in row of the same request holds beside them.
fn rows_beside(settings: &Settings) -> Vec<Problem> {
    let remark = |own: &Row, row: &Row| {
        let takes: Vec<&str> = row.needs.iter().map(|need| need.word()).collect();
        let text = format!(
            "the built-in row `{}` covers such requests too and still holds: it takes {}",
            row.path,
            takes.join(" + ")
        );
        let file = FileKind::Adapters.name();
        let line = own.source.rsplit(':').next().and_then(|line| line.parse().ok()).unwrap_or(0);
        Problem { line, ..Problem::of_file(file, Severity::Info, text) }
    };
    Adapters::new(settings).overlaps().into_iter().map(|(own, row)| remark(own, row)).collect()
}

fn machine_checks(sources: &Sources, settings: &Settings) -> Vec<Check> {
    let files = sources.files.iter().filter(|file| file.name != FileKind::LoginHtml.name());
    let mut checks: Vec<Check> =
        files.filter_map(|file| machine::writable(&sources.dir.join(&file.name))).collect();
    checks.extend(machine::checks(&sources.dir, settings));
    checks
}

fn file_checks(sources: &Sources, problems: Vec<Problem>) -> Vec<Check> {
    let mut checks: Vec<Check> = FileKind::ALL
        .into_iter()
        .map(|kind| match sources.text(kind) {
            Some(_) => Check::new(Outcome::Pass, kind.name(), "right"),
            None => Check::new(Outcome::Info, kind.name(), "not there, which is fine"),
        })
        .collect();
    for problem in problems {
        let at = checks.iter().position(|check| check.subject == problem.file).unwrap_or_else(|| {
            checks.push(Check::new(Outcome::Info, problem.file.clone(), String::new()));
            checks.len() - 1
        });
        checks[at].problems.push(problem);
    }
    for check in checks.iter_mut().filter(|check| !check.problems.is_empty()) {
        if check.problems.iter().any(Problem::is_error) {
            check.outcome = Outcome::Fail;
        }
        check.text = counts(&check.problems);
    }
    checks
}

fn counts(problems: &[Problem]) -> String {
    let kinds = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
    let count = |(severity, word): (Severity, &str)| {
        let number = problems.iter().filter(|problem| problem.severity == severity).count();
        match number {
            0 => None,
            1 => Some(format!("1 {word}")),
            _ => Some(format!("{number} {word}s")),
        }
    };
    kinds.into_iter().filter_map(count).collect::<Vec<_>>().join(", ")
}

impl Report {
    /// The checks alone, for a report of which they are a part.
    pub(crate) fn into_checks(self) -> Vec<Check> {
        self.checks
    }

    fn status(&self) -> u8 {
        if self.valid { 0 } else { EX_CONFIG }
    }

    /// For people.
    pub(crate) fn text(&self) -> Answer {
        let mut text = String::new();
        for check in &self.checks {
            let _ = writeln!(text, "{} {}: {}", check.outcome.label(), check.subject, check.text);
            for problem in &check.problems {
                for line in problem.render(&self.config_dir).lines() {
                    let _ = writeln!(text, "       {line}");
                }
            }
            if let Some(hint) = &check.hint {
                let _ = writeln!(text, "       hint: {hint}");
            }
        }
        let verdict = if self.valid {
            "[PASS] the configuration can be used"
        } else {
            "[FAIL] the daemon does not start with this configuration"
        };
        let _ = writeln!(text, "{verdict}: {}", self.config_dir.display());
        Answer { text, status: self.status(), ..Answer::default() }
    }

    /// For programs.
    pub(crate) fn json(&self) -> anyhow::Result<Answer> {
        let text = format!("{}\n", serde_json::to_string_pretty(self)?);
        Ok(Answer { text, status: self.status(), ..Answer::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).expect("a file");
        }
        dir
    }

    #[test]
    fn an_empty_directory_passes() {
        let empty = dir(&[]);
        let answer = report(empty.path(), true).text();
        assert_eq!(answer.status, 0, "{}", answer.text);
        assert!(
            answer.text.starts_with("[INFO] rserver.conf: not there, which is fine\n"),
            "{}",
            answer.text
        );
    }

    #[test]
    fn a_directory_that_was_named_must_exist() {
        assert_eq!(report(Path::new("/nowhere/at/all"), true).text().status, EX_CONFIG);
        assert_eq!(report(Path::new("/nowhere/at/all"), false).text().status, 0);
    }

    #[test]
    fn all_problems_of_all_files_are_reported() {
        let wrong = dir(&[
            ("rserver.conf", "www-port=x\nadmin-enabled=1\n"),
            ("rsession.conf", "allow-shel=0\nallow-vcs=2\n"),
            ("jupyter.conf", "labs-enabled=1\n"),
            ("vscode.conf", "enabled=1\n"),
        ]);
        let place = wrong.path().display();
        let answer = report(wrong.path(), true).text();
        assert_eq!(answer.status, EX_CONFIG);
        let expected = format!(
            "[FAIL] rserver.conf: 1 error, 1 warning
       {place}/rserver.conf:1: www-port: `x` is not a port
        1 | www-port=x
          |          ^
       hint: write a whole number from 1 to 65535
       {place}/rserver.conf:2: admin-enabled: warning: nobody sees these pages: there is no group of administrators
        2 | admin-enabled=1
          |               ^
       hint: set `admin-superuser-group`, or `admin-group`
[FAIL] rsession.conf: 2 errors
       {place}/rsession.conf:1: allow-shel: there is no such option
        1 | allow-shel=0
          | ^^^^^^^^^^
       hint: did you mean `allow-shell`?
       {place}/rsession.conf:2: allow-vcs: `2` is neither 0 nor 1
        2 | allow-vcs=2
          |           ^
       hint: write 1 for yes and 0 for no
[PASS] jupyter.conf: right
[PASS] vscode.conf: right
[INFO] portcullis.conf: not there, which is fine
[INFO] database.conf: not there, which is fine
[INFO] adapters.conf: not there, which is fine
[INFO] ldap.conf: not there, which is fine
[INFO] profiles: not there, which is fine
[INFO] ip-rules: not there, which is fine
[INFO] login.html: not there, which is fine
[FAIL] the daemon does not start with this configuration: {place}
"
        );
        assert_eq!(answer.text, expected, "\n--- found\n{}", answer.text);
    }

    #[test]
    fn a_row_beside_a_built_in_one_is_told() {
        let beside =
            dir(&[("adapters.conf", "[jupyter]\nroute=GET /mine ui\nroute=GET /files/** ui file\n")]);
        let answer = report(beside.path(), true).text();
        assert_eq!(answer.status, 0, "{}", answer.text);
        let told = "/adapters.conf:3: note: the built-in row `/files**` covers such requests too and still holds: it takes download";
        assert!(answer.text.contains(told) && !answer.text.contains("adapters.conf:2"), "{}", answer.text);
    }

    #[test]
    fn json_has_the_same() {
        let wrong = dir(&[("rsession.conf", "allow-shel=0\n")]);
        let answer = report(wrong.path(), true).json().expect("an answer");
        assert_eq!(answer.status, EX_CONFIG);
        let json: serde_json::Value = serde_json::from_str(&answer.text).expect("JSON");
        assert_eq!(json["valid"], false);
        assert_eq!(json["checks"][1]["outcome"], "FAIL");
        assert_eq!(json["checks"][1]["problems"][0]["line"], 1);
        assert_eq!(json["checks"][1]["problems"][0]["hint"], "did you mean `allow-shell`?");
    }

    #[test]
    fn files_that_can_not_be_read_are_named() {
        let odd = dir(&[]);
        std::fs::create_dir(odd.path().join("profiles")).expect("a directory");
        let answer = report(odd.path(), true).text();
        assert_eq!(answer.status, EX_CONFIG);
        assert!(answer.text.contains("/profiles` is not a file"), "{}", answer.text);
        let latin1 = dir(&[]);
        std::fs::write(latin1.path().join("rsession.conf"), b"# gr\xfc\xdfe\nallow-shell=0\xfc\n")
            .expect("a file");
        let answer = report(latin1.path(), true).text();
        assert!(answer.text.contains("rsession.conf:2: allow-shell: the value has bytes that are not UTF-8"));
    }
}
