//! Accepts connections and speaks HTTP/1.1 and HTTP/2 on them, with a limit and a deadline on everything.

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::body::Body;
use crate::cut::{Cut, Reason};
use crate::drain::{Drain, Until};
use crate::gauges::Gauges;
use crate::incoming::Incoming;
use crate::open::Open;
use crate::tls::TlsConfig;
use crate::{clock, connection};

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
    /// Most header fields. 100, and never above 256; more get 431.
    pub headers: usize,
    /// Connections open at once on this thread. 4096: above it the one that has been silent longest is closed for a new one; while
    /// all are at work, new ones are closed at once and counted.
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
/// ([`WebSocketAsk`](crate::WebSocketAsk)), `CONNECT` is refused. What is refused here is answered with a
/// 4xx of one line and the connection closed.
pub async fn serve<M, H>(listen: Listen, handler: H) -> io::Result<()>
where
    M: Default + 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let Listen { listener, tls, limits, drain, gauges } = listen;
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let mut draining = drain.watch();
    let shared = Rc::new(Shared { handler, limits, tls, gauges, going: Cut::new() });
    let open = Open::new();
    let mut ticks = tokio::time::interval(clock::TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut full_said = None;
    while draining.borrow_and_update().is_none() {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // When all places are taken, whoever waits longest without asking anything makes room: holding connections open
                // costs nothing and must not keep others out.
                Ok((tcp, peer)) if has_room(&open, &shared) || open.make_room() => {
                    let connection = connection::run(tcp, peer, shared.clone(), open.add());
                    tokio::task::spawn_local(connection);
                }
                Ok((tcp, _)) => {
                    shared.gauges.count_refused();
                    turn_away(&tcp, shared.tls.is_some());
                    // Once a minute at most: an administrator should know, not drown.
                    if full_said.is_none_or(|then| clock::passed(then, Duration::from_secs(60))) {
                        full_said = Some(clock::now());
                        tracing::warn!(limit = shared.limits.connections, "too many connections, turning away");
                    }
                }
                Err(error) => refused_by_kernel(&error, &mut ticks).await,
            },
            _ = ticks.tick() => sweep(&open, &shared),
            changed = draining.changed() => if changed.is_err() { break },
        }
    }
    drop(listener); // ORDER: before waiting, so that nothing new waits in a queue nobody serves
    finish(&shared, &open, &mut draining, ticks).await;
    Ok(())
}

/// Lets connections and tunnels end until the deadline, then ends them.
async fn finish<H>(
    shared: &Rc<Shared<H>>,
    open: &Open,
    draining: &mut watch::Receiver<Option<Until>>,
    mut ticks: Interval,
) {
    let (mut deadline, mut gently) = (Instant::now(), None);
    loop {
        if let Some(until) = *draining.borrow_and_update() {
            deadline = until.at;
            if gently.replace(until.gently) != Some(until.gently) {
                if until.gently { open.last() } else { open.finish() }
            }
        }
        if open.count() == 0 && shared.gauges.tunnels() == 0 {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep_until(deadline) => break,
            () = open.gone() => {}
            () = shared.gauges.tunnel_ended() => {}
            _ = ticks.tick() => sweep(open, shared),
            _ = draining.changed() => {}
        }
    }
    // Tunnels say goodbye with a close frame: give them a moment, then drop everything.
    shared.going.cut(Reason::GoingAway);
    let goodbye = async {
        while shared.gauges.tunnels() > 0 {
            shared.gauges.tunnel_ended().await;
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), goodbye).await;
    open.end();
    while open.count() > 0 {
        open.gone().await;
    }
}

/// Once a tick: closes what has waited too long, and counts.
fn sweep<H>(open: &Open, shared: &Shared<H>) {
    open.sweep(&shared.limits);
    shared.gauges.note_busy(open.busy());
}

fn has_room<H>(open: &Open, shared: &Shared<H>) -> bool {
    let tunnels = usize::try_from(shared.gauges.tunnels()).unwrap_or(usize::MAX);
    open.count().saturating_add(tunnels) < shared.limits.connections
}

/// The kernel is out of something (descriptors, memory): wait for the next tick instead of spinning.
async fn refused_by_kernel(error: &io::Error, ticks: &mut Interval) {
    let passing = matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset);
    if !passing {
        tracing::error!(%error, "cannot accept a connection");
        ticks.tick().await;
    }
}

/// Says why, where it can be said in one packet.
fn turn_away(tcp: &TcpStream, tls: bool) {
    const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 5\r\n\
        Content-Type: text/plain\r\nContent-Length: 37\r\n\r\ntoo many connections, try again later";
    if !tls {
        let _ = tcp.try_write(FULL);
    }
}

/// What all connections of a listener share.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) limits: Limits,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) gauges: Arc<Gauges>,
    /// Ends tunnels at the end of a drain.
    pub(crate) going: Cut,
}
