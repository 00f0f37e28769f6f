//! The peers, in a process of their own: what they do, at which pace, and how much of it they did.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt};
use portcullis_testing::client::Wire;
use portcullis_testing::{Client, tls};
use serde::Deserialize;

use super::frames;

/// Connections of peers that send or read slowly.
const SLOW: usize = 500;
/// Connections that do nothing at all: so many, of which so many have shaken hands.
const IDLE: (usize, usize) = (10_000, 1_000);
/// Sign-ins that hang.
const SIGN_INS: usize = 500;
/// Connections of HTTP/2 that attack at a time, and of HTTP/1 with huge headers.
const FAST: usize = 4;
/// Streams of a burst.
const BURST: u32 = 100;
/// After each burst, and before each new connection of an attacker that was thrown out: 200 of both a second for all of them.
const PACE: Duration = Duration::from_millis(20);
/// Between two bytes of a slow peer.
const SLOWLY: Duration = Duration::from_secs(1);
/// A head as long as this.
const HUGE: usize = 1 << 20;
/// Bytes that may wait at a peer.
const ROOM: usize = 16 * 1024;
/// Connections that are opened again a second, of those that slow peers lost.
const AGAIN: usize = 50;
/// Bytes of a download that nobody reads.
const UNREAD: u64 = 1 << 30;

/// What they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Heads of requests, a line a second.
    Slowloris,
    /// Downloads of somebody signed in, a few bytes a second.
    SlowRead,
    /// Connections that ask nothing.
    Idle,
    /// Sign-ins at which PAM hangs.
    HangingSignIns,
    /// HTTP/2 requests that are cancelled at once.
    RapidReset,
    /// HTTP/2 heads that never end.
    Continuation,
    /// Heads of a megabyte.
    HugeHeaders,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Slowloris,
        Self::SlowRead,
        Self::Idle,
        Self::HangingSignIns,
        Self::RapidReset,
        Self::Continuation,
        Self::HugeHeaders,
    ];

    /// For tables and the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Slowloris => "slowloris, 500 connections",
            Self::SlowRead => "slow read, 500 downloads",
            Self::Idle => "10,000 idle connections",
            Self::HangingSignIns => "500 hanging sign-ins",
            Self::RapidReset => "HTTP/2 rapid reset",
            Self::Continuation => "HTTP/2 CONTINUATION flood",
            Self::HugeHeaders => "huge headers",
        }
    }
}

/// What the peers are told on their standard input.
#[derive(Debug, Clone, Deserialize)]
struct Told {
    address: SocketAddr,
    certificate: PathBuf,
    cookie: String,
    session: String,
}

/// What all peers share.
struct Peer {
    client: Client,
    config: Arc<tls::Config>,
    two: Arc<tls::Config>,
    told: Told,
    over: AtomicBool,
    acts: AtomicU64,
}

type Stream = Box<dyn Wire>;

impl Peer {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::Acquire)
    }

    fn did(&self, acts: u64) {
        self.acts.fetch_add(acts, Ordering::Relaxed);
    }

    /// A connection whose handshake is done; reads don't wait.
    fn connect(&self, config: &Arc<tls::Config>, first: &[u8]) -> Result<Stream> {
        let tcp = self.client.connect_tcp()?;
        // What isn't read waits at the server, not here.
        setsockopt(&tcp, sockopt::RcvBuf, &ROOM)?;
        let patience = tcp.try_clone()?;
        let mut stream = tls::over(config, tcp)?;
        stream.write_all(first)?;
        stream.flush()?;
        patience.set_read_timeout(Some(Duration::from_millis(1)))?;
        Ok(Box::new(stream))
    }

    fn head(&self) -> String {
        format!("Host: {}\r\nCookie: {}\r\n", self.client.host(), self.told.cookie)
    }
}

/// The peers' process: attacks until its standard input ends.
///
/// # Errors
/// When the attack can't be begun.
pub(crate) fn peer(name: &str) -> Result<()> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.with_context(|| format!("no attack is called `{name}`"))?;
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    let mut input = std::io::stdin().lock();
    let mut line = String::new();
    input.read_line(&mut line)?;
    let told: Told = serde_json::from_str(&line)?;
    let pem = std::fs::read(&told.certificate)?;
    let [config, two] = [["http/1.1"], ["h2"]].map(|alpn| tls::client_of(&pem, &alpn));
    let (config, two) = (config?, two?);
    let client = Client::new_tls(told.address, config.clone());
    let peer = Peer { client, config, two, told, over: AtomicBool::new(false), acts: AtomicU64::new(0) };
    std::thread::scope(|scope| {
        let (ready, begun) = std::sync::mpsc::channel();
        let shared = &peer;
        // With the attack goes its sender: one that can't begin is heard of too.
        let attack = scope.spawn(move || attack(shared, kind, &ready));
        if begun.recv().is_err() {
            return attack.join().map_err(|_| anyhow::anyhow!("the attack panicked"))?;
        }
        println!("ready");
        let ended = input.read_line(&mut String::new());
        peer.over.store(true, Ordering::Release);
        ended?;
        attack.join().map_err(|_| anyhow::anyhow!("the attack panicked"))?
    })?;
    println!("{}", peer.acts.load(Ordering::Relaxed));
    Ok(())
}

type Ready<'a> = &'a std::sync::mpsc::Sender<()>;

fn attack(peer: &Peer, kind: Kind, ready: Ready<'_>) -> Result<()> {
    match kind {
        Kind::Slowloris => slowly(
            peer,
            ready,
            SLOW,
            |_| "GET / HTTP/1.1\r\n".to_owned(),
            |stream| stream.write_all(b"X-Slow: 1\r\n").and_then(|()| stream.flush()).is_ok(),
        ),
        Kind::SlowRead => {
            let path = format!("/s/{}/files/bytes-{UNREAD}", peer.told.session);
            let first = format!("GET {path} HTTP/1.1\r\n{}\r\n", peer.head());
            slowly(
                peer,
                ready,
                SLOW,
                |_| first.clone(),
                |stream| match stream.read(&mut [0; 16]) {
                    Ok(0) => false,
                    Ok(_) => true,
                    Err(error) => waits(&error),
                },
            )
        }
        Kind::HangingSignIns => {
            // A name each: guessing one name is slowed down by something else.
            let first = |at: usize| {
                let form = format!("username=nobody{at}&password=none&appUri=%2F");
                format!(
                    "POST /auth-do-sign-in HTTP/1.1\r\nHost: {}\r\nOrigin: {}\r\nSec-Fetch-Site: same-origin\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                    peer.client.host(),
                    peer.client.origin(),
                    form.len()
                )
            };
            slowly(peer, ready, SIGN_INS, first, |stream| match stream.read(&mut [0; 4096]) {
                Ok(_) => false, // answered: another one
                Err(error) => waits(&error),
            })
        }
        Kind::Idle => idle(peer, ready),
        Kind::RapidReset => fast(peer, ready, rapid_reset),
        Kind::Continuation => fast(peer, ready, continuation),
        Kind::HugeHeaders => fast(peer, ready, huge_headers),
    }
}

fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// So many connections that do a little now and then; some of those that are ended are opened again.
fn slowly(
    peer: &Peer,
    ready: Ready<'_>,
    count: usize,
    first: impl Fn(usize) -> String,
    mut act: impl FnMut(&mut Stream) -> bool,
) -> Result<()> {
    let open = |at: usize| peer.connect(&peer.config, first(at).as_bytes());
    let mut streams = Vec::with_capacity(count);
    for at in 0..count {
        streams.push(Some(open(at)?));
        peer.did(1);
    }
    let _ = ready.send(());
    while peer.goes_on() {
        let mut again = AGAIN;
        for (at, place) in streams.iter_mut().enumerate() {
            if !peer.goes_on() {
                break;
            }
            if !place.as_mut().is_some_and(&mut act) {
                // Refused is as good: the server defends itself.
                *place = if again > 0 { open(at).ok() } else { None };
                peer.did(u64::from(place.is_some()));
                again = again.saturating_sub(1);
            }
            // Spread over the second, so that they don't all move at once.
            std::thread::sleep(SLOWLY / u32::try_from(count).unwrap_or(1));
        }
    }
    Ok(())
}

fn idle(peer: &Peer, ready: Ready<'_>) -> Result<()> {
    let (all, shaken) = IDLE;
    let mut tcp = Vec::with_capacity(all);
    for at in 0..all - shaken {
        let one = TcpStream::connect(peer.told.address).with_context(|| format!("connection {at}"))?;
        tcp.push(one);
        peer.did(1);
    }
    let mut streams = Vec::new();
    for _ in 0..shaken {
        // A whole request first: it is kept as one that may ask again.
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", peer.client.host());
        streams.push(peer.connect(&peer.config, head.as_bytes())?);
        peer.did(1);
    }
    let _ = ready.send(());
    while peer.goes_on() {
        std::thread::sleep(PACE);
    }
    Ok(())
}

/// A few that are as quick as their pace allows.
fn fast(peer: &Peer, ready: Ready<'_>, round: fn(&Peer) -> Result<()>) -> Result<()> {
    round(peer).or_else(|error| if peer.acts.load(Ordering::Relaxed) == 0 { Err(error) } else { Ok(()) })?;
    let _ = ready.send(());
    std::thread::scope(|scope| {
        for _ in 0..FAST {
            scope.spawn(|| {
                while peer.goes_on() {
                    let _ = round(peer); // thrown out: it comes again
                    std::thread::sleep(PACE);
                }
            });
        }
    });
    Ok(())
}

/// Takes what the server says and throws it away.
fn hear(stream: &mut Stream) -> Result<()> {
    loop {
        match stream.read(&mut [0; 16 * 1024]) {
            Ok(0) => bail!("thrown out"),
            Ok(_) => {}
            Err(error) if waits(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn rapid_reset(peer: &Peer) -> Result<()> {
    let mut stream = peer.connect(&peer.two, &frames::hello())?;
    let mut next = 1;
    loop {
        let burst: Vec<u8> =
            (0..BURST).flat_map(|at| frames::reset(peer.client.host(), next + 2 * at)).collect();
        stream.write_all(&burst)?;
        stream.flush()?;
        next += 2 * BURST;
        peer.did(BURST.into());
        hear(&mut stream)?;
        if !peer.goes_on() || next > 1 << 30 || peer.acts.load(Ordering::Relaxed) == u64::from(BURST) {
            return Ok(());
        }
        std::thread::sleep(PACE);
    }
}

fn continuation(peer: &Peer) -> Result<()> {
    let mut stream = peer.connect(&peer.two, &frames::hello())?;
    stream.write_all(&frames::endless(peer.client.host(), 1))?;
    peer.did(1);
    for _ in 0..1000 {
        stream.write_all(&frames::more(1, 16_000))?;
        stream.flush()?;
        peer.did(1);
        hear(&mut stream)?;
        if !peer.goes_on() {
            break;
        }
    }
    Ok(())
}

fn huge_headers(peer: &Peer) -> Result<()> {
    let mut stream = peer.connect(&peer.config, b"GET / HTTP/1.1\r\n")?;
    peer.did(1);
    let line = format!("X-Huge: {}\r\n", "a".repeat(8000));
    for _ in 0..HUGE / line.len() {
        stream.write_all(line.as_bytes())?;
        stream.flush()?;
        hear(&mut stream)?;
    }
    Ok(())
}
