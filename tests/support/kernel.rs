//! Talks to a Jupyter kernel through its WebSocket, in both framings.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tungstenite::protocol::Message;

use crate::client::Client;
use crate::websocket::{self, Deadline, Socket};

/// The subprotocol with binary frames that JupyterLab asks for.
pub const V1: &str = "v1.kernel.websocket.jupyter.org";

/// Starts a Python kernel; returns its id.
///
/// # Errors
/// When Jupyter doesn't.
pub fn start(client: &Client, session: &str) -> Result<String> {
    start_of(client, session, "python3")
}

/// The same of another language: the name of its folder among the kernels.
///
/// # Errors
/// When Jupyter doesn't.
pub fn start_of(client: &Client, session: &str, name: &str) -> Result<String> {
    let answer = client
        .request("POST", &format!("/s/{session}/api/kernels"))
        .json(&json!({"name": name}))
        .send()?
        .expect(201)?;
    Ok(answer.json()?["id"].as_str().context("a kernel without an id")?.to_owned())
}

/// Opens the kernel's socket.
///
/// # Errors
/// When it is refused.
pub fn connect(client: &Client, session: &str, kernel: &str, v1: bool) -> Result<Socket> {
    let path = format!("/s/{session}/api/kernels/{kernel}/channels?session_id={kernel}");
    let headers: &[(&str, &str)] = if v1 { &[("Sec-WebSocket-Protocol", V1)] } else { &[] };
    websocket::open(client, &path, headers)
}

/// Numbers the messages: a reply is known by the id it answers.
static SENT: AtomicU64 = AtomicU64::new(0);

/// Sends a message of any kind on a channel; returns its id.
///
/// # Errors
/// When the socket is closed.
pub fn send(socket: &mut Socket, v1: bool, channel: &str, kind: &str, content: &Value) -> Result<String> {
    let id = format!("portcullis-{}", SENT.fetch_add(1, Relaxed));
    socket.send(message(&id, v1, channel, kind, content))?;
    Ok(id)
}

/// A message of any kind, as the browser writes it.
pub fn message(id: &str, v1: bool, channel: &str, kind: &str, content: &Value) -> Message {
    let header = json!({
        "msg_id": id, "msg_type": kind, "username": "", "session": "portcullis", "version": "5.3",
        "date": "2026-01-01T00:00:00Z"
    });
    if v1 {
        let [none, content] = ["{}".to_owned(), content.to_string()];
        return Message::binary(pack(&[channel.to_owned(), header.to_string(), none.clone(), none, content]));
    }
    let message = json!({
        "channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content,
        "buffers": []
    });
    Message::text(message.to_string())
}

/// A message that came from the kernel.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its channel.
    pub channel: String,
    /// Its type.
    pub kind: String,
    /// The id of what it answers.
    pub parent: String,
    /// Its content.
    pub content: Value,
}

impl Said {
    fn read(message: &Message) -> Result<Option<Self>> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (channel, header, parent, content) = match message {
            Message::Text(text) => {
                let mut value: Value = serde_json::from_str(text)?;
                let [header, parent, content] =
                    ["header", "parent_header", "content"].map(|name| value[name].take());
                (value["channel"].as_str().unwrap_or_default().to_owned(), header, parent, content)
            }
            Message::Binary(bytes) => {
                let parts = unpack(bytes)?;
                let part = |at: usize| parts.get(at).copied().context("a message with too few parts");
                let json = |at: usize| Ok::<Value, anyhow::Error>(serde_json::from_slice(part(at)?)?);
                (String::from_utf8_lossy(part(0)?).into_owned(), json(1)?, json(2)?, json(4)?)
            }
            Message::Close(frame) => bail!("the kernel's socket was closed: {frame:?}"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => return Ok(None),
        };
        Ok(Some(Self { channel, kind: text(&header["msg_type"]), parent: text(&parent["msg_id"]), content }))
    }
}

/// The next message of this type.
///
/// # Errors
/// When the socket is closed, or nothing of the kind comes.
pub fn await_kind(socket: &mut Socket, kind: &str) -> Result<Said> {
    await_kinds(socket, [kind]).map(|[said]| said)
}

/// The next message of each of these types. A kernel's channels keep no order among each other: what it printed may come
/// before its reply or behind it.
///
/// # Errors
/// When the socket is closed, or one of them doesn't come.
pub fn await_kinds<const N: usize>(socket: &mut Socket, kinds: [&str; N]) -> Result<[Said; N]> {
    await_those(socket, kinds, |_| true)
}

/// Runs code and returns the text of its result, once the kernel is done with it.
///
/// # Errors
/// When the kernel reports one, or says nothing.
pub fn execute(socket: &mut Socket, v1: bool, code: &str) -> Result<String> {
    let content = json!({
        "code": code, "silent": false, "store_history": false, "user_expressions": {}, "allow_stdin": false,
        "stop_on_error": true
    });
    let id = send(socket, v1, "shell", "execute_request", &content)?;
    let [result, _] = await_those(socket, ["execute_result", "execute_reply"], |said| said.parent == id)?;
    Ok(result.content["data"]["text/plain"].as_str().unwrap_or_default().to_owned())
}

/// What a cell did.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Whether it ran to its end.
    pub fine: bool,
    /// What it printed and showed as text, and its error.
    pub text: String,
}

/// Runs a cell, and hears all that it says until the kernel is idle again. A cell that fails is an outcome, no error.
///
/// # Errors
/// When the socket is closed, or the kernel isn't done in the client's patience.
pub fn run(socket: &mut Socket, v1: bool, code: &str) -> Result<Ran> {
    let content = json!({
        "code": code, "silent": false, "store_history": false, "user_expressions": {}, "allow_stdin": false,
        "stop_on_error": true
    });
    let id = send(socket, v1, "shell", "execute_request", &content)?;
    let deadline = Deadline::default();
    let (mut ran, mut replied, mut idle) = (Ran::default(), false, false);
    while !(replied && idle) {
        let Some(said) = Said::read(&deadline.read(socket, "the end of a cell")?)? else { continue };
        if said.parent != id {
            continue;
        }
        let text = |name: &str| said.content[name].as_str().unwrap_or_default().to_owned();
        match said.kind.as_str() {
            "stream" => ran.text.push_str(&text("text")),
            "execute_result" | "display_data" => {
                ran.text.push_str(said.content["data"]["text/plain"].as_str().unwrap_or_default());
            }
            "error" => ran.text.push_str(&format!("{}: {}\n", text("ename"), text("evalue"))),
            "execute_reply" => (replied, ran.fine) = (true, said.content["status"] == "ok"),
            "status" => idle = said.content["execution_state"] == "idle",
            _ => {}
        }
    }
    Ok(ran)
}

fn await_those<const N: usize>(
    socket: &mut Socket,
    kinds: [&str; N],
    wanted: impl Fn(&Said) -> bool,
) -> Result<[Said; N]> {
    let deadline = Deadline::default();
    let mut heard = [const { None }; N];
    loop {
        let Some(said) = Said::read(&deadline.read(socket, &format!("one of {kinds:?}"))?)? else { continue };
        if !wanted(&said) {
            continue;
        }
        if said.kind == "error" && !kinds.contains(&"error") {
            bail!("the kernel says: {}", said.content);
        }
        if let Some(at) = (0..N).find(|at| kinds[*at] == said.kind && heard[*at].is_none()) {
            heard[at] = Some(said);
        }
        if heard.iter().all(Option::is_some) {
            return Ok(heard.map(|said| said.expect("all have been heard")));
        }
    }
}

/// `n`, `n` offsets (little-endian 64 bits), then the parts; the last offset is the end.
fn pack(parts: &[String]) -> Vec<u8> {
    let count = parts.len() + 1;
    let mut offset = 8 * (count + 1);
    let mut bytes = (count as u64).to_le_bytes().to_vec();
    for part in parts {
        bytes.extend((offset as u64).to_le_bytes());
        offset += part.len();
    }
    bytes.extend((offset as u64).to_le_bytes());
    for part in parts {
        bytes.extend(part.as_bytes());
    }
    bytes
}

fn unpack(bytes: &[u8]) -> Result<Vec<&[u8]>> {
    let number = |at: usize| -> Result<usize> {
        let eight = bytes.get(at * 8..at * 8 + 8).context("too short for a message")?;
        Ok(usize::try_from(u64::from_le_bytes(eight.try_into()?))?)
    };
    let count = number(0)?;
    (1..count)
        .map(|at| bytes.get(number(at)?..number(at + 1)?).context("offsets outside of the message"))
        .collect()
}
