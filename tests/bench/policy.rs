//! What the policy costs: processor time of a decision, of a judged body, of an inspected message. No server, no socket.
//!
//! Each figure is the median of many short stretches on one thread, by the processor time of that thread, so that whatever else
//! the machine does counts little.

use std::hint::black_box;
use std::sync::Arc;

use nix::time::{ClockId, clock_gettime};
use portcullis_model::session::Ide;
use portcullis_policy::inspect::{Acts, Opcode, Place, inspector};
use portcullis_policy::{Adapters, Ask, Flags, Setting, SocketRule, decide, judge_body};

use crate::report::{Bar, Row, Table};
use crate::stats;

/// Largest processor time of a decision, in nanoseconds (median of an IDE's usual requests).
const DECISION_NS: f64 = 1000.0;
/// Largest processor time of a judged call of 1 KiB, in nanoseconds.
const BODY_NS: f64 = 3000.0;
/// Length of a body.
const BODY: usize = 1024;
/// Decisions of one stretch: long against the clock's own cost.
const STRETCH: u32 = 500;

/// A request as the IDE's page sends it.
struct Usual {
    ide: Ide,
    method: &'static str,
    path: &'static str,
    query: Option<&'static str>,
    upgrade: bool,
    /// Whether the flags let it through; said, so that the table is read with the right expectation.
    passes: bool,
}

const fn usual(ide: Ide, method: &'static str, path: &'static str, query: Option<&'static str>) -> Usual {
    Usual { ide, method, path, query, upgrade: false, passes: true }
}

const fn socket(ide: Ide, path: &'static str, query: Option<&'static str>) -> Usual {
    Usual { upgrade: true, ..usual(ide, "GET", path, query) }
}

const fn shut(ide: Ide, method: &'static str, path: &'static str, query: Option<&'static str>) -> Usual {
    Usual { passes: false, ..usual(ide, method, path, query) }
}

/// What pages ask for most, and two doors that are shut.
const USUAL: [Usual; 25] = [
    usual(Ide::Jupyter, "GET", "/api", None),
    usual(Ide::Jupyter, "GET", "/api/kernels", Some("1732177000000")),
    usual(Ide::Jupyter, "GET", "/api/sessions", Some("1732177000000")),
    usual(Ide::Jupyter, "GET", "/api/contents/work/report.ipynb", Some("type=notebook&content=1&hash=1")),
    usual(Ide::Jupyter, "PUT", "/api/contents/work/report.ipynb", None),
    usual(Ide::Jupyter, "GET", "/lab/api/settings/@jupyterlab/apputils-extension:themes", None),
    usual(Ide::Jupyter, "GET", "/static/lab/main.5f2c3e.js", Some("v=5f2c3e")),
    socket(Ide::Jupyter, "/api/kernels/0f3a9c1e-6f0b-4a59-9a2a-0d3c1f1c7a11/channels", Some("session_id=a")),
    shut(Ide::Jupyter, "POST", "/api/terminals", None),
    shut(Ide::Jupyter, "GET", "/some/new/door", None),
    usual(Ide::Rstudio, "POST", "/rpc/client_init", None),
    usual(Ide::Rstudio, "POST", "/rpc/console_input", None),
    usual(Ide::Rstudio, "POST", "/rpc/list_files", None),
    usual(Ide::Rstudio, "POST", "/events/get_events", None),
    usual(Ide::Rstudio, "GET", "/graphics/plot.png", Some("width=800&height=600&randomizer=123")),
    usual(Ide::Rstudio, "GET", "/rstudio/rstudio-0.js", None),
    shut(Ide::Rstudio, "POST", "/rpc/start_terminal", None),
    shut(Ide::Rstudio, "GET", "/export/report.csv", Some("name=report.csv&file=report.csv")),
    usual(Ide::CodeServer, "GET", "/", Some("folder=/home/a")),
    usual(Ide::CodeServer, "GET", "/healthz", None),
    usual(Ide::CodeServer, "GET", "/_static/src/browser/media/favicon.ico", None),
    socket(
        Ide::CodeServer,
        "/",
        Some("reconnectionToken=0f3a9c1e&reconnection=false&skipWebSocketFrames=false"),
    ),
    socket(
        Ide::CodeServer,
        "/stable-2f9e0f5d",
        Some("reconnectionToken=0f3a9c1e&reconnection=false&skipWebSocketFrames=false"),
    ),
    shut(Ide::CodeServer, "GET", "/proxy/8123/", None),
    shut(Ide::CodeServer, "GET", "/some/new/door", None),
];

impl Usual {
    fn ask(&self) -> Ask<'_> {
        Ask {
            method: self.method,
            path: self.path,
            query: self.query,
            upgrade: self.upgrade,
            subprotocol: None,
            content_length: (self.method == "PUT").then_some(4096),
            wants_html: false,
            port_token: None,
        }
    }

    fn name(&self) -> String {
        let socket = if self.upgrade { " (WebSocket)" } else { "" };
        let shut = if self.passes { "" } else { ", refused" };
        format!("{}: {} {}{socket}{shut}", self.ide.word(), self.method, self.path)
    }
}

/// Nearly everything is forbidden: no decision is waved through.
fn restrictive() -> Flags {
    let off = |line| Setting::at(false, "rsession.conf", line);
    Flags {
        shell: off(1),
        uploads: off(2),
        downloads: off(3),
        packages: off(4),
        publish: off(5),
        external_publish: off(6),
        vcs: off(7),
        restrict_directories: Setting::at(true, "rsession.conf", 8),
        upload_limit_mb: Setting::at(10, "rsession.conf", 9),
        ..Flags::default()
    }
}

/// Measures, and holds the figures against the bars.
pub(crate) fn measure(quick: bool, bars: &mut Vec<Bar>) -> Vec<Table> {
    let stretches = if quick { 21 } else { 301 };
    vec![decisions(stretches, bars), bodies(stretches, bars), messages(stretches)]
}

fn decisions(stretches: usize, bars: &mut Vec<Bar>) -> Table {
    let (adapters, flags) = (Adapters::default(), restrictive());
    let mut rows = Vec::new();
    let mut by_ide: Vec<(Ide, Vec<f64>)> = Vec::new();
    for usual in &USUAL {
        let ask = usual.ask();
        let passes = decide(&adapters, usual.ide, &flags, &ask).is_forward();
        let time = cost(stretches, || drop(black_box(decide(&adapters, usual.ide, &flags, black_box(&ask)))));
        let surprise = if passes == usual.passes { "" } else { " (not as expected)" };
        rows.push(Row { target: format!("{}{surprise}", usual.name()), figures: vec![Some(time)] });
        match by_ide.iter_mut().find(|(ide, _)| *ide == usual.ide) {
            Some((_, times)) => times.push(time),
            None => by_ide.push((usual.ide, vec![time])),
        }
    }
    for (ide, times) in by_ide {
        let promise = format!("a decision for {}, ns of processor time", ide.word());
        bars.push(Bar::at_most(promise, DECISION_NS, stats::median(times)));
    }
    Table {
        title: "Decisions".into(),
        how: "One decision on a request's head with nearly every flag restricting; the median of short stretches of one thread's processor time. A refusal makes its texts, which a request that passes doesn't.".into(),
        columns: vec!["ns".into()],
        rows,
    }
}

/// Text of the length wanted, as people write.
fn filler(length: usize) -> String {
    "x <- c(1, 2, 3) # a line of code that somebody wrote\\n".chars().cycle().take(length).collect::<String>()
}

/// A body of about [`BODY`] bytes around a filler.
fn body(before: &str, after: &str) -> String {
    let room = BODY.saturating_sub(before.len() + after.len());
    // Cut before an escape's second half.
    let filler = filler(room);
    let filler = filler.strip_suffix('\\').unwrap_or(&filler);
    format!("{before}{filler}{after}")
}

fn bodies(stretches: usize, bars: &mut Vec<Bar>) -> Table {
    let (adapters, flags) = (Adapters::default(), restrictive());
    let call = body(
        r#"{"method":"console_input","params":[""#,
        r#"","",0],"clientId":"0f3a9c1e-6f0b-4a59-9a2a-0d3c1f1c7a11","clientVersion":""}"#,
    );
    let document = body(r#"{"type":"file","format":"text","path":"work/a.R","content":""#, r#""}"#);
    let asked = [
        (usual(Ide::Rstudio, "POST", "/rpc/console_input", None), call),
        (usual(Ide::Jupyter, "PUT", "/api/contents/work/a.R", None), document),
    ];
    let mut rows = Vec::new();
    for (usual, body) in &asked {
        let length = u64::try_from(body.len()).ok();
        let ask = Ask { content_length: length, ..usual.ask() };
        let passes = judge_body(&adapters, usual.ide, &flags, &ask, body.as_bytes()).is_forward();
        let time = cost(stretches, || {
            drop(black_box(judge_body(&adapters, usual.ide, &flags, &ask, black_box(body.as_bytes()))));
        });
        let surprise = if passes { "" } else { " (not as expected: refused)" };
        rows.push(Row { target: format!("{}{surprise}", usual.name()), figures: vec![Some(time)] });
        if usual.ide == Ide::Rstudio {
            bars.push(Bar::at_most("a JSON-RPC body of 1 KiB, ns of processor time", BODY_NS, time));
        }
    }
    Table {
        title: "Judged bodies".into(),
        how: format!("A whole body of {BODY} bytes, the decision on its head once more included."),
        columns: vec!["ns".into()],
        rows,
    }
}

/// A kernel's message in the binary framing: channel, header, parent, metadata, content.
fn kernel_message(kind: &str, content: &str) -> Vec<u8> {
    let header = format!(
        r#"{{"date":"2026-11-21T10:00:00.000Z","msg_id":"01234567-89ab-cdef-0123-456789abcdef","msg_type":"{kind}","session":"s","username":"","version":"5.2"}}"#
    );
    let parts = ["shell", &header, "{}", "{}", content];
    let mut bytes = 6_u64.to_le_bytes().to_vec();
    let mut at = 56_u64;
    bytes.extend(at.to_le_bytes());
    for part in parts {
        at += u64::try_from(part.len()).unwrap_or(0);
        bytes.extend(at.to_le_bytes());
    }
    parts.iter().for_each(|part| bytes.extend(part.as_bytes()));
    bytes
}

fn messages(stretches: usize) -> Table {
    let flags = Arc::new(restrictive());
    let adapters = Adapters::default();
    let execute = body(
        r#"{"silent":false,"store_history":true,"user_expressions":{},"allow_stdin":true,"stop_on_error":true,"code":""#,
        r#""}"#,
    );
    let sent = [
        (
            "jupyter: kernel_info_request",
            SocketRule::JupyterKernel,
            Opcode::Binary,
            kernel_message("kernel_info_request", "{}"),
        ),
        (
            "jupyter: execute_request, 1 KiB",
            SocketRule::JupyterKernel,
            Opcode::Binary,
            kernel_message("execute_request", &execute),
        ),
    ];
    let mut rows = Vec::new();
    for (name, rule, opcode, message) in &sent {
        let Some(mut inspector) = inspector(&adapters, Ide::Jupyter, *rule, &flags, "/home/a") else {
            continue;
        };
        inspector.opened(Some("v1.kernel.websocket.jupyter.org"));
        let place = Place { opcode: *opcode, first: true, last: true };
        let mut ended = false;
        let time = cost(stretches, || {
            let mut piece = black_box(message.clone());
            let mut acts = Acts::default();
            ended |= inspector.from_client(place, &mut piece, &mut acts).is_err();
            black_box((piece, acts));
        });
        let surprise = if ended { " (not as expected: ended)" } else { "" };
        rows.push(Row { target: format!("{name}{surprise}"), figures: vec![Some(time)] });
    }
    Table {
        title: "Inspected messages".into(),
        how: "One message of the browser through the inspector of its WebSocket, with the copy that is made to measure it.".into(),
        columns: vec!["ns".into()],
        rows,
    }
}

/// The median cost of one call, in nanoseconds of this thread's processor time.
fn cost(stretches: usize, mut once: impl FnMut()) -> f64 {
    (0..STRETCH).for_each(|_| once()); // warm-up, not counted
    let stretch = || {
        let before = processor_ns();
        (0..STRETCH).for_each(|_| once());
        (processor_ns() - before) / f64::from(STRETCH)
    };
    stats::median(std::iter::repeat_with(stretch).take(stretches).collect::<Vec<_>>())
}

fn processor_ns() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    #[allow(
        clippy::cast_precision_loss,
        reason = "a benchmark's processor time stays far below 2^52 nanoseconds"
    )]
    let ns = time.tv_sec() as f64 * 1e9 + time.tv_nsec() as f64;
    ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_is_what_it_says() {
        let (adapters, flags) = (Adapters::default(), restrictive());
        for usual in &USUAL {
            let passes = decide(&adapters, usual.ide, &flags, &usual.ask()).is_forward();
            assert_eq!(passes, usual.passes, "{}", usual.name());
        }
        assert!((BODY - 2..=BODY).contains(&body("{", "}").len()));
        assert_eq!(kernel_message("x", "{}")[..8], [6, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_table_has_a_row_for_each_and_the_bars_are_there() {
        let mut bars = Vec::new();
        let tables = [decisions(1, &mut bars), bodies(1, &mut bars), messages(1)];
        assert_eq!(tables[0].rows.len(), USUAL.len());
        assert!(tables[2].rows.len() == 2 && bars.len() == 4, "{bars:?}");
        for row in tables.iter().flat_map(|table| &table.rows) {
            assert!(!row.target.contains("not as expected"), "{}", row.target);
        }
    }
}
