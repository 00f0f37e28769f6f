//! From the sign-in to JupyterLab's first byte, beside JupyterLab started by hand: what our steps add to the wait.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use portcullis_testing::stage::Stage;
use portcullis_testing::{account, place, until};

/// JupyterLab took 15 s once on a cold page cache.
const PATIENCE: u64 = 90;

/// Seconds of one round: bare, and through Portcullis.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Start of the program to its first answer on its socket.
    pub(crate) bare: f64,
    /// Sign-in form sent to the IDE's first answer through the proxy.
    pub(crate) ours: f64,
}

/// One round of both.
///
/// # Errors
/// When JupyterLab is not there or does not start.
pub(crate) fn run(stage: &Stage, scratch: &Path) -> Result<Sample> {
    Ok(Sample { bare: bare(scratch)?, ours: ours(stage)? })
}

fn ours(stage: &Stage) -> Result<f64> {
    let world = stage.world().jupyter().start()?;
    let account = world.account("bench")?;
    let client = world.client()?;
    let start = Instant::now();
    client.sign_in(&account.name, &account.password)?;
    let session = client.start_session(PATIENCE)?;
    client.get(&format!("/s/{session}/api"))?.expect(200)?;
    Ok(start.elapsed().as_secs_f64())
}

fn bare(scratch: &Path) -> Result<f64> {
    let account = account::create("bare", &[])?;
    let program = place::jupyter_lab().context("JupyterLab is not installed")?;
    let dir = scratch.join(&account.name);
    std::fs::create_dir_all(&dir)?;
    std::os::unix::fs::chown(&dir, Some(account.uid), None)?;
    let socket = dir.join("ide.sock");
    let start = Instant::now();
    let mut child = Command::new("setpriv")
        .args(["--reuid", &account.name, "--regid", &account.name, "--init-groups", "--"])
        .arg(program)
        .args(["--no-browser", "--ServerApp.sock_mode=0600", "--ServerApp.base_url=/s/bare/"])
        .arg(format!("--ServerApp.sock={}", socket.display()))
        .arg(format!("--ServerApp.root_dir=/home/{}", account.name))
        .env_clear()
        .envs([("PATH", "/usr/bin:/bin"), ("JUPYTER_TOKEN", "bare"), ("USER", &account.name)])
        .env("HOME", format!("/home/{}", account.name))
        .current_dir(format!("/home/{}", account.name))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start JupyterLab by hand")?;
    let answered = until::is("JupyterLab answers", PATIENCE, || answers(&socket));
    let took = start.elapsed().as_secs_f64();
    child.kill()?;
    child.wait()?;
    answered.map(|()| took)
}

fn answers(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut answer = [0; 12];
    stream.write_all(b"GET /s/bare/api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.ends_with(b"200")
}
