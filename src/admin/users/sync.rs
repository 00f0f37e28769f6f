//! `portcullis users sync`.

use anyhow::bail;
use clap::Args;
use portcullis_model::UserName;
use portcullis_wire::admin::{FromDaemon, Synced, ToDaemon};
use serde_json::json;

use super::act::PATIENCE;
use crate::Answer;
use crate::exit::Exit;
use crate::operations::{Asking, administrator};
use crate::screen::count;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// One person only; else everybody.
    user: Option<UserName>,
    #[command(flatten)]
    asking: Asking,
}

impl Sync {
    /// Carries it out.
    pub(super) fn run(&self) -> anyhow::Result<Answer> {
        let question = ToDaemon::SyncUsers { user: self.user.clone(), by: administrator() };
        let answer = self.asking.run_dir.ask_within(&question, PATIENCE)?;
        let [FromDaemon::Synced(synced)] = answer.as_slice() else {
            bail!("the daemon answered something else")
        };
        let text = if self.asking.json { object(*synced) } else { text(*synced) };
        let whole = synced.unreachable == 0 && synced.left == 0;
        let status = if whole { Exit::Done } else { Exit::Failed };
        Ok(Answer { text, status: status.code(), ..Answer::default() })
    }
}

fn object(synced: Synced) -> String {
    let Synced { same, changed, ended, unreachable, left } = synced;
    let object = json!({
        "same": same, "changed": changed, "ended": ended, "unreachable": unreachable, "left": left,
    });
    format!("{object}\n")
}

fn text(synced: Synced) -> String {
    let Synced { same, changed, ended, unreachable, left } = synced;
    let looked_up = same + changed + ended + unreachable;
    if looked_up + left == 0 {
        return "nobody is signed in, or has a session or a key\n".into();
    }
    let mut out = format!("{} looked up\n", count(looked_up.into(), "person was", "people were"));
    for (number, what) in [
        (changed, "in other groups now"),
        (ended, "not to be here any more: everything of theirs ended"),
        (unreachable, "could not be asked about: nothing changed for them"),
        (left, "still to be looked up"),
    ] {
        if number > 0 {
            out.push_str(&format!("  {number} {what}\n"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_is_said_and_nothing_is_left_out() {
        assert!(text(Synced::default()).starts_with("nobody"));
        let all = Synced { same: 3, changed: 1, ended: 2, unreachable: 4, left: 5 };
        let said = text(all);
        assert!(said.starts_with("10 people were looked up\n"), "{said}");
        for words in ["1 in other", "2 not to be", "4 could not", "5 still"] {
            assert!(said.contains(words), "{said}");
        }
        assert_eq!(text(Synced { same: 1, ..Synced::default() }), "1 person was looked up\n");
        assert_eq!(object(all), "{\"same\":3,\"changed\":1,\"ended\":2,\"unreachable\":4,\"left\":5}\n");
    }
}
