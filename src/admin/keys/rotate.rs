//! `portcullis keys rotate`.

use std::fmt::Write as _;
use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use clap::Args;
use portcullis_wire::admin::{FromDaemon, Revocation, ToDaemon};
use serde_json::json;

use crate::Answer;
use crate::exit::Exit;
use crate::operations::revoke::ended;
use crate::operations::{Asking, administrator};

/// Milliseconds to wait: as for everything that is revoked.
const PATIENCE: u16 = 12_000;

/// The command's arguments.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Drop the keys of before, too, and sign everybody out: for a key that somebody else may have. Sessions go on.
    #[arg(long)]
    revoke_old: bool,
    /// Do not ask before everybody is signed out.
    #[arg(long, visible_alias = "yes", requires = "revoke_old")]
    now: bool,
    #[command(flatten)]
    asking: Asking,
}

/// What the daemon did.
struct Done {
    new: String,
    old: String,
    kept: bool,
    problems: Vec<String>,
    ended: Option<Revocation>,
}

impl Rotate {
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        if self.revoke_old && !self.now {
            sure()?;
        }
        let question = ToDaemon::RotateKeys { revoke_old: self.revoke_old, by: administrator() };
        let (mut rotated, mut ended) = (None, None);
        for message in self.asking.run_dir.ask_within(&question, PATIENCE)? {
            match message {
                FromDaemon::Rotated { new, old, kept, problems } => {
                    rotated = Some((new, old, kept, problems))
                }
                FromDaemon::Revoked(revocation) => ended = Some(*revocation),
                _ => bail!("the daemon answered something else"),
            }
        }
        let (new, old, kept, problems) = rotated.context("the daemon answered nothing")?;
        let done = Done { new, old, kept, problems, ended };
        let whole = done.problems.is_empty() && done.ended.as_ref().is_none_or(Revocation::is_whole);
        let text = if self.asking.json { format!("{}\n", done.object()) } else { done.told() };
        let status = if whole { Exit::Done } else { Exit::Failed };
        Ok(Answer { text, complaint: done.complaint(), status: status.code() })
    }
}

/// Asks at the terminal; where there is none, `--now` must say it.
fn sure() -> anyhow::Result<()> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here; say --now");
    }
    let mut asked = std::io::stderr().lock();
    write!(asked, "Sign everybody out, whatever they are doing? Sessions go on. [y/N] ")?;
    asked.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    if matches!(line.trim(), "y" | "Y" | "yes") { Ok(()) } else { bail!("nothing was done") }
}

impl Done {
    fn told(&self) -> String {
        let mut text = format!("the key {} signs cookies now, in place of {}\n", self.new, self.old);
        if self.kept {
            let _ = writeln!(
                text,
                "{} verifies still, so nobody is signed out; the one before it does no more",
                self.old
            );
        } else {
            text.push_str("everybody is signed out\n");
        }
        text + &self.ended.as_ref().map(ended).unwrap_or_default()
    }

    fn complaint(&self) -> String {
        if self.problems.is_empty() {
            return String::new();
        }
        let mut text =
            "portcullis: the new key is written, but the configuration can't be used as it stands:\n"
                .to_owned();
        for problem in &self.problems {
            let _ = writeln!(text, "  {problem}");
        }
        text + "the key of before signs on until `portcullis reload` succeeds\n"
    }

    fn object(&self) -> serde_json::Value {
        let ended = self.ended.as_ref().map(|one| {
            json!({
                "sign-ins": one.sign_ins,
                "websockets": one.websockets,
                "transfers": one.transfers,
                "connections-left": one.connections_left,
                "servers-silent": one.servers_silent,
                "milliseconds": one.micros.div_ceil(1000),
                "whole": one.is_whole(),
            })
        });
        json!({
            "new": self.new,
            "old": self.old,
            "old-verifies": self.kept,
            "problems": self.problems,
            "ended": ended,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rotated_is_told_with_what_it_means() {
        let mut done =
            Done { new: "9f2c".into(), old: "11aa".into(), kept: true, problems: Vec::new(), ended: None };
        assert_eq!(
            done.told(),
            "the key 9f2c signs cookies now, in place of 11aa\n\
             11aa verifies still, so nobody is signed out; the one before it does no more\n"
        );
        assert!(done.complaint().is_empty());
        done.kept = false;
        done.ended = Some(Revocation { sign_ins: 3, websockets: 2, ..Revocation::default() });
        let told = done.told();
        assert!(told.contains("everybody is signed out\n3 sign-ins, 2 WebSockets"), "{told}");
        assert_eq!(done.object()["ended"]["sign-ins"], 3);
        done.problems = vec!["rserver.conf:3: unknown option".into()];
        assert!(done.complaint().contains("rserver.conf:3") && done.complaint().contains("signs on"));
    }
}
