//! Tables and JSON from what was measured, and the verdict against the bars.

use std::fmt::Write as _;

use serde::Serialize;

/// A row of a table: a target and its figures, already medians.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The target.
    pub(crate) target: String,
    /// The figures in the order of the table's columns; `None` where there is none.
    pub(crate) figures: Vec<Option<f64>>,
}

/// One table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Table {
    /// Its heading.
    pub(crate) title: String,
    /// One sentence on what was done.
    pub(crate) how: String,
    /// Column names with units.
    pub(crate) columns: Vec<String>,
    /// Rows.
    pub(crate) rows: Vec<Row>,
}

/// A promise and what was measured.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Bar {
    /// What was promised.
    pub(crate) promise: String,
    /// Largest figure that keeps it.
    pub(crate) limit: f64,
    /// What was measured.
    pub(crate) measured: f64,
    /// Whether it holds.
    pub(crate) holds: bool,
}

impl Bar {
    /// A promise that the figure stays at or below the limit.
    pub(crate) fn at_most(promise: impl Into<String>, limit: f64, measured: f64) -> Self {
        Self { promise: promise.into(), limit, measured, holds: measured <= limit }
    }

    /// A figure that must not be below `limit`; the promise says so.
    pub(crate) fn at_least(promise: impl Into<String>, limit: f64, measured: f64) -> Self {
        Self { promise: promise.into(), limit, measured, holds: measured >= limit }
    }
}

/// Everything of one run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// Processor, cores, kernel.
    pub(crate) machine: String,
    /// Versions of what was compared; empty when nothing of others was.
    pub(crate) versions: String,
    /// Rounds of each interleaved measurement.
    pub(crate) rounds: usize,
    /// The tables.
    pub(crate) tables: Vec<Table>,
    /// The verdicts.
    pub(crate) bars: Vec<Bar>,
}

impl Report {
    /// The report as Markdown, for `docs/performance.md` and the terminal.
    pub(crate) fn markdown(&self) -> String {
        let compared =
            if self.versions.is_empty() { String::new() } else { format!(" Compared: {}.", self.versions) };
        let mut text = format!(
            "Machine: {}.{compared} Each figure is the median of {} interleaved rounds; one run, one machine, loopback.\n",
            self.machine, self.rounds
        );
        for table in &self.tables {
            let _ = write!(text, "\n## {}\n\n{}\n\n| target |", table.title, table.how);
            for column in &table.columns {
                let _ = write!(text, " {column} |");
            }
            let _ = write!(text, "\n| --- |{}\n", " ---: |".repeat(table.columns.len()));
            for row in &table.rows {
                let _ = write!(text, "| {} |", row.target);
                for figure in &row.figures {
                    let _ = write!(text, " {} |", figure.map_or_else(|| "–".to_owned(), number));
                }
                text.push('\n');
            }
        }
        text.push_str("\n## Bars\n\n| promise | limit | measured | |\n| --- | ---: | ---: | --- |\n");
        for bar in &self.bars {
            let verdict = if bar.holds { "holds" } else { "**missed**" };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {verdict} |",
                bar.promise,
                number(bar.limit),
                number(bar.measured)
            );
        }
        text
    }
}

/// Three significant digits or so: more would pretend.
fn number(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_bar_says_so() {
        let report = Report {
            machine: "m".into(),
            versions: "v".into(),
            rounds: 3,
            tables: vec![Table {
                title: "T".into(),
                how: "H.".into(),
                columns: vec!["a".into(), "b".into()],
                rows: vec![Row { target: "x".into(), figures: vec![Some(1234.5), None] }],
            }],
            bars: vec![Bar::at_most("p", 1.0, 1.5), Bar::at_most("q", 1.0, 1.0)],
        };
        let text = report.markdown();
        assert!(text.contains("| x | 1234 | – |") || text.contains("| x | 1235 | – |"), "{text}");
        assert!(text.contains("| p | 1.00 | 1.50 | **missed** |"), "{text}");
        assert!(text.contains("| q | 1.00 | 1.00 | holds |"), "{text}");
    }
}
