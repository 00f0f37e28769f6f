//! What is printed: a row for each way, and whether it holds.

use std::fmt::{self, Write as _};

use serde::Serialize;
use serde_json::Value;

use crate::attempt::{Flags, Language};
use crate::evidence;
use crate::outcome::Outcome;

/// The fewest ways that must be held, named and proved by their control.
const LEAST: usize = 60;
/// Widest cell of the table.
const WIDE: usize = 60;

/// One way.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Source and name.
    pub(crate) id: String,
    /// What it does.
    pub(crate) title: &'static str,
    /// What it is written in.
    pub(crate) language: Language,
    /// Flags of the session.
    pub(crate) flags: Flags,
    /// What came of it with the sandbox.
    pub(crate) sandbox: Option<Outcome>,
    /// The record that names it.
    pub(crate) record: Option<Value>,
    /// Why there may be no record.
    pub(crate) not_there: Option<&'static str>,
    /// Why it is known to get out.
    pub(crate) known: Option<&'static str>,
    /// All records of the session, when none names it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) instead: Vec<Value>,
    /// What came of it without the sandbox.
    pub(crate) control: Option<Outcome>,
}

impl Row {
    /// What is wrong with it, if anything.
    fn wrong(&self) -> Option<&'static str> {
        match (&self.sandbox, &self.control) {
            (Some(Outcome::Escaped(_)), _) if self.known.is_none() => Some("IT GOT OUT"),
            (Some(Outcome::Broken(_)), _) => Some("could not be tried with the sandbox"),
            (Some(Outcome::Held(_)), _) if self.record.is_none() && self.not_there.is_none() => {
                Some("held, but named nowhere")
            }
            (_, Some(Outcome::Held(_))) => Some("proves nothing: held without the sandbox too"),
            (_, Some(Outcome::Broken(_))) => Some("could not be tried without the sandbox"),
            (_, _) => None,
        }
    }

    /// Whether it counts among those that are held, named and proved.
    const fn counts(&self) -> bool {
        matches!(self.sandbox, Some(Outcome::Held(_)))
            && matches!(self.control, Some(Outcome::Escaped(_)))
            && self.record.is_some()
    }
}

/// All of it.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The ways.
    pub(crate) rows: Vec<Row>,
    /// How long it took.
    pub(crate) seconds: u64,
    /// Whether every way was tried, both times.
    pub(crate) complete: bool,
}

impl Report {
    /// Whether every way is held, named and proved, and there are enough of them.
    pub(crate) fn holds(&self) -> bool {
        self.rows.iter().all(|row| row.wrong().is_none())
            && (!self.complete || self.rows.iter().filter(|row| row.counts()).count() >= LEAST)
    }
}

impl Report {
    /// As the standard harness prints it: a test for each way.
    pub(crate) fn as_tests(&self) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let verdict = if row.wrong().is_none() { "ok" } else { "FAILED" };
            let _ = writeln!(text, "test redteam::{} ... {verdict}", row.id);
        }
        let failed = self.rows.iter().filter(|row| row.wrong().is_some()).count();
        let passed = self.rows.len() - failed;
        let word = if failed == 0 { "ok" } else { "FAILED" };
        // Too few ways is a failure of its own.
        let few = usize::from(failed == 0 && !self.holds());
        let (word, failed) = if few > 0 { ("FAILED", few) } else { (word, failed) };
        let _ = writeln!(text, "\n{self}\n");
        let _ = writeln!(
            text,
            "test result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; finished in {}.00s",
            self.seconds
        );
        text
    }
}

fn cut(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= WIDE {
        return line;
    }
    let kept: String = line.chars().take(WIDE - 1).collect();
    format!("{kept}…")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| Way | Language | Flags | With the sandbox | Named by | Without it |")?;
        writeln!(f, "|---|---|---|---|---|---|")?;
        for row in &self.rows {
            let told = |outcome: &Option<Outcome>| match outcome {
                Some(Outcome::Held(words)) => format!("refused: {}", cut(words)),
                Some(Outcome::Escaped(words)) => format!("succeeded: {}", cut(words)),
                Some(Outcome::Broken(words)) => format!("BROKEN: {}", cut(words)),
                None => "not tried".into(),
            };
            let named = match (&row.record, row.not_there) {
                (Some(record), _) => cut(&evidence::words(record)),
                (None, Some(why)) => format!("not there: {why}"),
                (None, None) if row.known.is_some() => {
                    format!("KNOWN TO GET OUT: {}", row.known.unwrap_or_default())
                }
                (None, None) => "nothing".into(),
            };
            let (sandbox, control) = (told(&row.sandbox), told(&row.control));
            writeln!(
                f,
                "| {}: {} | {} | {} | {sandbox} | {named} | {control} |",
                row.id,
                row.title,
                row.language.name(),
                row.flags.name()
            )?;
        }
        writeln!(f)?;
        for (row, wrong) in self.rows.iter().filter_map(|row| Some((row, row.wrong()?))) {
            let words = [&row.sandbox, &row.control].into_iter().flatten().map(Outcome::words);
            writeln!(f, "WRONG: {}: {wrong} ({})", row.id, words.collect::<Vec<_>>().join(" / "))?;
        }
        let counted = self.rows.iter().filter(|row| row.counts()).count();
        let known = self
            .rows
            .iter()
            .filter(|row| matches!(row.sandbox, Some(Outcome::Escaped(_))) && row.known.is_some());
        let known = known.count();
        let apart =
            self.rows.iter().filter(|row| row.wrong().is_none() && row.record.is_none()).count() - known;
        let wrong = self.rows.iter().filter(|row| row.wrong().is_some()).count();
        write!(
            f,
            "{} ways in {} s: {counted} refused, named and proved by their control; {apart} refused because there is nothing \
             to be reached; {known} known to get out; {wrong} wrong",
            self.rows.len(),
            self.seconds
        )?;
        if self.complete && counted < LEAST {
            write!(f, "\nWRONG: fewer than {LEAST}")?;
        }
        Ok(())
    }
}
