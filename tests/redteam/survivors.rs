//! The control of what wants to be there after the session: a plain sign-in of the same user, which nobody tidies up after.
//!
//! A session without a sandbox ends its processes too, so it proves nothing here; what `ssh` or `su` leave behind does.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use portcullis_testing::{process, until};

use crate::attempt::Attempt;
use crate::field::{self, Field};
use crate::outcome::Outcome;
use crate::sources;

/// Lets it start what it leaves behind, ends that sign-in, and looks.
pub(crate) fn plain(field: &Field, attempt: &Attempt) -> Result<Outcome> {
    let id = format!("plain-{}", attempt.name);
    let account = &field.alice;
    let mut child = Command::new("setpriv")
        .args(["--reuid", &account.uid.to_string(), "--regid", &account.gid.to_string(), "--clear-groups"])
        .arg("--")
        .arg(sources::uploaded(account, attempt.source))
        .arg(attempt.name)
        .env_clear()
        .env("HOME", &account.home)
        .env("PATH", "/usr/bin:/bin")
        .envs(&field.targets.env)
        .env("RT_MARK", field::mark(&id))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a plain sign-in")?;
    let status = child.wait()?;
    // The program has its arguments only once it runs.
    let there = until::is("it is there", 5, || !field::survives(&id).is_empty());
    // One that is always another process is caught sooner or later.
    let _ = until::is("it is gone", 10, || {
        let left = field::survives(&id);
        for pid in &left {
            let _ = process::kill_hard(*pid);
        }
        left.is_empty()
    });
    Ok(match there {
        Ok(()) => Outcome::Escaped("it is there after a plain sign-in's end".into()),
        Err(_) => Outcome::Held(format!("{status}, and nothing is left")),
    })
}
