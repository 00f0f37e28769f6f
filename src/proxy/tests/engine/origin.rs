//! A session's stand-in: runs a script per connection and remembers every byte it was sent.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What all connections of an origin have in common.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) connections: Cell<usize>,
    pub(crate) bytes: RefCell<Vec<u8>>,
}

impl Seen {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.borrow()).into_owned()
    }
}

pub(crate) struct Origin {
    pub(crate) addr: SocketAddr,
    pub(crate) seen: Rc<Seen>,
}

/// One connection, as a script sees it.
pub(crate) struct Conn {
    pub(crate) stream: TcpStream,
    pub(crate) number: usize,
    seen: Rc<Seen>,
    buf: Vec<u8>,
}

impl Conn {
    /// A request's head; `None` at the end.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.buf.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = self.buf.drain(..end + 4).collect();
                return Some(String::from_utf8(head).expect("ascii"));
            }
            if self.more().await == 0 {
                return None;
            }
        }
    }

    /// So many bytes of a body (or fewer, at the end).
    pub(crate) async fn body(&mut self, length: usize) -> Vec<u8> {
        while self.buf.len() < length && self.more().await > 0 {}
        let length = length.min(self.buf.len());
        self.buf.drain(..length).collect()
    }

    /// What was read beyond the last head or body; forgets it.
    pub(crate) fn buffered(&mut self) -> usize {
        std::mem::take(&mut self.buf).len()
    }

    async fn more(&mut self) -> usize {
        let before = self.buf.len();
        let n = self.stream.read_buf(&mut self.buf).await.unwrap_or(0);
        self.seen.bytes.borrow_mut().extend_from_slice(&self.buf[before..]);
        n
    }

    pub(crate) async fn say(&mut self, text: impl AsRef<[u8]>) {
        // The proxy may have hung up: then there is nobody to say it to.
        let _ = self.stream.write_all(text.as_ref()).await;
    }
}

/// Starts an origin that runs `script` for each connection.
pub(crate) async fn origin<S, F>(script: S) -> Origin
where
    S: Fn(Conn) -> F + 'static,
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let addr = listener.local_addr().expect("address");
    let seen = Rc::new(Seen::default());
    let shared = seen.clone();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let number = shared.connections.get();
            shared.connections.set(number + 1);
            let conn = Conn { stream, number, seen: shared.clone(), buf: Vec::new() };
            tokio::task::spawn_local(script(conn));
        }
    });
    Origin { addr, seen }
}

/// An origin that answers every request with `answer`, whatever it was. Bodies must not be sent to it.
pub(crate) async fn fixed(answer: &'static str) -> Origin {
    origin(move |mut conn| async move {
        while conn.head().await.is_some() {
            conn.say(answer).await;
        }
    })
    .await
}

pub(crate) const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
