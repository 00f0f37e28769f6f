//! A refused message is answered as its kernel would: the cell shows an error named `Portcullis` with the reason.
//!
//! Three messages, as for a cell that fails: `error` on iopub, the reply on the request's channel, and `status: idle`.

use serde_json::json;

use super::framing::{Framing, write};
use crate::inspect::{Acts, Opcode};

/// The name of the error that is shown.
const NAME: &str = "Portcullis";

/// Answers a request that does not reach the kernel; `parent` is its header as it came.
pub(super) fn refuse(
    framing: Framing,
    number: u64,
    channel: &str,
    kind: &str,
    parent: &str,
    why: &str,
    acts: &mut Acts,
) {
    let error = json!({
        "status": "error",
        "ename": NAME,
        "evalue": why,
        "traceback": [format!("{NAME}: {why}")],
        "execution_count": 0,
        "user_expressions": {},
        "payload": [],
    });
    let mut send = |part: u8, channel: &str, kind: &str, content: &serde_json::Value| {
        let header = json!({
            "msg_id": format!("portcullis-{number}-{part}"),
            "msg_type": kind,
            "username": "portcullis",
            "session": "portcullis",
            "version": "5.4",
        });
        let (text, bytes) = write(framing, channel, &header.to_string(), parent, &content.to_string());
        acts.to_client.push((if text { Opcode::Text } else { Opcode::Binary }, bytes));
    };
    send(0, "iopub", "error", &error);
    if let Some(asked) = kind.strip_suffix("_request") {
        send(1, channel, &format!("{asked}_reply"), &error);
    }
    send(2, "iopub", "status", &json!({ "execution_state": "idle" }));
}
