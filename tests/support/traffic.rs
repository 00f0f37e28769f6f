//! What people do while a daemon is restarted under them: WebSockets that count, downloads whose every byte is known, clients
//! that ask all the time on connections that are kept. Whatever breaks off is told with its reason.
//!
//! Each runs on a thread of its own until it is told to stop; [`Traffic::stop`] tells how much it got through.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::client::{Client, PATIENCE, Wire};
use crate::http2::Kept;
use crate::websocket::{self, Socket};
use crate::{http1, tls, until};

/// Between two messages or requests: a person's hands, not a benchmark.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of a download that are read at a time, with a pause between: slow enough to last.
const PIECE: usize = 32 * 1024;

/// Something that goes on.
#[derive(Debug)]
pub struct Traffic {
    what: String,
    shared: Arc<Shared>,
    thread: JoinHandle<Result<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    done: AtomicU64,
    broken: AtomicBool,
}

impl Shared {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(PAUSE);
    }
}

impl Traffic {
    fn start(what: &str, body: impl FnOnce(&Shared) -> Result<()> + Send + 'static) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let over = body(&theirs);
            theirs.broken.store(over.is_err(), Ordering::Relaxed);
            over
        });
        Self { what: what.to_owned(), shared, thread }
    }

    /// A WebSocket that sends a number, waits for it to come back, and sends the next one.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn socket(client: &Client, path: &str) -> Result<Self> {
        Ok(Self::over("a WebSocket", websocket::open(client, path, &[])?))
    }

    /// The same over HTTP/2.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn socket_two(client: &Client, config: &Arc<tls::Config>, path: &str) -> Result<Self> {
        Ok(Self::over("a WebSocket over HTTP/2", crate::http2::socket(client, config, path, &[])?))
    }

    fn over(what: &str, mut socket: Socket) -> Self {
        Self::start(what, move |shared| {
            let mut number = 0_u64;
            while shared.goes_on() {
                let back = websocket::echo(&mut socket, &number.to_string())?;
                ensure!(back == number.to_string(), "sent {number}, and {back} came back");
                number += 1;
                shared.count();
            }
            let _ = socket.close(None); // whether it says goodbye is no part of this
            Ok(())
        })
    }

    /// `GET` after `GET` on one connection, until its answer says that it is the last one; then on the next.
    pub fn requests(client: &Client, path: &str) -> Self {
        let (client, path) = (client.clone(), path.to_owned());
        Self::start("requests", move |shared| {
            let mut kept: Option<Box<dyn Wire>> = None;
            while shared.goes_on() {
                let mut wire = match kept.take() {
                    Some(wire) => wire,
                    None => client.connect()?,
                };
                let headers = [
                    ("Host", client.host()),
                    ("Cookie", &client.cookie_header()),
                    ("Connection", "keep-alive"),
                ]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
                http1::send(&mut wire, "GET", &path, &headers, None)?;
                let answer = http1::read(&mut wire, "GET")?.expect(200)?;
                if answer.header("connection").is_none_or(|value| !value.contains("close")) {
                    kept = Some(wire);
                }
                shared.count();
            }
            Ok(())
        })
    }

    /// The same on one connection of HTTP/2, until the server says that it is the last one.
    pub fn requests_two(client: &Client, config: &Arc<tls::Config>, path: &str) -> Self {
        let (client, config, path) = (client.clone(), Arc::clone(config), path.to_owned());
        Self::start("requests over HTTP/2", move |shared| {
            let mut kept: Option<Kept> = None;
            while shared.goes_on() {
                let mut connection = match kept.take() {
                    Some(connection) if connection.is_open() => connection,
                    _ => Kept::open(&client, &config)?,
                };
                // None: not sent, because the server had said goodbye. A browser takes the next connection.
                if let Some(answer) = connection.get(&path, &client.cookie_header())? {
                    answer.expect(200)?;
                    kept = Some(connection);
                    shared.count();
                }
            }
            Ok(())
        })
    }

    /// A download of so many bytes, read slowly until it is told to stop, then to its end; each byte is looked at.
    pub fn download(client: &Client, session: &str, length: u64) -> Self {
        let (client, session) = (client.clone(), session.to_owned());
        Self::start("a download", move |shared| {
            let mut wire = client.connect()?;
            let headers = [("Host", client.host()), ("Cookie", &client.cookie_header())]
                .map(|(name, value)| (name.to_owned(), value.to_owned()));
            http1::send(&mut wire, "GET", &format!("/s/{session}/files/counted-{length}"), &headers, None)?;
            let mut reader = std::io::BufReader::with_capacity(PIECE, wire);
            let head = http1::read_head(&mut reader)?;
            ensure!(head.status == 200, "status {}", head.status);
            let (mut at, mut piece) = (0_u64, vec![0; PIECE]);
            while at < length {
                let left = usize::try_from(length - at).unwrap_or(PIECE).min(PIECE);
                reader
                    .read_exact(&mut piece[..left])
                    .with_context(|| format!("broke off after {at} bytes"))?;
                for (index, word) in piece[..left].chunks(8).enumerate() {
                    let number = at / 8 + index as u64;
                    ensure!(number.to_be_bytes().starts_with(word), "the eight bytes {number} are {word:?}");
                }
                at += left as u64;
                shared.done.store(at, Ordering::Relaxed);
                if shared.goes_on() {
                    std::thread::sleep(PAUSE);
                }
            }
            ensure!(!shared.goes_on(), "it was over before it was told to stop: make it longer");
            Ok(())
        })
    }

    /// How often it got through; of a download, how many bytes.
    pub fn done(&self) -> u64 {
        self.shared.done.load(Ordering::Relaxed)
    }

    /// Waits until it has got through `more` times more.
    ///
    /// # Errors
    /// When it broke off, or doesn't get on.
    pub fn goes_on(&self, more: u64) -> Result<()> {
        let wanted = self.done() + more;
        until::some(&format!("{} goes on", self.what), PATIENCE.as_secs(), || {
            let over = self.shared.broken.load(Ordering::Relaxed) || self.done() >= wanted;
            Ok(over.then_some(()))
        })?;
        if self.shared.broken.load(Ordering::Relaxed) {
            bail!("{} broke off after {}", self.what, self.done());
        }
        Ok(())
    }

    /// Stops it; tells how often it got through.
    ///
    /// # Errors
    /// Why it broke off before.
    pub fn stop(self) -> Result<u64> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let done = self.done();
        match self.thread.join() {
            Ok(over) => over.with_context(|| format!("{} broke off after {done}", self.what))?,
            Err(_) => bail!("{} panicked", self.what),
        }
        Ok(self.shared.done.load(Ordering::Relaxed))
    }
}
