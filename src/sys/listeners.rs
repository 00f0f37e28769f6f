//! Whose programs listen on a TCP port of this machine, as the kernel knows it (`sock_diag(7)`).
//!
//! Called by the server before it lets a request through to a port: two blocking answers of a few microseconds each, for the
//! kernel looks through listening sockets only.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

const REQUEST_LEN: usize = 16 + 56;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 1 | 0x300;
/// Bit of state LISTEN.
const LISTENING: u32 = 1 << 10;
/// The head of `struct inet_diag_msg`, up to its inode.
const MESSAGE_LEN: usize = 72;
/// Answers come in pieces of at most this (the kernel's `NLMSG_GOODSIZE` is smaller).
const PIECE: usize = 32 * 1024;

/// The owners of all sockets that listen on this TCP port, at whatever address, IPv4 and IPv6.
///
/// # Errors
/// When the kernel does not answer; the caller takes that as "anybody".
pub fn listeners(port: u16) -> io::Result<Vec<u32>> {
    let kernel =
        socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    let mut owners = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        ask(&kernel, family, port, &mut owners)?;
    }
    Ok(owners)
}

fn ask(kernel: &OwnedFd, family: i32, port: u16, owners: &mut Vec<u32>) -> io::Result<()> {
    send(kernel.as_raw_fd(), &request(family, port), MsgFlags::empty())?;
    let mut piece = vec![0; PIECE];
    loop {
        let length = recv(kernel.as_raw_fd(), &mut piece, MsgFlags::empty())?;
        if length == 0 || read(&piece[..length], port, owners)? {
            return Ok(());
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2` (linux/inet_diag.h).
fn request(family: i32, port: u16) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, &72_u32.to_ne_bytes()); // nlmsg_len = REQUEST_LEN
    put(4, &SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    put(6, &DUMP.to_ne_bytes());
    put(8, &1_u32.to_ne_bytes()); // nlmsg_seq
    put(16, &[u8::try_from(family).expect("a small number"), 6 /* IPPROTO_TCP */, 0, 0]);
    put(20, &LISTENING.to_ne_bytes());
    put(24, &port.to_be_bytes()); // the kernel names others too where it can't filter: looked at in the answer
    bytes
}

/// Reads one piece of the answer; true when it was the last.
fn read(mut piece: &[u8], port: u16, owners: &mut Vec<u32>) -> io::Result<bool> {
    let broken = || io::Error::from(io::ErrorKind::InvalidData);
    while !piece.is_empty() {
        let head: [u8; 16] = piece.get(..16).and_then(|head| head.try_into().ok()).ok_or_else(broken)?;
        let length = u32::from_ne_bytes([head[0], head[1], head[2], head[3]]);
        let length = usize::try_from(length).map_err(|_| broken())?;
        match u16::from_ne_bytes([head[4], head[5]]) {
            NLMSG_DONE => return Ok(true),
            SOCK_DIAG_BY_FAMILY => {
                // inet_diag_msg: family, state, timer, retrans, sockid (48, source port first), expires, rqueue, wqueue, uid
                let message = piece.get(16..16 + MESSAGE_LEN).ok_or_else(broken)?;
                if u16::from_be_bytes([message[4], message[5]]) == port {
                    let uid = message[64..68].try_into().map_err(|_| broken())?;
                    owners.push(u32::from_ne_bytes(uid));
                }
            }
            _ => return Err(broken()),
        }
        // Messages begin at multiples of four (NLMSG_ALIGN).
        piece = piece.get(length.next_multiple_of(4).max(16)..).unwrap_or_default();
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::fork::{child_for_test, needs_root};

    #[test]
    fn listeners_of_both_families_are_named_and_connections_are_not() {
        let own = nix::unistd::getuid().as_raw();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let port = listener.local_addr().expect("bound").port();
        assert_eq!(listeners(port).expect("an answer"), [own]);
        let six = TcpListener::bind(("::1", port)).expect("a listener");
        assert_eq!(listeners(port).expect("an answer"), [own, own]);
        let client = std::net::TcpStream::connect(("127.0.0.1", port)).expect("connected");
        let accepted = listener.accept().expect("accepted");
        drop((listener, six));
        assert!(listeners(port).expect("an answer").is_empty());
        drop((client, accepted));
    }

    #[test]
    fn another_user_is_named() {
        needs_root();
        let code = child_for_test(|| {
            nix::unistd::setresuid(20_001.into(), 20_001.into(), 20_001.into()).expect("root");
            let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
            let port = listener.local_addr().expect("bound").port();
            u8::from(!listeners(port).is_ok_and(|owners| owners == [20_001]))
        });
        assert_eq!(code, 0);
    }

    #[test]
    fn what_is_no_answer_is_an_error() {
        let mut owners = Vec::new();
        assert!(read(&[1, 2, 3], 80, &mut owners).is_err());
        assert!(read(&[0; 16], 80, &mut owners).is_err());
        assert!(owners.is_empty());
    }
}
