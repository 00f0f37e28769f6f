//! One session's HTTP side: its connections kept for the next request, per thread, last in first out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// A session to forward to. Clones are the same one; connections are kept per thread, so nothing is locked.
#[derive(Debug, Clone)]
pub struct Upstream(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    id: u64,
    closed: AtomicBool,
    keep: Keep,
}

/// How many idle connections a thread keeps to one session, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Keep {
    /// Idle connections per thread. 128: as many as requests of one session are in progress at once, or each
    /// burst connects anew; those it leaves over hold no buffers and grow old.
    pub idle: usize,
    /// Idle age after which one is closed. 50 s: below the 60 s or more after which servers close.
    pub age: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self { idle: 128, age: Duration::from_secs(50) }
    }
}

static NEXT: AtomicU64 = AtomicU64::new(1);

impl Upstream {
    /// A session to which nothing is connected yet.
    pub fn new(keep: Keep) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Shared { id, closed: AtomicBool::new(false), keep }))
    }

    pub(crate) fn id(&self) -> u64 {
        self.0.id
    }

    pub(crate) fn keep(&self) -> Keep {
        self.0.keep
    }

    /// The session ended: nothing new is forwarded, idle connections are closed within a second.
    /// Streams in progress are ended by their [`Cut`](crate::Cut).
    pub fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.0.closed.load(Ordering::Acquire)
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self::new(Keep::default())
    }
}
