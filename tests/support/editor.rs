//! VS Code's editor without a screen: opens code-server's sockets and calls what it wants, as a client of one's own would.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tungstenite::protocol::Message;

use crate::client::Client;
use crate::websocket::{self, Socket};

/// An argument of a call.
#[derive(Debug, Clone)]
pub enum Arg {
    /// Anything that JSON can say.
    Json(Value),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A number.
    Int(u32),
    /// Text.
    Text(String),
    /// Nothing.
    Nothing,
}

/// The address of a file.
pub fn uri(path: &str) -> Arg {
    Arg::Json(json!({"$mid": 1, "path": path, "scheme": "vscode-remote", "authority": "x"}))
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing, or something that is not looked at.
    Nothing,
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// JSON, or a list of any of these.
    Json(Value),
}

/// A management socket.
pub struct Editor {
    socket: Socket,
    token: String,
    incoming: Vec<u8>,
    /// The last message of ours, and the last one that was seen.
    sent: u32,
    seen: u32,
    calls: u32,
    /// Messages that the server has not confirmed.
    unconfirmed: Vec<(u32, Vec<u8>)>,
}

impl std::fmt::Debug for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Editor").field("token", &self.token).finish_non_exhaustive()
    }
}

/// The query of a socket.
fn target(session: &str, path: &str, token: &str, again: bool) -> String {
    format!("/s/{session}{path}?reconnectionToken={token}&reconnection={again}&skipWebSocketFrames=false")
}

impl Editor {
    /// Opens one on a path below the session; any does.
    ///
    /// # Errors
    /// When it is refused, or the server says something else than it should.
    pub fn open(client: &Client, session: &str, path: &str, token: &str) -> Result<Self> {
        let socket = websocket::open(client, &target(session, path, token, false), &[])?;
        let mut editor = Self {
            socket,
            token: token.to_owned(),
            incoming: Vec::new(),
            sent: 0,
            seen: 0,
            calls: 0,
            unconfirmed: Vec::new(),
        };
        editor.greet(1)?;
        let mut context = Vec::new();
        write(&mut context, &Arg::Json(json!({"remoteAuthority": "x", "clientId": "renderer"})));
        editor.regular(context)?;
        Ok(editor)
    }

    /// Leaves the connection as a broken network does, and comes back with what the server has not confirmed.
    ///
    /// # Errors
    /// When the server doesn't know it any more.
    pub fn reconnect(&mut self, client: &Client, session: &str) -> Result<()> {
        self.socket = websocket::open(client, &target(session, "/", &self.token, true), &[])?;
        self.incoming.clear();
        self.greet(1)?;
        for (id, body) in self.unconfirmed.clone() {
            self.message(1, id, &body)?;
        }
        Ok(())
    }

    /// Puts a call on the list of what was not confirmed, as if the network had swallowed it.
    pub fn lose(&mut self, channel: &str, name: &str, args: &[Arg]) -> u32 {
        let (number, body) = self.call_body(100, channel, name, args);
        self.sent += 1;
        self.unconfirmed.push((self.sent, body));
        number
    }

    fn greet(&mut self, kind: u8) -> Result<()> {
        self.message(2, 0, br#"{"type":"auth","auth":"00000000000000000000","data":"x"}"#)?;
        let sign = self.control()?;
        let wish = json!({
            "type": "connectionType", "signedData": sign["data"], "desiredConnectionType": kind
        });
        self.message(2, 0, wish.to_string().as_bytes())?;
        let answer = self.control()?;
        ensure!(answer["type"] == "ok", "the server said {answer}");
        Ok(())
    }

    fn message(&mut self, kind: u8, id: u32, body: &[u8]) -> Result<()> {
        let bytes = framed(kind, id, self.seen, body);
        self.socket.send(Message::binary(bytes)).context("the editor's socket is gone")?;
        Ok(())
    }

    fn regular(&mut self, body: Vec<u8>) -> Result<()> {
        self.sent += 1;
        self.message(1, self.sent, &body)?;
        self.unconfirmed.push((self.sent, body));
        Ok(())
    }

    /// The next message: kind and body.
    fn read(&mut self) -> Result<(u8, Vec<u8>)> {
        loop {
            if self.incoming.len() >= 13 {
                let number =
                    |at: usize| u32::from_be_bytes([0, 1, 2, 3].map(|more| self.incoming[at + more]));
                let (id, ack, length) = (number(1), number(5), usize::try_from(number(9))?);
                if self.incoming.len() >= 13 + length {
                    let message: Vec<u8> = self.incoming.drain(..13 + length).collect();
                    self.unconfirmed.retain(|(sent, _)| *sent > ack);
                    if message[0] == 1 {
                        // What comes again after a new connection was seen.
                        if id <= self.seen {
                            continue;
                        }
                        ensure!(id == self.seen + 1, "message {id} came after {}", self.seen);
                        self.seen = id;
                    }
                    return Ok((message[0], message[13..].to_vec()));
                }
            }
            match self.socket.read()? {
                Message::Binary(bytes) => self.incoming.extend_from_slice(&bytes),
                Message::Close(frame) => bail!("the editor's socket was closed: {frame:?}"),
                _ => {}
            }
        }
    }

    fn control(&mut self) -> Result<Value> {
        loop {
            let (kind, body) = self.read()?;
            if kind == 2 {
                return Ok(serde_json::from_slice(&body)?);
            }
        }
    }

    fn call_body(&mut self, kind: u32, channel: &str, name: &str, args: &[Arg]) -> (u32, Vec<u8>) {
        self.calls += 1;
        (self.calls, called(kind, self.calls, channel, name, args, true))
    }

    /// Calls a command; inside, what it answered or why it is refused.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn call(&mut self, channel: &str, name: &str, args: &[Arg]) -> Result<Result<Answer, String>> {
        let (number, body) = self.call_body(100, channel, name, args);
        self.regular(body)?;
        self.answer(number)
    }

    /// The same with one argument that is no list.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn call_with(&mut self, channel: &str, name: &str, arg: &Arg) -> Result<Result<Answer, String>> {
        self.calls += 1;
        let number = self.calls;
        self.regular(called(100, number, channel, name, std::slice::from_ref(arg), false))?;
        self.answer(number)
    }

    /// Waits for the answer to a call.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn answer(&mut self, number: u32) -> Result<Result<Answer, String>> {
        loop {
            let (id, kind, answer) = self.reply()?;
            if id == number && kind != 204 {
                return Ok(outcome(kind, answer));
            }
        }
    }

    /// Opens a file as the editor does, and reads it to its end.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn stream(&mut self, path: &str) -> Result<Result<Vec<u8>, String>> {
        let options = Arg::Json(json!({"acceptTextOnly": true, "limits": {"size": 10_485_760}}));
        let (number, body) = self.call_body(102, "remoteFilesystem", "readFileStream", &[uri(path), options]);
        self.regular(body)?;
        let mut read = Vec::new();
        loop {
            let (id, kind, answer) = self.reply()?;
            if id != number {
                continue;
            }
            ensure!(kind == 204, "an event was answered by {kind}");
            match answer {
                Answer::Bytes(bytes) => read.extend(bytes),
                Answer::Text(end) if end == "end" => return Ok(Ok(read)),
                Answer::Json(error) => {
                    return Ok(Err(error["message"].as_str().unwrap_or_default().to_owned()));
                }
                other => bail!("a stream said {other:?}"),
            }
        }
    }

    /// Saves a file as the editor does.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn save(&mut self, path: &str, content: &[u8]) -> Result<Result<Answer, String>> {
        let options =
            json!({"create": true, "overwrite": true, "unlock": false, "atomic": false, "append": false});
        let args = [uri(path), Arg::Bytes(content.to_vec()), Arg::Json(options)];
        self.call("remoteFilesystem", "writeFile", &args)
    }

    fn reply(&mut self) -> Result<(u32, u32, Answer)> {
        loop {
            let (kind, body) = self.read()?;
            if kind != 1 {
                continue;
            }
            let mut rest = &body[..];
            let Answer::Json(head) = read(&mut rest)? else { bail!("an answer without a head") };
            let number = |at: usize| u32::try_from(head[at].as_u64().unwrap_or(0)).unwrap_or(0);
            if number(0) > 200 {
                return Ok((number(1), number(0), read(&mut rest)?));
            }
        }
    }
}

/// A message of the protocol's: 1 is a call, 2 one of the first words.
pub fn framed(kind: u8, id: u32, seen: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind];
    for number in [id, seen, u32::try_from(body.len()).unwrap_or(u32::MAX)] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(body);
    bytes
}

/// The body of a call: 100 asks, 102 listens. What it is given stands in a list, or is one thing alone.
pub fn called(kind: u32, number: u32, channel: &str, name: &str, args: &[Arg], listed: bool) -> Vec<u8> {
    let mut body = vec![4, 4];
    write(&mut body, &Arg::Int(kind));
    write(&mut body, &Arg::Int(number));
    write(&mut body, &Arg::Text(channel.to_owned()));
    write(&mut body, &Arg::Text(name.to_owned()));
    if listed {
        body.push(4);
        varint(&mut body, args.len());
    }
    args.iter().for_each(|arg| write(&mut body, arg));
    body
}

fn outcome(kind: u32, answer: Answer) -> Result<Answer, String> {
    if kind == 201 {
        return Ok(answer);
    }
    match answer {
        Answer::Json(error) => Err(error["message"].as_str().unwrap_or_default().to_owned()),
        other => Err(format!("{other:?}")),
    }
}

fn varint(out: &mut Vec<u8>, number: usize) {
    let mut rest = number;
    while rest > 0x7f {
        out.push(u8::try_from(rest & 0x7f).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    out.push(u8::try_from(rest).unwrap_or(0));
}

fn write(out: &mut Vec<u8>, arg: &Arg) {
    let mut sized = |tag: u8, bytes: &[u8]| {
        out.push(tag);
        varint(out, bytes.len());
        out.extend_from_slice(bytes);
    };
    match arg {
        Arg::Json(value) => sized(5, value.to_string().as_bytes()),
        Arg::Bytes(bytes) => sized(3, bytes),
        Arg::Text(text) => sized(1, text.as_bytes()),
        Arg::Int(number) => {
            out.push(6);
            varint(out, usize::try_from(*number).unwrap_or(0));
        }
        Arg::Nothing => out.push(0),
    }
}

fn read(rest: &mut &[u8]) -> Result<Answer> {
    let Some((tag, after)) = rest.split_first() else { return Ok(Answer::Nothing) };
    *rest = after;
    if *tag == 0 {
        return Ok(Answer::Nothing);
    }
    let mut number = 0_usize;
    let mut shift = 0;
    loop {
        let (byte, after) = rest.split_first().context("a number is cut off")?;
        *rest = after;
        number |= usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            break;
        }
    }
    match tag {
        4 => {
            let mut list = Vec::new();
            for _ in 0..number {
                list.push(match read(rest)? {
                    Answer::Json(value) => value,
                    Answer::Text(text) => json!(text),
                    Answer::Bytes(bytes) => json!(bytes.len()),
                    Answer::Nothing => Value::Null,
                });
            }
            Ok(Answer::Json(Value::Array(list)))
        }
        6 => Ok(Answer::Json(json!(number))),
        _ => {
            let (bytes, after) = rest.split_at_checked(number).context("a value is cut off")?;
            *rest = after;
            match tag {
                1 => Ok(Answer::Text(String::from_utf8_lossy(bytes).into_owned())),
                5 => Ok(Answer::Json(serde_json::from_slice(bytes)?)),
                _ => Ok(Answer::Bytes(bytes.to_vec())),
            }
        }
    }
}
