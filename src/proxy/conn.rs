//! What a client connection is doing, so that one sweep a second can find those that have waited too long.
//!
//! Atomics, though one thread uses them: a request's extensions must be `Send`, and a WebSocket's holds it. Relaxed
//! loads and stores cost what plain ones do.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Waker};

use crate::clock;
use crate::listen::Limits;

/// Phases of a connection.
const FRESH: u8 = 0; // accepted, no byte yet
const HEAD: u8 = 1; // part of a head is here
const BUSY: u8 = 2; // a handler or a body is at work
const IDLE: u8 = 3; // between requests

/// Shared by the socket, the service and the sweep of one connection.
#[derive(Debug, Default)]
pub(crate) struct State {
    phase: AtomicU8,
    since: AtomicU32,
    busy: AtomicU32,
    /// When a write first could not go on; 0: it can.
    blocked: AtomicU32,
    /// The client closed its side.
    pub(crate) eof: AtomicBool,
}

/// Why the sweep ends a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// No complete head in time.
    Head,
    /// Nothing asked for a long time.
    Idle,
    /// Nothing read for a long time.
    Write,
}

impl State {
    pub(crate) fn new() -> Arc<Self> {
        let state = Self::default();
        state.since.store(clock::now(), Relaxed);
        Arc::new(state)
    }

    fn enter(&self, phase: u8) {
        self.phase.store(phase, Relaxed);
        self.since.store(clock::now(), Relaxed);
    }

    /// Bytes of a head came.
    pub(crate) fn came(&self) {
        match self.phase.load(Relaxed) {
            // The time for the first head counts from accepting: keep `since`.
            FRESH => self.phase.store(HEAD, Relaxed),
            IDLE => self.enter(HEAD),
            _ => {}
        }
    }

    /// A request is under way, until as many [`done`](Self::done) have been said.
    pub(crate) fn begin(&self) {
        self.busy.store(self.busy.load(Relaxed) + 1, Relaxed);
        self.phase.store(BUSY, Relaxed);
    }

    /// One is over.
    pub(crate) fn done(&self) {
        let left = self.busy.load(Relaxed).saturating_sub(1);
        self.busy.store(left, Relaxed);
        if left == 0 {
            self.enter(IDLE);
        }
    }

    /// Bytes came on a connection whose requests are not told apart here (HTTP/2): it is no longer fresh.
    pub(crate) fn came_mixed(&self) {
        if self.phase.load(Relaxed) == FRESH {
            self.enter(IDLE);
        }
    }

    /// Accepted, and not a byte came.
    pub(crate) fn is_fresh(&self) -> bool {
        self.phase.load(Relaxed) == FRESH
    }

    /// Since when no request is under way; `None` while one is.
    pub(crate) fn silent_since(&self) -> Option<u32> {
        (self.phase.load(Relaxed) != BUSY).then(|| self.since.load(Relaxed))
    }

    pub(crate) fn wrote(&self, blocked: bool) {
        let since = self.blocked.load(Relaxed);
        if blocked && since == 0 {
            self.blocked.store(clock::now(), Relaxed);
        } else if !blocked && since != 0 {
            self.blocked.store(0, Relaxed);
        }
    }

    pub(crate) fn is_reading_head(&self) -> bool {
        self.phase.load(Relaxed) == HEAD
    }

    pub(crate) fn late(&self, limits: &Limits) -> Option<Late> {
        let blocked = self.blocked.load(Relaxed);
        if blocked != 0 && clock::passed(blocked, limits.stalled_write) {
            return Some(Late::Write);
        }
        let since = self.since.load(Relaxed);
        match self.phase.load(Relaxed) {
            FRESH | HEAD => clock::passed(since, limits.head).then_some(Late::Head),
            IDLE => clock::passed(since, limits.idle).then_some(Late::Idle),
            _ => None,
        }
    }
}

/// Held while an HTTP/2 request is answered or a tunnel is open; the connection is idle when the last is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<State>);

impl Busy {
    pub(crate) fn new(state: &Arc<State>) -> Self {
        state.begin();
        Self(state.clone())
    }
}

impl Clone for Busy {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// What the accept loop wants of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Go on.
    None,
    /// Finish what is in progress, and the next request if nothing is; then close.
    Last,
    /// Finish what is in progress, then close.
    Finish,
    /// End now.
    End(Option<Late>),
}

impl Order {
    const fn rank(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Last => 1,
            Self::Finish => 2,
            Self::End(_) => 3,
        }
    }
}

/// A connection in the accept loop's list.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) state: Arc<State>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
}

impl Entry {
    pub(crate) fn new() -> Self {
        Self { state: State::new(), order: Cell::new(Order::None), waker: RefCell::new(None) }
    }

    /// The connection's side: what is wanted, and where to be woken.
    pub(crate) fn order(&self, cx: &mut Context<'_>) -> Order {
        let mut waker = self.waker.borrow_mut();
        match &*waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            _ => *waker = Some(cx.waker().clone()),
        }
        self.order.get()
    }

    pub(crate) fn last(&self) -> Order {
        self.order.get()
    }

    /// The loop's side.
    pub(crate) fn give(&self, order: Order) {
        // What was ordered is never taken back.
        if order.rank() <= self.order.get().rank() {
            return;
        }
        self.order.set(order);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }
}
