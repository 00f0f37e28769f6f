//! A daemon of a test: started in the foreground, awaited by connecting to it, stopped, hung and killed by its own process id.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use crate::{process, until};

/// A daemon's start on a machine that is busy with other tests.
pub const READY_SECONDS: u64 = 60;
/// Its end.
const END_SECONDS: u64 = 20;
/// One attempt to connect: on the loopback it is at once or not at all.
const CONNECT: Duration = Duration::from_secs(1);
/// So much of its log tells why it ended.
const LOG_TAIL: usize = 4000;

/// A process and its log.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    name: String,
    log: PathBuf,
    /// Dropped last: the thread that started the process waits for it, see [`Daemon::start`].
    _keeper: mpsc::Sender<()>,
}

impl Daemon {
    /// Starts a program as `account` (or as ourselves), its output going to `log`.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start(program: &Path, args: &[String], account: Option<&str>, log: &Path) -> Result<Self> {
        Self::start_with(program, args, account, log, &[])
    }

    /// The same with these variables in its environment.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn start_with(
        program: &Path,
        args: &[String],
        account: Option<&str>,
        log: &Path,
        environment: &[(&str, &str)],
    ) -> Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        // It dies with us, also where no namespace ends it.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(account) = account {
            command.args(["--reuid", account, "--regid", account, "--init-groups"]);
        }
        command.arg("--").arg(program).args(args);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.envs(environment.iter().copied()).env("LC_ALL", "C.UTF-8").current_dir("/");
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        // The kernel means the thread that started it, not the process: that thread must live as long as the daemon may.
        let (started, answer) = mpsc::channel();
        let (keeper, kept) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            let _ = started.send(command.spawn());
            // Ends when the sender is dropped.
            let _ = kept.recv();
        });
        let child = answer.recv()?.with_context(|| format!("cannot start `{}`", program.display()))?;
        Ok(Self { child, name, log: log.to_owned(), _keeper: keeper })
    }

    /// Waits until somebody accepts connections there.
    ///
    /// # Errors
    /// When it ends instead, or the time is over; with what it said.
    pub fn await_port(&mut self, address: SocketAddr) -> Result<()> {
        self.await_that(|| Ok(TcpStream::connect_timeout(&address, CONNECT).is_ok()))
    }

    /// Waits until `ready` is true, while the process runs.
    ///
    /// # Errors
    /// As [`Daemon::await_port`].
    pub fn await_that(&mut self, mut ready: impl FnMut() -> Result<bool>) -> Result<()> {
        let Self { child, name, .. } = self;
        let outcome = until::some(&format!("`{name}` is ready"), READY_SECONDS, || {
            if let Some(status) = child.try_wait()? {
                bail!("`{name}` ended with {status}");
            }
            Ok(ready()?.then_some(()))
        });
        outcome.with_context(|| format!("--- its log\n{}", self.log_tail()))
    }

    /// Its number.
    ///
    /// # Errors
    /// Never on Linux.
    pub fn pid(&self) -> Result<i32> {
        Ok(i32::try_from(self.child.id())?)
    }

    /// What it said last.
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&text[text.len().saturating_sub(LOG_TAIL)..]).into_owned()
    }

    /// Everything it said.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Hangs it: it accepts (the kernel does) and never answers, until [`Daemon::go_on`].
    ///
    /// # Errors
    /// When it is gone.
    pub fn hang(&self) -> Result<()> {
        process::signal(self.pid()?, Signal::SIGSTOP)
    }

    /// Ends [`Daemon::hang`].
    ///
    /// # Errors
    /// When it is gone.
    pub fn go_on(&self) -> Result<()> {
        process::signal(self.pid()?, Signal::SIGCONT)
    }

    /// Ends it with this signal and waits until it is gone.
    ///
    /// # Errors
    /// When it stays; it is killed then.
    pub fn stop(mut self, signal: Signal) -> Result<()> {
        process::signal(self.pid()?, signal)?;
        let Self { child, name, .. } = &mut self;
        until::is(&format!("`{name}` ends"), END_SECONDS, || {
            child.try_wait().is_ok_and(|over| over.is_some())
        })
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
