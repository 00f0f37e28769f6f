//! Ways for a program to reach an address: each is a function that connects or sends, and says what the kernel answered.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

use super::uring;

/// One way.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// `EPROTONOSUPPORT` and the like: the kernel has no such protocol, and nothing is to be seen.
    pub(super) optional: bool,
    pub(super) six: bool,
    pub(super) go: fn(SocketAddr) -> Result<(), Errno>,
}

const fn way(name: &'static str, six: bool, go: fn(SocketAddr) -> Result<(), Errno>) -> Way {
    Way { name, optional: false, six, go }
}

pub(super) const WAYS: &[Way] = &[
    way("TCP", false, |to| connect(libc::SOCK_STREAM, 0, to)),
    way("TCP", true, |to| connect(libc::SOCK_STREAM, 0, to)),
    way("TCP from a socket of IPv6", false, |to| connect(libc::SOCK_STREAM, 0, mapped(to))),
    way("TCP without waiting", false, |to| match connect(libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0, to) {
        Err(Errno::EINPROGRESS) => Ok(()),
        other => other,
    }),
    way("UDP", false, |to| connect(libc::SOCK_DGRAM, 0, to)),
    way("UDP", true, |to| connect(libc::SOCK_DGRAM, 0, to)),
    way("UDP from a socket of IPv6", false, |to| connect(libc::SOCK_DGRAM, 0, mapped(to))),
    way("sendto", false, |to| send(libc::SOCK_DGRAM, 0, 0, to, to)),
    way("sendto", true, |to| send(libc::SOCK_DGRAM, 0, 0, to, to)),
    way("sendto from a socket of IPv6", false, |to| send(libc::SOCK_DGRAM, 0, 0, mapped(to), mapped(to))),
    way("sendto an IPv4 address from a socket of IPv6", false, |to| {
        send(libc::SOCK_DGRAM, 0, 0, mapped(to), to)
    }),
    way("sendto without a family", false, |to| {
        let socket = open(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        let mut address = SockaddrStorage::from(to);
        // SAFETY: the family stands first in every address.
        unsafe { std::ptr::from_mut(&mut address).cast::<u16>().write(0) };
        send_by(&socket, 0, &address, 16)
    }),
    way("sendmsg", false, send_message),
    way("sendmsg", true, send_message),
    way("TCP Fast Open", false, |to| send(libc::SOCK_STREAM, 0, libc::MSG_FASTOPEN, to, to)),
    way("TCP Fast Open", true, |to| send(libc::SOCK_STREAM, 0, libc::MSG_FASTOPEN, to, to)),
    way("TCP Fast Open by option", false, |to| {
        const TCP_FASTOPEN_CONNECT: i32 = 30;
        let socket = open(libc::AF_INET, libc::SOCK_STREAM, 0)?;
        option(&socket, libc::IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &1_i32.to_ne_bytes())?;
        connect_by(&socket, to)
    }),
    Way { optional: true, ..way("MPTCP", false, |to| connect(libc::SOCK_STREAM, 262, to)) },
    Way { optional: true, ..way("MPTCP", true, |to| connect(libc::SOCK_STREAM, 262, to)) },
    Way {
        optional: true,
        ..way("MPTCP with Fast Open", false, |to| send(libc::SOCK_STREAM, 262, libc::MSG_FASTOPEN, to, to))
    },
    Way {
        optional: true,
        ..way("io_uring", false, |to| uring::connect(&open(libc::AF_INET, libc::SOCK_STREAM, 0)?, to))
    },
    Way {
        optional: true,
        ..way("io_uring", true, |to| uring::connect(&open(libc::AF_INET6, libc::SOCK_STREAM, 0)?, to))
    },
    Way { optional: true, ..way("SCTP", false, |to| connect(libc::SOCK_SEQPACKET, 132, to)) },
    Way { optional: true, ..way("UDP-Lite", false, |to| send(libc::SOCK_DGRAM, 136, 0, to, to)) },
    Way { optional: true, ..way("DCCP", false, |to| connect(6, 33, to)) },
    way("a raw packet", false, |to| send(libc::SOCK_RAW, 253, 0, bare(to), bare(to))),
    way("a raw packet", true, |to| send(libc::SOCK_RAW, 253, 0, bare(to), bare(to))),
    way("a raw packet with its own header", false, |to| {
        let IpAddr::V4(address) = to.ip() else { return Err(Errno::EINVAL) };
        header_of_its_own(address, address)
    }),
    way("a raw packet whose header says another address", false, |to| {
        let IpAddr::V4(address) = to.ip() else { return Err(Errno::EINVAL) };
        header_of_its_own(Ipv4Addr::LOCALHOST, address)
    }),
    way("the neighbour as a step on the way", false, |to| {
        let IpAddr::V4(address) = to.ip() else { return Err(Errno::EINVAL) };
        let socket = open(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
        // Loose source routing (RFC 791): by way of our own loopback address.
        let route = [131, 7, 4, 127, 0, 0, 1, 0];
        option(&socket, libc::IPPROTO_IP, libc::IP_OPTIONS, &route)?;
        connect_by(&socket, SocketAddr::from((address, to.port())))
    }),
];

pub(super) fn mapped(to: SocketAddr) -> SocketAddr {
    match to.ip() {
        IpAddr::V4(four) => SocketAddr::from((four.to_ipv6_mapped(), to.port())),
        IpAddr::V6(_) => to,
    }
}

/// Raw sockets take the port for a protocol.
fn bare(to: SocketAddr) -> SocketAddr {
    SocketAddr::from((to.ip(), 0))
}

pub(super) fn open(family: i32, kind: i32, protocol: i32) -> Result<OwnedFd, Errno> {
    // SAFETY: numbers only; a descriptor or -1 comes back, which nobody else has.
    unsafe {
        let fd = Errno::result(libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol))?;
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

fn family(to: SocketAddr) -> i32 {
    if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}

pub(super) fn connect(kind: i32, protocol: i32, to: SocketAddr) -> Result<(), Errno> {
    connect_by(&open(family(to), kind, protocol)?, to)
}

pub(super) fn connect_by(socket: &OwnedFd, to: SocketAddr) -> Result<(), Errno> {
    // A packet that is dropped is tried again by the kernel: not for longer than this.
    let limit = libc::timeval { tv_sec: 1, tv_usec: 500_000 };
    // SAFETY: any bytes may be read of a structure of numbers.
    let bytes = unsafe {
        std::slice::from_raw_parts(std::ptr::from_ref(&limit).cast::<u8>(), std::mem::size_of_val(&limit))
    };
    option(socket, libc::SOL_SOCKET, libc::SO_SNDTIMEO, bytes)?;
    let address = SockaddrStorage::from(to);
    // SAFETY: an address and its length.
    let done = unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr(), address.len()) };
    Errno::result(done).map(drop)
}

fn send(kind: i32, protocol: i32, flags: i32, of: SocketAddr, to: SocketAddr) -> Result<(), Errno> {
    let socket = open(family(of), kind, protocol)?;
    let address = SockaddrStorage::from(to);
    send_by(&socket, flags, &address, address.len())
}

fn send_by(socket: &OwnedFd, flags: i32, to: &SockaddrStorage, length: u32) -> Result<(), Errno> {
    // SAFETY: four bytes of a static text, an address and its length.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            c"ping".as_ptr().cast(),
            4,
            flags | libc::MSG_NOSIGNAL,
            to.as_ptr(),
            length,
        )
    };
    Errno::result(sent).map(drop)
}

fn send_message(to: SocketAddr) -> Result<(), Errno> {
    use nix::sys::socket::{MsgFlags, sendmsg};
    let socket = open(family(to), libc::SOCK_DGRAM, 0)?;
    let address = SockaddrStorage::from(to);
    let text = [std::io::IoSlice::new(b"ping")];
    sendmsg(socket.as_raw_fd(), &text, &[], MsgFlags::empty(), Some(&address)).map(drop)
}

pub(super) fn option(socket: &OwnedFd, level: i32, name: i32, value: &[u8]) -> Result<(), Errno> {
    let length = u32::try_from(value.len()).expect("short");
    // SAFETY: bytes and their number.
    let set = unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, value.as_ptr().cast(), length) };
    Errno::result(set).map(drop)
}

/// A packet to one address whose header names another.
fn header_of_its_own(route: Ipv4Addr, named: Ipv4Addr) -> Result<(), Errno> {
    let socket = open(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_RAW)?;
    let mut packet = [0_u8; 28];
    packet[0] = 0x45;
    packet[3] = 28;
    packet[8] = 64;
    packet[9] = 17;
    packet[12..16].copy_from_slice(&[127, 0, 0, 1]);
    packet[16..20].copy_from_slice(&named.octets());
    let address = SockaddrStorage::from(SocketAddr::from((route, 0)));
    // SAFETY: the packet and its length, an address and its length.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            packet.as_ptr().cast(),
            packet.len(),
            0,
            address.as_ptr(),
            address.len(),
        )
    };
    Errno::result(sent).map(drop)
}
