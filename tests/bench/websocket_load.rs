//! WebSocket echo and idle WebSockets, with frames written by hand: a library's masking would cost more than what is measured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::target::Target;
use crate::usage;

/// Echoing connections at once.
const CONNECTIONS: usize = 8;
/// Text of a frame: what a notebook sends to run a short line. Portcullis reads it, because flags are restrictive.
pub(crate) const PAYLOAD: &str = concat!(
    r#"{"channel":"shell","header":{"msg_id":"5e0f5a4c-1","msg_type":"execute_request","username":"","session":"b","version":"5.3","#,
    r#""date":"2026-01-01T00:00:00Z"},"parent_header":{},"metadata":{},"content":{"code":"1+1","silent":false,"store_history":true,"#,
    r#""user_expressions":{},"allow_stdin":true,"stop_on_error":true},"buffers":[]}"#
);
/// Bytes before the text of an unmasked frame as long as that.
const HEAD: usize = 4;
/// No answer within this: the target hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// One stretch of echo on one target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Messages there and back per second.
    pub(crate) per_second: f64,
    /// Processor time of the target's own processes per message there and back, in microseconds.
    pub(crate) cpu_us: f64,
}

/// Echoes for so long over several connections, one message under way on each.
///
/// # Errors
/// When a handshake or an echo fails.
pub(crate) fn echo(target: &Target, path: &str, length: Duration) -> Result<Sample> {
    let mut sockets = (0..CONNECTIONS).map(|_| open(target, path)).collect::<Result<Vec<_>>>()?;
    let sent = frame(PAYLOAD.as_bytes())?;
    let mut answer = vec![0; HEAD + PAYLOAD.len()];
    let before = usage::cpu_seconds(&target.pids)?;
    let start = Instant::now();
    let mut messages = 0u32;
    while start.elapsed() < length {
        for socket in &mut sockets {
            socket.write_all(&sent)?;
        }
        for socket in &mut sockets {
            socket
                .read_exact(&mut answer)
                .with_context(|| format!("{}: an echo did not come back", target.name))?;
            if !answer.ends_with(PAYLOAD.as_bytes()) {
                bail!("{}: the echo has another text", target.name);
            }
            messages += 1;
        }
    }
    let took = start.elapsed().as_secs_f64();
    let cpu = usage::cpu_seconds(&target.pids)? - before;
    Ok(Sample { per_second: f64::from(messages) / took, cpu_us: cpu * 1e6 / f64::from(messages) })
}

/// Memory that each of `count` open but silent WebSockets takes in the target's own processes, in bytes.
///
/// # Errors
/// When a handshake fails.
pub(crate) fn idle_bytes_each(target: &Target, path: &str, count: u32) -> Result<f64> {
    // One first, so that what is made once is not counted.
    let _first = open(target, path)?;
    let before = usage::pss_kb(&target.pids)?;
    let sockets = (0..count).map(|_| open(target, path)).collect::<Result<Vec<_>>>()?;
    let after = usage::pss_kb(&target.pids)?;
    drop(sockets);
    #[allow(clippy::cast_precision_loss, reason = "kilobytes of a process stay far below 2^52")]
    Ok((after.saturating_sub(before) * 1024) as f64 / f64::from(count))
}

fn open(target: &Target, path: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(target.address).context("cannot connect")?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    write!(
        socket,
        "GET {}{path} HTTP/1.1\r\nHost: {}\r\nOrigin: http://{}\r\nCookie: {}\r\nAuthorization: token {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        target.prefix, target.address, target.address, target.cookie, target.token
    )?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).with_context(|| format!("{}: no handshake", target.name))?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("{}: not switched: {}", target.name, String::from_utf8_lossy(&head));
    }
    Ok(socket)
}

/// A masked text frame (RFC 6455, 5.2). The mask is fixed: unpredictability protects intermediaries, and there is none to protect here.
///
/// # Errors
/// When the payload is of a length that is written in another way.
fn frame(payload: &[u8]) -> Result<Vec<u8>> {
    let mask = [0x12, 0x34, 0x56, 0x78];
    let length = u16::try_from(payload.len()).ok().filter(|length| *length > 125);
    let length = length.context("a frame of this length has another head")?;
    let mut frame = vec![0x81, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_masked_text() {
        let frame = frame(&[b'H'; 300]).expect("of this length");
        assert_eq!(frame[..9], [0x81, 0xfe, 1, 44, 0x12, 0x34, 0x56, 0x78, b'H' ^ 0x12]);
        assert_eq!(frame.len(), 308);
        assert!(super::frame(b"Hi").is_err());
    }
}
