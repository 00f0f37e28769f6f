//! Log lines on standard error: `LEVEL PROGRAM: message key=value …`. No time: the journal has it.
//!
//! What comes from outside can't forge a line: control characters are replaced.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Sets it up from `PORTCULLIS_LOG` (`error`, `warn`, `info`, `debug`; default `info`), for a program of this name.
pub fn start(program: &'static str) {
    let level = match std::env::var("PORTCULLIS_LOG").as_deref() {
        Ok("error") => LevelFilter::ERROR,
        Ok("warn") => LevelFilter::WARN,
        Ok("debug") => LevelFilter::DEBUG,
        _ => LevelFilter::INFO,
    };
    // Libraries below speak of what clients do wrong; that is no administrator's business.
    let ours = Targets::new().with_target("portcullis", level).with_default(LevelFilter::ERROR);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).event_format(Line(program));
    // A second one in the same process (tests) keeps the first.
    let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
}

struct Line(&'static str);

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let text = format!("{} {}: {}{}", event.metadata().level(), self.0, fields.message, fields.rest);
        writeln!(writer, "{}", one_line(&text))
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    rest: String,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else if text.is_empty() || text.contains([' ', '"', '=']) && !text.starts_with('"') {
            // Writing to a String does not fail.
            let _ = write!(self.rest, " {}={text:?}", field.name());
        } else {
            let _ = write!(self.rest, " {}={text}", field.name());
        }
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_cannot_begin_a_line() {
        assert_eq!(one_line("a\nERROR b\u{1b}[2J"), "a\u{fffd}ERROR b\u{fffd}[2J");
    }
}
