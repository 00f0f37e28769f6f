//! HTTP/2 requests and WebSockets over HTTP/2 (RFC 8441), each on a connection of its own.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tungstenite::protocol::Role;

use crate::client::{Client, Wire};
use crate::http1::Response;
use crate::websocket;

const PATIENCE: Duration = Duration::from_secs(60);

type Sender = hyper::client::conn::http2::SendRequest<Whole>;

/// What is asked of a connection that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A request; its head tells how long its body is.
    Plain,
    /// A request whose head doesn't.
    Untold,
    /// A WebSocket (RFC 8441), of which only the answer's head is read.
    WebSocket,
}

/// Sends one request over TLS with ALPN `h2`.
///
/// # Errors
/// When HTTP/2 is not agreed on, or there is no answer.
pub fn request(
    client: &Client,
    tls: &Arc<ClientConfig>,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Response> {
    block_on(async {
        let (mut sender, _) = connect(client, tls).await?;
        let mut request = Request::builder().method(method).uri(format!("https://{}{path}", client.host()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = sender.send_request(request.body(Whole::told(body))?).await?;
        let (parts, body) = answer.into_parts();
        Ok(response(&parts, &body.collect().await?.to_bytes()))
    })
}

/// Opens a WebSocket over HTTP/2, sends a text of less than 126 bytes and returns the first message that comes back; or the
/// status of a refusal.
///
/// # Errors
/// When the connection fails.
pub fn websocket_echo(
    client: &Client,
    tls: &Arc<ClientConfig>,
    path: &str,
    headers: &[(&str, &str)],
    text: &str,
) -> Result<std::result::Result<String, u16>> {
    block_on(async {
        let (mut sender, _) = connect(client, tls).await?;
        let mut request = Request::builder()
            .method("CONNECT")
            .uri(format!("https://{}{path}", client.host()))
            .header("sec-websocket-version", "13")
            .extension(hyper::ext::Protocol::from_static("websocket"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = sender.send_request(request.body(Whole::default())?).await?;
        if answer.status() != 200 {
            return Ok(Err(answer.status().as_u16()));
        }
        let mut stream = TokioIo::new(hyper::upgrade::on(answer).await?);
        let length = u8::try_from(text.len())?;
        if length > 125 {
            bail!("a short text, please");
        }
        // FIN and text, masked with zeros.
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend(text.as_bytes());
        stream.write_all(&frame).await?;
        stream.flush().await?;
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let mut payload = vec![0; usize::from(head[1] & 0x7f)];
        stream.read_exact(&mut payload).await?;
        Ok(Ok(String::from_utf8(payload)?))
    })
}

/// Opens a WebSocket over HTTP/2 that is used like any other.
///
/// # Errors
/// [`websocket::Refused`] inside, when the server answered something else than 200.
pub fn socket(
    client: &Client,
    tls: &Arc<ClientConfig>,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<websocket::Socket> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stream, sender) = runtime.block_on(async {
        let opened = async {
            let (mut sender, _) = connect(client, tls).await?;
            let mut request = Request::builder()
                .method("CONNECT")
                .uri(format!("https://{}{path}", client.host()))
                .header("sec-websocket-version", "13")
                .header("origin", client.origin())
                .header("cookie", client.cookie_header())
                .extension(hyper::ext::Protocol::from_static("websocket"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = sender.send_request(request.body(Whole::default())?).await?;
            if answer.status() == 200 {
                let stream = TokioIo::new(hyper::upgrade::on(answer).await?);
                return Ok::<_, anyhow::Error>((stream, sender));
            }
            let (parts, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            Err(websocket::Refused(response(&parts, &body)).into())
        };
        tokio::time::timeout(PATIENCE, opened).await.context("no answer in time")?
    })?;
    let wire: Box<dyn Wire> = Box::new(Over { runtime, stream, _sender: sender });
    Ok(websocket::Socket::from_raw_socket(wire, Role::Client, None))
}

/// A stream of a connection that moves while it is read or written.
struct Over {
    runtime: tokio::runtime::Runtime,
    stream: TokioIo<hyper::upgrade::Upgraded>,
    /// Without it the connection would be on its way out.
    _sender: Sender,
}

impl std::io::Read for Over {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let Self { runtime, stream, .. } = self;
        runtime.block_on(async { tokio::time::timeout(PATIENCE, stream.read(into)).await? })
    }
}

impl std::io::Write for Over {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Self { runtime, stream, .. } = self;
        runtime.block_on(async { tokio::time::timeout(PATIENCE, stream.write(bytes)).await? })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let Self { runtime, stream, .. } = self;
        runtime.block_on(async { tokio::time::timeout(PATIENCE, stream.flush()).await? })
    }
}

/// A body that is there; its length may be left untold.
#[derive(Debug, Default)]
struct Whole {
    bytes: Full<Bytes>,
    untold: bool,
}

impl Whole {
    fn told(bytes: &[u8]) -> Self {
        Self { bytes: Full::new(Bytes::copy_from_slice(bytes)), untold: false }
    }
}

impl hyper::body::Body for Whole {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        task: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        std::pin::Pin::new(&mut self.bytes).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        if self.untold { hyper::body::SizeHint::default() } else { self.bytes.size_hint() }
    }
}

fn response(parts: &http::response::Parts, body: &[u8]) -> Response {
    let headers = parts.headers.iter();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Response {
        status: parts.status.as_u16(),
        headers: headers.map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: body.to_vec(),
    }
}

/// A connection that is kept for many requests.
pub struct Kept {
    runtime: tokio::runtime::Runtime,
    sender: Sender,
    host: String,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

impl Kept {
    /// Opens it.
    ///
    /// # Errors
    /// When HTTP/2 is not agreed on.
    pub fn open(client: &Client, tls: &Arc<ClientConfig>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (sender, _) = runtime.block_on(async { connect(client, tls).await })?;
        Ok(Self { runtime, sender, host: client.host().to_owned() })
    }

    /// Whether the server takes more requests on it, as far as is known.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// `GET` with these cookies; `None` when the server had said goodbye before it was sent.
    ///
    /// # Errors
    /// When it was sent and there is no answer.
    pub fn get(&mut self, path: &str, cookies: &str) -> Result<Option<Response>> {
        let request = Request::builder()
            .uri(format!("https://{}{path}", self.host))
            .header("cookie", cookies)
            .body(Whole::default())?;
        let sender = &mut self.sender;
        self.runtime.block_on(async {
            let asked = async {
                if sender.ready().await.is_err() {
                    return Ok(None);
                }
                let (parts, body) = match sender.send_request(request).await {
                    Ok(answer) => answer.into_parts(),
                    Err(error) if error.is_canceled() => return Ok(None),
                    Err(error) => return Err(error.into()),
                };
                Ok(Some(response(&parts, &body.collect().await?.to_bytes())))
            };
            tokio::time::timeout(PATIENCE, asked).await.context("no answer in time")?
        })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// When it can't be sent, or there is no answer.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
        kind: Kind,
    ) -> Result<Response> {
        let mut request = Request::builder().method(method).uri(format!("https://{}{path}", self.host));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if kind == Kind::WebSocket {
            request = request.extension(hyper::ext::Protocol::from_static("websocket"));
        }
        let request = request.body(Whole { untold: kind == Kind::Untold, ..Whole::told(body) })?;
        let sender = &mut self.sender;
        self.runtime.block_on(async {
            let asked = async {
                sender.ready().await?;
                let (parts, body) = sender.send_request(request).await?.into_parts();
                let open = kind == Kind::WebSocket && parts.status == 200;
                let body = if open { Bytes::new() } else { body.collect().await?.to_bytes() };
                Ok(response(&parts, &body))
            };
            tokio::time::timeout(PATIENCE, asked).await.context("no answer in time")?
        })
    }
}

async fn connect(client: &Client, tls: &Arc<ClientConfig>) -> Result<(Sender, tokio::task::JoinHandle<()>)> {
    let tcp = TcpStream::connect(client.address()).await?;
    // Head and body are two writes: together they would wait for each other.
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from("localhost").context("a name")?;
    let stream = tokio_rustls::TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await?;
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        bail!("the server did not agree to HTTP/2");
    }
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .handshake(TokioIo::new(stream))
        .await?;
    let driver = tokio::spawn(async move {
        // Ends with the connection; what matters is seen by the request.
        let _ = connection.await;
    });
    Ok((sender, driver))
}

fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await.context("no answer in time")? })
}
