//! The plan of a run: what is measured on what, how often, and which bars it is held against.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result};
use portcullis_testing::stage::Stage;

use crate::ours::{self, Way};
use crate::report::{Bar, Report, Row, Table};
use crate::target::Target;
use crate::{
    hostile, http_load, ide_start, peers, people, policy, sandbox, sign_ins, stats, transfer, upstream,
    websocket_load,
};

/// Answers in a fixed small JSON text; a route of JupyterLab that every flag leaves open.
const SMALL: &str = "api";
const ECHO: &str = "api/kernels/0f3a9c1e-6f0b-4a59-9a2a-0d3c1f1c7a11/channels?session_id=bench";
const GIB: u64 = 1 << 30;

struct Plan {
    rounds: usize,
    stretch: Duration,
    bytes: u64,
    idle: u32,
}

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope {
    /// Short stretches, few rounds.
    pub(crate) quick: bool,
    /// The start of JupyterLab too.
    pub(crate) ide: bool,
    /// Nothing but small requests.
    pub(crate) only_requests: bool,
}

/// Measures everything within the scope.
///
/// # Errors
/// When a target can't be started or a request fails.
pub(crate) fn everything(scope: &Scope, chp: Option<&Path>) -> Result<Report> {
    let plan = if scope.quick {
        Plan { rounds: 2, stretch: Duration::from_secs(1), bytes: GIB / 8, idle: 200 }
    } else {
        Plan { rounds: 7, stretch: Duration::from_secs(3), bytes: GIB, idle: 1000 }
    };
    let scratch =
        tempfile::Builder::new().prefix("bench").tempdir_in("/run").context("cannot make a folder")?;
    open(scratch.path())?;
    let workers = std::thread::available_parallelism()?.get();
    let stage = Stage::default();
    let doubles = upstream::start(scratch.path())?;
    let nginx = peers::nginx(&doubles.upstream, scratch.path(), workers)?;
    let haproxy = peers::haproxy(&doubles.upstream, scratch.path(), workers)?;
    let chp = chp.map(|program| peers::configurable_http_proxy(&doubles.upstream, program)).transpose()?;
    let handed = ours::start(&stage, Way::HandedOver, &doubles.upstream.token)?;
    let relayed = ours::start(&stage, Way::Relayed, &doubles.upstream.token)?;
    let idle = handed.idle()?;
    let mut targets = vec![
        peers::direct(&doubles.upstream),
        nginx.target.clone(),
        haproxy.target.clone(),
        handed.target.clone(),
        relayed.target.clone(),
    ];
    targets.extend(chp.as_ref().map(|peer| peer.target.clone()));

    let mut bars = Vec::new();
    let mut tables = vec![requests(&targets, &plan, scratch.path(), &mut bars)?];
    if scope.only_requests {
        return Ok(Report { machine: machine()?, versions: versions(), rounds: plan.rounds, tables, bars });
    }
    tables.extend(policy::measure(scope.quick, &mut bars));
    tables.push(websockets(&targets, &plan)?);
    tables.push(transfers(&targets, &plan, &mut bars)?);
    let kb = |value: u64| u32::try_from(value).map_or(f64::NAN, f64::from) / 1024.0;
    tables.push(Table {
        title: "Memory at rest".into(),
        how: "Proportional set size after one sign-in with one session, before any load.".into(),
        columns: vec!["MB".into()],
        rows: [
            ("launcher", idle.launcher),
            ("server", idle.server),
            ("session process", idle.session),
            ("keeper", idle.keeper),
        ]
        .map(|(name, value)| Row { target: name.into(), figures: vec![Some(kb(value))] })
        .into(),
    });
    bars.push(Bar::at_most("launcher at rest, MB", 4.0, kb(idle.launcher)));
    bars.push(Bar::at_most("server at rest, MB", 20.0, kb(idle.server)));
    bars.push(Bar::at_most("session process, MB", 2.0, kb(idle.session)));
    if scope.ide {
        tables.push(starts(&stage, if scope.quick { 1 } else { 3 }, scratch.path())?);
    }
    Ok(Report { machine: machine()?, versions: versions(), rounds: plan.rounds, tables, bars })
}

/// Measures what users notice of hostile peers.
///
/// # Errors
/// When a stretch can't be measured.
pub(crate) fn hostile_alone(quick: bool, only: Option<&str>) -> Result<Report> {
    let (rounds, seconds) = if quick { (2, 2) } else { (7, 4) };
    let mut bars = Vec::new();
    let plan = hostile::Plan { rounds, stretch: Duration::from_secs(seconds) };
    let tables = vec![hostile::measure(plan, only, &mut bars)?];
    Ok(Report { machine: machine()?, versions: String::new(), rounds, tables, bars })
}

fn people_plan(quick: bool) -> people::Plan {
    let (restarts, turns) = if quick { (3, 4) } else { (7, 96) };
    people::Plan { restarts, turns, stretch: Duration::from_secs(1) }
}

/// Measures how many sign in a second, and what very many sign-ins cost.
///
/// # Errors
/// When a start or a request fails.
pub(crate) fn people_alone(quick: bool, beside: Option<&Path>) -> Result<Report> {
    let scratch =
        tempfile::Builder::new().prefix("bench").tempdir_in("/run").context("cannot make a folder")?;
    open(scratch.path())?;
    let doubles = upstream::start(scratch.path())?;
    let plan = people_plan(quick);
    let mut bars = Vec::new();
    let stage = Stage::default();
    let (turns, seconds) = if quick { (1, 2) } else { (7, 6) };
    let way_in = sign_ins::Plan { turns, stretch: Duration::from_secs(seconds) };
    let mut tables = vec![sign_ins::measure(&stage, way_in, &mut bars)?];
    let token = &doubles.upstream.token;
    tables.extend(people::measure(&stage, token, plan, scratch.path(), &mut bars)?);
    if let Some(programs) = beside {
        tables.push(people::beside(&stage, programs, token, plan, scratch.path(), &mut bars)?);
    }
    Ok(Report { machine: machine()?, versions: String::new(), rounds: plan.turns, tables, bars })
}

/// Measures the policy alone.
///
/// # Errors
/// When the machine can't be described.
pub(crate) fn policy_alone(quick: bool) -> Result<Report> {
    let mut bars = Vec::new();
    let tables = policy::measure(quick, &mut bars);
    let mut machine = machine()?;
    if cfg!(debug_assertions) {
        machine.push_str(" (built without optimisation: these figures say nothing)");
    }
    Ok(Report { machine, versions: "nothing".into(), rounds: 1, tables, bars })
}

/// Measures what the sandbox costs.
///
/// # Errors
/// When a session doesn't start or its work fails.
pub(crate) fn sandbox_alone(quick: bool, program: &Path, numpy: Option<&Path>) -> Result<Report> {
    let plan = sandbox::Plan {
        starts: if quick { 3 } else { 31 },
        rounds: if quick { 3 } else { 12 },
        program,
        numpy,
    };
    let mut bars = Vec::new();
    let tables = sandbox::measure(&plan, &mut bars)?;
    Ok(Report { machine: machine()?, versions: String::new(), rounds: plan.rounds, tables, bars })
}

fn requests(targets: &[Target], plan: &Plan, scratch: &Path, bars: &mut Vec<Bar>) -> Result<Table> {
    let mut samples = vec![Vec::new(); targets.len()];
    for target in targets {
        http_load::run(target, SMALL, Duration::from_secs(1), scratch)?; // warm-up, not counted
    }
    for _ in 0..plan.rounds {
        for (at, target) in targets.iter().enumerate() {
            samples[at].push(http_load::run(target, SMALL, plan.stretch, scratch)?);
        }
    }
    let column =
        |at: usize, figure: fn(&http_load::Sample) -> f64| samples[at].iter().map(figure).collect::<Vec<_>>();
    let nginx = position(targets, "nginx")?;
    let ratio = |at: usize, figure: fn(&http_load::Sample) -> f64| {
        stats::median_ratio(&column(at, figure), &column(nginx, figure))
    };
    let rows = targets.iter().enumerate().map(|(at, target)| {
        let own = !target.pids.is_empty();
        let memory = samples[at]
            .last()
            .map_or(f64::NAN, |sample| u32::try_from(sample.pss_kb).map_or(f64::NAN, f64::from));
        Row {
            target: target.name.into(),
            figures: vec![
                Some(stats::median(column(at, |s| s.per_second))),
                Some(stats::median(column(at, |s| s.p50_us))),
                Some(stats::median(column(at, |s| s.p99_us))),
                own.then(|| stats::median(column(at, |s| s.cpu_us))),
                own.then(|| ratio(at, |s| s.cpu_us)),
                Some(ratio(at, |s| s.p99_us)),
                own.then_some(memory / 1024.0),
            ],
        }
    });
    let rows = rows.collect();
    let ours = position(targets, "portcullis")?;
    bars.push(Bar::at_most("processor time per request, × nginx", 1.0, ratio(ours, |s| s.cpu_us)));
    bars.push(Bar::at_most("p99, × nginx", 1.2, ratio(ours, |s| s.p99_us)));
    Ok(Table {
        title: "Requests".into(),
        how: "Small JSON answers over 32 keep-alive connections. Portcullis checks the cookie and decides by the flags; haproxy checks an HMAC-SHA256 cookie; nginx and configurable-http-proxy only forward. All but configurable-http-proxy and `direct` reach the upstream by its Unix socket. Every program leads a session of its own, as services do: the kernel shares processors out between sessions.".into(),
        columns: ["requests/s", "p50 µs", "p99 µs", "CPU µs/request", "CPU × nginx", "p99 × nginx", "memory MB"].map(Into::into).into(),
        rows,
    })
}

fn websockets(targets: &[Target], plan: &Plan) -> Result<Table> {
    let mut samples = vec![Vec::new(); targets.len()];
    for _ in 0..plan.rounds {
        for (at, target) in targets.iter().enumerate() {
            samples[at].push(websocket_load::echo(target, ECHO, plan.stretch)?);
        }
    }
    let mut rows = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let own = !target.pids.is_empty();
        let idle =
            if own { Some(websocket_load::idle_bytes_each(target, ECHO, plan.idle)? / 1024.0) } else { None };
        rows.push(Row {
            target: target.name.into(),
            figures: vec![
                Some(stats::median(samples[at].iter().map(|s| s.per_second))),
                own.then(|| stats::median(samples[at].iter().map(|s| s.cpu_us))),
                idle,
            ],
        });
    }
    Ok(Table {
        title: "WebSockets".into(),
        how: format!(
            "Echo of a kernel message of {} bytes over 8 connections, which Portcullis reads and judges; then {} open and silent ones.",
            websocket_load::PAYLOAD.len(),
            plan.idle
        ),
        columns: ["messages/s", "CPU µs/message", "kB per idle WebSocket"].map(Into::into).into(),
        rows,
    })
}

fn transfers(targets: &[Target], plan: &Plan, bars: &mut Vec<Bar>) -> Result<Table> {
    let mut rows = Vec::new();
    for target in targets {
        let own = !target.pids.is_empty();
        let down = transfer::download(target, &format!("files/bytes-{}", plan.bytes), plan.bytes)?;
        let up = transfer::upload(target, "api/contents/bench.bin", plan.bytes)?;
        let grown = |sample: &transfer::Sample| {
            own.then(|| u32::try_from(sample.grown_kb).map_or(f64::NAN, f64::from) / 1024.0)
        };
        if target.name.starts_with("portcullis") {
            let most = grown(&down).unwrap_or(f64::NAN).max(grown(&up).unwrap_or(f64::NAN));
            // Flat: what grows is buffers, not the file. 16 MB is one part in 64 of it.
            bars.push(Bar::at_most(format!("growth while 1 GiB passes ({}), MB", target.name), 16.0, most));
        }
        rows.push(Row {
            target: target.name.into(),
            figures: vec![
                Some(down.mb_per_second),
                own.then_some(down.cpu_per_gib),
                grown(&down),
                Some(up.mb_per_second),
                own.then_some(up.cpu_per_gib),
                grown(&up),
            ],
        });
    }
    Ok(Table {
        title: "Large files".into(),
        how: format!("One download and one upload of {} MiB.", plan.bytes >> 20),
        columns: ["down MB/s", "CPU s/GiB", "memory grows MB", "up MB/s", "CPU s/GiB", "memory grows MB"]
            .map(Into::into)
            .into(),
        rows,
    })
}

fn starts(stage: &Stage, rounds: usize, scratch: &Path) -> Result<Table> {
    let samples = (0..rounds).map(|_| ide_start::run(stage, scratch)).collect::<Result<Vec<_>>>()?;
    let row = |name: &str, figure: fn(&ide_start::Sample) -> f64| Row {
        target: name.into(),
        figures: vec![Some(stats::median(samples.iter().map(figure)))],
    };
    Ok(Table {
        title: "Start of JupyterLab".into(),
        how: "Bare: the program's start to its first answer on its socket. Portcullis: the sign-in form sent to the IDE's first byte through the proxy (PAM, session, JupyterLab).".into(),
        columns: vec!["seconds".into()],
        rows: vec![row("bare JupyterLab", |s| s.bare), row("sign-in to first byte", |s| s.ours)],
    })
}

fn position(targets: &[Target], name: &str) -> Result<usize> {
    targets.iter().position(|target| target.name == name).with_context(|| format!("no target `{name}`"))
}

/// Every account may look into the folder: peers drop privileges.
fn open(folder: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?)
}

fn machine() -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").context("cannot read `/proc/cpuinfo`")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    Ok(format!("{model}, {} cores, Linux {}", std::thread::available_parallelism()?, kernel.trim()))
}

fn versions() -> String {
    let first = |program: &str, arg: &str| {
        let output = Command::new(program).arg(arg).output().ok()?;
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned())
    };
    [("nginx", "-v"), ("haproxy", "-v"), ("node", "--version")]
        .into_iter()
        .filter_map(|(program, arg)| Some(format!("{program} ({})", first(program, arg)?)))
        .collect::<Vec<_>>()
        .join(", ")
}
