//! Numbers of one serving thread, readable from any other: connections, tunnels, requests, answers, bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::StatusCode;
use tokio::sync::Notify;

/// Classes of a status: `1xx` to `5xx`.
const CLASSES: usize = 5;

/// Counts of one serving thread. One per thread, so that counting never shares a cache line; the caller
/// adds them up.
#[derive(Debug, Default)]
pub struct Gauges {
    connections: AtomicU64,
    tunnels: AtomicU64,
    busy: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    requests: AtomicU64,
    answers: [AtomicU64; CLASSES],
    received: AtomicU64,
    sent: AtomicU64,
    tunnel_ended: Notify,
}

impl Gauges {
    /// All zero.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Client connections open now; those that became a WebSocket count as tunnels instead.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// WebSocket tunnels open now.
    pub fn tunnels(&self) -> u64 {
        self.tunnels.load(Ordering::Relaxed)
    }

    /// Of the connections open now, those with a request under way; looked at once a second.
    pub fn busy(&self) -> u64 {
        self.busy.load(Ordering::Relaxed)
    }

    /// Connections accepted since the start.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Connections turned away because the limit was reached.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Requests that reached the handler since the start.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Answers since the start, by the class of their status: `1xx` first. Those of requests that went no further than the door
    /// are counted too.
    pub fn answers(&self) -> [u64; CLASSES] {
        std::array::from_fn(|class| self.answers[class].load(Ordering::Relaxed))
    }

    /// Bytes that came from clients since the start, within TLS.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Bytes that clients took since the start, within TLS.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Gauges {
    pub(crate) fn count_request(&self) {
        bump(&self.requests);
    }

    pub(crate) fn count_answer(&self, status: StatusCode) {
        if let Some(class) = self.answers.get(usize::from(status.as_u16() / 100).wrapping_sub(1)) {
            bump(class);
        }
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        add(&self.received, bytes);
    }

    pub(crate) fn count_sent(&self, bytes: usize) {
        add(&self.sent, bytes);
    }

    /// Resolves when a tunnel has ended since the last call.
    pub(crate) async fn tunnel_ended(&self) {
        self.tunnel_ended.notified().await;
    }

    pub(crate) fn note_busy(&self, count: u64) {
        self.busy.store(count, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        bump(&self.refused);
    }

    pub(crate) fn connection(self: &Arc<Self>) -> OpenConnection {
        bump(&self.accepted);
        bump(&self.connections);
        OpenConnection(self.clone())
    }

    pub(crate) fn tunnel(self: &Arc<Self>) -> OpenTunnel {
        bump(&self.tunnels);
        OpenTunnel(self.clone())
    }
}

/// One writer per counter: no read-modify-write needed on the hot path.
fn bump(counter: &AtomicU64) {
    add(counter, 1);
}

fn add(counter: &AtomicU64, more: usize) {
    let more = u64::try_from(more).unwrap_or(u64::MAX);
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn drop_one(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
}

/// A connection that is open.
#[derive(Debug)]
pub(crate) struct OpenConnection(Arc<Gauges>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        drop_one(&self.0.connections);
    }
}

/// A tunnel that is open.
#[derive(Debug)]
pub(crate) struct OpenTunnel(Arc<Gauges>);

impl Drop for OpenTunnel {
    fn drop(&mut self) {
        drop_one(&self.0.tunnels);
        self.0.tunnel_ended.notify_one();
    }
}
