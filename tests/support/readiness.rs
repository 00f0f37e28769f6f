//! Receives what the launcher says of itself (`sd_notify(3)`), so that no test waits by sleeping.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// A notification socket.
#[derive(Debug)]
pub struct Readiness {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Readiness {
    /// Binds one at this path.
    ///
    /// # Errors
    /// When it can't be bound.
    pub fn bind(path: &Path) -> Result<Self> {
        let socket = UnixDatagram::bind(path).context("cannot bind the notification socket")?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// For `NOTIFY_SOCKET`.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Throws away what was said so far.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn forget(&self) -> Result<()> {
        self.socket.set_nonblocking(true)?;
        while self.socket.recv(&mut [0; 4096]).is_ok() {}
        self.socket.set_nonblocking(false)?;
        Ok(())
    }

    /// The next notification with this line, while `alive` holds.
    ///
    /// # Errors
    /// When the time is over or the process is gone.
    pub fn await_line(&self, line: &str, seconds: u64, mut alive: impl FnMut() -> bool) -> Result<String> {
        let until = Instant::now() + Duration::from_secs(seconds);
        self.socket.set_read_timeout(Some(Duration::from_millis(50)))?;
        let mut buffer = [0; 4096];
        loop {
            if let Ok(length) = self.socket.recv(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                if text.lines().any(|said| said == line) {
                    return Ok(text);
                }
                continue;
            }
            if !alive() {
                bail!("the process ended before it said {line}");
            }
            if Instant::now() > until {
                bail!("no {line} within {seconds} s");
            }
        }
    }
}
