//! Who is at the other end of a connection, as the kernel knows it.
//!
//! For TCP on one machine the kernel's socket table names the owner of the other end (`sock_diag(7)`); one exact question
//! costs some 6 µs whatever the number of connections. Called by session, launcher and server.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, getsockopt, recv, send, socket,
};

/// A process at the other end of a Unix socket, as it was when it connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnixPeer {
    /// Its process number.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}

/// Who connected to this Unix socket.
///
/// # Errors
/// When it is not a connected Unix socket.
pub fn unix_peer(socket: BorrowedFd<'_>) -> Result<UnixPeer, Errno> {
    let found = getsockopt(&socket, PeerCredentials)?;
    Ok(UnixPeer { pid: found.pid(), uid: found.uid(), gid: found.gid() })
}

/// The owner of the other end of a TCP connection within this machine; `None` when there is no such end, or it is no longer
/// established. Opens a question channel for each call; who asks often keeps a [`SockDiag`].
pub fn tcp_peer_uid(stream: &TcpStream) -> Option<u32> {
    let (peer, own) = (stream.peer_addr().ok()?, stream.local_addr().ok()?);
    SockDiag::open().ok()?.owner(peer, own).ok()?
}

/// A channel for questions to the kernel about its sockets.
#[derive(Debug)]
pub struct SockDiag(OwnedFd);

const REQUEST_LEN: usize = 16 + 56;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const TCP_ESTABLISHED: u8 = 1;

impl SockDiag {
    /// Opens it; needs no privilege.
    ///
    /// # Errors
    /// When the kernel has no `sock_diag`, or no descriptors are left.
    pub fn open() -> Result<Self, Errno> {
        let fd = socket(
            AddressFamily::Netlink,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )?;
        Ok(Self(fd))
    }

    /// The owner of the socket bound to `peer` and connected to `own`, where it is in state ESTABLISHED.
    ///
    /// A socket on its way out is reported by the kernel as owned by uid 0: hence the state counts, and all but ESTABLISHED
    /// is "nobody".
    ///
    /// # Errors
    /// When the kernel does not answer; the caller takes that as "nobody" too.
    pub fn owner(&self, peer: SocketAddr, own: SocketAddr) -> io::Result<Option<u32>> {
        // An IPv4 client of an IPv6 listener shows as a mapped address, but its own socket is of IPv4.
        let (peer, own) = (unmapped(peer), unmapped(own));
        if peer.is_ipv4() != own.is_ipv4() {
            return Ok(None);
        }
        let request = request(peer, own);
        send(self.0.as_raw_fd(), &request, MsgFlags::empty())?;
        let mut answer = [0; 512];
        let length = recv(self.0.as_raw_fd(), &mut answer, MsgFlags::empty())?;
        Ok(owner_in(&answer[..length], &request))
    }
}

impl AsFd for SockDiag {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn unmapped(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` (linux/inet_diag.h).
fn request(peer: SocketAddr, own: SocketAddr) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &72_u32.to_ne_bytes()); // nlmsg_len = REQUEST_LEN
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &NLM_F_REQUEST.to_ne_bytes());
    put(8, &1_u32.to_ne_bytes()); // nlmsg_seq
    let family = if peer.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    put(16, &[u8::try_from(family).expect("a small number"), 6 /* IPPROTO_TCP */, 0, 0]);
    put(20, &u32::MAX.to_ne_bytes()); // any state; looked at in the answer
    // struct inet_diag_sockid, 48 bytes: source is the other process's end, destination ours
    put(24, &peer.port().to_be_bytes());
    put(26, &own.port().to_be_bytes());
    for (at, ip) in [(28, peer.ip()), (44, own.ip())] {
        match ip {
            IpAddr::V4(ip) => put(at, &ip.octets()),
            IpAddr::V6(ip) => put(at, &ip.octets()),
        }
    }
    put(64, &[0xff; 8]); // INET_DIAG_NOCOOKIE
    bytes
}

/// Reads `struct nlmsghdr` and the head of `struct inet_diag_msg`; anything but the socket that was asked for is nobody.
fn owner_in(answer: &[u8], request: &[u8; REQUEST_LEN]) -> Option<u32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    // inet_diag_msg: family, state, timer, retrans, sockid (48), expires, rqueue, wqueue, uid
    let message = answer.get(16..16 + 72)?;
    let same = message[0] == request[16] && message[4..4 + 36] == request[24..24 + 36];
    if kind != SOCK_DIAG_BY_FAMILY || !same || message[1] != TCP_ESTABLISHED {
        return None;
    }
    Some(u32::from_ne_bytes(message[64..68].try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fork::{child_for_test, needs_root};
    use std::io::Read;
    use std::net::TcpListener;

    fn pair(listen: &str, connect: &str) -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind(listen).expect("a listener");
        let port = listener.local_addr().expect("bound").port();
        let client = TcpStream::connect((connect, port)).expect("connected");
        (listener.accept().expect("accepted").0, client)
    }

    #[test]
    fn the_owner_is_named_while_established_only() {
        let own = nix::unistd::getuid().as_raw();
        for (listen, connect) in [("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), ("[::]:0", "127.0.0.1")] {
            let (mut server, client) = pair(listen, connect);
            assert_eq!(tcp_peer_uid(&server), Some(own), "{listen}");
            drop(client);
            server.read_exact(&mut [0]).expect_err("closed");
            assert_eq!(tcp_peer_uid(&server), None, "{listen}: going, and the kernel would say uid 0");
        }
    }

    #[test]
    fn another_user_is_seen() {
        needs_root();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = listener.local_addr().expect("bound");
        let code = child_for_test(|| {
            nix::unistd::setresuid(20_001.into(), 20_001.into(), 20_001.into()).expect("root");
            let _client = TcpStream::connect(address).expect("connected");
            let (server, _) = listener.accept().expect("accepted");
            u8::from(tcp_peer_uid(&server) != Some(20_001))
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn a_unix_peer_is_this_process() {
        let (a, _b) = std::os::unix::net::UnixStream::pair().expect("a pair");
        let peer = unix_peer(a.as_fd()).expect("connected");
        assert_eq!((peer.pid, peer.uid), (nix::unistd::getpid().as_raw(), nix::unistd::getuid().as_raw()));
    }
}
