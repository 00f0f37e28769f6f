//! Asks the IDE's socket, again and again, whether it answers yet.
//!
//! A plain HTTP/1.1 request without authorisation for a path that the policy crate names; `200` is the answer that counts.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::EpollFlags;
use nix::sys::socket::{MsgFlags, recv, send};
use portcullis_sys::socket::connect_stream;

use crate::poll::{Poll, Token, Watch};

/// Between two attempts to connect: short beside the second an IDE takes, long beside the 10 µs of an attempt.
const CONNECT_EVERY: Duration = Duration::from_millis(20);
/// After an answer that was not 200: the IDE listens but is not ready.
const ASK_EVERY: Duration = Duration::from_millis(200);
/// For one answer: an IDE may listen seconds before it serves, on a cold disk.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// As much of an answer as is looked at: its first line.
const HEAD: usize = 64;

/// The question.
#[derive(Debug)]
pub(crate) struct Probe {
    socket: PathBuf,
    request: String,
    asked: Option<Asked>,
    due: Instant,
    last: String,
}

#[derive(Debug)]
struct Asked {
    fd: OwnedFd,
    _watch: Watch,
    head: Vec<u8>,
}

impl Probe {
    pub(crate) fn new(socket: PathBuf, path: &str, now: Instant) -> Self {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: portcullis\r\nConnection: close\r\n\r\n"
        );
        Self { socket, request, asked: None, due: now, last: "it does not listen".to_owned() }
    }

    /// What came of it so far, for the one who waits in vain.
    pub(crate) fn last(&self) -> &str {
        &self.last
    }

    /// When [`Probe::tick`] has something to do.
    pub(crate) const fn due(&self) -> Instant {
        self.due
    }

    /// Asks when it is time.
    pub(crate) fn tick(&mut self, poll: &Poll, now: Instant) {
        if now < self.due {
            return;
        }
        if self.asked.take().is_some() {
            self.last = format!("it listens but gave no answer within {} seconds", ANSWER_WITHIN.as_secs());
        }
        match self.ask(poll) {
            Ok(asked) => {
                self.asked = Some(asked);
                self.due = now + ANSWER_WITHIN;
            }
            Err(errno) => {
                if !matches!(errno, Errno::ENOENT | Errno::ECONNREFUSED) {
                    self.last = format!("its socket can't be asked: {errno}");
                }
                self.due = now + CONNECT_EVERY;
            }
        }
    }

    fn ask(&self, poll: &Poll) -> Result<Asked, Errno> {
        let fd = connect_stream(&self.socket)?;
        send(fd.as_raw_fd(), self.request.as_bytes(), MsgFlags::MSG_NOSIGNAL)?;
        let mut watch = Watch::default();
        watch.set(poll, &fd, Token::Probe, Some(EpollFlags::EPOLLIN))?;
        Ok(Asked { fd, _watch: watch, head: Vec::with_capacity(HEAD) })
    }

    /// Something came; `true` when it is the answer.
    pub(crate) fn ready(&mut self, now: Instant) -> bool {
        let Some(asked) = &mut self.asked else { return false };
        let mut bytes = [0; HEAD];
        let over = match recv(asked.fd.as_raw_fd(), &mut bytes, MsgFlags::empty()) {
            Err(Errno::EAGAIN | Errno::EINTR) => return false,
            Err(_) | Ok(0) => true,
            Ok(length) => {
                asked.head.extend_from_slice(&bytes[..length]);
                asked.head.len() >= HEAD || asked.head.contains(&b'\n')
            }
        };
        if !over {
            return false;
        }
        let status = status(&asked.head);
        self.last = match status {
            Some(200) => return true,
            Some(status) => format!("its last answer had status {status}"),
            None => "it closed the connection without an answer".to_owned(),
        };
        self.asked = None;
        self.due = now + ASK_EVERY;
        false
    }
}

/// The status of an HTTP/1 answer.
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let [b'0' | b'1', b' ', digits @ ..] = rest else { return None };
    std::str::from_utf8(digits.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_status_line_counts() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 404\r\n"), Some(404));
        for other in [&b""[..], b"HTTP/1.1", b"HTTP/1.1 20", b"HTTP/2 200", b"SSH-2.0 200", b"HTTP/1.1  200"]
        {
            assert_eq!(status(other), None, "{other:?}");
        }
    }
}
