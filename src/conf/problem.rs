//! What is wrong with a configuration, and how it is shown: `path:line: option: what`, the line with a caret, a hint.

use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something that is good to know.
    Info,
    /// Something that most likely isn't what was meant.
    Warning,
    /// The configuration is not used.
    Error,
}

impl Severity {
    /// The word before a message; errors need none.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Info => "note: ",
            Self::Warning => "warning: ",
            Self::Error => "",
        }
    }
}

/// Something wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Name of the file below the configuration directory; empty when it is about the whole.
    pub file: String,
    /// Its line from 1, or 0 when no line is to blame.
    pub line: u32,
    /// Characters of the line that are wrong, from 0; empty when no part is to blame.
    pub span: Range<usize>,
    /// The option, when it is about one.
    pub option: Option<String>,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub text: String,
    /// What to do.
    pub hint: Option<String>,
    /// The line itself.
    pub source: Option<String>,
}

impl Problem {
    /// A problem without a place in a file.
    pub fn of_file(file: &str, severity: Severity, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: 0,
            span: 0..0,
            option: None,
            severity,
            text: text.into(),
            hint: None,
            source: None,
        }
    }

    /// With a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the configuration can't be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// As a person reads it, with a line feed at its end. `dir` is the configuration directory.
    pub fn render(&self, dir: &Path) -> String {
        let mut out = format!("{}\n", self.headline(dir));
        if let Some(source) = &self.source {
            let number = self.line.to_string();
            let pad = " ".repeat(number.len());
            // Tabs stay tabs below the line, so that the caret stands where the eye expects it.
            let before: String =
                source.chars().take(self.span.start).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
            let carets = "^".repeat(self.span.len().max(1));
            let _ = write!(out, " {number} | {}\n {pad} | {before}{carets}\n", printable(source));
        }
        if let Some(hint) = &self.hint {
            let _ = writeln!(out, "hint: {}", printable(hint));
        }
        out
    }

    /// Its first line: for logs.
    pub fn headline(&self, dir: &Path) -> String {
        let mut out = dir.join(&self.file).display().to_string();
        if self.line > 0 {
            let _ = write!(out, ":{}", self.line);
        }
        out.push_str(": ");
        if let Some(option) = &self.option {
            let _ = write!(out, "{}: ", printable(option));
        }
        let _ = write!(out, "{}{}", self.severity.prefix(), printable(&self.text));
        out
    }
}

/// Terminals obey control characters; a configuration file's text must not.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}
