//! One client connection: TLS handshake, HTTP/1 or HTTP/2 by ALPN, requests to the handler, the end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::admit::{self, Tie, WebSocketAsk};
use crate::body::Body;
use crate::client_io::{ClientIo, Socket};
use crate::conn::{Busy, Late, Order};
use crate::listen::{ConnInfo, Shared};
use crate::open::Place;

/// hyper's smallest read buffer.
const SMALLEST_BUFFER: usize = 8192;

/// Serves one connection to its end.
pub(crate) async fn run<M, H>(tcp: TcpStream, peer: SocketAddr, shared: Rc<Shared<H>>, place: Place)
where
    M: Default + 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let _open = shared.gauges.connection();
    let _ = tcp.set_nodelay(true); // only costs time where it fails
    let config = shared.tls.as_ref().map(|tls| tls.current());
    let (socket, h2) = match config {
        None => (Socket::Plain(tcp), false),
        Some(config) => {
            let handshake = TlsAcceptor::from(config).accept(tcp);
            let ended = poll_fn(|cx| match place.order(cx) {
                Order::None => Poll::Pending,
                Order::Finish | Order::End(_) => Poll::Ready(()),
            });
            let accepted = tokio::select! {
                accepted = tokio::time::timeout(shared.limits.handshake, handshake) => accepted,
                () = ended => return,
            };
            let stream = match accepted {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%peer, %error, "tls handshake failed"),
                Err(_) => return tracing::debug!(%peer, "tls handshake took too long"),
            };
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            (Socket::Tls(Box::new(stream)), h2)
        }
    };
    let io = ClientIo::new(socket, place.state.clone(), !h2);
    let info = ConnInfo { peer, tls: shared.tls.is_some(), memo: M::default() };
    let served = Rc::new(Served { shared, info, place });
    if h2 { two(io, served).await } else { one(io, served).await }
}

/// A connection with what its requests need.
struct Served<M, H> {
    shared: Rc<Shared<H>>,
    info: ConnInfo<M>,
    place: Place,
}

impl<M, H> Tie for Served<M, H> {
    fn tie(&self, h2: bool) -> WebSocketAsk {
        WebSocketAsk {
            h2,
            busy: Busy::new(&self.place.state),
            gauges: self.shared.gauges.clone(),
            going: self.shared.going.clone(),
        }
    }
}

/// A request from the door to its answer.
async fn answer<M, H>(
    served: Rc<Served<M, H>>,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, Infallible>
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let busy = Busy::new(&served.place.state);
    let version = request.version();
    let connect = request.method() == Method::CONNECT;
    let seen = served.place.state.take_seen();
    let response = match admit::admit(&mut request, seen, &*served) {
        Ok(()) => {
            served.shared.gauges.count_request();
            (served.shared.handler)(request, &served.info).await
        }
        Err(refused) => {
            tracing::debug!(peer = %served.info.peer, why = refused.what.trim_end(), "request refused at the door");
            refused.response(version)
        }
    };
    // A whole answer over HTTP/2 is out of our hands: a client that opens no window for it must not keep its connection busy for
    // ever. Over HTTP/1 the socket itself tells.
    let mut response = response
        .map(|body| if version == Version::HTTP_2 && body.is_whole() { body } else { body.tied(busy) });
    if connect && response.status().is_success() && !response.body().is_tunnel() {
        // To an HTTP/2 client any success means that its WebSocket is open: a page must not look like that.
        *response.status_mut() = StatusCode::BAD_GATEWAY;
    }
    Ok(response)
}

async fn one<M, H>(io: ClientIo, served: Rc<Served<M, H>>)
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let limits = &served.shared.limits;
    let mut builder = http1::Builder::new();
    // The buffer's size alone would let heads of nearly twice the limit pass, depending on how they come in.
    builder
        .max_header_size(limits.header_bytes)
        .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER))
        .header_read_timeout(None);
    if limits.headers != 100 {
        builder.max_headers(limits.headers); // hyper is faster with its own default
    }
    let service = {
        let served = served.clone();
        service_fn(move |request| answer(served.clone(), request))
    };
    let mut connection = builder.serve_connection(TokioIo::new(io), service).with_upgrades();
    let mut finishing = false;
    let late = poll_fn(|cx| {
        match served.place.order(cx) {
            Order::None => {}
            Order::End(late) => return Poll::Ready(late),
            Order::Finish if !finishing => {
                finishing = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            Order::Finish => {}
        }
        Pin::new(&mut connection).poll(cx).map(|result| {
            if let Err(error) = result {
                tracing::trace!(%error, "connection ended");
            }
            None
        })
    })
    .await;
    let reading_head = served.place.state.is_reading_head();
    let eof = served.place.state.eof.load(Relaxed);
    // `None`: it was upgraded, and the tunnel has the socket.
    let Some(parts) = connection.into_parts() else { return };
    let mut io = parts.io.into_inner();
    if late == Some(Late::Head) && reading_head {
        say_timeout(&mut io).await;
    }
    if !eof && late != Some(Late::Write) {
        let ended = poll_fn(|cx| match served.place.order(cx) {
            Order::End(None) => Poll::Ready(()),
            Order::End(Some(_)) | Order::Finish | Order::None => Poll::Pending,
        });
        tokio::select! {
            () = linger(io) => {}
            () = ended => {}
        }
    }
}

/// Tells a client whose head did not come in time. It may have gone: no waiting.
async fn say_timeout(io: &mut ClientIo) {
    const TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let write = async {
        io.write_all(TIMEOUT).await?;
        io.flush().await
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), write).await;
}

/// Reads and drops what the client still sends, so that closing does not destroy the answer on its way
/// (a socket closed with unread bytes resets the connection). At most 2 s without a byte, 10 s in all.
async fn linger(mut io: ClientIo) {
    let drain = async {
        if io.shutdown().await.is_err() {
            return;
        }
        let mut sink = vec![0; SMALLEST_BUFFER];
        let pause = Duration::from_secs(2);
        while let Ok(Ok(1..)) = tokio::time::timeout(pause, io.read(&mut sink)).await {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(10), drain).await;
}

/// Runs hyper's HTTP/2 streams on this thread.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F> Executor<F> for Local
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

async fn two<M, H>(io: ClientIo, served: Rc<Served<M, H>>)
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let limits = &served.shared.limits;
    let mut builder = http2::Builder::new(Local);
    builder
        .enable_connect_protocol()
        .max_concurrent_streams(limits.h2_streams)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .timer(TokioTimer::new());
    let service = {
        let served = served.clone();
        service_fn(move |request| answer(served.clone(), request))
    };
    let mut connection = builder.serve_connection(TokioIo::new(io), service);
    let mut finishing = false;
    poll_fn(|cx| {
        match served.place.order(cx) {
            Order::None => {}
            Order::End(_) => return Poll::Ready(()),
            Order::Finish if !finishing => {
                finishing = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            Order::Finish => {}
        }
        Pin::new(&mut connection).poll(cx).map(|result| {
            if let Err(error) = result {
                tracing::trace!(%error, "connection ended");
            }
        })
    })
    .await;
}
