//! A proxy under test in front of an origin, and a raw client.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use portcullis_proxy::{
    Body, ConnInfo, Cut, Cuts, Drain, ForwardError, ForwardOptions, Gauges, Incoming, Inspect, Limits,
    Listen, Stream, TlsConfig, Transferred, TunnelEnd, TunnelOptions, Upstream, WebSocketAsk, forward, serve,
    tunnel,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Runs a test on a runtime like a serving thread's; no test may hang.
pub(crate) fn run(test: impl Future<Output = ()>) {
    runtime(false, async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs")
    });
}

/// The same with time that jumps to the next deadline whenever nothing happens.
pub(crate) fn run_paused(test: impl Future<Output = ()>) {
    runtime(true, test);
}

fn runtime(paused: bool, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("runtime");
    runtime.block_on(test);
}

pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    pub(crate) upstream: Upstream,
    pub(crate) sign_in: Cut,
    pub(crate) session: Cut,
    pub(crate) drain: Drain,
    pub(crate) gauges: Arc<Gauges>,
    pub(crate) served: JoinHandle<()>,
    pub(crate) events: Rc<Events>,
}

/// What the handler noticed.
#[derive(Default)]
pub(crate) struct Events {
    pub(crate) errors: RefCell<Vec<String>>,
    pub(crate) transfers: RefCell<Vec<Transferred>>,
    pub(crate) tunnels: RefCell<Vec<TunnelEnd>>,
    pub(crate) messages: RefCell<Vec<(u8, Vec<u8>)>>,
}

#[derive(Default)]
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) body_limit: Option<u64>,
    pub(crate) tls: Option<TlsConfig>,
    /// Makes the inspector of each WebSocket.
    pub(crate) inspect: Option<Box<dyn Fn() -> Box<dyn Inspect>>>,
}

pub(crate) async fn proxy(to: SocketAddr) -> Proxy {
    proxy_with(to, Setup::default()).await
}

pub(crate) async fn proxy_with(to: SocketAddr, setup: Setup) -> Proxy {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let addr = listener.local_addr().expect("address");
    let (upstream, sign_in, session) = (Upstream::default(), Cut::new(), Cut::new());
    let (drain, gauges, events) = (Drain::new(), Gauges::new(), Rc::new(Events::default()));
    let handler = {
        let (upstream, sign_in, session, events) =
            (upstream.clone(), sign_in.clone(), session.clone(), events.clone());
        async move |mut request: Request<Incoming>, conn: &ConnInfo<std::cell::Cell<u32>>| {
            // The memo lives as long as the connection.
            conn.memo.set(conn.memo.get() + 1);
            if request.uri().path() == "/memo" {
                return Response::new(Body::full(conn.memo.get().to_string()));
            }
            if request.uri().path() == "/denied" {
                let mut response = Response::new(Body::full("no"));
                *response.status_mut() = StatusCode::FORBIDDEN;
                return response;
            }
            if request.uri().path() == "/judge" {
                return match portcullis_proxy::collect(request.into_body(), 10, Duration::from_secs(60)).await
                {
                    Ok(bytes) => Response::new(Body::full(bytes)),
                    Err(error) => Response::new(Body::full(error.to_string())),
                };
            }
            request.headers_mut().insert("x-own", http::HeaderValue::from_static("ours"));
            let cuts = Cuts::both(&sign_in, &session);
            let connect = async || TcpStream::connect(to).await.map(Stream::from);
            let answer = if request.extensions().get::<WebSocketAsk>().is_some() {
                let (ends, taps) = (events.clone(), events.clone());
                let options = TunnelOptions {
                    cuts,
                    tap: Some(Box::new(move |opcode, bytes| {
                        taps.messages.borrow_mut().push((opcode, bytes.to_vec()));
                    })),
                    inspect: setup.inspect.as_ref().map(|make| make()),
                    on_end: Some(Box::new(move |end| ends.tunnels.borrow_mut().push(end))),
                    ..Default::default()
                };
                tunnel(&upstream, request, options, connect).await
            } else {
                let ends = events.clone();
                let options = ForwardOptions {
                    cuts,
                    body_limit: setup.body_limit,
                    on_end: Some(Box::new(move |sum| ends.transfers.borrow_mut().push(sum))),
                    ..Default::default()
                };
                let (head, body) = request.into_parts();
                forward(&upstream, &mut Request::from_parts(head, ()), body.into(), options, connect).await
            };
            answer.unwrap_or_else(|error| {
                events.errors.borrow_mut().push(format!("{:?} {error}", error.blame()));
                let mut response = Response::new(Body::full(error.to_string()));
                *response.status_mut() = match error {
                    ForwardError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
                    _ => StatusCode::BAD_GATEWAY,
                };
                response
            })
        }
    };
    let listen = Listen {
        listener,
        tls: setup.tls,
        limits: setup.limits,
        drain: drain.clone(),
        gauges: gauges.clone(),
    };
    let served = tokio::task::spawn_local(async move { serve(listen, handler).await.expect("serves") });
    Proxy { addr, upstream, sign_in, session, drain, gauges, served, events }
}

/// A client that speaks bytes.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    pub(crate) buf: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.expect("connect"), buf: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.expect("send");
    }

    /// Everything until the other side closes.
    pub(crate) async fn rest(&mut self) -> String {
        // A reset after the answer is an end like any other.
        while self.stream.read_buf(&mut self.buf).await.unwrap_or(0) > 0 {}
        String::from_utf8_lossy(&std::mem::take(&mut self.buf)).into_owned()
    }

    /// Bytes up to and with `mark`.
    pub(crate) async fn until(&mut self, mark: &str) -> String {
        loop {
            let mark = mark.as_bytes();
            if let Some(at) = self.buf.windows(mark.len()).position(|part| part == mark) {
                let part: Vec<u8> = self.buf.drain(..at + mark.len()).collect();
                return String::from_utf8_lossy(&part).into_owned();
            }
            let n = self.stream.read_buf(&mut self.buf).await.expect("read");
            assert!(n > 0, "closed after {:?}", String::from_utf8_lossy(&self.buf));
        }
    }

    pub(crate) async fn exactly(&mut self, length: usize) -> Vec<u8> {
        while self.buf.len() < length {
            assert!(self.stream.read_buf(&mut self.buf).await.expect("read") > 0, "closed early");
        }
        self.buf.drain(..length).collect()
    }

    /// Head (lower case) and body of an answer with a content length.
    pub(crate) async fn answer(&mut self) -> (String, String) {
        let head = self.until("\r\n\r\n").await.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        let length = length.map_or(0, |length| length.parse().expect("a number"));
        let body = self.exactly(length).await;
        (head, String::from_utf8_lossy(&body).into_owned())
    }
}

/// Sends `bytes` on a new connection and returns all that comes until it is closed.
pub(crate) async fn once(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::connect(addr).await;
    raw.send(bytes).await;
    raw.rest().await
}
