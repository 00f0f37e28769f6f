//! TLS, and HTTP/2 on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::TokioIo;
use portcullis_proxy::tls::{TlsError, server_config};
use portcullis_proxy::{Reason, TlsConfig};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::framing::masked;
use crate::inspected::scripted;
use crate::origin::{HELLO, fixed, origin};
use crate::proxy::{Proxy, Setup, proxy_with, run, run_paused};
use crate::sockets::text;

struct Pair {
    certificate: String,
    key: String,
    roots: RootCertStore,
}

fn pair() -> Pair {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).expect("certificate");
    let mut roots = RootCertStore::empty();
    roots.add(cert.der().clone()).expect("root");
    Pair { certificate: cert.pem(), key: signing_key.serialize_pem(), roots }
}

async fn connect(
    addr: SocketAddr,
    roots: &RootCertStore,
    version: &'static SupportedProtocolVersion,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("version")
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let tcp = TcpStream::connect(addr).await?;
    let name = ServerName::try_from("localhost").expect("name");
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await
}

async fn tls_proxy(to: SocketAddr, pair: &Pair, words: &[&str]) -> (Proxy, TlsConfig) {
    let config = server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), words).expect("config");
    let tls = TlsConfig::new(config);
    (proxy_with(to, Setup { tls: Some(tls.clone()), ..Setup::default() }).await, tls)
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

#[test]
fn both_versions_and_a_swap_of_certificates() {
    run(async {
        let origin = fixed(HELLO).await;
        let (first, second) = (pair(), pair());
        let (proxy, tls) = tls_proxy(origin.addr, &first, &[]).await;
        for (version, is) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
            let mut stream =
                connect(proxy.addr, &first.roots, version, &[b"http/1.1"]).await.expect("handshake");
            assert_eq!(stream.get_ref().1.protocol_version(), Some(is));
            stream.write_all(GET).await.expect("send");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("a clean end");
            assert!(text.ends_with("hello"), "{text}");
        }
        let config = server_config(second.certificate.as_bytes(), second.key.as_bytes(), &["TLSv1.3"]);
        tls.swap(config.expect("config"));
        assert!(connect(proxy.addr, &second.roots, &TLS13, &[]).await.is_ok());
        assert!(connect(proxy.addr, &first.roots, &TLS13, &[]).await.is_err());
        assert!(connect(proxy.addr, &second.roots, &TLS12, &[]).await.is_err());
    });
}

#[test]
fn wrong_material_is_named() {
    let (one, other) = (pair(), pair());
    let (certificate, key) = (one.certificate.as_bytes(), one.key.as_bytes());
    assert!(matches!(server_config(certificate, other.key.as_bytes(), &[]), Err(TlsError::Mismatch)));
    assert!(matches!(server_config(b"", key, &[]), Err(TlsError::NoCertificate)));
    assert!(matches!(server_config(key, key, &[]), Err(TlsError::NoCertificate)));
    assert!(matches!(server_config(certificate, b"", &[]), Err(TlsError::NoKey)));
    assert!(matches!(server_config(certificate, certificate, &[]), Err(TlsError::NoKey)));
    assert!(matches!(server_config(certificate, key, &["TLSv1.1"]), Err(TlsError::Protocol(_))));
    let broken = one.certificate.replace("-----END CERTIFICATE-----", "");
    assert!(matches!(
        server_config(broken.as_bytes(), key, &[]),
        Err(TlsError::CertificatePem(_) | TlsError::NoCertificate)
    ));
}

#[test]
fn handshakes_have_a_deadline() {
    run_paused(async {
        let origin = fixed(HELLO).await;
        let (proxy, _) = tls_proxy(origin.addr, &pair(), &[]).await;
        let start = tokio::time::Instant::now();
        let mut silent = TcpStream::connect(proxy.addr).await.expect("connect");
        assert_eq!(silent.read(&mut [0]).await.expect("closed"), 0);
        assert!((10..13).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
        let mut plain = TcpStream::connect(proxy.addr).await.expect("connect");
        plain.write_all(GET).await.expect("send");
        let mut text = Vec::new();
        let _ = plain.read_to_end(&mut text).await;
        assert!(!text.starts_with(b"HTTP"));
    });
}

async fn h2<B>(proxy: &Proxy, pair: &Pair) -> SendRequest<B>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = connect(proxy.addr, &pair.roots, &TLS13, &[b"h2"]).await.expect("handshake");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (send, connection) = http2::handshake(Local, TokioIo::new(stream)).await.expect("http/2");
    tokio::task::spawn_local(connection);
    send
}

/// An extended CONNECT (RFC 8441).
fn connect_ask() -> Request<Empty<Bytes>> {
    let mut ask = Request::builder()
        .method(Method::CONNECT)
        .uri("https://localhost/ws")
        .version(Version::HTTP_2)
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "a, b")
        .header("sec-websocket-extensions", "permessage-deflate")
        .body(Empty::new())
        .expect("request");
    ask.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
    ask
}

/// Asks until the server's settings have said that it can.
async fn ask_socket(
    send: &mut SendRequest<Empty<Bytes>>,
    ask: &Request<Empty<Bytes>>,
) -> http::Response<hyper::body::Incoming> {
    send.ready().await.expect("ready");
    loop {
        match send.send_request(ask.clone()).await {
            Ok(answer) => return answer,
            Err(_) => {
                tokio::task::yield_now().await;
                send.ready().await.expect("ready");
            }
        }
    }
}

/// What proves to have understood the handshake in `head`.
fn accept_of(head: &str) -> String {
    use base64::Engine as _;
    let key = head.split("sec-websocket-key: ").nth(1).and_then(|rest| rest.lines().next()).expect("a key");
    let proof = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes(),
    );
    base64::engine::general_purpose::STANDARD.encode(proof)
}

#[test]
fn websockets_over_http2_are_inspected_too() {
    run(async {
        let origin = origin(|mut conn| async move {
            let head = conn.head().await.expect("a handshake");
            let accept = accept_of(&head);
            conn.say(format!(
                "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            ))
            .await;
            conn.say(b"\x81\x06secret").await;
            let _ = conn.body(1 << 20).await;
        })
        .await;
        let pair = pair();
        let tls = server_config(pair.certificate.as_bytes(), pair.key.as_bytes(), &[]).expect("config");
        let (_, setup) = scripted();
        let proxy = proxy_with(origin.addr, Setup { tls: Some(TlsConfig::new(tls)), ..setup }).await;
        let mut send = h2::<Empty<Bytes>>(&proxy, &pair).await;
        let mut answer = ask_socket(&mut send, &connect_ask()).await;
        let mut socket = TokioIo::new(hyper::upgrade::on(&mut answer).await.expect("upgraded"));
        let mut first = [0; 8];
        socket.read_exact(&mut first).await.expect("read");
        assert_eq!(&first, b"\x81\x06SECRET");
        socket.write_all(&masked(0x81, b"close")).await.expect("write");
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        assert_eq!(rest, [&[0x88, 19, 0x03, 0xf0][..], b"that is forbidden"].concat());
    });
}

#[derive(Clone, Copy)]
struct Local;

impl<F: Future + 'static> hyper::rt::Executor<F> for Local {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

#[test]
fn http2_requests_become_http1_ones() {
    run(async {
        let origin = origin(|mut conn| async move {
            while let Some(head) = conn.head().await {
                if head.contains("content-length: 2") {
                    assert_eq!(conn.body(2).await, b"hi");
                }
                conn.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=5\r\n\r\n")
                    .await;
                conn.say("5\r\nhello\r\n0\r\nX-Trail: 1\r\n\r\n").await;
            }
        })
        .await;
        let pair = pair();
        let (proxy, _) = tls_proxy(origin.addr, &pair, &[]).await;
        let mut send = h2::<Full<Bytes>>(&proxy, &pair).await;
        let request = Request::post("https://localhost:443/x?y")
            .version(Version::HTTP_2)
            .header("cookie", "a=1")
            .header("cookie", "b=2")
            .header("te", "trailers")
            .body(Full::from("hi"))
            .expect("request");
        let answer = send.send_request(request).await.expect("answer");
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(
            !answer.headers().contains_key("keep-alive")
                && !answer.headers().contains_key("transfer-encoding")
        );
        let body = answer.into_body().collect().await.expect("body");
        assert_eq!(body.trailers().and_then(|all| all.get("x-trail")).expect("trailer"), "1");
        assert_eq!(body.to_bytes(), "hello");
        let seen = origin.seen.text();
        assert!(seen.starts_with("POST /x?y HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains("cookie: a=1; b=2\r\n") && seen.contains("host: localhost:443\r\n"), "{seen}");
        assert!(!seen.contains("\r\nte:") && seen.matches("\r\nhost:").count() == 1, "{seen}");

        let lies = Request::get("https://localhost/").version(Version::HTTP_2).header("host", "other");
        let answer = send.send_request(lies.body(Full::default()).expect("request")).await.expect("answer");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let connect = Request::connect("localhost:22").version(Version::HTTP_2);
        let answer =
            send.send_request(connect.body(Full::default()).expect("request")).await.expect("answer");
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(origin.seen.text().matches("HTTP/1.1\r\n").count(), 1);

        proxy.drain.start(Duration::from_secs(30));
        proxy.served.await.expect("an idle http/2 connection goes away by itself");
    });
}

#[test]
fn websockets_over_http2() {
    run(async {
        let origin = origin(|mut conn| async move {
            let head = conn.head().await.expect("a request");
            assert!(head.starts_with("GET /ws HTTP/1.1\r\n"), "{head}");
            assert!(!head.to_ascii_lowercase().contains("extensions"), "{head}");
            let accept = accept_of(&head);
            conn.say(format!(
                "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\
                 Sec-WebSocket-Protocol: b\r\n\r\n\x01\x05first"
            ))
            .await;
            loop {
                let bytes = conn.body(1).await;
                if bytes.is_empty() {
                    return;
                }
                conn.say(bytes).await;
            }
        })
        .await;
        let pair = pair();
        let (proxy, _) = tls_proxy(origin.addr, &pair, &[]).await;
        let mut send = h2::<Empty<Bytes>>(&proxy, &pair).await;
        let ask = connect_ask();
        let mut answer = ask_socket(&mut send, &ask).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["sec-websocket-protocol"], "b");
        assert!(!answer.headers().contains_key("sec-websocket-accept"));
        let mut socket = TokioIo::new(hyper::upgrade::on(&mut answer).await.expect("upgraded"));
        let mut first = [0; 7];
        socket.read_exact(&mut first).await.expect("read");
        assert_eq!(&first, b"\x01\x05first");
        socket.write_all(&text("over h2")).await.expect("write");
        let mut back = [0; 13];
        socket.read_exact(&mut back).await.expect("read");
        assert_eq!(back[..], text("over h2"));
        assert_eq!(*proxy.events.messages.borrow(), [(1, b"over h2".to_vec())]);
        assert_eq!((proxy.gauges.connections(), proxy.gauges.tunnels()), (1, 1));
        // A success that is no 101 must not look like an open socket.
        for path in ["/memo", "/denied"] {
            let mut page = ask.clone();
            *page.uri_mut() = format!("https://localhost{path}").parse().expect("uri");
            let answer = send.send_request(page).await.expect("answer");
            assert!(!answer.status().is_success(), "{path}");
        }
        proxy.session.cut(Reason::Revoked);
        let mut rest = Vec::new();
        let _ = socket.read_to_end(&mut rest).await;
        assert_eq!(rest, [0x88, 2, 0x03, 0xf0]);
    });
}

/// A window of nothing costs the client nothing: it must not hold a connection's place for ever.
#[test]
fn http2_clients_that_do_not_read_are_closed() {
    run_paused(async {
        let (pair, origin) = (pair(), fixed(HELLO).await);
        let (proxy, _) = tls_proxy(origin.addr, &pair, &[]).await;
        let stream = connect(proxy.addr, &pair.roots, &TLS13, &[b"h2"]).await.expect("handshake");
        let mut builder = http2::Builder::new(Local);
        builder.initial_stream_window_size(0);
        let (mut send, connection) = builder.handshake(TokioIo::new(stream)).await.expect("http/2");
        tokio::task::spawn_local(connection);
        let request = Request::get("https://localhost/denied").body(Empty::<Bytes>::new()).expect("request");
        let answer = send.send_request(request).await.expect("an answer's head");
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        let start = tokio::time::Instant::now();
        while proxy.gauges.connections() > 0 {
            assert!(start.elapsed() < Duration::from_secs(600), "it is still open");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        drop(answer);
    });
}
