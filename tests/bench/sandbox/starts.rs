//! From the button to the IDE's first answer, with and without the sandbox.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use portcullis_testing::{Client, Stage, World, until};

use super::Plan;
use super::ground::{self, Held};
use crate::report::{Bar, Row, Table};
use crate::stats;

/// Most milliseconds that the sandbox may add to a start.
const MORE_MS: f64 = 30.0;
/// Between two looks: short against what is measured, long enough not to disturb it.
const LOOK: Duration = Duration::from_millis(1);
/// A start that takes so long is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

const WAYS: [(&str, Held); 3] = [
    ("without the sandbox", Held::Nothing),
    ("sandbox, flags by default", Held::Default),
    ("sandbox, all flags", Held::Strict),
];

pub(super) fn measure(stage: &Stage, plan: &Plan<'_>, bars: &mut Vec<Bar>) -> Result<Table> {
    let mut ways = Vec::new();
    for (_, held) in WAYS {
        let world = ground::start(stage, plan, held, held != Held::Nothing)?;
        let (account, client) = world.signed_in("start")?;
        ways.push((world, client, account.home.join("work.sock")));
    }
    let mut samples = vec![Vec::new(); WAYS.len()];
    for round in 0..=plan.starts {
        for step in 0..ways.len() {
            let at = (round + step) % ways.len();
            let (world, client, socket) = &ways[at];
            let took = start(world, client)?;
            // A thread of its own makes it, perhaps after the first answer.
            until::is("the double takes orders", PATIENCE.as_secs(), || socket.exists())?;
            std::fs::remove_file(socket).context("the double left no socket")?;
            // The first of each is a warm-up.
            if round > 0 {
                samples[at].push(took);
            }
        }
    }
    let medians: Vec<f64> = samples.iter().map(|all| stats::median(all.iter().copied())).collect();
    let more = |at: usize| stats::median(samples[at].iter().zip(&samples[0]).map(|(with, bare)| with - bare));
    bars.push(Bar::at_most(
        "start of a session with all flags, ms more than without the sandbox",
        MORE_MS,
        more(2),
    ));
    let rows = WAYS.iter().enumerate().map(|(at, (name, _))| Row {
        target: (*name).into(),
        figures: vec![Some(medians[at]), (at > 0).then(|| more(at))],
    });
    Ok(Table {
        title: "Start of a session".into(),
        how: format!(
            "From the button's request to the first answer of a small double of an IDE through the proxy; the median of {} starts \
             each, taken in turns. The sandboxed ones are recorded too (`audit-programs=auto`).",
            plan.starts
        ),
        columns: vec!["ms".into(), "more ms".into()],
        rows: rows.collect(),
    })
}

/// Milliseconds of one start; the session is ended afterwards.
fn start(world: &World, client: &Client) -> Result<f64> {
    let begin = Instant::now();
    let id = client.open_session()?;
    let path = format!("/s/{id}/api");
    while client.get(&path)?.status != 200 {
        ensure!(begin.elapsed() < PATIENCE, "the session did not start");
        std::thread::sleep(LOOK);
    }
    let took = begin.elapsed().as_secs_f64() * 1e3;
    client.post(&format!("/sessions/{id}/stop"), &[])?.expect(303)?;
    world.await_audit("session-ended", &[("session", &id)], PATIENCE.as_secs())?;
    Ok(took)
}
