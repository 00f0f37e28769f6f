//! Listening sockets: those of the server, bound here because low ports need root, and the ports of sessions.

use std::io;
use std::net::{SocketAddr, TcpListener};

use nix::errno::Errno;
use portcullis_conf::PortRange;
use portcullis_model::Port;
use portcullis_sys::socket::listen_tcp;
use thiserror::Error;

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

    #[test]
    fn listeners_share_a_port_the_kernel_chose() {
        let (all, address) = shared(SocketAddr::from(([127, 0, 0, 1], 0)), 3).expect("bound");
        assert_eq!(all.len(), 3);
        assert_ne!(address.port(), 0);
        assert!(all.iter().all(|one| one.local_addr().is_ok_and(|bound| bound == address)));
        assert!(TcpListener::bind(address).is_err(), "nobody else gets it");
    }
}
