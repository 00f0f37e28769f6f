//! A WebSocket as a browser opens it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tungstenite::handshake::client::Request;
use tungstenite::protocol::{Message, WebSocket};

use crate::client::{Client, PATIENCE, Wire};
use crate::http1::Response;

/// An open socket.
pub type Socket = WebSocket<Box<dyn Wire>>;

/// Why there is no socket: the answer that came instead of 101.
#[derive(Debug)]
pub struct Refused(pub Response);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the WebSocket was refused with {}: {}", self.0.status, self.0.text())
    }
}

impl std::error::Error for Refused {}

/// Opens one with the client's cookies and `Origin`, unless `headers` say otherwise.
///
/// # Errors
/// [`Refused`] inside, when the server answered something else.
pub fn open(client: &Client, path: &str, headers: &[(&str, &str)]) -> Result<Socket> {
    let mut request = Request::builder()
        .uri(format!("ws://{}{path}", client.host()))
        .header("Host", client.host())
        .header("Connection", "Upgrade")
        .header("Upgrade", "websocket")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", tungstenite::handshake::client::generate_key());
    let says = |name: &str| headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
    if !says("origin") {
        request = request.header("Origin", client.origin());
    }
    if !says("cookie") {
        request = request.header("Cookie", client.cookie_header());
    }
    // An empty value means: leave this header out.
    for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
        request = request.header(*name, *value);
    }
    match tungstenite::client::client(request.body(())?, client.connect()?) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            let (parts, body) = answer.into_parts();
            let headers = parts.headers.iter();
            Err(Refused(Response {
                status: parts.status.as_u16(),
                headers: headers
                    .map(|(name, value)| {
                        (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
                    })
                    .collect(),
                body: body.unwrap_or_default(),
            })
            .into())
        }
        Err(error) => bail!("no WebSocket: {error}"),
    }
}

/// The status with which a socket was refused.
///
/// # Errors
/// When it was not refused, or failed otherwise.
pub fn refusal(outcome: Result<Socket>) -> Result<Response> {
    match outcome {
        Ok(_) => bail!("the WebSocket was opened"),
        Err(error) => Ok(error.downcast::<Refused>().context("not a refusal")?.0),
    }
}

/// How long is waited for one message in all: the server's pings would keep each single read within its patience for ever.
#[derive(Debug)]
pub struct Deadline(Instant);

impl Default for Deadline {
    fn default() -> Self {
        Self(Instant::now() + PATIENCE)
    }
}

impl Deadline {
    /// The next message, of any kind.
    ///
    /// # Errors
    /// When the socket is closed, or the time for `what` is over.
    pub fn read(&self, socket: &mut Socket, what: &str) -> Result<Message> {
        if Instant::now() > self.0 {
            bail!("{what} did not come");
        }
        socket.read().with_context(|| format!("{what} did not come"))
    }
}

/// Sends a text and reads the next text or binary message.
///
/// # Errors
/// When the socket is closed, or nothing comes back.
pub fn echo(socket: &mut Socket, text: &str) -> Result<String> {
    socket.send(Message::text(text.to_owned()))?;
    let deadline = Deadline::default();
    loop {
        match deadline.read(socket, "an echo")? {
            Message::Text(text) => return Ok(text.to_string()),
            Message::Binary(bytes) => return Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Message::Close(frame) => bail!("closed: {frame:?}"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
}

/// Reads until this text has come, in one message or over several.
///
/// # Errors
/// When the socket is closed, or the text doesn't come.
pub fn await_text(socket: &mut Socket, text: &str) -> Result<()> {
    let deadline = Deadline::default();
    let mut heard = String::new();
    while !heard.contains(text) {
        match deadline.read(socket, &format!("`{text}`")).with_context(|| format!("only `{heard}` came"))? {
            Message::Text(piece) => heard.push_str(&piece),
            Message::Binary(bytes) => heard.push_str(&String::from_utf8_lossy(&bytes)),
            Message::Close(frame) => bail!("closed: {frame:?}"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
        }
    }
    Ok(())
}

/// Reads until the other end closes; returns the close code if one came, and how long it took.
///
/// # Errors
/// When it stays open longer than the client's patience.
pub fn await_close(socket: &mut Socket) -> Result<(Option<u16>, Duration)> {
    let since = Instant::now();
    loop {
        match socket.read() {
            Ok(Message::Close(frame)) => return Ok((frame.map(|frame| frame.code.into()), since.elapsed())),
            Ok(_) if since.elapsed() < PATIENCE => {}
            Ok(_) => bail!("the WebSocket stayed open"),
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                bail!("the WebSocket stayed open");
            }
            Err(_) => return Ok((None, since.elapsed())),
        }
    }
}
