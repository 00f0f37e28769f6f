//! The throw-away account, and the service's own account where the machine has none yet.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::run;

/// The accounts the server and the identity program run as: defaults of `server-user` and `identity-user`.
pub(super) const SERVICES: [&str; 2] = ["portcullis", "portcullis-identity"];
/// Throw-away accounts begin so; nothing else is ever removed.
pub(super) const PREFIX: &str = "portcullis-demo-";
/// Letters and digits that can't be mistaken for each other.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// An account with a password that nobody knew before.
#[derive(Debug)]
pub(super) struct Account {
    name: String,
    password: String,
}

impl Account {
    /// Chooses a name and a password.
    pub(super) fn choose() -> Result<Self> {
        Ok(Self { name: format!("{PREFIX}{}", random(5)?), password: random(20)? })
    }

    /// Makes the account.
    pub(super) fn create(&self) -> Result<()> {
        run::step(&format!("making the account {}", self.name));
        let mut useradd = Command::new("useradd");
        useradd.args([
            "--create-home",
            "--shell",
            "/bin/bash",
            "--comment",
            "Portcullis demo, removed at its end",
        ]);
        run::must(useradd.arg(&self.name), "make an account")?;
        // Neither the password nor its hash appears in an argument list; `-e` takes a hash and asks no PAM module.
        let hash = feed(Command::new("openssl").args(["passwd", "-6", "-stdin"]), &self.password)?;
        feed(Command::new("chpasswd").arg("-e"), &format!("{}:{}\n", self.name, hash.trim()))?;
        Ok(())
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Its password.
    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

fn lacks(name: &str) -> bool {
    run::output(Command::new("getent").args(["passwd", name]), "look up the service's account").is_err()
}

/// The service's accounts that the machine has not.
pub(super) fn lacking_services() -> Vec<String> {
    SERVICES.into_iter().filter(|name| lacks(name)).map(str::to_owned).collect()
}

/// Makes some of the service's accounts.
pub(super) fn create_services(names: &[String]) -> Result<()> {
    for name in names {
        let mut useradd = Command::new("useradd");
        useradd.args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]);
        run::must(useradd.args(["--shell", "/usr/sbin/nologin", name]), "make the service's account")?;
    }
    Ok(())
}

/// Removes an account, its home and its mail.
pub(super) fn remove(name: &str) -> Result<()> {
    // userdel warns about a mail spool that was never there.
    let status = Command::new("userdel")
        .args(["--force", "--remove", name])
        .stderr(Stdio::null())
        .status()
        .context("cannot start userdel")?;
    // 6: no such account.
    if !status.success() && status.code() != Some(6) {
        bail!("cannot remove the account `{name}`: userdel ended with {status}");
    }
    Ok(())
}

/// Removes those of the service's accounts that were made.
pub(super) fn remove_services(names: &[String]) -> Result<()> {
    for name in names.iter().filter(|name| SERVICES.contains(&name.as_str())) {
        let status = Command::new("userdel").arg(name).status().context("cannot start userdel")?;
        match status.code() {
            // 6: no such account.
            Some(0 | 6) => {}
            // 8: somebody else uses it by now, an installed Portcullis say.
            Some(8) => run::step(&format!("the account {name} stays: it is in use by now")),
            _ => bail!("cannot remove the account `{name}`: userdel ended with {status}"),
        }
    }
    Ok(())
}

fn random(length: usize) -> Result<String> {
    let mut bytes = vec![0; length];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read random bytes")?;
    // 32 letters: the remainder is as random as the byte.
    Ok(bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect())
}

fn feed(command: &mut Command, text: &str) -> Result<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    child.stdin.take().context("no pipe")?.write_all(text.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("{command:?} ended with {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}
