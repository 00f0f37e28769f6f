//! A session in the test's hands: its control socket, and an IDE that says what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use portcullis_model::SessionId;
use portcullis_model::session::door_path;
use portcullis_sys::socket;
use portcullis_wire::{Answer, Ask, Channel};

use crate::whole::launcher::{Launcher, PATIENCE};

/// What an IDE was asked, as it came.
pub(crate) struct FakeSession {
    heads: Receiver<String>,
}

impl FakeSession {
    /// Serves the control socket of this session.
    pub(crate) fn start(launcher: &Launcher, id: SessionId) -> Self {
        let path = door_path(launcher.run_dir.path(), id);
        let listener = socket::listen_seqpacket(&path, 0o600, None).expect("listening");
        let (say, heads) = channel();
        std::thread::spawn(move || {
            loop {
                poll(&mut [PollFd::new(listener.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)
                    .expect("waited");
                let Ok(Some(fd)) = socket::accept(listener.as_fd()) else { continue };
                let door = Channel::from_fd(fd);
                door.set_nonblocking(false).expect("blocking");
                let say = say.clone();
                std::thread::spawn(move || answer(&door, &say));
            }
        });
        Self { heads }
    }

    /// The next request's head.
    pub(crate) fn head(&self) -> String {
        self.heads.recv_timeout(PATIENCE).expect("the IDE was asked")
    }

    /// Whether anything was asked so far.
    pub(crate) fn was_asked(&self) -> bool {
        self.heads.try_recv().is_ok()
    }
}

fn answer(door: &Channel, say: &Sender<String>) {
    while let Ok((ask, _)) = door.receive::<Ask>() {
        match ask {
            Ask::Connect => {
                let (ours, theirs) = UnixStream::pair().expect("a pair");
                door.send(&Answer::Connected, &[theirs.as_fd()]).expect("sent");
                let say = say.clone();
                std::thread::spawn(move || ide(ours, &say));
            }
            Ask::Resolve { paths } if paths.iter().any(|path| path.contains("stuck")) => {
                door.send(&Answer::Failed { why: "no such luck".into() }, &[]).expect("sent");
            }
            Ask::Resolve { paths } => {
                // `link` leads out of the home, as a symlink would.
                let resolve = |path: String| {
                    (!path.contains("nowhere")).then(|| path.replace("/home/alice/link", "/etc"))
                };
                let paths = paths.into_iter().map(resolve).collect();
                door.send(&Answer::Resolved { paths }, &[]).expect("sent");
            }
        }
    }
}

/// Answers one connection's requests: WebSockets by echoing, all else by what was asked.
fn ide(stream: UnixStream, say: &Sender<String>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let line = |name: &str| {
            let found = head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
            found.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
        };
        let length: usize = line("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        if line("transfer-encoding").is_some() && !read_chunks(&mut reader) {
            return;
        }
        let key = line("sec-websocket-key");
        let _ = say.send(head.clone());
        let mut stream = &stream;
        if let Some(key) = key {
            let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
            let answer = format!(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).expect("sent");
            return echo(stream);
        }
        let text = format!("{{\"asked\":{:?}}}", head.lines().next().unwrap_or_default());
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nServer: Fake\r\nSet-Cookie: _xsrf=1; Path=/s/\r\n\
             Set-Cookie: portcullis=evil; Path=/\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        );
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a chunked body; false when it broke off.
fn read_chunks(reader: &mut impl std::io::BufRead) -> bool {
    loop {
        let mut size = String::new();
        let length = match reader.read_line(&mut size) {
            Ok(1..) => usize::from_str_radix(size.trim(), 16).expect("a size"),
            _ => return false,
        };
        if reader.read_exact(&mut vec![0; length + 2]).is_err() {
            return false;
        }
        if length == 0 {
            return true;
        }
    }
}

fn echo(stream: &UnixStream) {
    let stream = stream.try_clone().expect("a copy");
    let mut socket =
        tungstenite::WebSocket::from_raw_socket(stream, tungstenite::protocol::Role::Server, None);
    while let Ok(message) = socket.read() {
        if message.is_close() || (!message.is_ping() && !message.is_pong() && socket.send(message).is_err()) {
            return;
        }
    }
}
