//! The three ways in which a kernel's message is put into a WebSocket message, read strictly.
//!
//! `v1.kernel.websocket.jupyter.org` is binary: a count of offsets and the offsets (little-endian u64), then channel, header, parent
//! header, metadata, content, buffers, one after the other. Without that subprotocol a message is JSON text, or binary: a count and
//! offsets (big-endian u32), the same JSON, buffers. JupyterLab's server follows offsets wherever they point (`deserialize_msg_from_ws_v1`,
//! `deserialize_binary_message`); here they must stand in order and touch, so that both read the same bytes.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::content::{Header, Text, object};

/// Longest part that is read of a message from the browser: JupyterLab's server takes 10 MiB in all. Buffers are not read.
pub(super) const READ_MAX: usize = 8 * 1024 * 1024;
/// Buffers of one message; the interface was seen to send 2.
const BUFFERS_MAX: u64 = 1024;

/// How messages are framed on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Framing {
    /// JSON; what JupyterLab's server takes a socket without a subprotocol for.
    #[default]
    Legacy,
    /// `v1.kernel.websocket.jupyter.org`.
    V1,
}

impl Framing {
    /// Of the subprotocol that was agreed on. An unknown one is refused as unreadable later: its messages fit neither.
    pub(super) fn of(subprotocol: Option<&str>) -> Self {
        if subprotocol == Some("v1.kernel.websocket.jupyter.org") { Self::V1 } else { Self::Legacy }
    }
}

/// Why a message can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

/// The parts of a message that count.
#[derive(Debug)]
pub(super) struct Parts<'m> {
    pub(super) channel: &'m str,
    pub(super) header: Header<'m>,
    /// The header as it came, to be quoted in an answer.
    pub(super) quoted: &'m str,
    pub(super) content: &'m str,
}

/// How many bytes of a message must be there before it can be read: `None` when more are needed to know.
pub(super) fn needs(framing: Framing, text: bool, bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    match (framing, text) {
        (Framing::V1, true) => Err(Unreadable("text on a socket of the binary protocol")),
        (Framing::V1, false) => v1_end(bytes),
        // Text ends with its message.
        (Framing::Legacy, true) => Ok(None),
        (Framing::Legacy, false) => legacy_end(bytes),
    }
}

fn v1_end(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    Ok(v1_offsets(bytes)?.map(|offsets| offsets[5]))
}

/// The offsets of channel, header, parent, metadata, content, and the end of content.
fn v1_offsets(bytes: &[u8]) -> Result<Option<[usize; 6]>, Unreadable> {
    let Some(count) = number(bytes, 0, 8) else { return Ok(None) };
    if !(6..=6 + BUFFERS_MAX).contains(&count) {
        return Err(Unreadable("its number of parts"));
    }
    table(bytes, count, 8)
        .map(|table| table.map(|table| [table[0], table[1], table[2], table[3], table[4], table[5]]))
}

/// All offsets, checked: the first right behind them, each no less than the one before.
fn table(bytes: &[u8], count: u64, width: usize) -> Result<Option<Vec<usize>>, Unreadable> {
    let wrong = Unreadable("its offsets");
    let count = usize::try_from(count).map_err(|_| wrong)?;
    let start = width * (count + 1);
    if bytes.len() < start {
        return Ok(None);
    }
    let mut offsets = Vec::with_capacity(count);
    for at in 1..=count {
        let next =
            number(bytes, at * width, width).and_then(|next| usize::try_from(next).ok()).ok_or(wrong)?;
        let least = offsets.last().copied().unwrap_or(start);
        if next < least || (at == 1 && next != start) {
            return Err(wrong);
        }
        offsets.push(next);
    }
    Ok(Some(offsets))
}

/// A number of 8 bytes (little-endian) or 4 (big-endian).
fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + width)?;
    if width == 8 {
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    } else {
        Some(u64::from(u32::from_be_bytes(bytes.try_into().ok()?)))
    }
}

fn legacy_end(bytes: &[u8]) -> Result<Option<usize>, Unreadable> {
    Ok(legacy_offsets(bytes)?.and_then(|(_, end)| end))
}

/// Where the JSON begins and, with buffers behind it, ends.
fn legacy_offsets(bytes: &[u8]) -> Result<Option<(usize, Option<usize>)>, Unreadable> {
    let Some(count) = number(bytes, 0, 4) else { return Ok(None) };
    if !(1..=1 + BUFFERS_MAX).contains(&count) {
        return Err(Unreadable("its number of parts"));
    }
    Ok(table(bytes, count, 4)?.map(|offsets| (offsets[0], offsets.get(1).copied())))
}

/// Reads a message; `bytes` is what [`needs`] asked for, or all of it.
pub(super) fn read(framing: Framing, text: bool, bytes: &[u8]) -> Result<Parts<'_>, Unreadable> {
    match (framing, text) {
        (Framing::V1, true) => Err(Unreadable("text on a socket of the binary protocol")),
        (Framing::V1, false) => v1(bytes),
        (Framing::Legacy, true) => legacy(bytes),
        (Framing::Legacy, false) => {
            let (start, end) = legacy_offsets(bytes)?.ok_or(Unreadable("its length"))?;
            legacy(bytes.get(start..end.unwrap_or(bytes.len())).ok_or(Unreadable("its length"))?)
        }
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|_| Unreadable("bytes that are not UTF-8"))
}

fn v1(bytes: &[u8]) -> Result<Parts<'_>, Unreadable> {
    let offsets = v1_offsets(bytes)?.ok_or(Unreadable("its length"))?;
    let part = |at: usize| {
        let part = bytes.get(offsets[at]..offsets[at + 1]).ok_or(Unreadable("its length"))?;
        utf8(part)
    };
    let (channel, quoted) = (part(0)?, part(1)?);
    let header = object(quoted).ok_or(Unreadable("its header"))?;
    // Parent header and metadata carry nothing that is run; the kernel reads them, so they must be JSON too.
    for at in [2, 3] {
        object::<super::content::Anything>(part(at)?).ok_or(Unreadable("its parent header or metadata"))?;
    }
    Ok(Parts { channel, header, quoted, content: part(4)? })
}

#[derive(Deserialize)]
struct Legacy<'m> {
    #[serde(borrow, default)]
    channel: Option<Text<'m>>,
    #[serde(borrow)]
    header: &'m RawValue,
    #[serde(borrow)]
    content: &'m RawValue,
}

fn legacy(bytes: &[u8]) -> Result<Parts<'_>, Unreadable> {
    let message: Legacy<'_> = object(utf8(bytes)?).ok_or(Unreadable("its JSON"))?;
    let quoted = message.header.get();
    let header = object(quoted).ok_or(Unreadable("its header"))?;
    let channel = match message.channel {
        // JupyterLab's server takes it for shell.
        None => "shell",
        Some(Text(std::borrow::Cow::Borrowed(channel))) => channel,
        Some(Text(std::borrow::Cow::Owned(_))) => return Err(Unreadable("its channel")),
    };
    Ok(Parts { channel, header, quoted, content: message.content.get() })
}

/// A message of ours.
pub(super) fn write(
    framing: Framing,
    channel: &str,
    header: &str,
    parent: &str,
    content: &str,
) -> (bool, Vec<u8>) {
    match framing {
        Framing::Legacy => {
            let text = format!(
                "{{\"header\":{header},\"parent_header\":{parent},\"metadata\":{{}},\"content\":{content},\"channel\":\"{channel}\",\"buffers\":[]}}"
            );
            (true, text.into_bytes())
        }
        Framing::V1 => {
            let parts = [channel, header, parent, "{}", content];
            let mut at = 8 * (parts.len() + 2);
            let mut bytes = 6_u64.to_le_bytes().to_vec();
            let mut put = |at: usize| bytes.extend(u64::try_from(at).unwrap_or(u64::MAX).to_le_bytes());
            put(at);
            for part in parts {
                at += part.len();
                put(at);
            }
            parts.iter().for_each(|part| bytes.extend(part.as_bytes()));
            (false, bytes)
        }
    }
}
