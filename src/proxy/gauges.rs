//! Numbers of one serving thread, readable from any other: connections, tunnels, requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one serving thread. One per thread, so that counting never shares a cache line; the caller
/// adds them up.
#[derive(Debug, Default)]
pub struct Gauges {
    connections: AtomicU64,
    tunnels: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    requests: AtomicU64,
}

impl Gauges {
    /// All zero.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Client connections open now (tunnels included).
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// WebSocket tunnels open now.
    pub fn tunnels(&self) -> u64 {
        self.tunnels.load(Ordering::Relaxed)
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
}
