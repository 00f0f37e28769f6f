//! `portcullis keys revoke`.

use anyhow::bail;
use clap::Args;
use portcullis_model::key::KeyId;
use portcullis_wire::admin::{FromDaemon, Revocation, ToDaemon};
use serde_json::json;

use crate::Answer;
use crate::exit::Exit;
use crate::operations::revoke::{elsewhere, machines};
use crate::operations::{Asking, administrator};
use crate::screen::count;

/// The command's arguments.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The key's id, as lists show it: what follows `ptk_` in its text.
    key: KeyId,
    #[command(flatten)]
    asking: Asking,
}

impl Revoke {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let question = ToDaemon::EndKey { key: self.key, by: administrator() };
        let answer = self.asking.run_dir.ask(&question)?;
        let [FromDaemon::Revoked(done)] = answer.as_slice() else {
            bail!("the daemon answered something else")
        };
        let exit = if done.is_whole() { Exit::Done } else { Exit::Failed };
        let text =
            if self.asking.json { format!("{}\n", object(self.key, done)) } else { told(self.key, done) };
        Ok(Answer { text, status: exit.code(), ..Answer::default() })
    }
}

fn told(key: KeyId, done: &Revocation) -> String {
    let left = done.connections_left + done.servers_silent;
    let mut text = format!(
        "the API key {key} is over: {}, {} ended\n",
        count(done.websockets.into(), "WebSocket", "WebSockets"),
        count(done.transfers.into(), "transfer", "transfers"),
    );
    text += &elsewhere(done);
    if left > 0 {
        text += &format!(
            "NOT gone yet: {}; the log has more\n",
            count(left.into(), "connection or server", "connections or servers")
        );
    }
    text
}

fn object(key: KeyId, done: &Revocation) -> serde_json::Value {
    json!({
        "key": key.as_str(),
        "websockets": done.websockets,
        "transfers": done.transfers,
        "connections-left": done.connections_left,
        "servers-silent": done.servers_silent,
        "machines": machines(done),
        "owed": done.owed,
        "whole": done.is_whole(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_and_what_is_left_is_told() {
        let key = "abcdefg234".parse().expect("an id");
        let done = Revocation { websockets: 2, ..Revocation::default() };
        assert_eq!(told(key, &done), "the API key abcdefg234 is over: 2 WebSockets, 0 transfers ended\n");
        let left = Revocation { connections_left: 1, ..done };
        assert!(told(key, &left).contains("NOT gone yet: 1 connection or server;"));
        assert_eq!(object(key, &left)["whole"], false);
    }
}
