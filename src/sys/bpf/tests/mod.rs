//! Rules in the kernel: what is refused fails, what is allowed works, and both work where no rules are.
//!
//! Each test has a network and groups of its own, and needs root.

use std::net::{SocketAddr, TcpListener, UdpSocket};

use nix::errno::Errno;

use super::*;
use stage::{DONE, Inside, REFUSED, Tried, own_network, to};
use ways::{WAYS, connect, mapped};

mod inbound;
mod limits;
mod neighbours;
mod random;
mod stage;
mod told;
mod uring;
mod ways;

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

/// One port at which both families answer, by TCP and by UDP.
fn servers() -> (u16, Vec<TcpListener>, Vec<UdpSocket>) {
    let four = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = four.local_addr().expect("bound").port();
    let six = crate::socket::listen_tcp(at("::", port), false).expect("the same port");
    let datagrams = UdpSocket::bind(at("0.0.0.0", port)).expect("the same port");
    (port, vec![four, six], vec![datagrams])
}

#[test]
fn every_way_to_an_address_is_refused_and_the_others_work() {
    own_network(&["fd00::9/128"]);
    let (port, _streams, _datagrams) = servers();
    let refused = vec![to("127.0.0.9", None), to("fd00::9", None)];
    let (free, ruled) = (Inside::of(20_001), Inside::of(20_001));
    ruled.rule(&Rules { refused, ..Rules::default() });
    let mut seen = 0;
    for way in WAYS {
        let (good, bad) = if way.six { ("::1", "fd00::9") } else { ("127.0.0.1", "127.0.0.9") };
        let go = |inside: &Inside, address| inside.attempt(|| (way.go)(at(address, port)));
        let control = go(&free, bad);
        if way.optional && control != DONE {
            continue; // no such thing in this kernel
        }
        seen += 1;
        let name = format!("{} over IPv{}", way.name, if way.six { 6 } else { 4 });
        assert_eq!(control, DONE, "{name}: without rules");
        assert_eq!(go(&ruled, bad), REFUSED, "{name}");
        assert_eq!(go(&ruled, good), DONE, "{name}: what is not refused");
    }
    assert!(seen >= 22, "only {seen} ways could be tried");
}

#[test]
fn a_list_allows_exactly_what_it_names() {
    own_network(&["fd00::9/128", "fd00::10/128"]);
    let (port, _streams, _datagrams) = servers();
    let ruled = Inside::of(20_001);
    let allowed = vec![to("127.0.8.0/24", Some((port, port))), to("fd00::9", None), to("127.0.0.77", None)];
    ruled.rule(&Rules { allowed: Some(allowed), ..Rules::default() });
    let tcp = |address: &str, port| ruled.attempt(|| connect(libc::SOCK_STREAM, 0, at(address, port)));
    let udp = |address: &str, port| ruled.attempt(|| connect(libc::SOCK_DGRAM, 0, at(address, port)));
    for (address, number, wanted) in [
        ("127.0.8.1", port, DONE),
        ("127.0.8.255", port, DONE),
        ("127.0.8.1", port - 1, REFUSED),
        ("127.0.8.1", port + 1, REFUSED),
        ("127.0.9.1", port, REFUSED),
        ("127.0.7.255", port, REFUSED),
        ("127.0.0.1", port, REFUSED),
        ("0.0.0.0", port, REFUSED),
        ("127.0.0.77", 1, Tried(Errno::ECONNREFUSED as u8)),
        ("fd00::9", port, DONE),
        ("fd00::10", port, REFUSED),
        ("::1", port, REFUSED),
        ("::", port, REFUSED),
        ("169.254.169.254", 80, REFUSED),
    ] {
        assert_eq!(tcp(address, number), wanted, "TCP to {address} {number}");
        let wanted = if wanted == REFUSED { REFUSED } else { DONE };
        assert_eq!(udp(address, number), wanted, "UDP to {address} {number}");
    }
    for kind in [(libc::SOCK_RAW, 253), (libc::SOCK_DGRAM, 136)] {
        let made = ruled.attempt(|| ways::open(libc::AF_INET, kind.0, kind.1).map(drop));
        assert_eq!(made, REFUSED, "a socket whose packets nobody understands: {kind:?}");
    }
    for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
        assert_eq!(ruled.attempt(|| ways::open(libc::AF_INET6, kind, 0).map(drop)), DONE);
    }
    assert_eq!(ruled.attempt(|| ways::open(libc::AF_UNIX, libc::SOCK_STREAM, 0).map(drop)), DONE);
}

#[test]
fn nothing_is_this_machine_and_mapped_addresses_are_those_they_map() {
    own_network(&[]);
    let (port, _streams, _datagrams) = servers();
    let ruled = Inside::of(20_001);
    ruled.rule(&Rules { allowed: Some(vec![to("127.0.0.0/8", None), to("::1", None)]), ..Rules::default() });
    for address in ["127.0.0.1", "0.0.0.0", "::1", "::"] {
        let tried = ruled.attempt(|| connect(libc::SOCK_STREAM, 0, at(address, port)));
        assert_eq!(tried, DONE, "{address}");
    }
    for (address, wanted) in [("127.0.0.1", DONE), ("0.0.0.0", DONE), ("169.254.169.254", REFUSED)] {
        let tried = ruled.attempt(|| connect(libc::SOCK_STREAM, 0, mapped(at(address, port))));
        assert_eq!(tried, wanted, "{address}, mapped");
    }
}

#[test]
fn ports_of_loopback_are_refused_at_every_address_of_the_machine() {
    own_network(&["10.78.0.1/32"]);
    let (port, _streams, datagrams) = servers();
    let ruled = Inside::of(20_001);
    let refused = vec![to("127.0.0.0/8", Some((port, port))), to("::1", Some((port, port)))];
    ruled.rule(&Rules { refused, ..Rules::default() });
    let tcp = |address| ruled.attempt(|| connect(libc::SOCK_STREAM, 0, at(address, port)));
    for address in ["127.0.0.1", "127.0.0.9", "0.0.0.0", "::1", "::"] {
        assert_eq!(tcp(address), REFUSED, "{address}");
    }
    // Where the system call doesn't know whose address it is, the packet does, and is dropped.
    assert_ne!(tcp("10.78.0.1"), DONE);
    // By UDP it could be an answer.
    let sent = ruled.attempt(|| {
        let failed = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
        let socket = UdpSocket::bind("0.0.0.0:0").map_err(failed)?;
        socket.send_to(b"ping", at("10.78.0.1", port)).map_err(failed)?;
        socket.send_to(b"ping", at("127.0.0.1", port)).map(drop).map_err(failed)
    });
    assert_eq!(sent, DONE);
    drop(datagrams);
}
