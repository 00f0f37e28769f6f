//! `portcullis revoke`: ends everything of a person, and says how much that was.

use anyhow::bail;
use clap::Args;
use nix::unistd::User;
use portcullis_model::UserName;
use portcullis_wire::admin::{FromDaemon, MachineRow, Revocation, ToDaemon};
use serde_json::json;

use super::{Asking, administrator};
use crate::Answer;
use crate::exit::Exit;
use crate::screen::count;

/// The command's arguments.
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// Whose.
    user: UserName,
    #[command(flatten)]
    asking: Asking,
}

impl Revoke {
    pub(crate) fn run(&self) -> anyhow::Result<Answer> {
        let question = ToDaemon::Revoke { user: self.user.clone(), by: administrator() };
        let answer = self.asking.run_dir.ask(&question)?;
        let [FromDaemon::Revoked(revocation)] = answer.as_slice() else {
            bail!("the daemon answered something else")
        };
        let nothing = revocation.sign_ins == 0 && revocation.keys == 0 && revocation.sessions == 0;
        // Whoever left may have sessions still, so that the account is looked for only where there was nothing.
        let unknown = nothing && matches!(User::from_name(self.user.as_str()), Ok(None));
        let exit = match () {
            () if unknown => Exit::NoneSuch,
            () if !revocation.is_whole() => Exit::Failed,
            () => Exit::Done,
        };
        let complaint = if unknown {
            format!(
                "portcullis: there is no account `{}`, and nothing of that name was signed in or ran\n",
                self.user
            )
        } else {
            String::new()
        };
        let text = match () {
            () if self.asking.json => format!("{}\n", object(&self.user, revocation)),
            () if unknown => String::new(),
            () => told(&self.user, revocation),
        };
        Ok(Answer { text, complaint, status: exit.code() })
    }
}

fn told(user: &UserName, done: &Revocation) -> String {
    if done.sign_ins == 0 && done.keys == 0 && done.sessions == 0 && done.machines.is_empty() && !done.owed {
        return format!("nothing to revoke: {user} is not signed in and has no session\n");
    }
    format!("{user} is revoked: {}they may sign in again: lock the account to prevent that\n", ended(done))
}

/// What ended, and what did not in time.
pub(crate) fn ended(done: &Revocation) -> String {
    let keys = match done.keys {
        0 => String::new(),
        some => format!(", {}", count(some.into(), "API key", "API keys")),
    };
    let mut text = format!(
        "{}{keys}, {}, {}, {} with {}, in {} ms\n",
        count(done.sign_ins.into(), "sign-in", "sign-ins"),
        count(done.websockets.into(), "WebSocket", "WebSockets"),
        count(done.transfers.into(), "transfer", "transfers"),
        count(done.sessions.into(), "session", "sessions"),
        count(done.processes.into(), "process", "processes"),
        done.micros.div_ceil(1000),
    );
    text += &elsewhere(done);
    if done.connections_left + done.sessions_left + done.servers_silent > 0 {
        let left = [
            (done.connections_left, "connection", "connections"),
            (done.sessions_left, "session", "sessions"),
            (done.servers_silent, "server that did not answer", "servers that did not answer"),
        ];
        let left = left.into_iter().filter(|(number, ..)| *number > 0);
        let left: Vec<String> =
            left.map(|(number, one, several)| count(number.into(), one, several)).collect();
        text += &format!("NOT gone yet: {}; the log has more\n", left.join(", "));
    }
    text
}

/// What other machines made of it.
pub(crate) fn elsewhere(done: &Revocation) -> String {
    let mut text = String::new();
    for one in &done.machines {
        let how = if one.applied {
            "the same there".to_owned()
        } else {
            format!("NOT carried out there yet, last heard of {} s ago", one.silent)
        };
        text += &format!("{}: {how}\n", one.name);
    }
    if done.owed {
        text +=
            "NOT told to other machines yet: the database can't be reached; it is told as soon as it can\n";
    }
    text
}

/// The machines as JSON.
pub(crate) fn machines(done: &Revocation) -> Vec<serde_json::Value> {
    let machine =
        |one: &MachineRow| json!({ "name": one.name, "applied": one.applied, "silent-seconds": one.silent });
    done.machines.iter().map(machine).collect()
}

/// The same as JSON.
pub(crate) fn object(user: &UserName, done: &Revocation) -> serde_json::Value {
    json!({
        "user": user.as_str(),
        "sign-ins": done.sign_ins,
        "api-keys": done.keys,
        "websockets": done.websockets,
        "transfers": done.transfers,
        "sessions": done.sessions,
        "processes": done.processes,
        "connections-left": done.connections_left,
        "sessions-left": done.sessions_left,
        "servers-silent": done.servers_silent,
        "machines": machines(done),
        "owed": done.owed,
        "milliseconds": done.micros.div_ceil(1000),
        "whole": done.is_whole(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_of_each_is_told_and_what_is_left() {
        let user: UserName = "alice".parse().expect("a name");
        let done = Revocation {
            sign_ins: 2,
            sessions: 1,
            processes: 17,
            websockets: 3,
            transfers: 1,
            micros: 41_200,
            ..Revocation::default()
        };
        let text = told(&user, &done);
        let first =
            "alice is revoked: 2 sign-ins, 3 WebSockets, 1 transfer, 1 session with 17 processes, in 42 ms\n";
        assert!(text.starts_with(first) && !text.contains("NOT"), "{text}");
        let left = Revocation { connections_left: 1, servers_silent: 1, ..done };
        let text = told(&user, &left);
        assert!(text.contains("NOT gone yet: 1 connection, 1 server that did not answer"), "{text}");
        assert_eq!(object(&user, &left)["whole"], false);
        assert!(told(&user, &Revocation::default()).starts_with("nothing to revoke"));
        let machine = |name: &str, applied| MachineRow { name: name.into(), applied, silent: 7 };
        let machines = vec![machine("b", true), machine("c", false)];
        let elsewhere = Revocation { machines, ..Revocation::default() };
        let text = told(&user, &elsewhere);
        assert!(
            text.contains("b: the same there\nc: NOT carried out there yet, last heard of 7 s ago\n"),
            "{text}"
        );
        assert!(!elsewhere.is_whole() && object(&user, &elsewhere)["machines"][1]["applied"] == false);
        let owed = Revocation { owed: true, ..Revocation::default() };
        assert!(told(&user, &owed).contains("NOT told to other machines yet") && !owed.is_whole());
    }
}
