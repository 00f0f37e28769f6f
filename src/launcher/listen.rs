//! Listening sockets: those of the server, and the ports of sessions. Bound here, because low ports need root, or taken over: from
//! the service manager, or from a server that outlived its launcher, so that nobody's connection is refused meanwhile.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use portcullis_conf::PortRange;
use portcullis_model::Port;
use portcullis_sys::activation::{identity, is_listening};
use portcullis_sys::socket::listen_tcp;
use portcullis_wire::FDS_MAX;
use thiserror::Error;

use crate::log::say;

/// Why a listener can't be made.
#[derive(Debug, Error)]
#[error("cannot listen on `{address}`")]
pub(crate) struct ListenError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

/// `count` listeners that share one address (`SO_REUSEPORT`), so that each thread of the server accepts on its own. With port 0
/// all get the one that the kernel chose for the first. Returns the address too.
pub(crate) fn shared(
    address: SocketAddr,
    count: usize,
) -> Result<(Vec<TcpListener>, SocketAddr), ListenError> {
    let failed = |source| ListenError { address, source };
    let first = listen_tcp(address, true).map_err(|errno| failed(errno.into()))?;
    let bound = first.local_addr().map_err(failed)?;
    let mut all = vec![first];
    while all.len() < count {
        all.push(listen_tcp(bound, true).map_err(|errno| failed(errno.into()))?);
    }
    Ok((all, bound))
}

/// Most main listeners: beside them there is room for the two others in one message.
pub(crate) const MAINS_MAX: usize = FDS_MAX - 2;

/// What is to be listened on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Where browsers come. Port 0: any.
    pub(crate) main: SocketAddr,
    /// How many listeners there, one for each thread.
    pub(crate) threads: usize,
    /// Where they are sent to https.
    pub(crate) redirect: Option<SocketAddr>,
    /// Where figures are asked for.
    pub(crate) metrics: Option<SocketAddr>,
}

/// The server's listeners.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// The main ones, then one that redirects and one for figures, where there are such.
    pub(crate) all: Vec<TcpListener>,
    /// How many are main ones.
    pub(crate) mains: u8,
    /// Where the main ones are.
    pub(crate) address: SocketAddr,
}

/// What a listener at this address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Main,
    Redirect,
    Metrics,
    Nothing,
}

fn purpose(at: SocketAddr, wanted: &Wanted) -> Use {
    let any_port = wanted.main.port() == 0 && at.ip() == wanted.main.ip();
    match () {
        () if wanted.redirect == Some(at) => Use::Redirect,
        () if wanted.metrics == Some(at) => Use::Metrics,
        () if at == wanted.main || any_port => Use::Main,
        () => Use::Nothing,
    }
}

impl Listeners {
    /// Takes what fits of `given`, the service manager's first, and binds what is missing. What is at no address of the
    /// configuration is closed.
    ///
    /// # Errors
    /// When an address can't be bound.
    pub(crate) fn of(wanted: &Wanted, given: Vec<TcpListener>) -> Result<Self, ListenError> {
        let (mut mains, mut known): (Vec<TcpListener>, Vec<u64>) = (Vec::new(), Vec::new());
        let (mut redirect, mut metrics) = (None, None);
        for listener in given {
            let (Ok(at), Ok(identity)) = (listener.local_addr(), identity(listener.as_fd())) else {
                continue;
            };
            if known.contains(&identity) || !is_listening(listener.as_fd()) {
                continue;
            }
            known.push(identity);
            let _ = listener.set_nonblocking(true);
            match purpose(at, wanted) {
                Use::Main if mains.len() < MAINS_MAX => mains.push(listener),
                Use::Redirect if redirect.is_none() => redirect = Some(listener),
                Use::Metrics if metrics.is_none() => metrics = Some(listener),
                Use::Main | Use::Redirect | Use::Metrics | Use::Nothing => {
                    say!(Info, "`{at}` is listened on no more")
                }
            }
        }
        let address = match mains.first() {
            Some(first) => {
                let failed = |source| ListenError { address: wanted.main, source };
                let address = first.local_addr().map_err(failed)?;
                while mains.len() < wanted.threads {
                    // A socket of somebody else's making may not share its address: then its threads share the socket.
                    let another = listen_tcp(address, true).map_err(io::Error::from);
                    let another = another.or_else(|_| mains[0].try_clone()).map_err(failed)?;
                    mains.push(another);
                }
                address
            }
            None => {
                let (bound, address) = shared(wanted.main, wanted.threads)?;
                mains = bound;
                address
            }
        };
        let count = u8::try_from(mains.len()).unwrap_or(1);
        for (listener, at) in [(redirect, wanted.redirect), (metrics, wanted.metrics)] {
            match (listener, at) {
                (Some(listener), _) => mains.push(listener),
                (None, Some(at)) => mains.append(&mut shared(at, 1)?.0),
                (None, None) => {}
            }
        }
        Ok(Self { all: mains, mains: count, address })
    }
}

/// The name under which the service manager keeps a listener for the next start: it tells people which it is.
pub(crate) fn store_name(address: SocketAddr) -> String {
    // What separates names can't be in one.
    format!("portcullis-{address}").replace(':', "_")
}

/// The order in which a range's ports are tried: from `start` round to it again.
fn order(range: PortRange, start: u32) -> impl Iterator<Item = u16> {
    let length = u32::from(range.high.saturating_sub(range.low)) + 1;
    (0..length).filter_map(move |n| u16::try_from(u32::from(range.low) + (start % length + n) % length).ok())
}

/// A loopback port for a session: of the range, from a random one on, the first that is free; without a range, of the
/// kernel's own. Bound and listening here, by root, so that nobody squats it; `None` when all are taken.
pub(crate) fn session_port(range: Option<PortRange>) -> io::Result<Option<(TcpListener, Port)>> {
    let any = PortRange { low: 0, high: 0 };
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    for port in order(range.unwrap_or(any), u32::from_ne_bytes(random)) {
        match listen_tcp(SocketAddr::from(([127, 0, 0, 1], port)), false) {
            Ok(listener) => {
                let port = listener.local_addr()?.port();
                return Ok(Some((listener, Port(port))));
            }
            // Taken, or kept from us by a security module: the next one.
            Err(Errno::EADDRINUSE | Errno::EACCES) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_tried_once_round() {
        let range = PortRange { low: 65_533, high: 65_535 };
        assert_eq!(order(range, 1).collect::<Vec<_>>(), [65_534, 65_535, 65_533]);
        assert_eq!(order(range, u32::MAX).count(), 3);
        assert_eq!(order(PortRange { low: 7, high: 7 }, 9).collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn taken_ports_are_skipped_until_none_is_left() {
        // Two free ports side by side are looked for, because a test can't own a range.
        let (first, low) = session_port(None).expect("bound").expect("free");
        let Ok(second) = TcpListener::bind(("127.0.0.1", low.0 + 1)) else { return };
        let range = PortRange { low: low.0, high: low.0 + 1 };
        assert!(session_port(Some(range)).expect("tried").is_none());
        drop(second);
        let (_held, port) = session_port(Some(range)).expect("tried").expect("free");
        assert_eq!(port.0, low.0 + 1);
        drop(first);
    }

    fn wanted(main: SocketAddr) -> Wanted {
        Wanted { main, threads: 2, redirect: None, metrics: None }
    }

    #[test]
    fn what_is_given_is_matched_by_its_address() {
        let at = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let wanted = Wanted {
            main: at("0.0.0.0:443"),
            threads: 1,
            redirect: Some(at("0.0.0.0:80")),
            metrics: Some(at("127.0.0.1:8989")),
        };
        assert_eq!(purpose(at("0.0.0.0:443"), &wanted), Use::Main);
        assert_eq!(purpose(at("0.0.0.0:80"), &wanted), Use::Redirect);
        assert_eq!(purpose(at("127.0.0.1:8989"), &wanted), Use::Metrics);
        for other in ["127.0.0.1:443", "[::]:443", "0.0.0.0:8787"] {
            assert_eq!(purpose(at(other), &wanted), Use::Nothing, "{other}");
        }
        let any = Wanted { main: at("127.0.0.1:0"), ..wanted };
        assert_eq!(purpose(at("127.0.0.1:4711"), &any), Use::Main);
        assert_eq!(store_name(at("[::1]:80")), "portcullis-[__1]_80");
    }

    #[test]
    fn given_listeners_are_taken_once_completed_and_others_closed() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let (mut before, address) = shared(any, 1).expect("bound");
        let copy = before[0].try_clone().expect("a copy");
        let (other, _) = shared(SocketAddr::from(([127, 0, 0, 2], 0)), 1).expect("bound");
        let other_at = other[0].local_addr().expect("bound");
        before.push(copy);
        before.extend(other);
        let found = Listeners::of(&wanted(address), before).expect("found");
        assert_eq!((found.mains, found.all.len(), found.address), (2, 2, address));
        assert!(found.all.iter().all(|one| one.local_addr().is_ok_and(|bound| bound == address)));
        TcpListener::bind(other_at).expect("closed");
        let own = TcpListener::bind("127.0.0.1:0").expect("a port that is not shared");
        let address = own.local_addr().expect("bound");
        let found = Listeners::of(&wanted(address), vec![own]).expect("found");
        assert_eq!(found.mains, 2, "its threads share it");
        let more = Listeners::of(&Wanted { threads: 1, ..wanted(address) }, found.all).expect("found");
        assert_eq!(more.mains, 1, "a copy is the same socket");
    }

    #[test]
    fn listeners_share_a_port_the_kernel_chose() {
        let (all, address) = shared(SocketAddr::from(([127, 0, 0, 1], 0)), 3).expect("bound");
        assert_eq!(all.len(), 3);
        assert_ne!(address.port(), 0);
        assert!(all.iter().all(|one| one.local_addr().is_ok_and(|bound| bound == address)));
        assert!(TcpListener::bind(address).is_err(), "nobody else gets it");
    }
}
