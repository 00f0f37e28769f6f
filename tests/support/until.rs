//! Waiting for something to become true, with a deadline and no more than a poll interval too late.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at that nothing announces (a process gone, a page changed).
const POLL: Duration = Duration::from_millis(20);
/// What a quiet machine does within five seconds, one that is busy with all tests does within this: nobody who waits for something
/// that is to come gives it up sooner.
pub(crate) const LEAST: u64 = 30;

/// Calls `probe` until it answers `Some`, at most `seconds` long, or as long as a busy machine takes where that is more.
///
/// # Errors
/// What it waited for, when the time is over; or the probe's own error.
pub fn some<T>(what: &str, seconds: u64, probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    within(what, seconds.max(LEAST), probe)
}

/// The same, and no longer than said: for what may not come at all.
///
/// # Errors
/// As [`some`].
pub fn within<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Result<Option<T>>) -> Result<T> {
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

/// How long something may take that is promised within `time`: so long in a test that runs alone (`--test-threads=1`). Beside other
/// tests, each some daemons on the same processors, it is ten times that: enough to tell what is done at once from what waits for a
/// next look, and no machine's hiccup.
pub fn promised(time: Duration) -> Duration {
    let arguments: Vec<String> = std::env::args().collect();
    let alone = arguments.iter().any(|argument| argument == "--test-threads=1")
        || arguments.windows(2).any(|two| two == ["--test-threads", "1"]);
    if alone { time } else { time * 10 }
}
