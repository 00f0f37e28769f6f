//! A TCP peer in a server's place, for what no real server does on demand: closing, silence, half an answer, slowness, a flood.
//!
//! With a real server behind it ([`Behaviour::Slow`], [`Behaviour::CutAfter`]) the answers are real ones.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Result;

/// What it does with each connection.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// Closes at once.
    Closes,
    /// Reads, and never answers.
    Silent,
    /// Answers whatever comes first with these bytes, then is silent: half an answer, or nonsense.
    Says(Vec<u8>),
    /// The same, then closes.
    SaysAndCloses(Vec<u8>),
    /// Answers whatever comes first with these bytes again and again, until the other end is gone.
    Floods(Vec<u8>),
    /// Hands everything on to a real server, each piece of its answers after this long.
    Slow(SocketAddr, Duration),
    /// Hands everything on, and closes after so many bytes of the answer.
    CutAfter(SocketAddr, usize),
}

/// The first half of an LDAP server's answer to a bind: message 1, the result code and nothing behind it (RFC 4511, 4.2.2).
pub const HALF_A_BIND: &[u8] = &[0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01];

/// A listening stand-in; gone when dropped, with its connections.
#[derive(Debug)]
pub struct StandIn {
    address: SocketAddr,
    taken: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl StandIn {
    /// Listens on a port of its own.
    ///
    /// # Errors
    /// When it can't.
    pub fn start(behaviour: Behaviour) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let one = Self {
            address: listener.local_addr()?,
            taken: Arc::default(),
            over: Arc::default(),
            open: Arc::default(),
        };
        let (taken, over, open) = (Arc::clone(&one.taken), Arc::clone(&one.over), Arc::clone(&one.open));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                taken.fetch_add(1, Ordering::SeqCst);
                let keep = |stream: &TcpStream| {
                    if let Ok(copy) = stream.try_clone() {
                        open.lock().expect("nobody panics holding it").push(copy);
                    }
                };
                keep(&stream);
                let behaviour = behaviour.clone();
                match behaviour {
                    Behaviour::Closes => {
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                    Behaviour::Slow(to, _) | Behaviour::CutAfter(to, _) => {
                        let Ok(server) = TcpStream::connect(to) else {
                            let _ = stream.shutdown(Shutdown::Both);
                            continue;
                        };
                        keep(&server);
                        between(stream, server, &behaviour);
                    }
                    other => {
                        // A peer that goes away is what ends it.
                        std::thread::spawn(move || answer(stream, &other));
                    }
                }
            }
        });
        Ok(one)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections so far.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        // Wakes the one that accepts.
        let _ = TcpStream::connect(self.address);
        for stream in self.open.lock().expect("nobody panics holding it").drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn answer(mut stream: TcpStream, behaviour: &Behaviour) {
    let mut buffer = [0; 4096];
    let mut first = true;
    while let Ok(1..) = stream.read(&mut buffer) {
        match behaviour {
            Behaviour::Says(bytes) if first => drop(stream.write_all(bytes)),
            Behaviour::SaysAndCloses(bytes) => {
                let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Both));
                return;
            }
            Behaviour::Floods(bytes) => {
                while stream.write_all(bytes).is_ok() {}
                return;
            }
            _ => {}
        }
        first = false;
    }
}

/// Hands on in both directions, each on a thread of its own.
fn between(client: TcpStream, server: TcpStream, behaviour: &Behaviour) {
    let (Ok(mut from_client), Ok(mut to_server)) = (client.try_clone(), server.try_clone()) else { return };
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (delay, mut left) = match behaviour {
        Behaviour::Slow(_, delay) => (*delay, usize::MAX),
        Behaviour::CutAfter(_, bytes) => (Duration::ZERO, *bytes),
        _ => (Duration::ZERO, usize::MAX),
    };
    std::thread::spawn(move || {
        let (mut client, mut server) = (client, server);
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = server.read(&mut buffer) {
            // The delay is what it is for.
            std::thread::sleep(delay);
            let length = length.min(left);
            left -= length;
            if client.write_all(&buffer[..length]).is_err() || left == 0 {
                break;
            }
        }
        let _ = client.shutdown(Shutdown::Both);
        let _ = server.shutdown(Shutdown::Both);
    });
}
