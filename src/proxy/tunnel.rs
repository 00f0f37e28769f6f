//! WebSockets: the handshake passed on, then bytes both ways until either side, or a cut, ends it.

//!
//! Nothing of the client's is sent to the session before its 101, and nothing is tunnelled without one.
//! It must not judge messages: a tap may look, an inspector may look and change, the caller decides.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::{Method, Request, Response, StatusCode};

use crate::admit::{WebSocketAsk, accept_for};
use crate::body::Body;
use crate::cut::{Cuts, Kind, Reason};
use crate::download::Ended;
use crate::error::ForwardError;
use crate::forward::{Exchange, Failure, check, dial};
use crate::h1::link::Link;
use crate::h1::pump::Pump;
use crate::h1::question;
use crate::hop;
use crate::incoming::{Incoming, Upgrade, Upgraded};
use crate::inspect::Inspect;
use crate::stream::Stream;
use crate::upload::Upload;
use crate::upstream::Upstream;

mod framed;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod inspected;
mod lanes;
mod reframe;
mod unframe;

use inspected::Inspected;
use lanes::Lanes;

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
    /// Sees all of each message and decides what becomes of it; costs frames taken apart and put together. With it
    /// there is no tap.
    pub inspect: Option<Box<dyn Inspect>>,
    /// Called once when it has ended; only if it was opened.
    pub on_end: Option<Box<dyn FnOnce(TunnelEnd)>>,
}

impl Default for TunnelOptions {
    fn default() -> Self {
        let connect_within = Duration::from_secs(10);
        Self { cuts: Cuts::none(), connect_within, tap: None, inspect: None, on_end: None }
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
/// `request` is one that carries [`WebSocketAsk`] in its extensions (HTTP/1.1 Upgrade
/// and HTTP/2 extended CONNECT look the same by then: a GET). Any other answer of the session is returned
/// like that of [`forward`](crate::forward()) and nothing is tunnelled.
pub async fn tunnel<C>(
    upstream: &Upstream,
    request: Request<Incoming>,
    options: TunnelOptions,
    connect: C,
) -> Result<Response<Body>, ForwardError>
where
    C: AsyncFnOnce() -> io::Result<Stream>,
{
    let TunnelOptions { cuts, connect_within, tap, inspect, on_end } = options;
    check(upstream, &cuts)?;
    let mut request = request;
    let upgrade = Upgrade::of(&mut request);
    let ask = request.extensions_mut().remove::<WebSocketAsk>();
    let ask = ask.ok_or(ForwardError::Handshake("the request does not ask for one"))?;
    let cuts = cuts.and(&ask.going);
    // Extensions change what frames mean; without them every frame can be followed.
    request.headers_mut().remove(SEC_WEBSOCKET_EXTENSIONS);
    let key = key(request.headers_mut(), ask.h2)?;
    let offered = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter().cloned().collect::<Vec<_>>();
    let mut link = dial(&mut Some(connect), connect_within).await?;
    let mut out = std::mem::take(&mut link.out);
    question::write(&mut out, &request, None, question::Framing::None, true);
    let mut ended = Ended::default();
    let mut exchange = Exchange::new(
        link,
        Pump::new(out, Upload::Empty, None, Duration::MAX),
        cuts.clone(),
        std::mem::take(request.headers_mut()),
    );
    exchange.upgrade = true;
    let answer = exchange.answer(&Method::GET, None, &mut ended).await.map_err(|failure| match failure {
        Failure::Stale(error) => ForwardError::Broken(error),
        Failure::Final(error) => error,
    })?;
    if answer.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(exchange.into_response(answer, upstream, ended));
    }
    understood(&exchange.headers, &key, &offered).map_err(ForwardError::BadAnswer)?;
    let inspect = inspect.map(|mut inspect| {
        inspect.opened(exchange.headers.get(SEC_WEBSOCKET_PROTOCOL).and_then(|chosen| chosen.to_str().ok()));
        inspect
    });
    let mut response = Response::new(Body::tunnel());
    *response.status_mut() = if ask.h2 { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS };
    let mut headers = exchange.headers;
    if ask.h2 {
        // HTTP/2 has no such fields (RFC 8441, 5).
        for name in [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT] {
            headers.remove(name);
        }
    }
    *response.headers_mut() = headers;
    let held = cuts.hold(Kind::WebSocket);
    let lanes = Open::new(exchange.link, tap, inspect, cuts);
    tokio::task::spawn_local(async move {
        let _held = held;
        let _open = ask.gauges.tunnel();
        let _busy = ask.busy;
        let end = match upgrade.upgraded().await {
            Some(upgraded) => lanes.run(upgraded).await,
            // The client left before it had the answer.
            None => TunnelEnd { up: 0, down: 0, cut: None },
        };
        if let Some(on_end) = on_end {
            on_end(end);
        }
    });
    Ok(response)
}

/// An open tunnel of either kind.
enum Open {
    Plain(Box<Lanes>),
    Inspected(Box<Inspected>),
}

impl Open {
    fn new(link: Link, tap: Option<Tap>, inspect: Option<Box<dyn Inspect>>, cuts: Cuts) -> Self {
        match inspect {
            None => Self::Plain(Box::new(Lanes::new(link, tap, cuts))),
            Some(inspect) => Self::Inspected(Box::new(Inspected::new(link, inspect, cuts))),
        }
    }

    async fn run(self, upgraded: Upgraded) -> TunnelEnd {
        match self {
            Self::Plain(lanes) => lanes.run(upgraded).await,
            // Boxed, so that a tunnel that isn't inspected is no larger for it.
            Self::Inspected(lanes) => Box::pin(lanes.run(upgraded)).await,
        }
    }
}

/// The key the session must prove to have understood. HTTP/2 clients send none: one is made up.
fn key(headers: &mut HeaderMap, h2: bool) -> Result<HeaderValue, ForwardError> {
    if h2 {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|_| ForwardError::Handshake("no randomness for a key"))?;
        let key = HeaderValue::from_str(&STANDARD.encode(bytes)).expect("base64 is a header value");
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).cloned();
    key.ok_or(ForwardError::Handshake("it has no key"))
}

/// Whether a 101 is the answer to this handshake (RFC 6455, 4.1).
fn understood(headers: &HeaderMap, key: &HeaderValue, offered: &[HeaderValue]) -> Result<(), &'static str> {
    if !headers.get(UPGRADE).is_some_and(|value| hop::has_token(value, "websocket")) {
        return Err("101 for another protocol than websocket");
    }
    if !hop::connection_has(headers, "upgrade") {
        return Err("101 without `Connection: upgrade`");
    }
    let proof = accept_for(key.as_bytes());
    if headers.get(SEC_WEBSOCKET_ACCEPT).is_none_or(|value| value.as_bytes() != proof.as_bytes()) {
        return Err("101 with a wrong Sec-WebSocket-Accept");
    }
    if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
        return Err("101 with an extension that was not offered");
    }
    if let Some(chosen) = headers.get(SEC_WEBSOCKET_PROTOCOL) {
        let chosen = chosen.to_str().map_err(|_| "101 with a broken subprotocol")?;
        if !offered.iter().any(|value| hop::has_token(value, chosen)) {
            return Err("101 with a subprotocol that was not offered");
        }
    }
    Ok(())
}
