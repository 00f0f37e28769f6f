//! Somebody who is signed in and works: how long each request and message takes, at the 99th percentile.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use portcullis_testing::Client;
use portcullis_testing::steps::{Broke, Echoes, Requests, Step};

/// Between two requests on a kept connection, and two messages.
const PAUSE: Duration = Duration::from_millis(4);
/// Between two connections: each costs a handshake, the user's half of it too.
const NEW_PAUSE: Duration = Duration::from_millis(20);
/// With fewer, a percentile is one unlucky request.
const FEWEST: usize = 20;

/// A stretch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    kept: f64,
    new: f64,
    echo: f64,
    /// What failed.
    pub(crate) failed: u32,
}

/// A figure's name, and the figure.
pub(crate) type Figure = (&'static str, fn(&Sample) -> f64);

/// What is told of one.
pub(crate) const FIGURES: [Figure; 3] = [
    ("requests on a kept connection", |sample| sample.kept),
    ("requests on new connections", |sample| sample.new),
    ("messages of a WebSocket", |sample| sample.echo),
];

/// Works for so long.
///
/// # Errors
/// When too little got through to tell anything.
pub(crate) fn stretch(client: &Client, session: &str, length: Duration) -> Result<Sample> {
    let me = format!("/s/{session}/api/me");
    let mut kept = Requests::new(client, &me);
    let mut echoes = Echoes::new(client, None, &format!("/s/{session}/api/events/subscribe"));
    let mut new = Requests::new(client, &me);
    let (kept, new, echo) = std::thread::scope(|scope| {
        let kept = scope.spawn(|| timed(length, PAUSE, || kept.step()));
        let echo = scope.spawn(|| timed(length, PAUSE, || echoes.step()));
        let new = scope.spawn(|| {
            timed(length, NEW_PAUSE, || {
                new.close();
                new.step()
            })
        });
        (kept.join(), new.join(), echo.join())
    });
    let failed = "a user's thread panicked";
    let [kept, new, echo] = [kept.ok(), new.ok(), echo.ok()].map(|one| one.context(failed));
    let (kept, new, echo) = (kept?, new?, echo?);
    Ok(Sample {
        failed: kept.1 + new.1 + echo.1,
        kept: percentile(kept.0)?,
        new: percentile(new.0)?,
        echo: percentile(echo.0)?,
    })
}

/// Takes a step at a time; how many milliseconds each took, and how many failed.
fn timed(length: Duration, pause: Duration, mut step: impl FnMut() -> Result<u64, Broke>) -> (Vec<f64>, u32) {
    let (until, mut took, mut failed) = (Instant::now() + length, Vec::new(), 0);
    while Instant::now() < until {
        let since = Instant::now();
        match step() {
            Ok(_) => took.push(since.elapsed().as_secs_f64() * 1e3),
            Err(_) => failed += 1,
        }
        std::thread::sleep(pause);
    }
    (took, failed)
}

/// The 99th.
fn percentile(mut took: Vec<f64>) -> Result<f64> {
    if took.len() < FEWEST {
        bail!("only {} requests got through", took.len());
    }
    took.sort_by(f64::total_cmp);
    Ok(took[(took.len() * 99).div_ceil(100) - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_of_a_hundred() {
        assert!((percentile((1..=100).map(f64::from).collect()).expect("enough") - 99.0).abs() < 1e-9);
        assert!(percentile(vec![1.0]).is_err());
    }
}
