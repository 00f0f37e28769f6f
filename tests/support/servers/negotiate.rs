//! A browser that has a ticket: curl, and the port where it shows it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::kerberos::Kdc;
use super::run;

/// For one token: curl asks the KDC and us.
const SECONDS: u64 = 60;
/// Longest head of a request that is read.
const HEAD_MAX: usize = 128 * 1024;

/// The token that the owner of this ticket's file sends to `http://localhost`, with these arguments of curl besides. Each call makes
/// another one of the same ticket.
///
/// # Errors
/// When curl has none to show.
pub fn token(kdc: &Kdc, cache: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://localhost:{}/", listener.local_addr()?.port());
    let mut curl = kdc.as_owner("/usr/bin/curl", cache);
    curl.args(["-s", "-4", "--max-time", &SECONDS.to_string(), "--negotiate", "-u", ":"])
        .args(arguments)
        .arg(url);
    std::thread::scope(|scope| {
        let seen = scope.spawn(|| shown(&listener));
        let ran = run(&mut curl, "")?;
        seen.join().expect("it returns its errors").with_context(|| format!("curl did {ran:?}"))
    })
}

/// Answers requests until one shows a token.
fn shown(listener: &TcpListener) -> Result<Vec<u8>> {
    listener.set_nonblocking(true)?;
    let until = Instant::now() + Duration::from_secs(SECONDS);
    while Instant::now() < until {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::yield_now();
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(token) = request(stream)? {
            return Ok(token);
        }
    }
    bail!("no token within {SECONDS} s")
}

fn request(mut stream: TcpStream) -> Result<Option<Vec<u8>>> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(SECONDS)))?;
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece)?;
        if count == 0 || head.len() > HEAD_MAX {
            bail!("half a request of {} bytes", head.len());
        }
        head.extend_from_slice(&piece[..count]);
    }
    let head = String::from_utf8(head)?;
    let token = head.lines().find_map(|line| line.strip_prefix("Authorization: Negotiate "));
    let answer =
        if token.is_some() { "204 No Content" } else { "401 Unauthorized\r\nWWW-Authenticate: Negotiate" };
    write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    Ok(token.map(|token| STANDARD.decode(token)).transpose()?)
}
