//! What is wrong with a section as a whole, when each of its lines is right.

use super::command::{Listen, mentions};
use super::{Route, Section};
use crate::ini::char_len;
use crate::option::FileKind;
use crate::problem::{Problem, Severity};
use crate::values::Said;

/// Why an application that can only listen on TCP is not started.
pub const TCP_REFUSED: &str = "it can only listen on a TCP port, which every account of this machine could reach; it is not \
                               started until sessions have a network of their own";

/// Whether an application can be started so that nobody else reaches it.
pub(super) fn app(section: &Section, problems: &mut Vec<Problem>) {
    let Some(app) = section.app() else { return };
    let command = section.values.find("command");
    let said = |name: &str| section.values.find(name);
    let Some(line) = command.filter(|_| !app.command.is_empty()) else {
        let text = "it does not say how the application is started";
        return problems.push(whole(section, text).hint("write `command=/usr/bin/program {socket}`"));
    };
    let speaks_of = |word: &str| {
        section.values.said.iter().any(|said| said.opt.name != "route" && mentions(&said.text, word))
    };
    match app.listen {
        Listen::Tcp => {
            let listen = said("listen").unwrap_or(line);
            let problem =
                listen.problem(Severity::Warning, format!("the application is not offered: {TCP_REFUSED}"));
            problems.push(
                problem
                    .hint("many servers take a Unix socket: look for `--uds`, `--socket` or `--bind unix:`"),
            );
        }
        Listen::Unix if speaks_of("port") => {
            let text = format!("`{{port}}` stands for nothing: {TCP_REFUSED}");
            problems.push(line.problem(Severity::Error, text).hint("have it listen on `{socket}`"));
        }
        Listen::Unix if !speaks_of("socket") => {
            let text = "the application is not told where to listen: `{socket}` stands neither in `command` nor in `environment`";
            let hint = "give it `{socket}`; for one that can only listen on TCP write `listen=tcp`";
            problems.push(line.problem(Severity::Error, text).hint(hint));
        }
        Listen::Unix => {}
    }
}

/// Lines that no request reaches, because an earlier one takes all that fit.
pub(super) fn unreached(section: &Section, problems: &mut Vec<Problem>) {
    let mut before: Vec<(u32, Route)> = Vec::new();
    let lines: Vec<&Said> = section.values.all("route").collect();
    for (line, route) in section.routes() {
        let first = before.iter().find(|(_, earlier)| earlier.covers(&route));
        let said = lines.iter().find(|said| said.line == line);
        if let Some(((earlier, _), said)) = first.zip(said) {
            let text = format!("no request comes this far: line {earlier} takes all that fit");
            let problem = said.problem(Severity::Warning, text);
            problems.push(problem.hint("the first line that fits decides: write the narrow ones first"));
        }
        before.push((line, route));
    }
}

fn whole(section: &Section, text: &str) -> Problem {
    let trimmed = section.source.trim();
    let start = char_len(&section.source) - char_len(section.source.trim_start());
    Problem {
        file: FileKind::Adapters.name().to_owned(),
        line: section.line,
        span: start..start + char_len(trimmed),
        option: None,
        severity: Severity::Error,
        text: text.to_owned(),
        hint: None,
        source: Some(section.source.clone()),
    }
}
