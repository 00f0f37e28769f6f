//! What very many sign-ins cost: the start with them, memory, and the requests of somebody who is one of them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use portcullis_testing::crowd::{in_an_hour, of_before, sign_in};
use portcullis_testing::process;
use portcullis_testing::stage::Stage;

use crate::ours::{self, Ours, Way};
use crate::report::{Bar, Row, Table};
use crate::target::Target;
use crate::{http_load, stats};

/// Live sign-ins: of 10,000 accounts.
const SIGN_INS: u32 = 100_000;
/// Letters of a home directory's name.
const HOME: usize = 12;
/// As `measure` loads the others.
const SMALL: &str = "api";

/// How often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Restarts.
    pub(crate) restarts: usize,
    /// Turns of the load, each on both: a bar of two in a hundred wants many.
    pub(crate) turns: usize,
    /// Length of one.
    pub(crate) stretch: Duration,
}

/// Measures it.
///
/// # Errors
/// When a start or a request fails.
pub(crate) fn measure(
    stage: &Stage,
    token: &str,
    plan: Plan,
    scratch: &Path,
    bars: &mut Vec<Bar>,
) -> Result<Vec<Table>> {
    let few = ours::start(stage, Way::HandedOver, token)?;
    let mut crowded = ours::start(stage, Way::HandedOver, token)?;
    let restarts = crowd(&mut crowded, plan.restarts)?;
    let many = crowded.again("crowd", token).context("nobody can sign in among so many")?;
    let memory = |ours: &Ours| -> Result<[f64; 2]> {
        let idle = ours.idle()?;
        let mb = |kb: u64| u32::try_from(kb).map_or(f64::NAN, f64::from) / 1024.0;
        Ok([mb(idle.launcher), mb(idle.server)])
    };
    let seconds = stats::median(restarts.iter().copied());
    let [launcher, server] = memory(&crowded)?;
    bars.push(Bar::at_most("restart with 100,000 sign-ins, s", 1.5, seconds));
    let starts = Table {
        title: "Very many sign-ins".into(),
        how: format!(
            "Restart: the launcher is killed and started, until a server serves that knows {SIGN_INS} live sign-ins of 10,000 accounts. Memory: proportional set size after that."
        ),
        columns: ["restart s", "launcher MB", "server MB"].map(Into::into).into(),
        rows: vec![
            Row {
                target: "a few sign-ins".into(),
                figures: [None].into_iter().chain(memory(&few)?.map(Some)).collect(),
            },
            Row {
                target: "restart with 100,000 sign-ins".into(),
                figures: vec![Some(seconds), Some(launcher), Some(server)],
            },
        ],
    };
    Ok(vec![starts, CROWDED.measure([&few.target, &many], plan, scratch, bars)?])
}

/// Gives it that many sign-ins and restarts it so often; how long each took, in seconds.
fn crowd(ours: &mut Ours, restarts: usize) -> Result<Vec<f64>> {
    let state = ours.world.state_dir();
    ours.world.stop(Signal::SIGTERM)?;
    let until = in_an_hour();
    of_before(&state, (0..SIGN_INS).map(|number| sign_in(number, until, HOME)).collect())?;
    // Once to move them from there; that is not counted.
    ours.world.launch()?;
    let restart = |_| {
        // Both: the server of before would have them already.
        let server = ours.world.server()?.pid;
        ours.world.stop(Signal::SIGKILL)?;
        process::kill_hard(server)?;
        let began = Instant::now();
        ours.world.launch()?;
        Ok(began.elapsed().as_secs_f64())
    };
    (0..restarts).map(restart).collect()
}

/// The same requests by this build and by another one.
///
/// # Errors
/// When a start or a request fails.
pub(crate) fn beside(
    stage: &Stage,
    programs: &Path,
    token: &str,
    plan: Plan,
    scratch: &Path,
    bars: &mut Vec<Bar>,
) -> Result<Table> {
    let other = ours::start_of(stage, Some(programs), Way::HandedOver, token)?;
    let ours = ours::start(stage, Way::HandedOver, token)?;
    let compared = Compared {
        title: "Requests beside another build",
        how: "Small JSON answers over 32 keep-alive connections, as above.",
        rows: ["signed-in requests of the other build", "signed-in requests of this build"],
        column: "CPU × the other build",
        bar: "processor time per request, × the other build",
    };
    compared.measure([&other.target, &ours.target], plan, scratch, bars)
}

/// What is compared in turns: the second is held to the first.
#[derive(Debug)]
struct Compared {
    title: &'static str,
    how: &'static str,
    rows: [&'static str; 2],
    column: &'static str,
    bar: &'static str,
}

/// The same small request by somebody among few and among many.
const CROWDED: Compared = Compared {
    title: "Requests of one among very many",
    how: "As above.",
    rows: ["signed-in requests with a few live sign-ins", "signed-in requests with 100,000 live sign-ins"],
    column: "CPU × few",
    bar: "processor time per request with 100,000 sign-ins, × with few",
};

impl Compared {
    fn measure(
        &self,
        targets: [&Target; 2],
        plan: Plan,
        scratch: &Path,
        bars: &mut Vec<Bar>,
    ) -> Result<Table> {
        let mut samples = [const { Vec::new() }; 2];
        for target in targets {
            http_load::run(target, SMALL, Duration::from_secs(1), scratch)?; // warm-up, not counted
        }
        for turn in 0..plan.turns {
            // Whoever is first in one turn is second in the next.
            for at in [turn % 2, (turn + 1) % 2] {
                samples[at].push(http_load::run(targets[at], SMALL, plan.stretch, scratch)?);
            }
        }
        ensure!(samples[0].len() == samples[1].len(), "not in pairs");
        let column = |at: usize, figure: fn(&http_load::Sample) -> f64| {
            samples[at].iter().map(figure).collect::<Vec<_>>()
        };
        let ratio = stats::median_ratio(&column(1, |s| s.cpu_us), &column(0, |s| s.cpu_us));
        bars.push(Bar::at_most(self.bar, 1.02, ratio));
        let row = |at: usize| Row {
            target: self.rows[at].into(),
            figures: vec![
                Some(stats::median(column(at, |s| s.per_second))),
                Some(stats::median(column(at, |s| s.p99_us))),
                Some(stats::median(column(at, |s| s.cpu_us))),
                (at == 1).then_some(ratio),
            ],
        };
        Ok(Table {
            title: self.title.into(),
            how: format!("{} {} turns of each.", self.how, plan.turns),
            columns: ["requests/s", "p99 µs", "CPU µs/request", self.column].map(Into::into).into(),
            rows: vec![row(0), row(1)],
        })
    }
}
