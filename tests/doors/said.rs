//! Messages of WebSockets in bytes, and their echoes: what the double got is what it sends back.

use anyhow::Result;
use portcullis_policy::{Given, Said};
use portcullis_testing::editor::{Arg, called, framed, uri};
use portcullis_testing::{http2, kernel, websocket};
use serde_json::{Value, json};
use tungstenite::protocol::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::person::Person;

/// How messages go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) kind: &'static str,
    /// Over HTTP/2.
    pub(crate) two: bool,
    /// In more than one frame (a kernel's), in more than one message (the editor's).
    pub(crate) pieces: bool,
    /// With the next one in one message.
    pub(crate) joined: bool,
    /// In the binary framing of a kernel's.
    pub(crate) v1: bool,
    /// Its type escaped.
    pub(crate) escaped: bool,
}

impl Way {
    pub(crate) const fn plain(kind: &'static str) -> Self {
        Self { kind, two: false, pieces: false, joined: false, v1: false, escaped: false }
    }
}

/// What became of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It reached the IDE as it was.
    Passed,
    /// It didn't, and the connection goes on; what came instead.
    Refused(String),
    /// The connection was closed.
    Closed(String),
    /// There is no connection.
    Unopened(String),
}

impl Fate {
    /// In words.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Passed => "it passed".to_owned(),
            Self::Refused(instead) => format!("in its place came {instead}"),
            Self::Closed(why) => format!("the connection was closed: {why}"),
            Self::Unopened(why) => format!("there was no connection: {why}"),
        }
    }
}

/// Opens a WebSocket; inside, why there is none.
pub(crate) fn open(
    person: &Person<'_>,
    path: &str,
    two: bool,
    headers: &[(&str, &str)],
) -> Result<Result<websocket::Socket, String>> {
    let client = &person.opened.client;
    let opened = if two {
        http2::socket(client, person.lines.tls(), path, headers)
    } else {
        websocket::open(client, path, headers)
    };
    match opened {
        Ok(socket) => Ok(Ok(socket)),
        Err(error) => match error.downcast::<websocket::Refused>() {
            Ok(refused) => Ok(Err(refused.to_string())),
            Err(error) => Err(error),
        },
    }
}

/// Sends a message whole or in three frames.
pub(crate) fn send(socket: &mut websocket::Socket, message: Message, pieces: bool) -> Result<(), String> {
    let text = message.is_text();
    let sent = if pieces {
        let bytes = message.into_data();
        let third = bytes.len().div_ceil(3).max(1);
        let count = bytes.len().div_ceil(third);
        bytes.chunks(third).enumerate().try_for_each(|(at, piece)| {
            let data = match (at, text) {
                (0, true) => Data::Text,
                (0, false) => Data::Binary,
                _ => Data::Continue,
            };
            let frame = Frame::message(piece.to_vec(), OpCode::Data(data), at + 1 == count);
            socket.send(Message::Frame(frame))
        })
    } else {
        socket.send(message)
    };
    sent.map_err(|error| error.to_string())
}

/// The next text or binary message.
pub(crate) fn heard(socket: &mut websocket::Socket) -> Result<Vec<u8>, String> {
    loop {
        match socket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => return Ok(message.into_data().to_vec()),
            Ok(Message::Close(frame)) => return Err(format!("closed: {frame:?}")),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// A message to a kernel.
pub(crate) fn to_kernel(id: &str, way: Way, channel: &str, kind: &str, content: &str) -> Message {
    let content: Value = serde_json::from_str(content).unwrap_or_else(|_| json!({}));
    let message = kernel::message(id, way.v1, channel, kind, &content);
    match message {
        Message::Text(text) if way.escaped => {
            let code = kind.bytes().next().unwrap_or_default();
            let rest = kind.get(1..).unwrap_or_default();
            Message::text(text.replace(&format!("\"{kind}\""), &format!("\"\\u{code:04x}{rest}\"")))
        }
        other => other,
    }
}

/// The body of a call of the editor's, as this number.
pub(crate) fn call(number: u32, said: &Said) -> Vec<u8> {
    match said {
        Said::Call { channel, name, listens, given, listed } => {
            let given: Vec<_> = given.iter().map(arg).collect();
            called(if *listens { 102 } else { 100 }, number, channel, name, &given, *listed)
        }
        Said::Method { name, first } => method(number, name, first),
        Said::Kernel { .. } | Said::Wish(_) => Vec::new(),
    }
}

/// The same for the extension host: a method and its arguments as JSON.
pub(crate) fn method(number: u32, name: &str, first: &str) -> Vec<u8> {
    let args = if first.is_empty() { "[]".to_owned() } else { json!([first]).to_string() };
    let mut body = vec![1];
    body.extend_from_slice(&number.to_be_bytes());
    body.extend([7, u8::try_from(name.len()).unwrap_or(u8::MAX)]);
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(&u32::try_from(args.len()).unwrap_or(0).to_be_bytes());
    body.extend_from_slice(args.as_bytes());
    body
}

fn arg(given: &Given) -> Arg {
    match given {
        Given::File(path) => uri(path),
        Given::Bytes(bytes) => Arg::Bytes(bytes.clone()),
        Given::Int(number) => Arg::Int(*number),
        Given::Text(text) => Arg::Text((*text).to_owned()),
        Given::Json(json) => Arg::Json(serde_json::from_str(json).unwrap_or_default()),
    }
}

/// The first words of a socket of the editor's that wants to be of this kind.
pub(crate) fn greeting(kind: u8) -> [Vec<u8>; 2] {
    let wish = json!({ "type": "connectionType", "signedData": "x", "desiredConnectionType": kind });
    let auth = br#"{"type":"auth","auth":"00000000000000000000","data":"x"}"#;
    [framed(2, 0, 0, auth), framed(2, 0, 0, wish.to_string().as_bytes())]
}
