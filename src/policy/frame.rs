//! Which WebSocket frames are a person's act.

use crate::SocketRule;

/// Whether a data message of the client, of which the first bytes (unmasked, 256 are enough) are given, is a person's act.
pub fn frame_is_activity(rule: SocketRule, first_bytes: &[u8]) -> bool {
    match rule {
        SocketRule::None => false,
        SocketRule::Opaque => !first_bytes.is_empty(),
        SocketRule::JupyterKernel | SocketRule::JupyterTerminal => !first_bytes.is_empty(),
    }
}
