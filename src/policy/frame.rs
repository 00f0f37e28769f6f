//! Which WebSocket messages of the client are a person's act.
//!
//! A positive list: an untouched tab sends pongs, `kernel_info_request`, `history_request` and window sizes, and none of
//! them may keep a session alive. Only the first bytes are looked at; nothing is decided but activity.

use crate::SocketRule;

/// Kernel messages that only a person's act causes (seen on the wire with JupyterLab 4.6).
const ACTS: [&str; 7] = [
    "execute_request",
    "input_reply",
    "complete_request",
    "inspect_request",
    "comm_msg",
    "interrupt_request",
    "shutdown_request",
];

/// Whether a data message of the client, of which the first bytes (unmasked, 256 are enough) are given, is a person's act.
pub fn frame_is_activity(rule: SocketRule, first_bytes: &[u8]) -> bool {
    match rule {
        SocketRule::None | SocketRule::CodeServer => false,
        SocketRule::Opaque => !first_bytes.is_empty(),
        SocketRule::JupyterKernel => kernel(first_bytes),
        SocketRule::JupyterTerminal => terminal(first_bytes),
        // `a` and what is typed; `b` keeps the socket alive.
        SocketRule::RstudioTerminal => first_bytes.len() > 1 && first_bytes[0] == b'a',
    }
}

/// Both framings: `v1.kernel.websocket.jupyter.org` (little-endian u64 count, offsets, then channel, header …) and the
/// older JSON text. The header's `msg_type` follows a date and an id, well within the first 256 bytes.
fn kernel(bytes: &[u8]) -> bool {
    if let Some(word) = message_type(bytes) {
        return ACTS.iter().any(|act| act.as_bytes() == word);
    }
    // JSON text puts `content` before `header`: long code pushes the type out of sight, but only a person sends code.
    bytes.first() == Some(&b'{') && find(bytes, b"\"code\"").is_some()
}

fn message_type(bytes: &[u8]) -> Option<&[u8]> {
    let key = b"\"msg_type\"";
    let after = bytes.get(find(bytes, key)? + key.len()..)?;
    let word = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    word.get(..word.iter().position(|byte| *byte == b'"')?)
}

/// `["stdin","…"]` is typed; `["set_size",…]` comes from a window that changed.
fn terminal(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.trim_ascii_start().strip_prefix(b"[") else { return false };
    rest.trim_ascii_start().starts_with(b"\"stdin\"")
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of the binary framing, cut as the tap cuts it.
    fn v1(kind: &str) -> Vec<u8> {
        let header = format!(
            "{{\"date\":\"2026-11-21T10:00:00.000Z\",\"msg_id\":\"01234567-89ab-cdef-0123-456789abcdef\",\"msg_type\":\"{kind}\",\"session\":\"s\",\"username\":\"\",\"version\":\"5.2\"}}"
        );
        let parts = ["shell", &header, "{}", "{}", "{\"code\":\"1\"}"];
        let mut bytes = 6_u64.to_le_bytes().to_vec();
        let mut at = 56_u64;
        bytes.extend(at.to_le_bytes());
        for part in parts {
            at += u64::try_from(part.len()).expect("short");
            bytes.extend(at.to_le_bytes());
        }
        parts.iter().for_each(|part| bytes.extend(part.as_bytes()));
        bytes.truncate(256);
        bytes
    }

    #[test]
    fn both_framings_of_a_kernel_are_read() {
        for act in ACTS {
            assert!(frame_is_activity(SocketRule::JupyterKernel, &v1(act)), "{act}");
            let text = format!("{{\"channel\":\"shell\",\"header\":{{\"msg_type\": \"{act}\"}}}}");
            assert!(frame_is_activity(SocketRule::JupyterKernel, text.as_bytes()), "{act}");
        }
        for idle in [
            "kernel_info_request",
            "history_request",
            "debug_request",
            "comm_info_request",
            "execute_requestx",
        ] {
            assert!(!frame_is_activity(SocketRule::JupyterKernel, &v1(idle)), "{idle}");
        }
        let long =
            format!("{{\"buffers\":[],\"channel\":\"shell\",\"content\":{{\"code\":\"{}", "x".repeat(200));
        assert!(frame_is_activity(SocketRule::JupyterKernel, long.as_bytes()));
        assert!(!frame_is_activity(SocketRule::JupyterKernel, b""));
    }

    #[test]
    fn a_terminal_is_used_when_something_is_typed() {
        assert!(frame_is_activity(SocketRule::JupyterTerminal, b"[\"stdin\",\"i\"]"));
        assert!(frame_is_activity(SocketRule::JupyterTerminal, b" [ \"stdin\", \"i\"]"));
        assert!(!frame_is_activity(SocketRule::JupyterTerminal, b"[\"set_size\",24,80,1,1]"));
        assert!(!frame_is_activity(SocketRule::JupyterTerminal, b"\"stdin\""));
    }

    #[test]
    fn other_sockets() {
        assert!(!frame_is_activity(SocketRule::None, b"x"));
        assert!(frame_is_activity(SocketRule::Opaque, b"x"));
    }
}
