//! Coarse time of a serving thread, in seconds: deadlines that cost a load instead of a timer.
//!
//! A thread's accept loop moves it once a second; connections and pools only read it.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// How often the clock moves and deadlines are looked at.
pub(crate) const TICK: Duration = Duration::from_secs(1);

thread_local! {
    static NOW: Cell<u32> = const { Cell::new(1) };
    static BASE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Seconds since this thread's clock started, never 0.
pub(crate) fn now() -> u32 {
    NOW.get()
}

/// Reads the real clock. Several accept loops on one thread may call it.
pub(crate) fn advance() -> u32 {
    let base = BASE.get().unwrap_or_else(|| {
        let now = Instant::now();
        BASE.set(Some(now));
        now
    });
    let seconds = u32::try_from(base.elapsed().as_secs()).unwrap_or(u32::MAX - 1);
    NOW.set(seconds.saturating_add(1));
    now()
}

/// Whether more than `limit` has passed since `then`; rounded up, so never too early.
pub(crate) fn passed(then: u32, limit: Duration) -> bool {
    u64::from(now().saturating_sub(then)) > limit.as_secs()
}
