//! One large file down and up: throughput, processor time per GiB, and whether memory stays flat meanwhile.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::target::Target;
use crate::usage;

/// How often memory is looked at while bytes run.
const LOOK: Duration = Duration::from_millis(50);
const CHUNK: usize = 256 * 1024;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// One transfer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Megabytes (10^6) per second.
    pub(crate) mb_per_second: f64,
    /// Processor seconds of the target's own processes per GiB.
    pub(crate) cpu_per_gib: f64,
    /// Most memory of the target's own processes while it ran, above what they had before, in kB.
    pub(crate) grown_kb: u64,
}

/// Downloads `bytes` from `path` and throws them away.
///
/// # Errors
/// When the answer is not 200 or too short.
pub(crate) fn download(target: &Target, path: &str, bytes: u64) -> Result<Sample> {
    measured(target, bytes, |socket| {
        write!(socket, "GET {}{path} HTTP/1.1\r\n{}\r\n", target.prefix, head(target))?;
        let (status, mut got) = read_head(socket)?;
        if status != 200 {
            bail!("{}: the download was answered {status}", target.name);
        }
        let mut buffer = vec![0; CHUNK];
        while got < bytes {
            match socket.read(&mut buffer)? {
                0 => bail!("{}: the download ended after {got} bytes", target.name),
                n => got += n as u64,
            }
        }
        Ok(())
    })
}

/// Uploads `bytes` to `path` by `PUT`.
///
/// # Errors
/// When the answer is not 200 or 201.
pub(crate) fn upload(target: &Target, path: &str, bytes: u64) -> Result<Sample> {
    measured(target, bytes, |socket| {
        write!(
            socket,
            "PUT {}{path} HTTP/1.1\r\n{}Content-Length: {bytes}\r\n\r\n",
            target.prefix,
            head(target)
        )?;
        let buffer = vec![b'x'; CHUNK];
        let mut left = bytes;
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            socket.write_all(&buffer[..now])?;
            left -= now as u64;
        }
        match read_head(socket)?.0 {
            200 | 201 => Ok(()),
            status => bail!("{}: the upload was answered {status}", target.name),
        }
    })
}

fn head(target: &Target) -> String {
    format!(
        "Host: {0}\r\nOrigin: http://{0}\r\nCookie: {1}\r\nAuthorization: token {2}\r\n",
        target.address, target.cookie, target.token
    )
}

/// Status and how many bytes of the body came with the head.
fn read_head(socket: &mut TcpStream) -> Result<(u16, u64)> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = socket.read(&mut buffer)?;
        if n == 0 {
            bail!("the answer ended in its head: {}", String::from_utf8_lossy(&head));
        }
        head.extend_from_slice(&buffer[..n]);
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let status = std::str::from_utf8(&head[9..12])?.parse()?;
            return Ok((status, (head.len() - end - 4) as u64));
        }
    }
}

fn measured(target: &Target, bytes: u64, run: impl FnOnce(&mut TcpStream) -> Result<()>) -> Result<Sample> {
    let mut socket = TcpStream::connect(target.address).context("cannot connect")?;
    socket.set_read_timeout(Some(Duration::from_secs(120)))?;
    let rest = usage::pss_kb(&target.pids)?;
    let cpu = usage::cpu_seconds(&target.pids)?;
    let done = AtomicBool::new(false);
    let start = Instant::now();
    let (result, took, peak) = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut peak = rest;
            while !done.load(Ordering::Acquire) {
                peak = peak.max(usage::pss_kb(&target.pids).unwrap_or(0));
                thread::park_timeout(LOOK);
            }
            peak
        });
        let result = run(&mut socket);
        let took = start.elapsed().as_secs_f64();
        done.store(true, Ordering::Release);
        watcher.thread().unpark();
        (result, took, watcher.join().unwrap_or(rest))
    });
    result?;
    #[allow(clippy::cast_precision_loss, reason = "a transfer stays far below 2^52 bytes")]
    let size = bytes as f64;
    let used = usage::cpu_seconds(&target.pids)? - cpu;
    Ok(Sample {
        mb_per_second: size / 1e6 / took,
        cpu_per_gib: used * GIB / size,
        grown_kb: peak.saturating_sub(rest),
    })
}
