//! The control of what a session without a sandbox holds too: a plain sign-in of the same user, as `ssh` makes one.
//!
//! A session ends its processes and takes the effect of set-user-ID programs away whether it is confined or not, so it would
//! prove nothing there.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use portcullis_testing::{process, until};

use crate::attempt::{Attempt, Evidence, Flags, Language};
use crate::field::{self, Field};
use crate::outcome::Outcome;
use crate::sources;

/// Tries it there.
pub(crate) fn attempt(field: &Field, attempt: &Attempt) -> Result<Outcome> {
    if attempt.evidence.contains(&Evidence::LeftOver) {
        return survivor(field, attempt);
    }
    let output = command(field, attempt).output().context("cannot start a plain sign-in")?;
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    Ok(Outcome::of(&crate::outcome::Answer::plain(output.status, &text)))
}

fn command(field: &Field, attempt: &Attempt) -> Command {
    let account = &field.alice;
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", &account.uid.to_string(), "--regid", &account.gid.to_string(), "--clear-groups"])
        .arg("--");
    if attempt.language == Language::Python {
        command.arg("/usr/bin/python3");
    }
    command
        .arg(program(field, attempt))
        .arg(attempt.name)
        .env_clear()
        .env("HOME", &account.home)
        .env("PATH", "/usr/bin:/bin")
        .envs(&field.targets.env)
        .env("RT_MARK", mark(attempt))
        .env("RT_ROOT", if attempt.flags == Flags::Privileged { "1" } else { "" })
        .current_dir(&account.home)
        .stdin(Stdio::null());
    command
}

/// What is run: of set-user-ID programs the one that root made so, of everything else the uploaded one.
pub(crate) fn program(field: &Field, attempt: &Attempt) -> PathBuf {
    match attempt.source {
        "c/hole.c" => PathBuf::from(&field.targets.env["RT_HOLE"]),
        source => sources::uploaded(&field.alice, source),
    }
}

fn mark(attempt: &Attempt) -> String {
    field::mark(&format!("plain-{}", attempt.name))
}

/// Lets it start what it leaves behind, ends that sign-in, and looks.
fn survivor(field: &Field, attempt: &Attempt) -> Result<Outcome> {
    let id = format!("plain-{}", attempt.name);
    let mut child = command(field, attempt)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a plain sign-in")?;
    let status = child.wait()?;
    // The program has its arguments only once it runs.
    let there = until::within("it is there", 5, || Ok((!field::survives(&id).is_empty()).then_some(())));
    // One that is always another process is caught sooner or later.
    let _ = until::within("it is gone", 10, || {
        let left = field::survives(&id);
        for pid in &left {
            let _ = process::kill_hard(*pid);
        }
        Ok(left.is_empty().then_some(()))
    });
    Ok(match there {
        Ok(()) => Outcome::Escaped("it is there after a plain sign-in's end".into()),
        Err(_) => Outcome::Held(format!("{status}, and nothing is left")),
    })
}
