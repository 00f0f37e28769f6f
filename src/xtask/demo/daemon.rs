//! The launcher as a child of the demo: started, told to reload, ended; its readiness comes by notification.

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::Pid;

use super::configuration::Configuration;

/// A debug build on a busy machine answers in one or two seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Longer than the launcher's own patience with a session that won't end.
const END_WITHIN: Duration = Duration::from_secs(45);
const PROGRAMS: [&str; 4] =
    ["portcullis-identity", "portcullis-launcher", "portcullis-server", "portcullis-session"];

/// The running launcher.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
    notes: UnixDatagram,
    address: String,
}

impl Daemon {
    /// Starts it in the foreground, its log (from this level on) on our standard error, and waits until it serves.
    pub(super) fn start(
        configuration: &Configuration,
        built: &Path,
        folder: &Path,
        log: &str,
    ) -> Result<Self> {
        // The server and the sessions run as other accounts, which may not reach the folder the programs were built in.
        let libexec = folder.join("libexec");
        fs::create_dir_all(&libexec)?;
        for name in PROGRAMS {
            fs::copy(built.join(name), libexec.join(name))
                .with_context(|| format!("cannot copy `{name}`"))?;
        }
        let socket = folder.join("notify");
        let notes = UnixDatagram::bind(&socket).context("cannot make the notification socket")?;
        let child = Command::new(libexec.join("portcullis-launcher"))
            .arg("--config-dir")
            .arg(configuration.folder())
            .arg("--run-dir")
            .arg(folder.join("run"))
            .arg("--state-dir")
            .arg(folder.join("state"))
            .env("NOTIFY_SOCKET", &socket)
            .env("PORTCULLIS_LOG", log)
            .stdin(Stdio::null())
            // Its own group: Ctrl-C comes to the demo, which ends it in order.
            .process_group(0)
            .spawn()
            .context("cannot start portcullis-launcher")?;
        let mut daemon = Self { child, notes, address: String::new() };
        daemon.address = match daemon.await_ready() {
            Ok(text) => address(&text).context("the launcher did not say its address")?,
            Err(error) => {
                let _ = daemon.child.kill();
                return Err(error);
            }
        };
        Ok(daemon)
    }

    /// Host and port of the sign-in page.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// For the person who wants to signal it.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Has the configuration read again and waits until that is done.
    pub(super) fn reload(&mut self) -> Result<()> {
        self.signal(Signal::SIGHUP)?;
        self.await_ready().map(drop).context("the configuration was not read again")
    }

    /// Waits for one of the signals, which must be blocked; notices when the launcher ends by itself.
    pub(super) fn wait_for(&mut self, signals: &SigSet) -> Result<ExitCode> {
        let mut waited = *signals;
        waited.add(Signal::SIGCHLD);
        loop {
            if waited.wait()? != Signal::SIGCHLD {
                println!();
                return Ok(ExitCode::SUCCESS);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("portcullis-launcher ended by itself with {status}; its messages above say why");
            }
        }
    }

    /// Ends the sessions and the launcher.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        self.signal(Signal::SIGINT)?;
        let within = Instant::now() + END_WITHIN;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > within {
                self.child.kill()?;
                self.child.wait()?;
                bail!("portcullis-launcher did not end within {} s and was killed", END_WITHIN.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(i32::try_from(self.child.id())?), signal).context("cannot signal the launcher")
    }

    /// The next notification that says READY=1.
    fn await_ready(&mut self) -> Result<String> {
        let until = Instant::now() + READY_WITHIN;
        self.notes.set_read_timeout(Some(Duration::from_millis(200)))?;
        let mut buffer = [0; 4096];
        loop {
            match self.notes.recv(&mut buffer) {
                Ok(length) => {
                    let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    if text.lines().any(|line| line == "READY=1") {
                        return Ok(text);
                    }
                }
                Err(error)
                    if matches!(
                        error.raw_os_error().map(Errno::from_raw),
                        Some(Errno::EAGAIN | Errno::EINTR)
                    ) => {}
                Err(error) => return Err(error).context("cannot read the launcher's notification"),
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("portcullis-launcher ended with {status}; its messages above say why");
            }
            if Instant::now() > until {
                bail!("portcullis-launcher did not serve within {} s", READY_WITHIN.as_secs());
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Only when the demo itself failed before `end`.
        let _ = self.end();
    }
}

/// Runs a program with this on its standard input; its output goes where ours goes. A signal ends it.
pub(super) fn feed(program: &Path, input: &str, signals: &SigSet) -> Result<bool> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    child.stdin.take().context("no pipe")?.write_all(input.as_bytes())?;
    let mut waited = *signals;
    waited.add(Signal::SIGCHLD);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if waited.wait()? != Signal::SIGCHLD {
            child.kill()?;
            child.wait()?;
            bail!("interrupted");
        }
    }
}

fn address(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("X_PORTCULLIS_ADDRESS=")).map(str::to_owned)
}
