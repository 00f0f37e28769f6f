//! Waiting for something to become true, with a deadline and no more than a poll interval too late.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at that nothing announces (a process gone, a page changed).
const POLL: Duration = Duration::from_millis(20);

/// Calls `probe` until it answers `Some`, at most `seconds` long.
///
/// # Errors
/// What it waited for, when the time is over; or the probe's own error.
pub fn some<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if Instant::now() > until {
            bail!("waited {seconds} s in vain: {what}");
        }
        std::thread::sleep(POLL);
    }
}

/// Waits until `probe` is true.
///
/// # Errors
/// As [`some`].
pub fn is(what: &str, seconds: u64, mut probe: impl FnMut() -> bool) -> Result<()> {
    some(what, seconds, || Ok(probe().then_some(())))
}
