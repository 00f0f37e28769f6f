//! Forwards everything to one upstream: for measuring the engine alone.
//!
//! `bare_proxy LISTEN UPSTREAM [THREADS [CERT.pem KEY.pem]]`

use std::net::{SocketAddr, TcpListener};

use http::{Request, Response, StatusCode};
use portcullis_proxy::{
    Body, ConnInfo, Cut, Cuts, Drain, ForwardOptions, Gauges, Incoming, Limits, Listen, Stream, TlsConfig,
    TunnelOptions, Upstream, WebSocketAsk, forward, serve, threads, tls, tunnel,
};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [listen, to, rest @ ..] = &words[..] else { return Err("usage: bare_proxy LISTEN UPSTREAM".into()) };
    let listener = std::sync::Arc::new(TcpListener::bind(listen.parse::<SocketAddr>()?)?);
    let to: SocketAddr = to.parse()?;
    let count = rest.first().map_or(Ok(1), |count| count.parse())?;
    let tls = match rest {
        [_, cert, key] => {
            Some(TlsConfig::new(tls::server_config(&std::fs::read(cert)?, &std::fs::read(key)?, &[])?))
        }
        _ => None,
    };
    let upstream = Upstream::default();
    let (sign_in, session) = (Cut::new(), Cut::new());
    let running = threads::start(count, "proxy", move |_| {
        let listener = listener.try_clone();
        let (upstream, sign_in, session, tls) =
            (upstream.clone(), sign_in.clone(), session.clone(), tls.clone());
        async move {
            let listener = listener.expect("a descriptor is free");
            let limits = Limits { connections: 20_000, ..Limits::default() };
            let listen = Listen { listener, tls, limits, drain: Drain::new(), gauges: Gauges::new() };
            let handler = async move |request: Request<Incoming>, _: &ConnInfo<()>| {
                let connect = async || TcpStream::connect(to).await.map(Stream::from);
                let cuts = Cuts::both(&sign_in, &session);
                let answer = if request.extensions().get::<WebSocketAsk>().is_some() {
                    tunnel(&upstream, request, TunnelOptions { cuts, ..Default::default() }, connect).await
                } else {
                    let (head, body) = request.into_parts();
                    let options = ForwardOptions { cuts, ..Default::default() };
                    forward(&upstream, &mut Request::from_parts(head, ()), body.into(), options, connect)
                        .await
                };
                answer.unwrap_or_else(|error| {
                    let mut response = Response::new(Body::full(format!("{error}\n")));
                    *response.status_mut() = StatusCode::BAD_GATEWAY;
                    response
                })
            };
            serve(listen, handler).await.expect("serves");
        }
    })?;
    for thread in running {
        thread.join().map_err(|_| "a thread panicked")?;
    }
    Ok(())
}
