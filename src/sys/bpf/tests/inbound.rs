//! Who reaches what listens in a group: this machine, and from outside only answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::stage::{Served, cable, serve};
use super::*;

/// Longer than a packet takes on this machine by far, and than the kernel waits before it sends one again.
const SILENCE: Duration = Duration::from_millis(1500);
const PORT: u16 = 7001;

/// Listens inside, on all interfaces, and answers whoever comes.
fn listening(inside: &Inside) -> Served {
    let bind = || TcpListener::bind(at("::", PORT)).expect("a port inside");
    inside.serve(bind, |listener| {
        for stream in listener.incoming().flatten() {
            let _ = (&stream).write_all(b"hello");
        }
    })
}

fn greeted(address: &str) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&at(address, PORT), SILENCE) else { return false };
    stream.set_read_timeout(Some(SILENCE)).expect("a limit");
    let mut text = [0; 5];
    stream.read_exact(&mut text).is_ok() && &text == b"hello"
}

#[test]
fn from_outside_nobody_connects_unless_that_is_said() {
    own_network(&[]);
    let outside = cable();
    let all = Rules::default();
    let loopback = Rules {
        allowed: Some(vec![to("127.0.0.0/8", None), to("::1", None), to("10.77.0.0/24", None)]),
        ..Rules::default()
    };
    let inside = Inside::of(20_001);
    let _server = listening(&inside);
    for address in ["10.77.0.1", "fd77::1"] {
        assert!(outside.enter(|| greeted(address)), "{address}: without rules");
    }
    drop(_server);
    for (name, rules, here, there) in [
        ("all", all.clone(), true, false),
        ("all, open", Rules { listen: true, ..all }, true, true),
        ("a list", loopback.clone(), true, false),
        ("a list, open", Rules { listen: true, ..loopback }, true, true),
    ] {
        let inside = Inside::of(20_001);
        inside.rule(&rules);
        let _server = listening(&inside);
        for address in ["127.0.0.1", "10.77.0.1"] {
            assert_eq!(greeted(address), here, "{name}: this machine at {address}");
        }
        assert_eq!(outside.enter(|| greeted("10.77.0.1")), there, "{name}: from outside");
        let of_six = there && rules.allowed.is_none();
        assert_eq!(outside.enter(|| greeted("fd77::1")), of_six, "{name}: from outside by IPv6");
    }
}

#[test]
fn a_connection_to_outside_has_its_answers() {
    own_network(&[]);
    let outside = cable();
    let bind = || TcpListener::bind(at("::", PORT)).expect("a port outside");
    let _server = outside.enter(|| {
        serve(
            || (),
            bind,
            |listener| {
                for stream in listener.incoming().flatten() {
                    let _ = (&stream).write_all(b"hello");
                }
            },
        )
    });
    let inside = Inside::of(20_001);
    inside.rule(&Rules { allowed: Some(vec![to("10.77.0.2", Some((PORT, PORT)))]), ..Rules::default() });
    let tried = |address: &'static str| {
        inside.attempt(move || if greeted(address) { Ok(()) } else { Err(Errno::ENODATA) })
    };
    assert_eq!(tried("10.77.0.2"), DONE);
    assert_eq!(tried("fd77::2"), Tried(Errno::ENODATA as u8), "not in the list");
}

#[test]
fn datagrams_from_outside_are_answers_or_nothing() {
    own_network(&[]);
    let outside = cable();
    for (six, here, there) in [(false, "10.77.0.1", "10.77.0.2"), (true, "fd77::1", "fd77::2")] {
        let any = if six { "::" } else { "0.0.0.0" };
        // One that answers, and one that speaks first.
        let (answering, speaking) = outside.enter(|| {
            let bind = || UdpSocket::bind(at(there, 0)).expect("a port outside");
            (bind(), bind())
        });
        let peer = answering.local_addr().expect("bound");
        let _server = serve(
            || (),
            || answering.try_clone().expect("another"),
            |socket| {
                let mut text = [0; 16];
                while let Ok((length, from)) = socket.recv_from(&mut text) {
                    let _ = socket.send_to(&text[..length], from);
                }
            },
        );
        for ruled in [false, true] {
            let inside = Inside::of(20_001);
            if ruled {
                inside.rule(&Rules::default());
            }
            let heard = |first: bool| {
                let socket =
                    UdpSocket::bind(at(any, if first { 0 } else { 7002 })).map_err(|_| Errno::EINVAL)?;
                socket.set_read_timeout(Some(SILENCE)).map_err(|_| Errno::EINVAL)?;
                if first {
                    socket.send_to(b"ping", peer).map_err(|_| Errno::EIO)?;
                } else {
                    speaking.send_to(b"ping", at(here, 7002)).map_err(|_| Errno::EIO)?;
                }
                let mut text = [0; 16];
                socket.recv_from(&mut text).map(drop).map_err(|_| Errno::ENODATA)
            };
            assert_eq!(inside.attempt(|| heard(true)), DONE, "an answer, IPv6 {six}, rules {ruled}");
            let wanted = if ruled { Tried(Errno::ENODATA as u8) } else { DONE };
            assert_eq!(inside.attempt(|| heard(false)), wanted, "unasked, IPv6 {six}, rules {ruled}");
        }
    }
}

#[test]
fn a_listener_that_was_handed_in_answers_whatever_the_rules() {
    own_network(&[]);
    let listener = TcpListener::bind(at("127.0.0.1", PORT)).expect("a port outside the group");
    let inside = Inside::of(20_001);
    inside.rule(&Rules { allowed: Some(Vec::new()), ..Rules::default() });
    let _server = inside.serve(
        || listener.try_clone().expect("another"),
        |listener| {
            for stream in listener.incoming().flatten() {
                let _ = (&stream).write_all(b"hello");
            }
        },
    );
    assert!(greeted("127.0.0.1"), "as the proxy reaches a session by TCP");
    drop(listener);
    assert_eq!(inside.attempt(|| connect(libc::SOCK_STREAM, 0, at("127.0.0.1", PORT))), REFUSED);
}

#[test]
fn answers_on_this_machine_pass_whatever_port_they_go_to() {
    own_network(&[]);
    let here = vec![to("127.0.0.1", Some((PORT, PORT)))];
    let range = vec![to("127.0.0.0/8", Some((1024, 60_999))), to("::1", Some((1024, 60_999)))];
    for (name, rules) in [
        ("a list with one port", Rules { allowed: Some(here), ..Rules::default() }),
        ("every port another's", Rules { refused: range, ..Rules::default() }),
        ("an empty list", Rules { allowed: Some(Vec::new()), ..Rules::default() }),
    ] {
        let inside = Inside::of(20_001);
        inside.rule(&rules);
        let _server = listening(&inside);
        for address in ["127.0.0.1", "::1"] {
            assert!(greeted(address), "{name}: a program of this machine at {address}");
        }
        let own = inside.attempt(|| if greeted("127.0.0.1") { Ok(()) } else { Err(Errno::ENODATA) });
        let wanted = if name == "a list with one port" { DONE } else { Tried(Errno::ENODATA as u8) };
        assert_eq!(own, wanted, "{name}: one of the session's");
    }
}
