//! One client connection: TLS handshake, HTTP/1 or HTTP/2 by ALPN, requests to the handler, the end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use http::{Method, Request, Response, StatusCode};
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::admit::{self, Tie, WebSocketAsk};
use crate::body::Body;
use crate::client;
use crate::client_io::{ClientIo, Socket};
use crate::conn::{Busy, Order};
use crate::incoming::Incoming;
use crate::listen::{ConnInfo, Shared};
use crate::open::Place;

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
                Order::None | Order::Last => Poll::Pending,
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
    let io = ClientIo::new(socket, place.state.clone(), shared.gauges.clone(), h2);
    let info = ConnInfo { peer, tls: shared.tls.is_some(), memo: M::default() };
    let served = Served { shared, info, place };
    if h2 { two(io, Rc::new(served)).await } else { client::serve(io, &served).await }
}

/// A connection with what its requests need.
pub(crate) struct Served<M, H> {
    pub(crate) shared: Rc<Shared<H>>,
    pub(crate) info: ConnInfo<M>,
    pub(crate) place: Place,
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

/// A request of an HTTP/2 stream from the door to its answer.
async fn answer<M, H>(
    served: Rc<Served<M, H>>,
    mut request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, Infallible>
where
    M: 'static,
    H: AsyncFn(Request<Incoming>, &ConnInfo<M>) -> Response<Body> + 'static,
{
    let busy = Busy::new(&served.place.state);
    let connect = request.method() == Method::CONNECT;
    let response = match admit::admit_two(&mut request, served.shared.limits.headers, &*served) {
        Ok(()) => {
            served.shared.gauges.count_request();
            (served.shared.handler)(request.map(Incoming::of_stream), &served.info).await
        }
        Err(refused) => {
            tracing::debug!(peer = %served.info.peer, why = refused.what.trim_end(), "request refused at the door");
            refused.response()
        }
    };
    // A whole answer is out of our hands: a client that opens no window for it must not keep its connection busy for ever.
    let mut response = response.map(|body| if body.is_whole() { body } else { body.tied(busy) });
    if connect && response.status().is_success() && !response.body().is_tunnel() {
        // To an HTTP/2 client any success means that its WebSocket is open: a page must not look like that.
        *response.status_mut() = StatusCode::BAD_GATEWAY;
    }
    let opened = connect && response.status().is_success();
    served.shared.gauges.count_answer(if opened {
        StatusCode::SWITCHING_PROTOCOLS
    } else {
        response.status()
    });
    Ok(response)
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
            // Its client has not spoken yet, and would be waited for: its first bytes come by here.
            Order::Last if served.place.state.is_fresh() => {}
            Order::End(_) => return Poll::Ready(()),
            Order::Last | Order::Finish if !finishing => {
                finishing = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
            Order::Last | Order::Finish => {}
        }
        Pin::new(&mut connection).poll(cx).map(|result| {
            if let Err(error) = result {
                tracing::trace!(%error, "connection ended");
            }
        })
    })
    .await;
}
