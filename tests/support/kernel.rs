//! Talks to a Jupyter kernel through its WebSocket, in both framings.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tungstenite::protocol::Message;

use crate::client::Client;
use crate::websocket::{self, Socket};

/// The subprotocol with binary frames that JupyterLab asks for.
pub const V1: &str = "v1.kernel.websocket.jupyter.org";

/// Starts a Python kernel; returns its id.
///
/// # Errors
/// When Jupyter doesn't.
pub fn start(client: &Client, session: &str) -> Result<String> {
    let answer = client
        .request("POST", &format!("/s/{session}/api/kernels"))
        .json(&json!({"name": "python3"}))
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

/// Sends a message of any kind on a channel; its id is `portcullis-1`.
///
/// # Errors
/// When the socket is closed.
pub fn send(socket: &mut Socket, v1: bool, channel: &str, kind: &str, content: &Value) -> Result<()> {
    let header = json!({
        "msg_id": "portcullis-1", "msg_type": kind, "username": "", "session": "portcullis", "version": "5.3",
        "date": "2026-01-01T00:00:00Z"
    });
    socket.send(if v1 {
        let [none, content] = ["{}".to_owned(), content.to_string()];
        Message::binary(pack(&[channel.to_owned(), header.to_string(), none.clone(), none, content]))
    } else {
        let message = json!({
            "channel": channel, "header": header, "parent_header": {}, "metadata": {}, "content": content,
            "buffers": []
        });
        Message::text(message.to_string())
    })?;
    Ok(())
}

/// A message that came from the kernel.
#[derive(Debug)]
pub struct Said {
    /// Its channel.
    pub channel: String,
    /// Its type.
    pub kind: String,
    /// Its content.
    pub content: Value,
}

/// The next message of this type.
///
/// # Errors
/// When the socket is closed, or nothing of the kind comes.
pub fn await_kind(socket: &mut Socket, kind: &str) -> Result<Said> {
    loop {
        let said = match socket.read().with_context(|| format!("no `{kind}` came"))? {
            Message::Text(text) => {
                let value: Value = serde_json::from_str(&text)?;
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                Said {
                    channel: text(&value["channel"]),
                    kind: text(&value["header"]["msg_type"]),
                    content: value["content"].clone(),
                }
            }
            Message::Binary(bytes) => {
                let parts = unpack(&bytes)?;
                let part = |at: usize| parts.get(at).copied().context("a message with too few parts");
                let header: Value = serde_json::from_slice(part(1)?)?;
                Said {
                    channel: String::from_utf8_lossy(part(0)?).into_owned(),
                    kind: header["msg_type"].as_str().unwrap_or_default().to_owned(),
                    content: serde_json::from_slice(part(4)?)?,
                }
            }
            Message::Close(frame) => bail!("the kernel's socket was closed: {frame:?}"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if said.kind == kind {
            return Ok(said);
        }
    }
}

/// Runs code and returns the text of its result.
///
/// # Errors
/// When the kernel reports one, or says nothing.
pub fn execute(socket: &mut Socket, v1: bool, code: &str) -> Result<String> {
    let header = json!({
        "msg_id": "portcullis-1", "msg_type": "execute_request", "username": "", "session": "portcullis",
        "version": "5.3", "date": "2026-01-01T00:00:00Z"
    });
    let content = json!({
        "code": code, "silent": false, "store_history": false, "user_expressions": {}, "allow_stdin": false,
        "stop_on_error": true
    });
    socket.send(if v1 {
        let parts =
            ["shell".to_owned(), header.to_string(), "{}".to_owned(), "{}".to_owned(), content.to_string()];
        Message::binary(pack(&parts))
    } else {
        Message::text(
            json!({
                "channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content,
                "buffers": []
            })
            .to_string(),
        )
    })?;
    loop {
        let (kind, parent, content) = match socket.read()? {
            Message::Text(text) => {
                let value: Value = serde_json::from_str(&text)?;
                (
                    value["header"]["msg_type"].clone(),
                    value["parent_header"]["msg_id"].clone(),
                    value["content"].clone(),
                )
            }
            Message::Binary(bytes) => {
                let parts = unpack(&bytes)?;
                let part = |at: usize| parts.get(at).context("a message with too few parts");
                let [header, parent, content] = [part(1)?, part(2)?, part(4)?]
                    .map(|part| serde_json::from_slice::<Value>(part).unwrap_or_default());
                (header["msg_type"].clone(), parent["msg_id"].clone(), content)
            }
            Message::Close(frame) => bail!("the kernel's socket was closed: {frame:?}"),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
        };
        if parent != "portcullis-1" {
            continue;
        }
        match kind.as_str() {
            Some("execute_result") => {
                return Ok(content["data"]["text/plain"].as_str().unwrap_or_default().to_owned());
            }
            Some("error") => bail!("the kernel says: {content}"),
            _ => {}
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
