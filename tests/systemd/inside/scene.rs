//! What the steps have in common: commands, the unit's properties, the person with a session and an open WebSocket.

use std::collections::BTreeMap;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use portcullis_testing::account::Account;
use portcullis_testing::websocket::{self, Socket};
use portcullis_testing::{Client, process, until};

/// The unit.
pub(crate) const UNIT: &str = "portcullis.service";
/// Where the daemon listens.
pub(crate) const ADDRESS: ([u8; 4], u16) = ([127, 0, 0, 1], 8787);
/// A debug build, on a machine that is busy with other things.
pub(crate) const SECONDS: u64 = 60;

/// Who is there, from one step to the next.
#[derive(Default)]
pub(crate) struct Scene {
    /// Somebody with an account.
    pub(crate) person: Option<Account>,
    /// Their browser.
    pub(crate) browser: Option<Client>,
    /// Their session.
    pub(crate) session: String,
    /// Its IDE.
    pub(crate) ide: i32,
    /// A WebSocket into it, open from its start on.
    pub(crate) socket: Option<Socket>,
}

impl Scene {
    /// Their browser.
    pub(crate) fn browser(&self) -> Result<&Client> {
        self.browser.as_ref().context("nobody has signed in")
    }

    /// The session answers new requests, and is the same one.
    pub(crate) fn answers(&self) -> Result<()> {
        let (browser, path) = (self.browser()?, format!("/s/{}/api/me", self.session));
        until::is("the session answers", SECONDS, || {
            browser.get(&path).is_ok_and(|answer| answer.status == 200)
        })?;
        ensure!(browser.is_signed_in()?, "the sign-in is lost");
        ensure!(process::is_alive(self.ide), "its IDE is gone");
        Ok(())
    }

    /// The WebSocket that was opened at its start carries messages.
    pub(crate) fn echoes(&mut self) -> Result<()> {
        let socket = self.socket.as_mut().context("no WebSocket")?;
        ensure!(websocket::echo(socket, "still there")? == "still there", "the WebSocket answers otherwise");
        Ok(())
    }

    /// A new one, where the last was cut on purpose.
    pub(crate) fn connect(&mut self) -> Result<()> {
        let path = format!("/s/{}/api/kernels/0b5cbc30-0000-4000-8000-000000000000/channels", self.session);
        self.socket = Some(websocket::open(self.browser()?, &path, &[])?);
        self.echoes()
    }
}

/// Runs a command to its end.
pub(crate) fn output(program: &str, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).env("DEBIAN_FRONTEND", "noninteractive");
    command.output().with_context(|| format!("cannot start {program}"))
}

/// Runs a command that has to succeed; returns everything it wrote.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<String> {
    let done = output(program, args)?;
    let text = [done.stdout, done.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if !done.status.success() {
        bail!("{program} {args:?} ended with {}: {text}", done.status);
    }
    Ok(text)
}

/// The unit's properties.
pub(crate) fn properties() -> Result<BTreeMap<String, String>> {
    let text = run("systemctl", &["show", UNIT])?;
    let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Ok(text.lines().filter_map(pair).collect())
}

/// One of them.
pub(crate) fn property(name: &str) -> Result<String> {
    properties()?.remove(name).with_context(|| format!("the unit has no `{name}`"))
}

/// The launcher's process.
pub(crate) fn launcher() -> Result<i32> {
    let pid: i32 = property("MainPID")?.parse()?;
    ensure!(pid > 0, "the daemon doesn't run");
    Ok(pid)
}

/// Waits until it serves, as another process than this one.
pub(crate) fn await_other(than: i32) -> Result<()> {
    until::is("the daemon was started again", SECONDS, || {
        property("ActiveState").is_ok_and(|state| state == "active")
            && launcher().is_ok_and(|pid| pid != than)
    })
}

/// What the daemon said.
pub(crate) fn journal() -> String {
    output("journalctl", &["--no-pager", "--output=short-precise", "--unit=portcullis.service", "--lines=60"])
        .map(|done| String::from_utf8_lossy(&done.stdout).into_owned())
        .unwrap_or_default()
}
