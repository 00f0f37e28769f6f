//! What people do while a daemon is restarted under them: WebSockets that count, downloads whose every byte is known, clients
//! that ask all the time on connections that are kept. Whatever breaks off is told with its reason.
//!
//! Each runs on a thread of its own until it is told to stop; [`Traffic::stop`] tells how much it got through.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::client::{Client, PATIENCE};
use crate::steps::{Download, Echoes, Requests, RequestsTwo, Step};
use crate::{tls, until};

/// Between two messages or requests: a person's hands, not a benchmark.
const PAUSE: Duration = Duration::from_millis(5);

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

    fn count(&self, got: u64) {
        self.done.fetch_add(got, Ordering::Relaxed);
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
        let mut echoes = Echoes::new(client, None, path);
        echoes.open()?;
        Ok(Self::of("a WebSocket", echoes, false))
    }

    /// The same over HTTP/2.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn socket_two(client: &Client, config: &Arc<tls::Config>, path: &str) -> Result<Self> {
        let mut echoes = Echoes::new(client, Some(config), path);
        echoes.open()?;
        Ok(Self::of("a WebSocket over HTTP/2", echoes, false))
    }

    /// Takes the steps until it is told to stop; a transfer that is under way then goes on to its end.
    fn of(what: &str, mut steps: impl Step + 'static, to_the_end: bool) -> Self {
        Self::start(what, move |shared| {
            while shared.goes_on() {
                let got = steps.step()?;
                ensure!(
                    !to_the_end || steps.is_open() || !shared.goes_on(),
                    "it was over before it was told to stop: make it longer"
                );
                shared.count(got);
            }
            while to_the_end && steps.is_open() {
                shared.done.fetch_add(steps.step()?, Ordering::Relaxed);
            }
            steps.close();
            Ok(())
        })
    }

    /// `GET` after `GET` on one connection, until its answer says that it is the last one; then on the next.
    pub fn requests(client: &Client, path: &str) -> Self {
        Self::of("requests", Requests::new(client, path), false)
    }

    /// The same on one connection of HTTP/2, until the server says that it is the last one.
    pub fn requests_two(client: &Client, config: &Arc<tls::Config>, path: &str) -> Self {
        Self::of("requests over HTTP/2", RequestsTwo::new(client, config, path), false)
    }

    /// A download of so many bytes, read slowly until it is told to stop, then to its end; each byte is looked at.
    pub fn download(client: &Client, session: &str, length: u64) -> Self {
        Self::of("a download", Download::new(client, session, length), true)
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
